"""The topics of a story and the type of its page: section, tags, page type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import first_text, node_types, resolve_nodes, string_values
from newscrawl.extraction.landmarks import LABEL_CHARS, is_about_other_stories, is_label, short_text
from newscrawl.extraction.normalize import match_key, normalize_spaces, truncate
from newscrawl.items import PageType

MAX_TAGS = 50
MAX_TAG_CHARS = 80
_ITEMS = frozenset({"li", "dt"})
_INLINE = frozenset({"span", "strong", "b", "li", "em"})
MAX_LISTS, MAX_LIST_CHARS = 20, 4_000
_MIN_LINKED = 0.6
"The share of a topic list's text that must be in links, apart from its label."
_COMMAS = re.compile(r"\s*[,;|]\s*")
_TYPES: tuple[tuple[str, PageType], ...] = (
    ("liveblogposting", "liveblog"), ("imagegallery", "gallery"), ("mediagallery", "gallery"),
    ("newsarticle", "article"),
    ("collectionpage", "listing"), ("searchresultspage", "listing"), ("videoobject", "video"),
)  # fmt: skip
_HOME_TITLE = frozenset({"home", "accueil", "index"})


def declares_article(head: PageHead) -> bool:
    """Whether the page declares that it is a story."""
    return bool(head.story_node) or (head.meta("og:type") or "").lower() == "article"


def read_section(head: PageHead) -> str | None:
    """Read the section: declared, else the last breadcrumb before the story, else a linked category."""
    section = first_text(head.story_node.get("articleSection")) or head.meta(
        "article:section", "og:article:section", "section", "parsely-section"
    )
    if section:
        return truncate(section, MAX_TAG_CHARS)
    categories = (short_text(link, MAX_TAG_CHARS) for link in head.landmarks.topics if _is_category(link))
    return next(reversed(_breadcrumbs(head)), None) or next(filter(None, categories), None)


def _breadcrumbs(head: PageHead) -> list[str]:
    for node in head.nodes:
        if "breadcrumblist" in node_types(node):
            items = resolve_nodes(head.nodes, node.get("itemListElement"))
            names = [first_text(item.get("name")) or _crumb_name(head, item.get("item")) for item in items]
            crumbs = [name for name in names if name and match_key(name) not in _HOME_TITLE]
            return [
                truncate(name, MAX_TAG_CHARS)
                for name in crumbs
                if match_key(name) != match_key(first_text(head.story_node.get("headline")) or "")
            ][:-1] or crumbs[:1]
    return []


def _crumb_name(head: PageHead, item: object) -> str | None:
    nodes = resolve_nodes(head.nodes, [item] if isinstance(item, dict) else None)
    return first_text(nodes[0].get("name")) if nodes else None


def _is_category(link: HtmlElement) -> bool:
    return "category" in (link.get("rel") or "").lower().split()


def read_tags(head: PageHead) -> list[str]:
    """Read the keywords in page order, without repeats in another case."""
    tags: dict[str, str] = {}
    for tag in _iter_tags(head):
        clean = normalize_spaces(tag).strip(" ,;#")
        if match_key(clean) and len(clean) <= MAX_TAG_CHARS and not is_label(clean):
            tags.setdefault(match_key(clean), clean)
    return list(tags.values())[:MAX_TAGS]


def _iter_tags(head: PageHead) -> Iterator[str]:
    for keywords in string_values(head.story_node.get("keywords")):
        yield from _COMMAS.split(keywords)
    for name in ("news_keywords", "article:tag", "keywords"):
        for keywords in head.metas.get(name, ()):
            yield from _COMMAS.split(keywords)
    for link in head.landmarks.topics:
        if not _is_category(link):
            yield short_text(link, MAX_TAG_CHARS)
    for label in head.landmarks.labels[:MAX_LISTS]:
        if not is_about_other_stories(label):
            yield from _tags_after_label(label)


def _tags_after_label(label: HtmlElement) -> Iterator[str]:
    """Yield the links after a label such as `READ MORE ON`: in its list, or in the elements that follow."""
    for element in _tag_lists(label):
        links = list(islice(element.iter("a"), MAX_TAGS + 1))
        names = [name for link in links if (name := short_text(link, MAX_TAG_CHARS))]
        if names and len(names) == len(links) <= MAX_TAGS:
            whole = short_text(element, MAX_LIST_CHARS)
            if whole and sum(map(len, names)) >= _MIN_LINKED * (len(whole) - LABEL_CHARS):
                yield from names
            return


def _tag_lists(label: HtmlElement) -> Iterator[HtmlElement]:
    """Yield the elements that may have a label's links: itself, its parent, or the elements that follow."""
    yield label
    parent, following = label.getparent(), label.getnext()
    if parent is None:
        return
    if label.tag in _ITEMS or (following is not None and following.tag == "a"):
        yield parent
    yield from islice(label.itersiblings(), 2)
    if parent.tag in _INLINE:
        yield from _tag_lists(parent)


def read_page_type(head: PageHead) -> PageType:
    """Read the declared page type; an article if the page declares none."""
    types = {name for node in head.nodes for name in node_types(node)}
    page_type: PageType = next((value for name, value in _TYPES if name in types), "article")
    declared = (head.meta("og:type") or "").lower()
    if page_type == "listing" and (head.story_node or declared == "article"):
        return "article"
    if page_type == "video" and declared == "article":
        return "article"
    if declared.startswith("video") and page_type == "article" and not head.story_node:
        return "video"
    return page_type
