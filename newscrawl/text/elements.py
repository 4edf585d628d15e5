"""What elements of HTML are for, as far as text goes."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from lxml.html import HtmlElement

from newscrawl.parts import BlockKind
from newscrawl.text.folding import tidy

# fmt: off
SILENT = frozenset({
    "script", "style", "noscript", "template", "head", "title", "meta", "link", "svg", "math",
    "iframe",     "object", "embed", "video", "audio", "canvas", "map", "area", "select", "option",
    "datalist", "textarea", "button",
    "input", "dialog", "param", "source", "track",
})
"Nothing in them is read."
KINDS: dict[str, BlockKind] = {
    "p": "p", "li": "li", "dt": "p", "dd": "p", "blockquote": "quote", "figcaption": "caption",
    "caption": "caption",
    "pre": "pre", "h1": "h", "h2": "h", "h3": "h", "h4": "h", "h5": "h", "h6": "h",
}
BREAKING = frozenset(KINDS) | {
    "html", "body", "div", "section", "article", "main", "header", "footer", "aside", "nav", "ul", "ol",
    "menu", "dl", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "form", "fieldset", "figure",
    "address", "hr",
    "center", "details", "summary",
}
"Elements that begin a block."
NAMING = frozenset({
    "class", "id", "role", "itemprop",
    "data-testid", "data-component", "data-type", "data-block", "data-module",
})
"Attributes whose values tell what an element is for."
# fmt: on


def is_breaking(element: HtmlElement) -> bool:
    """Whether an element begins a block: by HTML's own rules, and custom elements, which mostly do."""
    return element.tag in BREAKING or "-" in element.tag


def _pieces(element: HtmlElement) -> Iterator[str]:
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, part in walk:
        if event == "start":
            if part.tag in SILENT and part is not element:
                walk.skip_subtree()
                continue
            if part.tag in BREAKING or part.tag == "br":
                yield " "
            yield part.text or ""
        elif part is not element:
            yield (" " if part.tag in BREAKING else "") + (part.tail or "")


def text_of(element: HtmlElement) -> str:
    """All text inside an element as one tidy line, without scripts and the like."""
    return tidy("".join(_pieces(element)))
