"""A page as its judges see it: blocks, the outline they stand in, and what rules call chrome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from lxml.cssselect import CSSSelector
from lxml.etree import XPathError
from lxml.html import Element, HtmlElement

from newscrawl.extraction import platforms
from newscrawl.extraction.blocks import Frame, RawBlock, is_breaking, outline_of, text_of
from newscrawl.extraction.head import Head
from newscrawl.extraction.normalize import cut
from newscrawl.extraction.platforms import Platform
from newscrawl.items import Removed
from newscrawl.outlet import Rule

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


OUTLET_RULE = "outlet_rule"


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    blocks: list[RawBlock]
    frames: list[Frame]
    held: list[Platform] = field(default_factory=list)
    "The platforms whose rules hold for the page."
    chosen: frozenset[int] = frozenset()
    "Indexes of the frames inside the outlet's containers of the story; empty where it names none."
    chrome: dict[int, str] = field(default_factory=dict)
    "Indexes of the frames that rules call chrome, with all inside them, each with its reason."

    inline: list[HtmlElement] = field(default_factory=list)
    "What an outlet's rule takes out of the middle of blocks."

    @property
    def removed(self) -> list[Removed]:
        """The account of what was taken out of the middle of blocks."""
        return [removal(OUTLET_RULE, text) for element in self.inline if (text := text_of(element))]

    @property
    def visible(self) -> list[RawBlock]:
        return [block for block in self.blocks if not block.hidden]


def view_of(tree: HtmlElement, head: Head, rule: Rule, platform: str | None = None) -> View:
    """The page's blocks with the verdicts of the outlet's and the platforms' rules."""
    containers = select(tree, rule.body)
    dropped = [element for selector in rule.drop for element in select(tree, selector)]
    inline = [element for element in dropped if not is_breaking(element)]
    blocks, frames = outline_of(tree, also=containers, without=inline)
    held = platforms.platforms_of(frames, head.meta("generator") or "", platform)
    by_element = {frame.element: frame.index for frame in frames}
    chosen = [by_element[element] for element in containers if element in by_element]
    ruled = {by_element[element]: OUTLET_RULE for element in dropped if element in by_element}
    marked = platforms.chrome_of(frames, held) | ruled
    around = {frame.index for at in chosen for frame in (frames[at], *frames[at].above())}
    chrome = {index: reason for index, reason in marked.items() if index not in around}
    return View(
        blocks=blocks,
        frames=frames,
        held=held,
        chosen=frozenset(_inherited(frames, dict.fromkeys(chosen, ""))),
        chrome=_inherited(frames, chrome),
        inline=inline,
    )


def prune(view: View) -> None:
    """Take what rules call chrome out of the tree itself."""
    platforms.unmark(view.frames, view.held)
    outermost = [view.frames[index] for index in view.chrome if _is_outermost(view, index)]
    for element in (*view.inline, *(frame.element for frame in outermost)):
        parent = element.getparent()
        if parent is not None:
            # An empty element keeps what follows where it is; joining texts costs the more the more there is.
            gap = Element("span")
            gap.tail = element.tail
            parent.replace(element, gap)


def _is_outermost(view: View, index: int) -> bool:
    parent = view.frames[index].parent
    return parent is not None and parent.index not in view.chrome


def _inherited(frames: Sequence[Frame], own: dict[int, str]) -> dict[int, str]:
    """What is said of a frame holds for all inside it, unless something is said of them."""
    found = dict(own)
    for frame in frames:
        if frame.index not in found and frame.parent is not None and frame.parent.index in found:
            found[frame.index] = found[frame.parent.index]
    return found
