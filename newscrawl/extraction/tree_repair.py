"""Repair of a parsed page: text inside elements that are never read, where it is most of the page's text.

The parser puts everything after an unclosed `<button>` or `<source>` into it, page builders write paragraphs
as headings, and some pages are sent inside a `<template>` or `<noscript>`. No later step would find such
text, so these elements become plain ones before any step looks at the tree. The parser takes the markup
inside others for plain text, such as that of an unclosed `<title>` or of the `<noframes>` beside a frameset.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree
from lxml.html import HtmlElement

from newscrawl.extraction.blocks import inner_text
from newscrawl.extraction.hiding import HIDDEN_STYLE
from newscrawl.extraction.normalize import text_size
from newscrawl.extraction.tags import IGNORED_TAGS

_RAW_TAGS = frozenset({
    "script", "style", "head", "title", "meta", "link", "iframe", "textarea",
    "noembed", "noframes",
})  # fmt: skip
"Elements whose content is no text of the page, or markup as text, however long."
_HEAD_TAGS = frozenset({
    "base", "basefont", "bgsound", "link", "meta", "noscript", "script", "style", "template", "title",
})  # fmt: skip
_VOID_TAGS = ("embed", "source", "track", "param", "area", "input")
"Elements that hold nothing by definition: what the parser puts into them stands behind them."
_UNREAD_SET = IGNORED_TAGS - _RAW_TAGS - {*_VOID_TAGS}
_UNREAD_TAGS = tuple(sorted(_UNREAD_SET))
_LINK_TAGS = frozenset({"a"})
_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
_PARAGRAPH_CHARS = 120
"Headings that are longer may be paragraphs."
_MIN_CHARS = 400
"Less text is not worth the risk: fallbacks for old browsers and consent dialogs are that long."
_SHADOW_ROOT = "shadowrootmode"
"With this attribute the browser shows a template in the place of its parent's content."
_MIN_LETTERS = 160
"A Chinese or Japanese text of that size has so many letters."
_PLAIN_TAGS = ("pre", "xmp", "listing", "plaintext")
_PARAGRAPH_BREAK = re.compile(r"\n(?:[^\S\n]*\n|(?=[^\S\n]{2,}\S))")
"An empty line, or the beginning of an indented one."
_LINE_CHARS = 45
"Lines that are mostly shorter are verses or columns."
_MAX_SIGNS = 0.01
"Share of signs above which a text is a table or a program."
_STYLED = etree.XPath("//@style/.. | //@hidden/..")
"A third cheaper than `//*[@style or @hidden]`."
_LITTLE_REST = 600
"Where so little is visible, the hidden text is the page."
_COUNT_CHARS = etree.XPath("string-length(.)")
_FALLBACK_TAGS = ("noframes", "noembed")
"Their markup is shown where the browser has no frames or plug-ins, as a program that reads the page has not."
_UNCLOSED_TAGS = ("title", "iframe", "textarea", "style")
"Elements whose content is plain text, and which take the rest of the page if they are not closed."
_FIRST_TAG = re.compile(
    r"<(?:/head|body|meta|link|table|div|center|font|p|h[1-6]|br|hr|a|b|img)\b[^<>]{0,500}>", re.I
)
_TAG = re.compile(r"<[^<>]{0,1000}>")


def end_head(tree: HtmlElement) -> None:
    """Move to the body what no head may hold.

    Both tags may be left out of a page, and the parser knows none of HTML5's elements that then end the head
    (HTML Standard, 13.2.6.4.4). What a head may hold stays in it, wherever it stands.
    """
    head = tree.find("head")
    misplaced = [] if head is None else [part for part in head if part.tag not in _HEAD_TAGS]
    if not any(isinstance(part.tag, str) for part in misplaced):
        return
    body = tree.find("body")
    if body is None:
        body = etree.SubElement(tree, "body")
    last = misplaced[-1]
    for at, part in enumerate(misplaced):
        body.insert(at, part)
    if body.text:
        last.tail, body.text = (last.tail or "") + body.text, None


def reveal_text(tree: HtmlElement) -> None:
    """Make elements readable that are never read or misnamed, if they hold most of the page's text."""
    for element in list(tree.iter("template", *_VOID_TAGS)):
        if element.tag == "template":
            is_misplaced = element.get(_SHADOW_ROOT) is not None
        else:
            is_misplaced = bool(len(element) or element.text)
        if is_misplaced:
            element.tag = "div"
    outer = find_outermost(tree, _UNREAD_SET, _MIN_LETTERS)
    unread = [part for element in outer for part in (element, *element.iterdescendants(*_UNREAD_TAGS))]
    _make_readable(
        tree, [element for element in unread if text_size(inner_text(element)) >= _MIN_CHARS], read=False
    )
    # A list of teasers may be most of a page; a single link is only where it was not closed.
    link = max(find_outermost(tree, _LINK_TAGS, _MIN_LETTERS), key=_raw_chars, default=None)
    if link is not None:
        _make_readable(tree, [link], read=True)
    _unhide(tree)
    plain = [element for element in tree.iter(*_PLAIN_TAGS) if _raw_chars(element) >= _MIN_LETTERS]
    # Measured once: a page may have thousands of such elements.
    size = text_size(inner_text(tree)) if plain else 0.0
    for element in plain:
        _divide_lines(element, size)
    headings = [element for element in tree.iter(*_HEADINGS) if _raw_chars(element) >= _PARAGRAPH_CHARS]
    _make_readable(tree, headings, read=True)


