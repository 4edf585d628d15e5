"""Repair of a parsed page: text inside elements that are never read, where it is most of the page's text.

The parser puts everything after an unclosed `<button>` or `<source>` into it, page builders write paragraphs
as headings, and some pages are sent inside a `<template>` or `<noscript>`. No later step would find such
text, so these elements become plain ones before any step looks at the tree.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from lxml.html import HtmlElement

from newscrawl.extraction.blocks import IGNORED_TAGS, inner_text

_RAW_TAGS = frozenset({
    "script", "style", "head", "title", "meta", "link", "iframe", "textarea",
    "noembed", "noframes",
})  # fmt: skip
"Elements whose content is no text of the page, or markup as text, however long."
_VOID_TAGS = ("embed", "source", "track", "param", "area", "input")
"Elements that hold nothing by definition: what the parser puts into them stands behind them."
_UNREAD_TAGS = tuple(sorted(IGNORED_TAGS - _RAW_TAGS - {*_VOID_TAGS}))
_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
_PARAGRAPH_CHARS = 120
"Headings that are longer may be paragraphs."
_MIN_CHARS = 400
"Less text is not worth the risk: fallbacks for old browsers and consent dialogs are that long."
_SHADOW_ROOT = "shadowrootmode"
"With this attribute the browser shows a template in the place of its parent's content."
_COUNT_CHARS = etree.XPath("string-length(.)")


def reveal_text(tree: HtmlElement) -> None:
    """Make elements readable that are never read or misnamed, if they hold most of the page's text."""
    for element in list(tree.iter(*_VOID_TAGS)):
        if len(element) or element.text:
            element.tag = "div"
    for element in list(tree.iter("template")):
        if element.get(_SHADOW_ROOT) is not None:
            element.tag = "div"
    outer = [element for element in _outermost(tree, _UNREAD_TAGS) if _raw_chars(element) >= _MIN_CHARS]
    unread = [part for element in outer for part in (element, *element.iterdescendants(*_UNREAD_TAGS))]
    _make_readable(
        tree, [element for element in unread if len(inner_text(element)) >= _MIN_CHARS], read=False
    )
    # A list of teasers may be most of a page; a single link is only where it was not closed.
    link = max(_outermost(tree, ("a",)), key=_raw_chars, default=None)
    if link is not None and _raw_chars(link) >= _MIN_CHARS:
        _make_readable(tree, [link], read=True)
    headings = [element for element in tree.iter(*_HEADINGS) if _raw_chars(element) >= _PARAGRAPH_CHARS]
    _make_readable(tree, headings, read=True)


def _raw_chars(element: HtmlElement) -> float:
    """Characters in an element, scripts included: an upper bound that costs no walk in Python."""
    chars = _COUNT_CHARS(element)
    return chars if isinstance(chars, float) else 0.0


def _outermost(tree: HtmlElement, tags: tuple[str, ...]) -> Iterator[HtmlElement]:
    """Yield the elements with these tags that are not inside each other."""
    inside: set[HtmlElement] = set()
    for element in tree.iter(*tags):
        if element not in inside:
            inside.update(element.iterdescendants(*tags))
            yield element


def _make_readable(tree: HtmlElement, elements: list[HtmlElement], *, read: bool) -> None:
    """Make the elements plain ones if together they hold more than the rest; `read` text is part of it."""
    chars = sum(len(inner_text(element)) for element in elements)
    if chars < _MIN_CHARS:
        return
    rest = len(inner_text(tree)) - (chars if read else 0)
    if chars <= rest:
        return
    for element in elements:
        element.tag = "div"
        for above in element.iterancestors(*_UNREAD_TAGS):
            above.tag = "div"
