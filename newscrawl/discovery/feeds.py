"""Links of a feed: RSS, RDF and Atom by way of feedparser, JSON Feed."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import feedparser
from lxml import etree

from newscrawl.discovery.results import (
    Found,
    asked_by_feed,
    first_of_each,
    joined_notes,
    link_url,
    of_unknown_root,
    outcome_of,
)
from newscrawl.discovery.text import as_text, one_line, parsed_json, plain_title, whole_content
from newscrawl.discovery.xml import encoding_of, mended_ampersands, opening_of, unzipped
from newscrawl.items import Link
from newscrawl.urls import normal_url

FEED_ROOTS = frozenset({"rss", "rdf", "feed", "channel"})
_ENTRIES = frozenset({"item", "entry"})
_OF_FEED = frozenset({"channel", "language", "link"}) | _ENTRIES
_OF_ENTRY = frozenset(
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
    }
    | {"language", "encoded", "content", "body", "fullitem", "origlink"}
    | _ENTRIES  # a missing end tag puts the next entry inside the one before
)
_ENTRY_PARTS = 60
"An entry has a dozen elements of use; feedparser takes quadratic time over thousands."
_NOT_OURS = re.compile(r"search\.yahoo\.com/mrss|itunes|podcast|schemas/sitemap", re.IGNORECASE)
"Media and podcast extensions have titles and links of their own."
_NAMESPACES = {
    "encoded": "http://purl.org/rss/1.0/modules/content/",
    "date": "http://purl.org/dc/elements/1.1/",
    "origlink": "http://rssnamespace.org/feedburner/ext/1.0",
}
"Where elements belong whose prefix was never declared."
_PADDING = re.compile(r"\s{100,}")
"feedparser takes text line by line."
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedTree:
    """Well-formed UTF-8 XML, and a remark when it took mending."""

    xml: bytes
    note: str | None = None
    least: int | None = None
    "Seconds it asks to be left alone between two looks."


def canonical_feed(text: str, entries: int) -> FeedTree | None:
    """A feed that starts at its root element, mended and cut down to `entries`; None when nothing is left."""
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(_PADDING.sub("\n", _ILLEGAL.sub("", text)).encode("utf-8"), parser)
    except etree.XMLSyntaxError:
        return None
    if root is None:
        return None
    note = "broken XML was mended" if len(parser.error_log) else None
    least = asked_by_feed(root)
    _keep_parts(root, entries)
    return FeedTree(xml=etree.tostring(root, encoding="utf-8"), note=note, least=least)


def _keep_parts(root: etree._Element, entries: int) -> None:
    """Leave in place only what links are made of."""
    _prune(root, _OF_FEED)
    for channel in list(root.iter("{*}channel")):
        _prune(channel, _OF_FEED)
    for count, entry in enumerate(list(root.iter("{*}item", "{*}entry"))):
        if count >= entries:
            _remove(entry)
        else:
            _prune(entry, _OF_ENTRY)


def _prune(element: etree._Element, names: frozenset[str]) -> None:
    parts = 0
    for child in _children(element):
        name = _local(child)
        if name not in names or parts >= _ENTRY_PARTS or _is_foreign(child, name):
            _remove(child)
        else:
            parts += name not in _ENTRIES
            _settle(child, name)


def _is_foreign(child: etree._Element, name: str) -> bool:
    """Whether it would stand in the way: another vocabulary's element, or a link that says nothing."""
    is_blank = name == "link" and not child.attrib and not (child.text or "").strip()
    return is_blank or bool(_NOT_OURS.search(_namespace(child)))


def _settle(child: etree._Element, name: str) -> None:
    """Make one part of an entry mean the same to feedparser wherever it comes from."""
    if name in _NAMESPACES and not _namespace(child):
        child.tag = f"{{{_NAMESPACES[name]}}}{_local(child)}"
    elif name == "id":
        child.set("ispermalink", "false")  # else feedparser takes it for a relative URL and changes it
    elif name in ("content", "body") and len(child):
        _flatten(child)


def _flatten(content: etree._Element) -> None:
    """Put the markup of XHTML content into text: feedparser is slow on elements."""
    for node in content.iterdescendants(etree.Element):
        node.tag = _local(node)
    markup = etree.tostring(content, encoding="unicode", with_tail=False)
    kept = {name: value for name, value in content.attrib.items() if str(name).startswith("{")}
    content.clear()
    content.attrib.update({**kept, "type": "html"})
    content.text = markup[markup.index(">") + 1 : markup.rindex("<")]