def _unhide(tree: HtmlElement) -> None:
    """Show a hidden element that is the page itself: a script shows it once everything is loaded."""
    styled = _STYLED(tree)
    hidden = [
        element
        for element in (styled if isinstance(styled, list) else [])
        if isinstance(element, HtmlElement) and HIDDEN_STYLE.search(element.get("style") or "display:none")
    ]
    largest = max(hidden, key=_raw_chars, default=None)
    if largest is None or _raw_chars(largest) < _MIN_LETTERS:
        return
    size = text_size(inner_text(largest))
    if size < _MIN_CHARS:
        return
    whole = text_size(inner_text(tree))
    is_page = whole - size < _LITTLE_REST or next(largest.iter("h1"), None) is not None
    if size >= whole / 2 and is_page:
        largest.attrib.pop("hidden", None)
        largest.attrib.pop("style", None)


def _divide_lines(element: HtmlElement, page_size: float) -> None:
    """Make paragraphs of a preformatted text that is the story, sent by an agency in lines of one width.

    `page_size` is that of the text of the whole page.
    """
    text = element.text_content().replace("\r\n", "\n")
    if text_size(text) < max(_MIN_CHARS, page_size / 2):
        return
    lines = [line for line in text.split("\n") if line.strip()]
    widths = sorted(len(line.strip()) for line in lines)
    signs = sum(text.count(sign) for sign in "{}<>=|;")
    if widths[len(widths) // 2] < _LINE_CHARS or signs > _MAX_SIGNS * len(text):
        return  # verses, tables or a program
    paragraphs = [" ".join(part.split()) for part in _PARAGRAPH_BREAK.split(text)]
    for child in list(element):
        element.remove(child)
    element.tag, element.text = "div", None
    for paragraph in filter(None, paragraphs):
        etree.SubElement(element, "p").text = paragraph


def reveal_raw_markup(tree: HtmlElement, parse_markup: Callable[[str], HtmlElement | None]) -> None:
    """Parse the markup that the parser took for plain text, if it holds most of the page's text."""
    last = next(tree.iterchildren(reversed=True), None)
    while last is not None and len(last):
        last = last[-1]
    is_unclosed = last is not None and last.tag in _UNCLOSED_TAGS and not (last.tail or "").strip()
    size: float | None = None
    for element in [*tree.iter(*_FALLBACK_TAGS), *([last] if last is not None and is_unclosed else [])]:
        text = element.text or ""
        if len(text) < _MIN_LETTERS or (start := _FIRST_TAG.search(text)) is None:
            continue
        before, markup = text[: start.start()], text[start.start() :]
        # Measured again only when text was added, or a page of many such elements takes minutes.
        size = text_size(inner_text(tree)) if size is None else size
        if text_size(_TAG.sub("", markup)) < max(_MIN_CHARS, size):
            continue
        if (inner := parse_markup(f"<div>{markup}</div>")) is None:
            continue
        size = None
        element.text = before
        if element.tag in _FALLBACK_TAGS:
            element.tag = "div"
            element.text = None
        body = next(tree.iter("body"), tree)
        for part in list(next(inner.iter("body"), inner)):
            body.append(part)


def _raw_chars(element: HtmlElement) -> float:
    """Characters in an element, scripts included: an upper bound that costs no walk in Python."""
    if not len(element):
        return len(element.text or "")
    chars = _COUNT_CHARS(element)
    return chars if isinstance(chars, float) else 0.0


def find_outermost_in_python(tree: HtmlElement, names: frozenset[str], least: int) -> list[HtmlElement]:
    """Elements with these tags that hold so many characters and are not inside each other."""
    found: list[HtmlElement] = []
    inside: set[HtmlElement] = set()
    for element in tree.iter(*names):
        if element not in inside:
            if len(element):
                inside.update(element.iterdescendants(*names))
            if _raw_chars(element) >= least:
                found.append(element)
    return found


def _make_readable(tree: HtmlElement, elements: list[HtmlElement], *, read: bool) -> None:
    """Make the elements plain ones if together they hold more than the rest; `read` text is part of it."""
    chars = sum(text_size(inner_text(element)) for element in elements)
    if chars < _MIN_CHARS:
        return
    rest = text_size(inner_text(tree)) - (chars if read else 0)
    if chars <= rest:
        return
    for element in elements:
        element.tag = "div"
        for above in element.iterancestors(*_UNREAD_TAGS):
            above.tag = "div"


try:
    from newscrawl.extraction.compiled_walk import find_outermost
except (ImportError, TypeError, ValueError):  # not compiled here, or for another lxml
    find_outermost = find_outermost_in_python
