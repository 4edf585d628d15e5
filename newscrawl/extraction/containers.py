"""The elements around the blocks of a story, and what each of them holds of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newscrawl.extraction.blocks import Frame, TextBlock

MIN_ITEMS = 3
PURE_LIST_LINK_SHARE = 0.35
"Share of the text in links where every item holds a link."
MAX_SHARE = 0.35
"A container with a larger share of the story's text is the story, whatever else it looks like."
_LIST_LINK_SHARE = 0.6
"Share of the text of a link list that is in links."
_ITEM_CHARS = 160
_TEASER_CHARS = 120
"Longest average item of such a list, and block of a teaser box."


def enclosing(block: TextBlock) -> Iterator[Frame]:
    """Yield the frames around a block, its own first."""
    yield block.frame
    yield from block.frame.ancestors()


@dataclass(slots=True)
class ContainerTotals:
    """What a container holds of the story."""

    first: int
    "Position of its first block."
    items: int = 0
    chars: int = 0
    linked_chars: int = 0
    unlinked_items: int = 0

    def add(self, other: ContainerTotals) -> None:
        self.first = min(self.first, other.first)
        self.items += other.items
        self.chars += other.chars
        self.linked_chars += other.linked_chars
        self.unlinked_items += other.unlinked_items


class Containers:
    """The elements around a story's blocks, each with the totals of the blocks inside."""

    def __init__(self, blocks: Sequence[TextBlock]) -> None:
        self._blocks = blocks
        self._total_chars = sum(len(block.text) for block in blocks)
        self._totals: dict[int, ContainerTotals] = {}
        frames: dict[int, Frame] = {}
        for at, block in enumerate(blocks):
            own = ContainerTotals(at, 1, len(block.text), block.linked_chars, not block.linked_chars)
            self._totals.setdefault(block.frame.index, ContainerTotals(at)).add(own)
            for frame in enclosing(block):
                if frame.index in frames:
                    break
                frames[frame.index] = frame
        # From the innermost out, so that each element is visited once however deep the page is.
        self._outermost_first = [frames[index] for index in sorted(frames)]
        for frame in reversed(self._outermost_first):
            if frame.parent is not None:
                totals = self._totals[frame.index]
                self._totals.setdefault(frame.parent.index, ContainerTotals(totals.first)).add(totals)

    def frames(self) -> Iterator[tuple[Frame, ContainerTotals]]:
        """Yield the elements around the blocks with their totals, outermost first."""
        return ((frame, self._totals[frame.index]) for frame in self._outermost_first)

    def is_part(self, totals: ContainerTotals) -> bool:
        """Whether a container holds so little of the story that it can be a box in it."""
        return totals.chars <= MAX_SHARE * self._total_chars

    def link_lists(self) -> set[int]:
        """Identities of the blocks in containers that consist mostly of short links."""
        return self.blocks_inside({at for at, totals in self._totals.items() if self._is_link_list(totals)})

    def teaser_box(self, label: TextBlock) -> set[int]:
        """Identities of the blocks in the widest box of short blocks that begins with the label."""
        box: Frame | None = None
        for frame in enclosing(label):
            totals = self._totals[frame.index]
            is_short = totals.chars <= min(MAX_SHARE * self._total_chars, _TEASER_CHARS * totals.items)
            if self._blocks[totals.first] is not label or not is_short:
                break
            box = frame
        return self.blocks_inside({box.index}) if box else {id(label)}

    def blocks_inside(self, indexes: set[int]) -> set[int]:
        """Identities of the blocks in the frames with these indexes."""
        inside: set[int] = set()
        for frame in self._outermost_first if indexes else ():
            if frame.index in indexes or (frame.parent is not None and frame.parent.index in inside):
                inside.add(frame.index)
        return {id(block) for block in self._blocks if block.frame.index in inside}

    def _is_link_list(self, totals: ContainerTotals) -> bool:
        share = _LIST_LINK_SHARE if totals.unlinked_items else PURE_LIST_LINK_SHARE
        is_small = totals.chars <= min(_ITEM_CHARS * totals.items, MAX_SHARE * self._total_chars)
        return totals.items >= MIN_ITEMS and is_small and totals.linked_chars >= share * totals.chars
