"""A feed's XML made well-formed and small: what a link needs, and nothing to swell or to trip over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from newscrawl.discovery.cadence import asked_by_feed

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
