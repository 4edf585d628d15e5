"""Teasers of other stories inside a story: lists of links, boxes under a label, second articles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newscrawl.text.blocks import Frame, RawBlock

MIN_ITEMS = 3
_LINKED = 0.6
_LISTED = 0.35
"Share of links in a list whose every item holds one."
_ITEM_CHARS = 160
_TEASER_CHARS = 120
"Items of such a list, and blocks of such a box, are no longer on average."
_MOST = 0.35
"A container with a larger share of the story's text is the story, whatever it holds."
_MIN_STORY = 250
"So much text makes a story; where the first article has less, the others may be its parts."


@dataclass(slots=True)
class _Sum:
    first: RawBlock
    items: int = 0
    chars: int = 0
    linked: int = 0
    unlinked: int = 0
    "Items without a link."

    def add(self, block: RawBlock) -> None:
        self.items += 1
        self.chars += len(block.text)
        self.linked += block.linked
        self.unlinked += not block.linked


class Boxes:
    """The containers a story's blocks stand in, each with what it holds of them."""

    def __init__(self, blocks: Sequence[RawBlock]) -> None:
        self._blocks = blocks
        self._total = sum(len(block.text) for block in blocks)
        self._sums: dict[int, _Sum] = {}
        for block in blocks:
            for frame in _around(block):
                self._sums.setdefault(frame.index, _Sum(block)).add(block)

    def link_lists(self) -> set[int]:
        """Identities of the blocks that stand in a container made mostly of short links."""
        lists = {index for index, one in self._sums.items() if self._is_link_list(one)}
        return {id(block) for block in self._blocks if any(frame.index in lists for frame in _around(block))}

    def box_of(self, label: RawBlock) -> set[int]:
        """Identities of the blocks in the widest box of short blocks that a label opens, with the label."""
        box: Frame | None = None
        for frame in _around(label):
            one = self._sums[frame.index]
            short = one.chars <= min(_MOST * self._total, _TEASER_CHARS * one.items)
            if one.first is not label or not short:
                break
            box = frame
        if box is None:
            return {id(label)}
        return {id(block) for block in self._blocks if any(frame is box for frame in _around(block))}

    def _is_link_list(self, one: _Sum) -> bool:
        share = _LINKED if one.unlinked else _LISTED
        small = one.chars <= min(_ITEM_CHARS * one.items, _MOST * self._total)
        return one.items >= MIN_ITEMS and small and one.linked >= share * one.chars


def second_articles(blocks: Sequence[RawBlock]) -> set[int]:
    """Identities of the blocks in `article` elements below the one the story begins in."""
    nearest = [next((frame for frame in _around(block) if frame.tag == "article"), None) for block in blocks]
    if not blocks or nearest[0] is None:
        return set()
    first = [at for at, frame in enumerate(nearest) if frame is nearest[0]]
    if sum(len(blocks[at].text) for at in first) < _MIN_STORY:
        return set()
    return {id(blocks[at]) for at in range(first[-1] + 1, len(blocks)) if nearest[at] is not None}


def _around(block: RawBlock) -> Iterator[Frame]:
    yield block.frame
    yield from block.frame.above()
