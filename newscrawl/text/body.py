"""The story's text: its blocks found, their lines cleaned, notices lifted; every block gets one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from newscrawl.parts import Removed
from newscrawl.text import platforms
from newscrawl.text.blocks import RawBlock
from newscrawl.text.head import Head
from newscrawl.text.judge.judge import LIKELY
from newscrawl.text.lines import clean_lines
from newscrawl.text.notices import Wire, hear_around, lift_notices
from newscrawl.text.prune import removal
from newscrawl.text.source import Source
from newscrawl.text.standfirst import described_lede, ruled_lede
from newscrawl.text.story import MIN_CHARS, Story, chars_of, story_of
from newscrawl.text.view import View

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
