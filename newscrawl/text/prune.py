"""Chrome out of a tree: by the outlet's selectors and the platforms' marks, every piece accounted for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from lxml.cssselect import CSSSelector
from lxml.etree import XPathError
from lxml.html import HtmlElement

from newscrawl.parts import Removed
from newscrawl.text.blocks import SILENT, text_of
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


def prune(
    tree: HtmlElement, chrome: Iterable[tuple[HtmlElement, str]], keep: Iterable[HtmlElement] = ()
) -> list[Removed]:
    """Take the elements out; what lies in one already taken, or holds one to keep, is passed over."""
    kept = {tree, *(part for one in keep for part in (one, *one.iterancestors()))}
    taken: dict[HtmlElement, None] = {}
    removed: list[Removed] = []
    for element, reason in chrome:
        if element in kept or element in taken or any(above in taken for above in element.iterancestors()):
            continue
        taken[element] = None
        if element.tag not in SILENT and (text := text_of(element)):
            removed.append(removal(reason, text))
    for element in taken:
        element.drop_tree()
    return removed