def _children(element: etree._Element) -> Iterator[etree._Element]:
    """The children one by one, each of which may be taken out: a list of millions would weigh too much."""
    child = next(element.iterchildren(), None)
    while child is not None:
        following = child.getnext()
        yield child
        child = following


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _local(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _namespace(element: etree._Element) -> str:
    tag = element.tag
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


logger = logging.getLogger(__name__)

FEED_BYTES = 10 * 1024 * 1024
"A feed is the latest entries; what is longer is not read at all."
FEED_LINKS = 5_000
_GUID_CHARS = 2_083
_HTML_TYPES = ("text/html", "application/xhtml+xml")

Entry = Mapping[str, Any]


def links_of_feed(body: bytes, url: str, content_type: str | None = None) -> Found:
    """The entries of a feed as links, in its order; nothing is ever fetched."""
    plain = unzipped(body, FEED_BYTES)
    if plain.fault in ("too_large", "bomb"):
        return Found(outcome="bomb" if plain.fault == "bomb" else "too_large")
    encoding = encoding_of(plain.data, content_type)
    text = plain.data.decode(encoding.name, "replace").lstrip("\ufeff \t\r\n")
    cut = "gzip ends early" if plain.fault else None
    if not text:
        return Found(outcome="empty", note=cut)
    if text[0] in "{[":
        return _of_json(text, url)
    return _of_xml(text, url, joined_notes(encoding.note, cut))


def _of_xml(text: str, url: str, note: str | None) -> Found:
    opening = opening_of(text, FEED_ROOTS)
    if opening.is_bomb:
        return Found(outcome="bomb", note="entities that swell")
    if opening.root not in FEED_ROOTS:
        return of_unknown_root(opening.root)
    tree = canonical_feed(mended_ampersands(text[opening.at :]), FEED_LINKS)
    feed = _parsed(tree.xml, url) if tree else None
    if tree is None or feed is None:
        return Found(outcome="malformed", note="no feed can be made of it")
    remarks = joined_notes(note, opening.note, tree.note)
    links = first_of_each(_entry_links(feed, url), FEED_LINKS)
    if feed.entries and not links:
        return Found(outcome="malformed", note=joined_notes("no entry has a usable link", remarks))
    return replace(outcome_of(links, _next_page(feed, url), remarks), least=tree.least)


def _parsed(xml: bytes, url: str) -> Any:
    """What feedparser makes of canonical XML; None when it fails on it."""
    try:
        # Bytes in a stream: a string could be taken for a file's name or a URL. No Content-Location is given,
        # so that guids stay as printed; sanitising would alter the story and is slow.
        return feedparser.parse(io.BytesIO(xml), sanitize_html=False, resolve_relative_uris=False)
    except Exception:  # the edge of a step: whatever a parser of the wild web raises concerns this feed alone
        logger.warning("feedparser failed on %s", url, exc_info=True)
        return None


def _entry_links(feed: Any, url: str) -> Iterator[Link]:
    language = one_line(feed.feed.get("language"))
    is_atom = (feed.version or "").startswith("atom")
    for entry in feed.entries:
        target = _entry_url(entry, url, is_atom)
        if target:
            yield Link(
                url=target,
                via="feed",
                from_url=url,
                guid=_guid(entry.get("id")),
                title=_title(entry, is_atom),
                # feedparser warns when `updated` is asked for and only `published` is there
                published=one_line(
                    entry.get("published") or dict.get(entry, "updated") or entry.get("created")
                ),
                language=one_line(entry.get("language")) or _content_language(entry) or language,
                content=_content(entry),
            )


def _entry_url(entry: Entry, url: str, is_atom: bool) -> str | None:
    own = link_url(entry.get("feedburner_origlink"), url)
    if own:
        return own
    if not entry.get("links"):
        # A permalink guid (feedparser copies it) stands in for a missing link, if it is a URL by itself.
        is_permalink = is_atom or entry.get("link") == entry.get("id")
        return link_url(entry.get("id"), "") if is_permalink else None
    candidates = [entry.get("link"), *_alternates(entry)]
    return next((target for value in candidates if (target := link_url(value, url))), None)


def _alternates(entry: Entry) -> list[object]:
    return [link.get("href") for link in entry["links"][:50] if link.get("rel") == "alternate"]


def _guid(value: object) -> str | None:
    line = one_line(value)
    return line[:_GUID_CHARS] if line else None


def _title(entry: Entry, is_atom: bool) -> str | None:
    detail = entry.get("title_detail") or {}
    literal = is_atom and detail.get("type") == "text/plain"
    return one_line(entry.get("title")) if literal else plain_title(entry.get("title"))


def _content_language(entry: Entry) -> str | None:
    details = [*(entry.get("content") or [])[:1], entry.get("title_detail") or {}]
    return next((one_line(detail["language"]) for detail in details if detail.get("language")), None)


def _content(entry: Entry) -> str | None:
    stories = [part.get("value") for part in entry.get("content") or [] if part.get("type") in _HTML_TYPES]
    longest = max((story for story in stories if isinstance(story, str)), key=len, default=None)
    return whole_content(longest)


def _next_page(feed: Any, url: str) -> tuple[str, ...]:
    hrefs = [link.get("href") for link in feed.feed.get("links", [])[:50] if link.get("rel") == "next"]
    return _further(hrefs[0] if hrefs else None, url)


def _further(value: object, url: str) -> tuple[str, ...]:
    target = link_url(value, url)
    return (target,) if target and normal_url(target) != normal_url(url) else ()


def _of_json(text: str, url: str) -> Found:
    feed = parsed_json(text)
    if feed is None:
        return Found(outcome="malformed", note="broken JSON")
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        return Found(outcome="unsupported", note="JSON, but no JSON Feed")
    items = [cast("Entry", item) for item in feed["items"] if isinstance(item, dict)]
    links = first_of_each(_item_links(items, url, one_line(feed.get("language"))), FEED_LINKS)
    if items and not links:
        return Found(outcome="malformed", note="no entry has a usable link")
    return outcome_of(links, _further(feed.get("next_url"), url))


def _item_links(items: list[Entry], url: str, language: str | None) -> Iterator[Link]:
    for item in items:
        identity = as_text(item.get("id"))
        # The format wants an item's id to be its URL; some feeds give nothing else.
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
                title=plain_title(item.get("title")),
                published=one_line(item.get("date_published")) or one_line(item.get("date_modified")),
                language=one_line(item.get("language")) or language,
                content=whole_content(item.get("content_html")),
            )
