"""The story's text: chrome out of the tree, the story found, its lines cleaned, notices lifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from newscrawl.outlet import Rule
from newscrawl.parts import Removed
from newscrawl.text import platforms
from newscrawl.text.blocks import RawBlock
from newscrawl.text.folding import key
from newscrawl.text.head import Head
from newscrawl.text.lines import Cleaned, clean_lines
from newscrawl.text.notices import Wire, hear_around, lift_notices
from newscrawl.text.prune import prune, removal, select
from newscrawl.text.standfirst import described_lede, ruled_lede
from newscrawl.text.story import MIN_CHARS, chars_of, container_blocks, found_blocks, linked_keys


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    blocks: list[RawBlock]
    wire: Wire
    byline: str | None
    "The byline that stood among the story's lines."
    lede: str | None
    removed: list[Removed]

    @property
    def text(self) -> str:
        """The blocks, divided by blank lines."""
        return "\n\n".join(block.text for block in self.blocks)


def body_of(
    head: Head,
    tree: HtmlElement,
    lines: Sequence[RawBlock],
    *,
    titles: set[str],
    rule: Rule,
    platform: str | None,
) -> Body:
    """The story of a page. Takes chrome out of `tree`: whatever else is to be read there is read before."""
    named = platforms.named_elements(tree)
    held = platforms.platforms_of(named, head.meta("generator") or "", platform)
    containers = select(tree, rule.body)
    ruled = [(element, "outlet_rule") for selector in rule.drop for element in select(tree, selector)]
    early = ruled_lede(tree, lines, selector=rule.lede, marks=platforms.lede_marks(held))
    removed = prune(tree, [*ruled, *platforms.chrome_of(named, held)], keep=containers)
    platforms.unmark(tree, held)
    raw = container_blocks(containers) if containers else found_blocks(tree, head.url)
    lede = early or described_lede(head, lines, raw, titles)
    cleaned = _cleaned(raw, lines, titles, lede)
    if lede and chars_of(cleaned.blocks) < MIN_CHARS <= chars_of(raw):
        lede, cleaned = None, _cleaned(raw, lines, titles, None)  # all there is to read is no standfirst
    blocks, wire, taken = lift_notices(cleaned.blocks)
    hear_around(lines, blocks, wire)
    removed += [*cleaned.removed, *(removal("notice", text) for text in taken)]
    return Body(blocks=blocks, wire=wire, byline=cleaned.byline, lede=lede, removed=removed)


def _cleaned(raw: list[RawBlock], lines: Sequence[RawBlock], titles: set[str], lede: str | None) -> Cleaned:
    captions = {key(line.text) for line in lines if line.kind == "caption"}
    return clean_lines(raw, titles=titles, lede=lede, captions=captions, linked=linked_keys(lines, raw))
