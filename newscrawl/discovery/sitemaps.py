"""Reads the links of a sitemap: XML in any namespace, Google News, indexes and plain text, gzipped or not."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from lxml import etree

from newscrawl.discovery.feeds import FEED_ROOTS, read_feed
from newscrawl.discovery.results import (
    SourceResult,
    join_notes,
    link_url,
    make_result,
    result_for_root,
    unique_links,
)
from newscrawl.discovery.text import clean_line, strip_title_markup
from newscrawl.discovery.xml import (
    ILLEGAL_CHARS,
    Encoding,
    GunzipResult,
    detect_encoding,
    escape_ampersands,
    gunzip,
    local_name,
    sniff_root,
)
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
"Fields by parent and element: images and videos have `loc` and `title` too."
_FIELD_CHARS = 4_096
_CHILDREN = 5_000
"Limit of child sitemaps; the protocol's 50,000 of them could name 2.5 billion pages."
_DEPTH = 64
SITEMAP_BYTES = 64 * 1024 * 1024
"The protocol allows 50 MiB; the rest of a larger file is not read."
SITEMAP_LINKS = 50_000
"The protocol's limit for a file."
_SITEMAP_ROOTS = frozenset({"urlset", "sitemapindex"})
_HEAD_BYTES = 256 * 1024
"Enough to detect the encoding and the root element."
_PIECE_BYTES = 64 * 1024
_PIECE_CHARS = 256 * 1024
"A piece of this length is passed on wherever it ends."


@dataclass(kw_only=True, slots=True)
class SitemapEntry:
    """A `url` or `sitemap` element, verbatim."""

    is_child: bool
    "Whether it names another sitemap."
    fields: dict[str, str] = field(default_factory=dict)
    "Those of `loc`, `lastmod`, `title`, `published` and `language` that are there."
    is_news: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    "Languages by the URLs of the language versions."


class SitemapReader:
    """The target of an XML parser, which holds the entries but never the tree."""

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
        name = local_name(tag)
        self._path.append(name if len(self._path) < _DEPTH else "")
        self._text.clear()
        self._chars = 0
        if name in _ENTRIES:
            self._entry = SitemapEntry(is_child=name == "sitemap")
        elif (entry := self._entry) is None:
            return
        elif name == "news":
            entry.is_news = True
        elif name == "link" and "hreflang" in attributes and len(entry.versions) < 50:
            entry.versions.setdefault(attributes.get("href", ""), attributes["hreflang"])

    def data(self, text: str) -> None:
        self._chars += len(text)
        if self._chars <= _FIELD_CHARS:
            self._text.append(text)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser passes it, but the path has it too
        name = self._path.pop() if self._path else ""
        if self._entry is None:
            return
        if name in _ENTRIES:
            self._add(self._entry)
            self._entry = None
        elif self._path and (self._path[-1], name) in _FIELDS:
            value = "".join(self._text).strip()
            self._entry.fields.setdefault(_FIELDS[self._path[-1], name], value)
        self._text.clear()

    def _add(self, entry: SitemapEntry) -> None:
        room = _CHILDREN if entry.is_child else self.limit
        if entry.fields.get("loc") and len(self.entries) < room:
            self.entries.append(entry)

    def close(self) -> None:
        """Called by the parser at the end; an open entry still counts if it names a page."""
        if self._entry is not None:
            self._add(self._entry)
            self._entry = None


def read_sitemap(body: bytes, url: str) -> SourceResult:
    """The pages of a sitemap as links; child sitemaps are child sources, the newest first.

    A file beyond the limits is `too_large` and keeps the links before the cut; a file that expands
    excessively is a `bomb` and keeps none.
    """
    unzipped = gunzip(body, SITEMAP_BYTES)
    if unzipped.fault == "bomb":
        return SourceResult(outcome="bomb", note="gzip that expands")
    encoding = detect_encoding(unzipped.data[:_HEAD_BYTES])
    head = unzipped.data[:_HEAD_BYTES].decode(encoding.name, "replace")
    if not head.strip("\ufeff \t\r\n"):
        return SourceResult(outcome="empty")
    if "<" not in head:
        return _read_url_list(unzipped, encoding, url)
    return _read_xml_sitemap(unzipped, encoding, head, url)


def _read_xml_sitemap(unzipped: GunzipResult, encoding: Encoding, head: str, url: str) -> SourceResult:
    opening = sniff_root(head, _SITEMAP_ROOTS | FEED_ROOTS)
    if opening.is_bomb:
        return SourceResult(outcome="bomb", note="entities that expand")
    if opening.root in FEED_ROOTS:  # robots.txt may name a feed as a sitemap
        return read_feed(unzipped.data, url)
    if opening.root not in _SITEMAP_ROOTS:
        return result_for_root(opening.root)
    reader = SitemapReader(SITEMAP_LINKS)
    _parse_pieces(_iter_text_pieces(unzipped.data, encoding.name, opening.at), reader)
    note = join_notes(encoding.note, opening.note)
    links = unique_links(_page_links(reader, url), SITEMAP_LINKS)
    children = _child_sitemaps(reader, url)
    if unzipped.fault == "too_large":
        return SourceResult(outcome="too_large", links=links, child_sources=children, note=note)
    if reader.entries and not links and not children:
        return SourceResult(outcome="malformed", note=join_notes("no entry has a usable address", note))
    full = f"only the first {SITEMAP_LINKS} entries" if reader.is_full else None
    cut = "gzip ends early" if unzipped.fault else None
    return make_result(links, children, join_notes(note, full, cut))


def _iter_text_pieces(data: bytes, encoding: str, skip: int) -> Iterator[str]:
    """The text after its first `skip` characters, in pieces that end between elements."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    for start in range(0, len(data), _PIECE_BYTES):
        text = decoder.decode(data[start : start + _PIECE_BYTES])
        dropped = min(skip, len(text))
        skip -= dropped
        rest += text[dropped:]
        cut = rest.rfind(">") + 1 or (len(rest) if len(rest) > _PIECE_CHARS else 0)
        yield _clean_xml(rest[:cut])
        rest = rest[cut:]
    yield _clean_xml(rest)


