"""The story's text: its blocks found, their lines cleaned, notices lifted; every block gets one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from functools import cache

from lxml.html import HtmlElement

from newscrawl.extraction import platforms
from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.classifier.features import Row
from newscrawl.extraction.classifier.model import LIKELY, shipped_judge
from newscrawl.extraction.classifier.wording import hints_of
from newscrawl.extraction.cleaning import clean_lines
from newscrawl.extraction.head import Head
from newscrawl.extraction.metadata.standfirst import described_lede, ruled_lede
from newscrawl.extraction.metadata.topics import declares_kind
from newscrawl.extraction.normalize import key
from newscrawl.extraction.source import Source
from newscrawl.extraction.view import View, prune, removal
from newscrawl.extraction.wire_notices import Wire, hear_around, lift_notices
from newscrawl.items import PageType, Removed

_WHOLE_LINE = 25
"A shorter block counts as kept only where it is a line of its own."


def opinion_of(tree: HtmlElement, url: str, blocks: Sequence[RawBlock]) -> list[bool]:
    """For each block whether it is in the story as trafilatura sees it, in precision mode."""
    lines = _lines(tree, url)
    whole, joined = set(lines), "\n".join(lines)
    folded = [key(block.text) for block in blocks]
    return [bool(one) and (one in whole or (len(one) > _WHOLE_LINE and one in joined)) for one in folded]


def _lines(tree: HtmlElement, url: str) -> list[str]:
    from trafilatura import bare_extraction

    found = bare_extraction(
        tree,
        url=url,
        favor_precision=True,
        include_comments=False,
        include_tables=True,
        with_metadata=False,
        output_format="python",
        config=_config(),
    )
    body = getattr(found, "body", None)
    if body is None:
        return []
    return [
        key("".join(part.itertext()))
        for part in body.iter("p", "head", "item", "quote", "code", "row", "cell")
    ]


@cache
def _config() -> ConfigParser:
    """The library's settings, fixed here so that a change of its defaults changes nothing."""
    from trafilatura.settings import use_config

    config = use_config()
    config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "250"
    config["DEFAULT"]["MIN_OUTPUT_SIZE"] = "1"
    return config


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


STORY = "story"
LEDE = "lede"
OUTSIDE = "outside"
"Not in the container that the outlet's rule names."
HIDDEN = "hidden"
"Likely, but its element is hidden, and not so likely that it would be unfolded."
NOTICE = "notice"
RECURRING = "recurring"
"The site's memory knows it from other pages."
UNLIKELY = "unlikely"
"The judge's verdict on what is not the story, for no reason a rule could name."


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    blocks: list[RawBlock]
    wire: Wire
    byline: str | None
    "The byline that stood among the story's lines."
    lede: str | None
    removed: list[Removed]
    verdicts: list[str]
    "For each block of the view: `story`, or why it is not in the text."
    story: Story

    @property
    def text(self) -> str:
        """The blocks, divided by blank lines."""
        return "\n\n".join(block.text for block in self.blocks)


def body_of(
    source: Source,
    head: Head,
    tree: HtmlElement,
    view: View,
    *,
    titles: set[str],
    authors: Sequence[str] = (),
    live: bool = False,
) -> Body:
    """The story of a page. Takes chrome out of `tree`: whatever else is to be read there is read before."""
    lines = view.visible
    early = ruled_lede(tree, lines, selector=source.rule.lede, marks=platforms.lede_marks(view.held))
    story = story_of(source, tree, head, view)
    raw = [block for block, kept in zip(view.blocks, story.kept, strict=True) if kept]
    lede = early or described_lede(head, lines, raw, titles)
    cleaned = clean_lines(raw, titles=titles, lede=lede, authors=authors, live=live)
    if lede and chars_of(cleaned.blocks) < MIN_CHARS <= chars_of(raw):
        # All there is to read is no standfirst.
        lede, cleaned = None, clean_lines(raw, titles=titles, lede=None, authors=authors, live=live)
    blocks, wire, taken = lift_notices(cleaned.blocks)
    hear_around(lines, blocks, wire)
    lifted = {id(block): NOTICE for block in cleaned.blocks if block.text in taken}
    verdicts = _verdicts(view, story, cleaned.dropped | lifted)
    notices = [removal(NOTICE, text) for text in taken]
    removed = [*notices, *view.removed, *_removed(view.blocks, verdicts)]
    return Body(
        blocks=blocks,
        wire=wire,
        byline=cleaned.byline,
        lede=lede,
        removed=removed,
        verdicts=verdicts,
        story=story,
    )


def _verdicts(view: View, story: Story, dropped: dict[int, str]) -> list[str]:
    found: list[str] = []
    left = OUTSIDE if view.chosen else UNLIKELY
    for place, (block, kept) in enumerate(zip(view.blocks, story.kept, strict=True)):
        reason = view.chrome.get(block.frame.index) or (RECURRING if place in story.recurring else left)
        if reason == UNLIKELY and block.hidden and story.likely[place] > LIKELY:
            reason = HIDDEN
        found.append(dropped.get(id(block), STORY) if kept else reason)
    return found


def _removed(blocks: Sequence[RawBlock], verdicts: Sequence[str]) -> list[Removed]:
    """What is not in the text, neighbours of one reason together; what no rule names comes last."""
    runs: list[tuple[str, list[str]]] = []
    for block, verdict in zip(blocks, verdicts, strict=True):
        if runs and runs[-1][0] == verdict:
            runs[-1][1].append(block.text)
        else:
            runs.append((verdict, [block.text]))
    runs = sorted(
        (run for run in runs if run[0] not in {STORY, NOTICE}), key=lambda run: run[0] in {OUTSIDE, UNLIKELY}
    )
    return [removal(verdict, " ".join(texts)) for verdict, texts in runs]
