"""Which blocks are the story: by the outlet's rule, else the judge, and trafilatura where it is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from newscrawl.parts import PageType
from newscrawl.text.blocks import RawBlock
from newscrawl.text.head import Head
from newscrawl.text.judge.features import Row
from newscrawl.text.judge.hints import hints_of
from newscrawl.text.judge.judge import LIKELY, shipped_judge
from newscrawl.text.opinion import opinion_of
from newscrawl.text.source import Source
from newscrawl.text.topics import declares_kind
from newscrawl.text.view import View, prune

MIN_CHARS = 80
"Below this a page holds no story."
_DOUBTFUL_CHARS = 250
"A story shorter than this is looked for a second time."
_MOST_FRAMES, _DEEPEST = 10_000, 150
"Of larger and deeper pages no second opinion is asked: its time grows with the square and the cube."
_UNLIKELY = 0.25
"What is less likely is left out whoever would keep it."
_SURELY = 0.9
"What is hidden must be so likely: some pages unfold their story by script."
_HEADING = 0.3
"A heading amid the story need be no likelier."
_ABOVE = 3
"So near above it something is kept."


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    kept: list[bool]
    "For each block of the view."
    likely: list[float]
    "How likely each block belongs to the story, 0 to 1; empty where the outlet's rule decided."
    alone: list[float]
    "The judge's likelihoods before it heard another opinion; empty where the outlet's rule decided."
    opinion: list[bool]
    "What the second opinion keeps; empty where none was heard."
    taken_whole: bool
    "Whether the other's choice was taken, since the judge found next to nothing."
    confidence: float
    "Expected F1 of the choice; 1 where the outlet's rule decided."
    kind: tuple[PageType, float] | None
    "What the page looks like and how sure that is; None where it declares that or a rule decided."
    asked: bool
    "Whether a second opinion was heard."
    recurring: frozenset[int]
    "Places of blocks that the site's memory knows from its other pages."


def story_of(source: Source, tree: HtmlElement, head: Head, view: View) -> Story:
    """The choice of blocks. Takes what rules call chrome out of `tree` where trafilatura is asked."""
    recurring = source.memory.recurring(view) if source.memory else frozenset()
    marked = [
        block.frame.index in view.chrome or place in recurring for place, block in enumerate(view.blocks)
    ]
    if view.chosen:
        kept = [block.frame.index in view.chosen for block in view.blocks]
        kept = [one and not chrome for one, chrome in zip(kept, marked, strict=True)]
        return Story(
            kept=kept,
            likely=[],
            alone=[],
            opinion=[],
            taken_whole=False,
            confidence=1.0,
            kind=None,
            asked=False,
            recurring=recurring,
        )
    judge = source.judge or shipped_judge()
    judgement = judge.judged(view.blocks, view.frames, hints_of(head), view.chrome)
    likely, kept = judgement.likely, _chosen(view, judgement.likely, marked)
    doubtful = not judgement.sure or _size(view, kept) < _DOUBTFUL_CHARS
    asked = bool(view.blocks) and doubtful and _is_bearable(view)
    opinion: list[bool] = []
    whole = False
    if asked:
        prune(view)
        opinion = opinion_of(tree, head.url, view.blocks)
        likely = judge.reconciled(judgement, opinion)
        kept = _chosen(view, likely, marked)
        theirs = [
            one and not chrome and far > _UNLIKELY
            for one, chrome, far in zip(opinion, marked, likely, strict=True)
        ]
        if _size(view, kept) < _DOUBTFUL_CHARS < _size(view, theirs):
            kept, whole = theirs, True
    kept = _with_headings(view, kept, likely, marked)
    return Story(
        kept=kept,
        likely=[float(one) for one in likely],
        alone=[float(one) for one in judgement.likely],
        opinion=opinion,
        taken_whole=whole,
        confidence=judgement.confidence,
        kind=judge.kind(judgement) if view.blocks and not declares_kind(head) else None,
        asked=asked,
        recurring=recurring,
    )


def _is_bearable(view: View) -> bool:
    """Whether the page is one that trafilatura reads in good time."""
    links = sum(block.links for block in view.blocks)
    return len(view.frames) + links <= _MOST_FRAMES and max(frame.depth for frame in view.frames) <= _DEEPEST


def _chosen(view: View, likely: Row, marked: Sequence[bool]) -> list[bool]:
    return [
        bool(one > (_SURELY if block.hidden else LIKELY)) and not chrome
        for block, one, chrome in zip(view.blocks, likely, marked, strict=True)
    ]


def _with_headings(view: View, kept: Sequence[bool], likely: Row, marked: Sequence[bool]) -> list[bool]:
    """The choice, with the headings amid the story that stand in one container with what they head."""
    found = list(kept)
    for at in range(1, len(found) - 1):
        block, below = view.blocks[at], view.blocks[at + 1]
        if block.kind != "h" or found[at] or marked[at] or likely[at] < _HEADING:
            continue
        if kept[at + 1] and any(kept[max(0, at - _ABOVE) : at]) and block.frame.parent is below.frame.parent:
            found[at] = True
    return found


def _size(view: View, kept: Sequence[bool]) -> int:
    return chars_of([block for block, one in zip(view.blocks, kept, strict=True) if one])


def chars_of(blocks: list[RawBlock]) -> int:
    return sum(len(block.text) for block in blocks)
