"""Elements by selector, and the account of what was taken out."""

from __future__ import annotations

from functools import lru_cache

from lxml.cssselect import CSSSelector
from lxml.etree import XPathError
from lxml.html import HtmlElement

from newscrawl.parts import Removed
from newscrawl.text.folding import cut

MAX_REMOVED = 50
SAMPLE_CHARS = 80
MAX_MATCHES = 5_000


@lru_cache(maxsize=512)
def _compiled(selector: str) -> CSSSelector | None:
    try:
        return CSSSelector(selector, translator="html")
    except (SyntaxError, XPathError):  # cssselect's SelectorSyntaxError is a SyntaxError
        return None


def select(tree: HtmlElement, selector: str | None) -> list[HtmlElement]:
    """Elements a CSS selector picks, in page order; none for a selector that cannot be read."""
    compiled = _compiled(selector) if selector else None
    found = compiled(tree) if compiled else []
    return (
        [element for element in found if isinstance(element, HtmlElement)][:MAX_MATCHES]
        if isinstance(found, list)
        else []
    )


def removal(reason: str, text: str) -> Removed:
    return Removed(reason=reason, chars=len(text), sample=cut(text, SAMPLE_CHARS))
