"""Links of a sitemap: XML of any namespace, Google News, indexes, plain text, in gzip or not."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from lxml import etree

from newscrawl.discovery.feeds import FEED_ROOTS, links_of_feed
from newscrawl.discovery.results import (
    Found,
    first_of_each,
    joined_notes,
    link_url,
    of_unknown_root,
    outcome_of,
)
from newscrawl.discovery.text import one_line, plain_title
from newscrawl.discovery.xml import Encoding, Unzipped, encoding_of, mended_ampersands, opening_of, unzipped
from newscrawl.items import Link

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


SITEMAP_BYTES = 64 * 1024 * 1024
"The protocol allows 50 MiB; what lies behind this is not read, what lies before is kept."
SITEMAP_LINKS = 50_000
"What the protocol allows in one file."
_SITEMAP_ROOTS = frozenset({"urlset", "sitemapindex"})
_HEAD_BYTES = 256 * 1024
"Enough to know the encoding and the root element."
_PIECE_BYTES = 64 * 1024
_PIECE_CHARS = 256 * 1024
"A piece this long is handed on wherever it ends."
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def links_of_sitemap(body: bytes, url: str) -> Found:
    """The pages of a sitemap as links, child sitemaps in `more` with the newest first.

    A file beyond the limits is `too_large` and keeps the links before the cut; one that swells is a `bomb`
    and keeps none.
    """
    plain = unzipped(body, SITEMAP_BYTES)
    if plain.fault == "bomb":
        return Found(outcome="bomb", note="gzip that swells")
    encoding = encoding_of(plain.data[:_HEAD_BYTES])
    head = plain.data[:_HEAD_BYTES].decode(encoding.name, "replace")
    if not head.strip("\ufeff \t\r\n"):
        return Found(outcome="empty")
    if "<" not in head:
        return _of_lines(plain, encoding, url)
    return _of_xml(plain, encoding, head, url)


def _of_xml(plain: Unzipped, encoding: Encoding, head: str, url: str) -> Found:
    opening = opening_of(head, _SITEMAP_ROOTS | FEED_ROOTS)
    if opening.is_bomb:
        return Found(outcome="bomb", note="entities that swell")
    if opening.root in FEED_ROOTS:  # robots.txt may name a feed as sitemap
        return links_of_feed(plain.data, url)
    if opening.root not in _SITEMAP_ROOTS:
        return of_unknown_root(opening.root)
    reader = SitemapReader(SITEMAP_LINKS)
    _read(_pieces(plain.data, encoding.name, opening.at), reader)
    return _result(reader, plain, url, joined_notes(encoding.note, opening.note))


def _pieces(data: bytes, encoding: str, skip: int) -> Iterator[str]:
    """The text behind its first `skip` characters, in pieces that end between elements."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    for start in range(0, len(data), _PIECE_BYTES):
        text = decoder.decode(data[start : start + _PIECE_BYTES])
        dropped = min(skip, len(text))
        skip -= dropped
        rest += text[dropped:]
        cut = rest.rfind(">") + 1 or (len(rest) if len(rest) > _PIECE_CHARS else 0)
        yield _mended(rest[:cut])
        rest = rest[cut:]
    yield _mended(rest)


def _mended(text: str) -> str:
    return mended_ampersands(_ILLEGAL.sub("", text))


def _read(pieces: Iterator[str], reader: SitemapReader) -> None:
    """Feed pieces to the reader until it is full or the XML cannot go on."""
    parser = etree.XMLParser(
        target=cast("Any", reader),  # the stub's protocol asks for bytes too, which never come
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        for piece in pieces:
            parser.feed(piece)
            if reader.is_full:
                break
        parser.close()
    except etree.XMLSyntaxError:
        reader.close()


def _result(reader: SitemapReader, plain: Unzipped, url: str, note: str | None) -> Found:
    links = first_of_each(_page_links(reader, url), SITEMAP_LINKS)
    more = _children(reader, url)
    if plain.fault == "too_large":
        return Found(outcome="too_large", links=links, more=more, note=note)
    if reader.entries and not links and not more:
        return Found(outcome="malformed", note=joined_notes("no entry has a usable address", note))
    full = f"only the first {SITEMAP_LINKS} entries" if reader.is_full else None
    cut = "gzip ends early" if plain.fault else None
    return outcome_of(links, more, joined_notes(note, full, cut))


def _page_links(reader: SitemapReader, url: str) -> Iterator[Link]:
    for entry in reader.entries:
        target = None if entry.is_child else link_url(entry.fields["loc"], url)
        if target:
            news = entry.fields
            yield Link(
                url=target,
                via="news_sitemap" if entry.is_news else "sitemap",
                from_url=url,
                title=plain_title(news.get("title")),
                published=one_line(news.get("published")) or one_line(news.get("lastmod")),
                language=one_line(news.get("language")) or one_line(entry.versions.get(news["loc"])),
            )


def _children(reader: SitemapReader, url: str) -> tuple[str, ...]:
    """Child sitemaps; newest first where each has a date, else as they stand."""
    children = [entry for entry in reader.entries if entry.is_child]
    if all(entry.fields.get("lastmod") for entry in children):
        children.sort(key=lambda entry: entry.fields["lastmod"], reverse=True)
    targets = (link_url(entry.fields["loc"], url) for entry in children)
    return tuple(dict.fromkeys(target for target in targets if target and target != url))


def _of_lines(plain: Unzipped, encoding: Encoding, url: str) -> Found:
    """A plain-text sitemap: one absolute URL a line, among as many lines that hold none."""
    lines = islice(io.StringIO(plain.data.decode(encoding.name, "replace")), 2 * SITEMAP_LINKS)
    targets = (target for line in lines if (target := link_url(line.strip("\ufeff \t"), "")))
    links = first_of_each(
        (Link(url=target, via="sitemap", from_url=url) for target in targets), SITEMAP_LINKS
    )
    if plain.fault == "too_large":
        return Found(outcome="too_large", links=links)
    return (
        outcome_of(links) if links else Found(outcome="malformed", note="neither XML nor a list of addresses")
    )
