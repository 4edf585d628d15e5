"""What the elements of a sitemap say, gathered while its XML streams by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_ENTRIES = ("url", "sitemap")
_FIELDS = {
    ("url", "loc"): "loc",
    ("sitemap", "loc"): "loc",
    ("url", "lastmod"): "lastmod",
    ("sitemap", "lastmod"): "lastmod",
    ("news", "title"): "title",
    ("news", "publication_date"): "published",
    ("publication", "language"): "language",
}
"Parent and element to field: images and videos have `loc` and `title` too."
_FIELD_CHARS = 4_096
_CHILDREN = 5_000
"Child sitemaps that are kept; the protocol's 50,000 would be 2.5 thousand million pages."
_DEPTH = 64


@dataclass(kw_only=True, slots=True)
class SitemapEntry:
    """One `url` or `sitemap` element, verbatim."""

    is_child: bool
    "Whether it names another sitemap."
    fields: dict[str, str] = field(default_factory=dict)
    "Of `loc`, `lastmod`, `title`, `published`, `language` those that were there."
    is_news: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    "URL of a language version to its language."


class SitemapReader:
    """Target of an XML parser; holds what was read, never the tree."""

    def __init__(self, limit: int) -> None:
        self.entries: list[SitemapEntry] = []
        self.limit = limit
        self._path: list[str] = []
        self._entry: SitemapEntry | None = None
        self._text: list[str] = []
        self._chars = 0

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= self.limit

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2].rpartition(":")[2].lower()
        self._path.append(name if len(self._path) < _DEPTH else "")
        self._text.clear()
        self._chars = 0
        if name in _ENTRIES:
            self._entry = SitemapEntry(is_child=name == "sitemap")
        elif self._entry is not None:
            self._note_element(name, attributes)

    def _note_element(self, name: str, attributes: Mapping[str, str]) -> None:
        entry = self._entry
        assert entry is not None
        if name == "news":
            entry.is_news = True
        elif name == "link" and "hreflang" in attributes and len(entry.versions) < 50:
            entry.versions.setdefault(attributes.get("href", ""), attributes["hreflang"])

    def data(self, text: str) -> None:
        self._chars += len(text)
        if self._chars <= _FIELD_CHARS:
            self._text.append(text)

    def end(self, tag: str) -> None:  # noqa: ARG002 - handed in by the parser; the path knows it
        name = self._path.pop() if self._path else ""
        if self._entry is None:
            return
        if name in _ENTRIES:
            self._keep(self._entry)
            self._entry = None
        elif self._path and (self._path[-1], name) in _FIELDS:
            value = "".join(self._text).strip()
            self._entry.fields.setdefault(_FIELDS[self._path[-1], name], value)
        self._text.clear()

    def _keep(self, entry: SitemapEntry) -> None:
        room = _CHILDREN if entry.is_child else self.limit
        if entry.fields.get("loc") and len(self.entries) < room:
            self.entries.append(entry)

    def close(self) -> None:
        """Called by the parser at the end; an entry left open is still one if it names a page."""
        if self._entry is not None:
            self._keep(self._entry)
            self._entry = None
