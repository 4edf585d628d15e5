"""What a story is about and what kind of page it is on: section, tags, type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from lxml.html import HtmlElement

from newscrawl.parts import PageType
from newscrawl.text.blocks import text_of
from newscrawl.text.folding import cut, key, tidy
from newscrawl.text.head import Head
from newscrawl.text.jsonld import linked, strings, text, types_of

MAX_TAGS = 50
MAX_TAG_CHARS = 80
LABEL_DEPTH = 4
"Elements from a list's beginning in which its label stands."
_COMMAS = re.compile(r"\s*[,;|]\s*")
_TAG_LABELS = frozenset(
    map(
        key,
        (
            "Read more on",
            "Tags",
            "Mots clés",
            "Mots-clés",
            "Étiquettes",
            "Related topics",
            "Topics",
            "Thèmes",
            "Sujets",
        ),
    )
)
_TYPES: tuple[tuple[str, PageType], ...] = (
    ("liveblogposting", "liveblog"), ("imagegallery", "gallery"), ("mediagallery", "gallery"),
    ("newsarticle", "article"),
    ("collectionpage", "listing"), ("searchresultspage", "listing"), ("videoobject", "video"),
)  # fmt: skip
_HOME_TITLE = frozenset({"home", "accueil", "index"})


def section_of(head: Head, tree: HtmlElement) -> str | None:
    """The desk it was filed under: declared, else the last breadcrumb before the story."""
    said = text(head.story.get("articleSection")) or head.meta(
        "article:section", "og:article:section", "section", "parsely-section"
    )
    return (
        cut(said, MAX_TAG_CHARS)
        if said
        else next(iter(reversed(_crumbs(head))), None) or _linked_section(tree)
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


def _linked_section(tree: HtmlElement) -> str | None:
    """A link that says it leads to the story's category."""
    for link in tree.iter("a"):
        rel = (link.get("rel") or "").lower().split()
        if "category" in rel and "tag" in rel and (name := text_of(link)):
            return cut(name, MAX_TAG_CHARS)
    return None


def tags_of(head: Head, tree: HtmlElement) -> list[str]:
    """Keywords in page order, each once, whatever its case."""
    found: dict[str, str] = {}
    for tag in _tags(head, tree):
        clean = tidy(tag).strip(" ,;#")
        if key(clean) and len(clean) <= MAX_TAG_CHARS and key(clean) not in _TAG_LABELS:
            found.setdefault(key(clean), clean)
    return list(found.values())[:MAX_TAGS]


def _tags(head: Head, tree: HtmlElement) -> Iterator[str]:
    for said in strings(head.story.get("keywords")):
        yield from _COMMAS.split(said)
    for name in ("news_keywords", "article:tag", "keywords"):
        for said in head.metas.get(name, ()):
            yield from _COMMAS.split(said)
    for link in tree.iter("a"):
        rel = (link.get("rel") or "").lower().split()
        if "tag" in rel and "category" not in rel:
            yield text_of(link)
    for element in _labelled(tree):
        yield from (text_of(link) for link in element.iterdescendants("a"))


def _labelled(tree: HtmlElement) -> Iterable[HtmlElement]:
    """Lists whose first words are a label such as `READ MORE ON`."""
    for element in tree.iter("ul", "ol", "p", "div"):
        first = next(
            (part for part in islice(element.iter(), LABEL_DEPTH) if part.text and part.text.strip()), None
        )
        near = first is not None and (first is element or first.getparent() is element)
        if first is not None and near and len(first.text) < 40 and key(first.text) in _TAG_LABELS:
            yield element


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
