"""What a story is about and what kind of page it is on: section, tags, type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import linked, strings, text, types_of
from newscrawl.extraction.landmarks import LABEL_CHARS, is_elsewhere, is_label, short_text
from newscrawl.extraction.normalize import cut, key, tidy
from newscrawl.items import PageType

MAX_TAGS = 50
MAX_TAG_CHARS = 80
_ITEMS = frozenset({"li", "dt"})
_INLINE = frozenset({"span", "strong", "b", "li", "em"})
MAX_LISTS, MAX_LIST_CHARS = 20, 4_000
_LINKED = 0.6
"A list of topics is links, and little beside its label."
_COMMAS = re.compile(r"\s*[,;|]\s*")
_TYPES: tuple[tuple[str, PageType], ...] = (
    ("liveblogposting", "liveblog"), ("imagegallery", "gallery"), ("mediagallery", "gallery"),
    ("newsarticle", "article"),
    ("collectionpage", "listing"), ("searchresultspage", "listing"), ("videoobject", "video"),
)  # fmt: skip
_HOME_TITLE = frozenset({"home", "accueil", "index"})


def declares_kind(head: Head) -> bool:
    """Whether the page says itself that it is a story."""
    return bool(head.story) or (head.meta("og:type") or "").lower() == "article"


def section_of(head: Head) -> str | None:
    """The desk it was filed under: declared, else the last breadcrumb before the story."""
    said = text(head.story.get("articleSection")) or head.meta(
        "article:section", "og:article:section", "section", "parsely-section"
    )
    return (
        cut(said, MAX_TAG_CHARS)
        if said
        else next(iter(reversed(_crumbs(head))), None) or _linked_section(head)
    )


def _crumbs(head: Head) -> list[str]:
    for node in head.nodes:
        if "breadcrumblist" in types_of(node):
            items = linked(head.nodes, node.get("itemListElement"))
            names = [text(item.get("name")) or _item_name(head, item.get("item")) for item in items]
            crumbs = [name for name in names if name and key(name) not in _HOME_TITLE]
            return [
                cut(name, MAX_TAG_CHARS)
                for name in crumbs
                if key(name) != key(text(head.story.get("headline")) or "")
            ][:-1] or crumbs[:1]
    return []


def _item_name(head: Head, item: object) -> str | None:
    found = linked(head.nodes, [item] if isinstance(item, dict) else None)
    return text(found[0].get("name")) if found else None


def _linked_section(head: Head) -> str | None:
    """A link that says it leads to the story's category."""
    for link in head.signs.topics:
        if "category" in _rel(link) and (name := short_text(link, MAX_TAG_CHARS)):
            return name
    return None


def _rel(link: HtmlElement) -> list[str]:
    return (link.get("rel") or "").lower().split()


def tags_of(head: Head) -> list[str]:
    """Keywords in page order, each once, whatever its case."""
    found: dict[str, str] = {}
    for tag in _tags(head):
        clean = tidy(tag).strip(" ,;#")
        if key(clean) and len(clean) <= MAX_TAG_CHARS and not is_label(clean):
            found.setdefault(key(clean), clean)
    return list(found.values())[:MAX_TAGS]


def _tags(head: Head) -> Iterator[str]:
    for said in strings(head.story.get("keywords")):
        yield from _COMMAS.split(said)
    for name in ("news_keywords", "article:tag", "keywords"):
        for said in head.metas.get(name, ()):
            yield from _COMMAS.split(said)
    for link in head.signs.topics:
        if "category" not in _rel(link):
            yield short_text(link, MAX_TAG_CHARS)
    for label in head.signs.labels[:MAX_LISTS]:
        if not is_elsewhere(label):
            yield from _labelled(label)


def _labelled(label: HtmlElement) -> Iterator[str]:
    """The links behind a label such as `READ MORE ON`: in its list, or in elements right after it."""
    for element in _lists(label):
        links = list(islice(element.iter("a"), MAX_TAGS + 1))
        names = [name for link in links if (name := short_text(link, MAX_TAG_CHARS))]
        if names and len(names) == len(links) <= MAX_TAGS:
            whole = short_text(element, MAX_LIST_CHARS)
            if whole and sum(map(len, names)) >= _LINKED * (len(whole) - LABEL_CHARS):
                yield from names
            return


def _lists(label: HtmlElement) -> Iterator[HtmlElement]:
    """Where a label's links stand: in itself, beside it, or in elements right behind it."""
    yield label
    parent, behind = label.getparent(), label.getnext()
    if parent is None:
        return
    if label.tag in _ITEMS or (behind is not None and behind.tag == "a"):
        yield parent
    yield from islice(label.itersiblings(), 2)
    if parent.tag in _INLINE:
        yield from _lists(parent)


def page_type_of(head: Head) -> PageType:
    """By what the page declares; an article where it declares nothing."""
    types = {name for node in head.nodes for name in types_of(node)}
    found: PageType = next((kind for name, kind in _TYPES if name in types), "article")
    declared = (head.meta("og:type") or "").lower()
    if found == "listing" and (head.story or declared == "article"):
        return "article"
    if found == "video" and declared == "article":
        return "article"
    return "video" if declared.startswith("video") and found == "article" and not head.story else found
