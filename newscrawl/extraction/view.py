"""The view of a page: its blocks, its outline, and the chrome that rules find in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from lxml.cssselect import CSSSelector
from lxml.etree import XPathError
from lxml.html import Element, HtmlElement

from newscrawl.extraction import platforms
from newscrawl.extraction.article_parts import MIN_STORY_CHARS
from newscrawl.extraction.blocks import Frame, TextBlock, build_outline, inner_text, is_block_element
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.normalize import truncate
from newscrawl.extraction.platforms import Platform
from newscrawl.items import RemovalKind, Removed
from newscrawl.outlet import Rule

MAX_REMOVED = 50
SAMPLE_CHARS = 80
MAX_MATCHES = 5_000
OUTLET_RULE = "outlet_rule"
_BUTTON_PARTS, _FOLD_LEVELS = 5, 20
"Elements in which the button above a part that the reader unfolds is searched for, and those around a block."
_TRUSTED_REASONS = frozenset({"comments", "comments_form", "consent", OUTLET_RULE})
"Elements with these reasons often hold more text than a short story, and it reads like one."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageView:
    blocks: list[TextBlock]
    frames: list[Frame]
    platforms: list[Platform] = field(default_factory=list)
    "The platforms whose rules apply to the page."
    body_frames: frozenset[int] = frozenset()
    "Indexes of the frames inside the story containers of the outlet's rule; empty if it names none."
    chrome: dict[int, str] = field(default_factory=dict)
    "Reasons by the indexes of the frames that rules call chrome, including all frames inside those."
    marks: dict[int, str] = field(default_factory=dict)
    "The same for the frames that the rules match themselves."
    excluded_inline: list[HtmlElement] = field(default_factory=list)
    "Elements that the outlet's rule takes out of the middle of blocks."

    @property
    def removed(self) -> list[Removed]:
        """Records of the text taken out of the middle of blocks."""
        return [
            describe_removal(OUTLET_RULE, text)
            for element in self.excluded_inline
            if (text := inner_text(element))
        ]

    @property
    def visible_blocks(self) -> list[TextBlock]:
        return [block for block in self.blocks if not block.hidden]


def select_elements(tree: HtmlElement, selector: str | None) -> list[HtmlElement]:
    """Elements that a CSS selector matches, in page order; none for an invalid selector."""
    compiled = _compile_selector(selector) if selector else None
    matches = compiled(tree) if compiled else []
    if not isinstance(matches, list):
        return []
    return [element for element in matches if isinstance(element, HtmlElement)][:MAX_MATCHES]


@lru_cache(maxsize=512)
def _compile_selector(selector: str) -> CSSSelector | None:
    try:
        return CSSSelector(selector, translator="html")
    except (SyntaxError, XPathError):  # cssselect's SelectorSyntaxError is a SyntaxError
        return None


def describe_removal(reason: str, text: str, kind: RemovalKind | None = None) -> Removed:
    return Removed(reason=reason, kind=kind, chars=len(text), sample=truncate(text, SAMPLE_CHARS))


def build_view(tree: HtmlElement, head: PageHead, rule: Rule, platform: str | None = None) -> PageView:
    """The blocks of a page, with what the rules of the outlet and of its platforms say about them."""
    containers = select_elements(tree, rule.body)
    excluded = [element for selector in rule.exclude for element in select_elements(tree, selector)]
    excluded_inline = [element for element in excluded if not is_block_element(element)]
    blocks, frames = build_outline(tree, also=containers, without=excluded_inline)
    detected = platforms.detect_platforms(frames, head.meta("generator") or "", platform)
    by_element = {frame.element: frame.index for frame in frames}
    body = [by_element[element] for element in containers if element in by_element]
    by_outlet = {by_element[element]: OUTLET_RULE for element in excluded if element in by_element}
    matched = platforms.find_chrome(frames, detected) | by_outlet
    around_body = {frame.index for at in body for frame in (frames[at], *frames[at].ancestors())}
    chrome = {index: reason for index, reason in matched.items() if index not in around_body}
    return PageView(
        blocks=blocks,
        frames=frames,
        platforms=detected,
        body_frames=frozenset(_inherit(frames, dict.fromkeys(body, ""))),
        chrome=_inherit(frames, chrome),
        marks=chrome,
        excluded_inline=excluded_inline,
    )


def _inherit(frames: Sequence[Frame], reasons: dict[int, str]) -> dict[int, str]:
    """The reasons, each also given to all frames inside that have none of their own."""
    inherited = dict(reasons)
    for frame in frames:
        if frame.index not in inherited and frame.parent is not None and frame.parent.index in inherited:
            inherited[frame.index] = inherited[frame.parent.index]
    return inherited


def find_doubtful_marks(view: PageView, likely: Sequence[bool]) -> set[int]:
    """Indexes of the frames that rules of platforms call chrome though they hold most of the likely story."""
    inside: dict[int, int] = dict.fromkeys(view.marks, 0)
    total = 0
    for block, is_likely in zip(view.blocks, likely, strict=True):
        if is_likely:
            total += len(block.text)
            for frame in (block.frame, *block.frame.ancestors()):
                if frame.index in inside:
                    inside[frame.index] += len(block.text)
    return {
        index
        for index, chars in inside.items()
        if chars >= MIN_STORY_CHARS and 2 * chars > total and view.marks[index] not in _TRUSTED_REASONS
    }


def remove_marks(view: PageView, indexes: Collection[int]) -> None:
    """Take back what rules say about these frames; other rules still hold inside them."""
    for index in indexes:
        del view.marks[index]
    view.chrome.clear()
    view.chrome.update(_inherit(view.frames, view.marks))


def prune_tree(view: PageView) -> None:
    """Remove what rules call chrome from the tree itself."""
    platforms.strip_page_classes(view.frames, view.platforms)
    frames = (view.frames[index] for index in view.chrome)
    outermost = [frame for frame in frames if frame.parent and frame.parent.index not in view.chrome]
    for element in (*view.excluded_inline, *(frame.element for frame in outermost)):
        parent = element.getparent()
        if parent is not None:
            # An empty element holds the tail text in place; joining long texts again and again would be slow.
            gap = Element("span")
            gap.tail = element.tail
            parent.replace(element, gap)


def is_unfolded(block: TextBlock) -> bool:
    """Whether a hidden block is in an element that a button right above it unfolds."""
    around = [block.frame, *islice(block.frame.ancestors(), _FOLD_LEVELS)]
    hiding = [frame for frame in around if frame.hidden][-1]
    before = hiding.element.getprevious()
    return before is not None and any(
        part.get("aria-expanded") is not None for part in islice(before.iter(), _BUTTON_PARTS)
    )
