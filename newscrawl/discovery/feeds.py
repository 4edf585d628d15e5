"""Reads the links of a feed: RSS, RDF and Atom through feedparser, and JSON Feed."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

import feedparser
from lxml import etree

from newscrawl.charsets import mend_double_utf8
from newscrawl.discovery.broken_entries import (
    ENTRY_NAMES,
    count_usable_entries,
    find_entry_starts,
    parse_entries_apart,
)
from newscrawl.discovery.results import (
    SourceResult,
    feed_interval,
    join_notes,
    link_url,
    make_result,
    next_page,
    result_for_root,
    unique_links,
)
from newscrawl.discovery.text import clean_line, full_content, parse_json, scalar_text, strip_title_markup
from newscrawl.discovery.xml import (
    ILLEGAL_CHARS,
    detect_encoding,
    escape_ampersands,
    gunzip,
    local_name,
    sniff_root,
)
from newscrawl.items import Link

logger = logging.getLogger(__name__)

FEED_ROOTS = frozenset({"rss", "rdf", "feed", "channel"})
_FEED_PARTS = frozenset({"channel", "language", "link"}) | ENTRY_NAMES
_LABEL_PARTS = frozenset({"category"})
_AUTHOR_PARTS = frozenset({"author", "creator"})
MAX_AUTHOR_CHARS = 250
"feedparser looks for an e-mail address in an author, in quadratic time; a longer one is not read."
_MAIL_ADDRESS = re.compile(r"[(<]?\s?[^\s<>()]{1,100}@[^\s<>()]{1,100}\s?[)>]?")
_ENTRY_PARTS = frozenset(
    {
        "title",
        "link",
        "guid",
        "id",
        "pubdate",
        "published",
        "issued",
        "updated",
        "modified",
        "created",
        "date",
        "language",
        "encoded",
        "content",
        "body",
        "fullitem",
        "origlink",
    }
    | _AUTHOR_PARTS
    | _LABEL_PARTS
    | ENTRY_NAMES  # without an end tag the next entry is inside the entry before
)
MAX_ENTRY_LABELS = 20
"Authors and categories of an entry that are read."
_MAX_ENTRY_PARTS = 60
"Useful entries have a dozen elements; feedparser takes quadratic time over thousands."
_FOREIGN_NAMESPACES = re.compile(r"search\.yahoo\.com/mrss|itunes|podcast|schemas/sitemap", re.IGNORECASE)
"Media and podcast extensions, which have titles and links of their own."
_NAMESPACES = {
    "encoded": "http://purl.org/rss/1.0/modules/content/",
    "date": "http://purl.org/dc/elements/1.1/",
    "creator": "http://purl.org/dc/elements/1.1/",
    "origlink": "http://rssnamespace.org/feedburner/ext/1.0",
}
"Namespaces for elements whose prefix is not declared."
_PADDING = re.compile(r"\s{100,}")
"feedparser handles text line by line."
FEED_BYTES = 10 * 1024 * 1024
"A feed holds only the latest entries; a longer document is not read at all."
FEED_LINKS = 5_000
_GUID_CHARS = 2_083
_HTML_TYPES = ("text/html", "application/xhtml+xml")
Entry = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairedFeed:
    """A feed as well-formed UTF-8 XML, and a remark if it had to be repaired."""

    xml: bytes
    note: str | None = None
    is_mended: bool = False
    "Whether entries would have been lost if they had not been read one by one."
    min_interval: int | None = None
    "Seconds that the feed wants between two fetches; None: it names no interval."


def repair_feed(text: str, entries: int, entry_id: str | None = None) -> RepairedFeed | None:
    """Repair a feed that starts at its root, cut down to `entries`; None when nothing is left.

    With `entry_id` only the entries stay that have it as an id or a link.
    """
    clean = _PADDING.sub("\n", ILLEGAL_CHARS.sub("", text))
    parser = _recovering_parser()
    root = _parse_xml(clean, parser)
    note, is_mended = ("broken XML was repaired", False) if len(parser.error_log) else (None, False)
    if note and (apart := _read_entries_apart(clean, root, entries)) is not None:
        root, note, is_mended = apart, "broken XML: its entries were read one by one", True
    if root is None:
        return None
    min_interval = feed_interval(root)
    _prune_feed(root, entries, entry_id)
    xml = etree.tostring(root, encoding="utf-8")
    return RepairedFeed(xml=xml, note=note, is_mended=is_mended, min_interval=min_interval)


def _read_entries_apart(text: str, root: etree._Element | None, entries: int) -> etree._Element | None:
    """The feed with its entries parsed one by one, if that finds more of them than `root` has."""
    starts = find_entry_starts(text)[: entries + 1]
    found = 0 if root is None else count_usable_entries(root)
    if len(starts) <= found:
        return None
    if len(starts) > entries:
        text = text[: starts.pop()]
    apart = parse_entries_apart(text, starts, lambda part: _parse_xml(part, _recovering_parser()))
    return apart if apart is not None and count_usable_entries(apart) > found else None


def _recovering_parser() -> etree.XMLParser:
    return etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )


def _parse_xml(text: str, parser: etree.XMLParser) -> etree._Element | None:
    """The root element; None when nothing can be read."""
    try:
        return etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError:
        return None


def _prune_feed(root: etree._Element, entries: int, entry_id: str | None) -> None:
    """Remove all elements of which no link is made."""
    _prune(root, _FEED_PARTS)
    for channel in list(root.iter("{*}channel")):
        _prune(channel, _FEED_PARTS)
    for count, entry in enumerate(list(root.iter("{*}item", "{*}entry"))):
        if count >= entries or (entry_id and not _has_id(entry, entry_id)):
            _detach(entry)
        else:
            _prune(entry, _ENTRY_PARTS)


def _has_id(entry: etree._Element, entry_id: str) -> bool:
    return any(entry_id in ((child.text or "").strip(), child.get("href")) for child in entry)


def _prune(element: etree._Element, names: frozenset[str]) -> None:
    parts = labels = 0
    for child in _iter_removable_children(element):
        name = local_name(child.tag)
        is_label = name in _LABEL_PARTS
        is_full = labels >= MAX_ENTRY_LABELS if is_label else parts >= _MAX_ENTRY_PARTS
        if name not in names or is_full or _is_foreign(child, name):
            _detach(child)
        else:
            labels += is_label
            parts += not is_label and name not in ENTRY_NAMES
            _normalize_part(child, name)


def _is_foreign(child: etree._Element, name: str) -> bool:
    """Whether it would only disturb: an element of another vocabulary, an empty link, an endless author."""
    is_blank = name == "link" and not child.attrib and not (child.text or "").strip()
    is_endless = name in _AUTHOR_PARTS and sum(map(len, child.itertext())) > MAX_AUTHOR_CHARS
    return is_blank or is_endless or bool(_FOREIGN_NAMESPACES.search(_namespace(child)))


def _normalize_part(child: etree._Element, name: str) -> None:
    """Make an element mean the same to feedparser in every feed format."""
    if name in _NAMESPACES and not _namespace(child):
        child.tag = f"{{{_NAMESPACES[name]}}}{local_name(child.tag)}"
    elif name == "id":
        child.set("ispermalink", "false")  # else feedparser resolves it as a relative URL
    elif name in ("content", "body") and len(child):
        _flatten(child)
    elif name in _AUTHOR_PARTS and "@" in (child.text or "") and not len(child):
        # feedparser would leave the rest of an address that ends in more than four letters as a name.
        child.text = _MAIL_ADDRESS.sub("", child.text or "").strip(" ()")


def _flatten(content: etree._Element) -> None:
    """Turn the markup of XHTML content into text, because feedparser is slow on elements."""
    for node in content.iterdescendants(etree.Element):
        node.tag = local_name(node.tag)
    markup = etree.tostring(content, encoding="unicode", with_tail=False)
    namespaced = {name: value for name, value in content.attrib.items() if str(name).startswith("{")}
    content.clear()
    content.attrib.update({**namespaced, "type": "html"})
    content.text = markup[markup.index(">") + 1 : markup.rindex("<")]


def _iter_removable_children(element: etree._Element) -> Iterator[etree._Element]:
    """Iterate over children that the caller may remove; a list of millions would take too much memory."""
    child = next(element.iterchildren(), None)
    while child is not None:
        following = child.getnext()
        yield child
        child = following


def _detach(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _namespace(element: etree._Element) -> str:
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def read_feed(
    body: bytes, url: str, content_type: str | None = None, entry_id: str | None = None
) -> SourceResult:
    """The entries of a feed as links, in its order; this fetches nothing.

    With `entry_id` only those of an XML feed that print it as their id or link, which is many times faster.
    """
    plain = gunzip(body, FEED_BYTES)
    if plain.fault in ("too_large", "bomb"):
        return SourceResult(outcome="bomb" if plain.fault == "bomb" else "too_large")
    encoding = detect_encoding(plain.data, content_type)
    text = plain.data.decode(encoding.name, "replace").lstrip("\ufeff \t\r\n")
    mended = mend_double_utf8(text) if encoding.name == "utf-8" else None
    text, twice = (mended, "utf-8 that was encoded twice") if mended else (text, None)
    cut = "gzip ends early" if plain.fault else None
    remarks = join_notes(encoding.note, twice, cut)
    if not text:
        return SourceResult(outcome="empty", note=cut)
    if text[0] in "{[":
        return _read_json_feed(text, url)
    return _read_xml_feed(text, url, remarks, entry_id)


def _read_xml_feed(text: str, url: str, note: str | None, entry_id: str | None) -> SourceResult:
    opening = sniff_root(text, FEED_ROOTS)
    if opening.is_bomb:
        return SourceResult(outcome="bomb", note="entities that expand")
    if opening.root not in FEED_ROOTS:
        return result_for_root(opening.root)
    tree = repair_feed(escape_ampersands(text[opening.at :]), FEED_LINKS, entry_id)
    feed = _parse_with_feedparser(tree.xml, url) if tree else None
    if tree is None or feed is None:
        return SourceResult(outcome="malformed", note="cannot be read as a feed")
    remarks = join_notes(note, opening.note, tree.note)
    links = unique_links(_entry_links(feed, url), FEED_LINKS)
    if feed.entries and not links:
        return SourceResult(outcome="malformed", note=join_notes("no entry has a usable link", remarks))
    result = replace(make_result(links, _feed_next_page(feed, url), remarks), min_interval=tree.min_interval)
    return replace(result, outcome="mended") if tree.is_mended and result.outcome == "ok" else result


def _parse_with_feedparser(xml: bytes, url: str) -> Any:
    """The feed parsed by feedparser; None when it fails."""
    try:
        # Pass a stream: feedparser could take a string for a file name or URL. Without Content-Location
        # guids stay as printed. Sanitising would alter the story and is slow.
        return feedparser.parse(io.BytesIO(xml), sanitize_html=False, resolve_relative_uris=False)
    except Exception:  # a parser of arbitrary input may raise anything, which concerns only this feed
        logger.warning("feedparser failed on %s", url, exc_info=True)
        return None


def _entry_links(feed: Any, url: str) -> Iterator[Link]:
    language = clean_line(feed.feed.get("language"))
    is_atom = (feed.version or "").startswith("atom")
    for entry in feed.entries:
        target = _entry_url(entry, url, is_atom)
        if target:
            yield Link(
                url=target,
                via="feed",
                from_url=url,
                guid=_guid(entry.get("id")),
                title=_entry_title(entry, is_atom),
                # feedparser warns about `updated` when there is only `published`
                published=clean_line(
                    entry.get("published") or dict.get(entry, "updated") or entry.get("created")
                ),
                language=clean_line(entry.get("language")) or _content_language(entry) or language,
                content=_entry_content(entry),
                authors=_lines(author.get("name") for author in entry.get("authors") or []),
                tags=_lines(tag.get("label") or tag.get("term") for tag in entry.get("tags") or []),
            )


def _entry_url(entry: Entry, url: str, is_atom: bool) -> str | None:
    own = link_url(entry.get("feedburner_origlink"), url)
    if own:
        return own
    if not entry.get("links"):
        # A permalink guid (which feedparser copies) replaces a missing link if it is an absolute URL.
        is_permalink = is_atom or entry.get("link") == entry.get("id")
        return link_url(entry.get("id"), "") if is_permalink else None
    alternates = (link.get("href") for link in entry["links"][:50] if link.get("rel") == "alternate")
    candidates = [entry.get("link"), *alternates]
    return next((target for value in candidates if (target := link_url(value, url))), None)


def _guid(value: object) -> str | None:
    line = clean_line(value)
    return line[:_GUID_CHARS] if line else None


def _entry_title(entry: Entry, is_atom: bool) -> str | None:
    detail = entry.get("title_detail") or {}
    literal = is_atom and detail.get("type") == "text/plain"
    return clean_line(entry.get("title")) if literal else strip_title_markup(entry.get("title"))


def _content_language(entry: Entry) -> str | None:
    details = [*(entry.get("content") or [])[:1], entry.get("title_detail") or {}]
    return next((clean_line(detail["language"]) for detail in details if detail.get("language")), None)


def _entry_content(entry: Entry) -> str | None:
    stories = [part.get("value") for part in entry.get("content") or [] if part.get("type") in _HTML_TYPES]
    longest = max((story for story in stories if isinstance(story, str)), key=len, default=None)
    return full_content(longest)


def _lines(values: Iterable[object]) -> tuple[str, ...]:
    """Texts of one line each, as many as are read."""
    lines = (strip_title_markup(value) for value in islice(values, MAX_ENTRY_LABELS))
    return tuple(line for line in lines if line)


def _item_authors(item: Entry) -> tuple[str, ...]:
    """The authors of an item: a list since JSON Feed 1.1, and only one before."""
    authors = item.get("authors") or [item.get("author")]
    named = authors if isinstance(authors, list) else []
    return _lines(author.get("name") for author in named if isinstance(author, dict))


def _feed_next_page(feed: Any, url: str) -> tuple[str, ...]:
    hrefs = [link.get("href") for link in feed.feed.get("links", [])[:50] if link.get("rel") == "next"]
    return next_page(hrefs[0] if hrefs else None, url, url)


def _read_json_feed(text: str, url: str) -> SourceResult:
    feed = parse_json(text)
    if feed is None:
        return SourceResult(outcome="malformed", note="broken JSON")
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        return SourceResult(outcome="unsupported", note="JSON, but no JSON Feed")
    items = [cast("Entry", item) for item in feed["items"] if isinstance(item, dict)]
    links = unique_links(_item_links(items, url, clean_line(feed.get("language"))), FEED_LINKS)
    if items and not links:
        return SourceResult(outcome="malformed", note="no entry has a usable link")
    return make_result(links, next_page(feed.get("next_url"), url, url))


def _item_links(items: list[Entry], url: str, language: str | None) -> Iterator[Link]:
    for item in items:
        identity = scalar_text(item.get("id"))
        # JSON Feed wants an item's id to be its URL, and some feeds give nothing else.
        target = (
            link_url(item.get("url"), url)
            or link_url(item.get("external_url"), url)
            or link_url(identity, "")
        )
        if target:
            yield Link(
                url=target,
                via="feed",
                from_url=url,
                guid=_guid(identity),
                title=strip_title_markup(item.get("title")),
                published=clean_line(scalar_text(item.get("date_published")))
                or clean_line(scalar_text(item.get("date_modified"))),
                language=clean_line(item.get("language")) or language,
                content=full_content(item.get("content_html")),
                authors=_item_authors(item),
                tags=_lines(item["tags"]) if isinstance(item.get("tags"), list) else (),
            )
