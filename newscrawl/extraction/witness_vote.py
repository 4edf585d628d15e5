"""How far a witness is believed: a whole one decides which blocks are the story, a partial one votes.

It is whole where the page has nearly all of its words, its first lines among them; where it holds what the
classifier is sure of; and where it does not break off. A teaser says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from newscrawl.extraction.article_parts import MIN_STORY_CHARS
from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.classifier.model import THRESHOLD
from newscrawl.extraction.classifier.outline import Row
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.view import PageView, is_unfolded
from newscrawl.extraction.witness import Witness, WitnessText, WitnessUnit, comparable_words, read_witness
from newscrawl.extraction.witness_alignment import Alignment, align_blocks
from newscrawl.items import BlockKind, KindChars

MIN_WITNESS_WORDS = 20
"A shorter witness says nothing."
MIN_STORY_SHARE = 0.4
"A witness with less of what the classifier is sure of is a teaser."
WHOLE_FOUND, OTHER_TITLE_FOUND = 0.8, 0.9
"Share of its words that the page must have; the second where its headline has no word of the page's."
PARTIAL_FOUND = 0.3
"Of a witness with a smaller share on the page, the page is another one."
MIN_SURE_COVER = 0.5
"Share of what the classifier is sure of that a whole witness must hold."
MAX_LEFT_BESIDE = 0.25
"Share of the story that a whole witness may lack beside the blocks that it has."
MAX_OUTSIDE = 0.1
"Share of what the classifier is sure of before and after a whole witness: more may be the rest of the story."
FIRST_UNITS = 4
"Of so many first paragraphs one must be on the page."
SURE, LIKELY_BESIDE = 0.8, 0.7
"""Likelihood from which the classifier is sure of a block; and from which a block that a whole witness lacks
stays, between blocks that it has: a feed may lose a paragraph."""
DECIDED = 0.99
"Likelihood of the blocks of a whole witness; of all others it is at most 1 minus this."
VOTE = 1.0
"What a vote adds to the log odds of a block, or takes from them."
_CAPTIONS = 0.5
"In a witness with a larger share of its words in captions, these are the story."
_STRIPPED_KINDS: frozenset[BlockKind] = frozenset({"table", "li"})
"Kinds of block that feeds leave out altogether."
_MOSTLY_LINKED = 0.5
_END = re.compile(r"[.!?…:;»”\"')\]。！？」』]\W{0,3}$")


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockAgreement:
    """The blocks that are chosen without a witness, by the classifier or a `body` rule, beside those it has.

    Blocks that the witness lacks and that stay all the same count on neither side, and neither do those that
    cleaning takes out of the text.
    """

    extra: list[bool]
    "For each block whether it was chosen, and the witness lacks it."
    missed: list[bool]
    "For each block whether only the witness has it."
    common_chars: int
    "Code points of the blocks that both have."
    extra_chars: list[KindChars]
    "Code points of the extra blocks by kind."
    missed_chars: list[KindChars]
    "Code points of the missed blocks by kind."

    @property
    def f1(self) -> float:
        """F1 of the classifier's choice against the witness, by characters."""
        differing = sum(part.chars for part in (*self.extra_chars, *self.missed_chars))
        return 2 * self.common_chars / max(1, 2 * self.common_chars + differing)

    def chooses(self, has: Sequence[bool]) -> list[bool]:
        """For each block whether the classifier chose it; `has` says which ones the witness has."""
        return [
            is_extra or (theirs and not is_missed)
            for is_extra, is_missed, theirs in zip(self.extra, self.missed, has, strict=True)
        ]

    def without(self, blocks: Sequence[TextBlock], dropped: Collection[int]) -> BlockAgreement:
        """The same without some of the differing blocks; `dropped` are their identities."""
        extra, missed = (
            [differs and id(block) not in dropped for block, differs in zip(blocks, side, strict=True)]
            for side in (self.extra, self.missed)
        )
        return replace(
            self,
            extra=extra,
            missed=missed,
            extra_chars=_count_by_kind(blocks, extra),
            missed_chars=_count_by_kind(blocks, missed),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class WitnessVote:
    """What a witness says about the blocks of a page."""

    witness: Witness
    decides: bool
    "Whether it is whole, so that it alone says what the story is."
    in_story: list[bool]
    "For each block whether it is the story, as far as the witness says so."
    votes: list[int]
    "For each block 1 where the witness has it, -1 where it lacks it between others that it has, else 0."
    agreement: BlockAgreement
    missing: list[WitnessUnit]
    "What the witness has and the page lacks."

    def adjust(self, likely: Row) -> Row:
        """The likelihoods with the vote of the witness."""
        if self.decides:
            story = np.array(self.in_story, dtype=bool)
            return np.where(story, np.maximum(likely, DECIDED), np.minimum(likely, 1 - DECIDED))
        odds = np.exp(VOTE * np.array(self.votes, dtype=np.float64))
        return np.asarray(np.round(likely * odds / (1 - likely + likely * odds), 6))

    @property
    def has(self) -> list[bool]:
        """For each block whether the witness has it."""
        return [vote > 0 for vote in self.votes]

    @property
    def missing_chars(self) -> int:
        return sum(len(unit.text) for unit in self.missing)


def weigh_witness(
    given: Witness | str | None,
    head: PageHead,
    view: PageView,
    likely: Row,
    is_chrome: Sequence[bool],
    *,
    chosen: Sequence[bool] | None = None,
) -> WitnessVote | None:
    """The vote of a witness; None without one, or if it is a teaser or about another page.

    A string is the HTML of a feed's entry. `likely` is the classifier's probability for each block, and
    `is_chrome` says which ones rules took out. `chosen` is what is compared with the witness where the
    classifier has no say: the choice of a `body` rule.
    """
    if given is None or not view.blocks:
        return None
    witness = Witness(html=given) if isinstance(given, str) else given
    text = read_witness(witness)
    size = sum(len(unit.words) for unit in text.units)
    if size < MIN_WITNESS_WORDS or text.is_cut:
        return None
    blocks = view.blocks
    aligned = align_blocks(blocks, text.units, [float(value) for value in likely])
    captions = sum(len(unit.words) for unit in text.units if unit.kind == "caption")
    shows_captions = captions > _CAPTIONS * size
    # What a page hides from its readers, as behind an offer, no witness shows.
    is_hidden = [block.hidden and not is_unfolded(block) for block in blocks]
    has = [
        unit is not None and not (chrome or hidden) and (shows_captions or text.units[unit].kind != "caption")
        for unit, chrome, hidden in zip(aligned.units, is_chrome, is_hidden, strict=True)
    ]
    expected = [
        bool(value > THRESHOLD) and not chrome for value, chrome in zip(likely, is_chrome, strict=True)
    ]
    sure = [
        is_expected and bool(value >= SURE) and not block.hidden
        for block, value, is_expected in zip(blocks, likely, expected, strict=True)
    ]
    story, theirs, certain = (_count_chars(blocks, chosen) for chosen in (expected, has, sure))
    # Lists of teasers may be a little likely too, and longer than a short story.
    least = MIN_STORY_SHARE * (certain if certain >= MIN_STORY_CHARS else story)
    if not theirs or theirs < least or aligned.found < PARTIAL_FOUND:
        return None
    is_left_out = [
        chrome or (unit is not None and not ours)
        for unit, ours, chrome in zip(aligned.units, has, is_chrome, strict=True)
    ]
    lost = _find_stripped(blocks, has, likely, is_left_out, {unit.kind for unit in text.units})
    beside = _find_beside(view, has, likely, is_left_out)
    # A whole kind of block that a feed strips says nothing of how much else it lacks.
    left = _count_chars(blocks, [stays and not strips for stays, strips in zip(beside, lost, strict=True)])
    beside = list(map(any, zip(beside, lost, strict=True)))
    covered = _count_chars(blocks, map(all, zip(sure, has, strict=True)))
    outside = _count_chars(blocks, map(all, zip(sure, _find_outside(has, beside), strict=True)))
    is_whole = _is_whole(
        text,
        aligned,
        sure_cover=covered / certain if certain else 1.0,
        left=left / max(1, left + theirs),
        outside=outside / max(1, certain),
    )
    unshown = [
        text.units[unit]
        for unit, hidden in zip(aligned.units, is_hidden, strict=True)
        if unit is not None and hidden
    ]
    return WitnessVote(
        witness=witness,
        decides=is_whole and _is_about_page(witness, head, text, aligned),
        in_story=list(map(any, zip(has, beside, strict=True))),
        votes=_cast_votes(has),
        agreement=_compare_blocks(blocks, expected if chosen is None else chosen, has, beside),
        missing=[unit for unit in (*aligned.missing, *unshown) if unit.kind != "caption"],
    )


def _count_chars(blocks: Sequence[TextBlock], chosen: Iterable[bool]) -> int:
    return sum(len(block.text) for block, is_chosen in zip(blocks, chosen, strict=True) if is_chosen)


def _compare_blocks(
    blocks: Sequence[TextBlock], expected: Sequence[bool], has: Sequence[bool], beside: Sequence[bool]
) -> BlockAgreement:
    """Compare a choice with the witness; what is hidden is no choice of it."""
    extra = [
        ours and not (theirs or stays or block.hidden)
        for block, ours, theirs, stays in zip(blocks, expected, has, beside, strict=True)
    ]
    missed = [theirs and not ours for ours, theirs in zip(expected, has, strict=True)]
    return BlockAgreement(
        extra=extra,
        missed=missed,
        common_chars=_count_chars(blocks, map(all, zip(expected, has, strict=True))),
        extra_chars=_count_by_kind(blocks, extra),
        missed_chars=_count_by_kind(blocks, missed),
    )


def _count_by_kind(blocks: Sequence[TextBlock], chosen: Iterable[bool]) -> list[KindChars]:
    """Code points of the chosen blocks by kind, in the order of their first."""
    chars: dict[BlockKind, int] = {}
    for block, is_chosen in zip(blocks, chosen, strict=True):
        if is_chosen:
            chars[block.kind] = chars.get(block.kind, 0) + len(block.text)
    return [KindChars(kind=kind, chars=count) for kind, count in chars.items()]


def _is_whole(
    text: WitnessText, aligned: Alignment, *, sure_cover: float, left: float, outside: float
) -> bool:
    """Whether a witness has all of the story.

    `sure_cover` is the share that it has of what the classifier is sure of, `left` the share of the likely
    story that it lacks beside what it has, `outside` what the classifier is sure of before and after that.
    """
    breaks_off = aligned.goes_on and not _END.search(text.units[-1].text)
    return (
        not breaks_off
        and aligned.found >= WHOLE_FOUND
        and sure_cover >= MIN_SURE_COVER
        and left <= MAX_LEFT_BESIDE
        and outside <= MAX_OUTSIDE
    )


def _find_outside(has: Sequence[bool], beside: Sequence[bool]) -> list[bool]:
    """The blocks before the first and after the last that the witness has, without those that stay."""
    places = [at for at, is_theirs in enumerate(has) if is_theirs]
    return [not (places[0] <= at <= places[-1] or stays) for at, stays in enumerate(beside)]


def _is_about_page(witness: Witness, head: PageHead, text: WitnessText, aligned: Alignment) -> bool:
    """Whether the first lines of a witness are on the page, and its headline does not contradict that."""
    placed = {unit for unit in aligned.units if unit is not None}
    if not placed & set(range(min(FIRST_UNITS, len(text.units)))):
        return False
    theirs = set(comparable_words(witness.title or ""))
    ours = set(comparable_words(" ".join(filter(None, (head.meta("og:title"), head.title)))))
    is_other = bool(theirs) and bool(ours) and not theirs & ours
    return aligned.found >= (OTHER_TITLE_FOUND if is_other else WHOLE_FOUND)


def _find_beside(view: PageView, has: Sequence[bool], likely: Row, is_left_out: Sequence[bool]) -> list[bool]:
    """Likely blocks that the witness lacks among those that it has, or at the same kind of place.

    `is_left_out` are those that are no story whatever their place: chrome, and captions of the witness.
    """
    blocks = view.blocks
    above = _nearest_frames(blocks, has)
    below = _nearest_frames(blocks[::-1], has[::-1])[::-1]
    places = {_name_place(block.frame) for block, ours in zip(blocks, has, strict=True) if ours}
    return [
        not (ours or left_out or block.hidden or block.kind == "caption")
        and block.linked_chars <= _MOSTLY_LINKED * len(block.text)
        and _is_beside(block.frame, before, after, float(value), is_place=_name_place(block.frame) in places)
        for block, ours, left_out, value, before, after in zip(
            blocks, has, is_left_out, likely, above, below, strict=True
        )
    ]


def _find_stripped(
    blocks: Sequence[TextBlock],
    has: Sequence[bool],
    likely: Row,
    is_left_out: Sequence[bool],
    kinds: Collection[BlockKind],
) -> list[bool]:
    """Tables and lists among the blocks of the witness that are surely story, if it has none of their kind.

    Feeds strip them; `kinds` are those of the witness. One that has the words of a list has not lost it, even
    if they are paragraphs there.
    """
    stripped = _STRIPPED_KINDS - {
        *kinds,
        *(block.kind for block, ours in zip(blocks, has, strict=True) if ours),
    }
    places = [at for at, ours in enumerate(has) if ours]
    first, last = (places[0], places[-1]) if places else (0, 0)
    return [
        block.kind in stripped
        and first < at < last
        and likely[at] >= SURE
        and not (left_out or block.hidden)
        and block.linked_chars <= _MOSTLY_LINKED * len(block.text)
        for at, (block, left_out) in enumerate(zip(blocks, is_left_out, strict=True))
    ]


def _nearest_frames(blocks: Sequence[TextBlock], has: Sequence[bool]) -> list[Frame | None]:
    """For each block the frame of the last block before it that the witness has."""
    frames: list[Frame | None] = []
    last: Frame | None = None
    for block, ours in zip(blocks, has, strict=True):
        frames.append(last)
        last = block.frame if ours else last
    return frames


def _name_place(frame: Frame) -> tuple[str, ...]:
    """The kind of place of a block: its element and the one around, with their classes."""
    around = frame.parent or frame
    return frame.tag, frame.classes, around.tag, around.classes


def _is_beside(
    frame: Frame, before: Frame | None, after: Frame | None, likely: float, *, is_place: bool
) -> bool:
    """Whether a block stands among those of the witness, and at a place like theirs.

    A lost paragraph is marked up as the others are; what a theme puts between them has a class of its own.
    """
    if not is_place:
        return False
    shared = [other is not None and frame.parent is other.parent for other in (before, after)]
    if all(shared) and likely >= LIKELY_BESIDE:
        return True
    return likely >= SURE and (any(shared) or (before is not None and after is not None))


def _cast_votes(has: Sequence[bool]) -> list[int]:
    places = [at for at, ours in enumerate(has) if ours]
    first, last = (places[0], places[-1]) if places else (0, 0)
    return [1 if ours else -1 if first < at < last else 0 for at, ours in enumerate(has)]