def _clean_xml(text: str) -> str:
    return escape_ampersands(ILLEGAL_CHARS.sub("", text))


def _parse_pieces(pieces: Iterator[str], reader: SitemapReader) -> None:
    """Feed pieces to the reader until it is full or the XML is beyond repair."""
    parser = etree.XMLParser(
        target=cast("Any", reader),  # the stub's protocol wants bytes too, which never come
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


def _page_links(reader: SitemapReader, url: str) -> Iterator[Link]:
    for entry in reader.entries:
        target = None if entry.is_child else link_url(entry.fields["loc"], url)
        if target:
            values = entry.fields
            yield Link(
                url=target,
                via="news_sitemap" if entry.is_news else "sitemap",
                from_url=url,
                title=strip_title_markup(values.get("title")),
                published=clean_line(values.get("published")) or clean_line(values.get("lastmod")),
                language=clean_line(values.get("language")) or clean_line(entry.versions.get(values["loc"])),
            )


def _child_sitemaps(reader: SitemapReader, url: str) -> tuple[str, ...]:
    """Child sitemaps; the newest first if each has a date, else in their order."""
    children = [entry for entry in reader.entries if entry.is_child]
    if all(entry.fields.get("lastmod") for entry in children):
        children.sort(key=lambda entry: entry.fields["lastmod"], reverse=True)
    targets = (link_url(entry.fields["loc"], url) for entry in children)
    return tuple(dict.fromkeys(target for target in targets if target and target != url))


def _read_url_list(unzipped: GunzipResult, encoding: Encoding, url: str) -> SourceResult:
    """A plain-text sitemap with a URL on each line, half of which at most may be something else."""
    lines = islice(io.StringIO(unzipped.data.decode(encoding.name, "replace")), 2 * SITEMAP_LINKS)
    targets = (target for line in lines if (target := link_url(line.strip("\ufeff \t"), "")))
    links = unique_links((Link(url=target, via="sitemap", from_url=url) for target in targets), SITEMAP_LINKS)
    if unzipped.fault == "too_large":
        return SourceResult(outcome="too_large", links=links)
    if not links:
        return SourceResult(outcome="malformed", note="neither XML nor a list of addresses")
    return make_result(links)
