"""How much of the shorter of two texts stands in the longer, and whether that makes it a copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newscrawl.dedup.fingerprints import FIGURE, NAME, Words, shingles_of

SHINGLE = 4
RUN_WORDS = 8
"Fewer words in a row may be the same in any two texts."
GAP_WORDS = 12
"Between shared words, so many others may be what is filled into a form; names count there."
PASSAGE_WORDS = 60
"The same of figures; a longer passage is a desk's own."
LEAST_WORDS = 20
LEAST_SHARE = 0.5
LEAST_SHARE_AT_HOME = 0.8
"Within one outlet stories share more than that only when they are one: series repeat their own phrases."
LEAST_OF_LONGER = 0.2
"A digest that holds a text among many others is no copy of it."
MOST_SWAPS = 0.025
"Figures and names exchanged, a shared word: texts filled into one form differ in them everywhere."

Places = NDArray[np.intp]


class Likeness(NamedTuple):
    """What two texts have in common."""

    shared: int
    "Words of the shorter that stand in the longer, in rows of at least `RUN_WORDS`."
    shorter: int
    "Words of the shorter."
    longer: int
    swaps: int
    "Figures and names that stand between shared words in the place of others."

    @property
    def share(self) -> float:
        return self.shared / self.shorter if self.shorter else 0.0


def likeness(one: Words, other: Words) -> Likeness:
    """The same whichever is named first."""
    short, long = sorted((one, other), key=lambda words: (len(words), words.tobytes()))
    in_short, in_long = shingles_of(short, SHINGLE), shingles_of(long, SHINGLE)
    if not len(in_short):
        return Likeness(0, len(short), len(long), 0)
    order = np.argsort(in_long, kind="stable")
    at = np.minimum(np.searchsorted(in_long, in_short, sorter=order), len(order) - 1)
    place = order[at]
    runs = _runs(in_long[place] == in_short)
    words = [int(end - start) + SHINGLE - 1 for start, end in runs]
    shared = min(sum(each for each in words if each >= RUN_WORDS), len(short))
    gaps = _between(runs, place, (len(short), len(long)))
    swaps = sum(_swaps(short[mine], long[yours]) for mine, yours in gaps)
    return Likeness(shared, len(short), len(long), swaps)


def is_copy(found: Likeness, *, at_home: bool) -> bool:
    """Whether texts so alike are one; `at_home` when one outlet has both."""
    if found.shared < max(LEAST_OF_LONGER * found.longer, min(LEAST_WORDS, found.shorter), 1):
        return False
    wanted = LEAST_SHARE_AT_HOME if at_home else LEAST_SHARE
    return found.share >= wanted and found.swaps <= MOST_SWAPS * found.shared


def _runs(matched: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """From where to where shingles in a row are shared."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], matched, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _between(
    runs: list[tuple[int, int]], place: Places, ends: tuple[int, int]
) -> Iterator[tuple[slice, slice]]:
    """The stretches of both texts before, between and after the runs."""
    short_from = long_from = 0
    for start, end in runs:
        yield slice(short_from, start), slice(long_from, int(place[start]))
        short_from, long_from = end + SHINGLE - 1, int(place[end - 1]) + SHINGLE
    yield slice(short_from, ends[0]), slice(long_from, ends[1])


def _swaps(mine: Words, yours: Words) -> int:
    """Facts that stand in each of two stretches in the place of others."""
    longest = max(len(mine), len(yours))
    if not len(mine) or not len(yours) or longest > PASSAGE_WORDS:
        return 0
    flags = FIGURE | NAME if longest <= GAP_WORDS else FIGURE
    facts, others = _facts(mine, flags), _facts(yours, flags)
    return min(len(facts - others), len(others - facts))


def _facts(words: Words, flags: int) -> set[int]:
    return set(words[words & flags > 0].tolist())


MAX_WORDS = 5_000
MAX_SENTENCES = 1_000
"Longer texts are compared by their beginnings: this is for readers."
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"»”’)]*\s+|\n+")


class Changes(NamedTuple):
    """Shares from 0 to 1."""

    kept: float
    "Of the original's words."
    own: float
    "Of the copy's words that the original does not have."


class Side(NamedTuple):
    """Sentences that stand in one place; empty on the side that has none."""

    original: str
    copy: str

    @property
    def is_same(self) -> bool:
        return self.original == self.copy


def changes(original: str, copy: str) -> Changes:
    """Both in words, without case and punctuation."""
    one, other = _words(original), _words(copy)
    if one and one == other:
        return Changes(1.0, 0.0)
    # What is frequent in a long text begins no match, it only goes on with one: hours for one word else.
    shared = sum(block.size for block in SequenceMatcher(None, one, other).get_matching_blocks())
    return Changes(_share(shared, len(one)), 1 - _share(shared, len(other)))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)[:MAX_WORDS]]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def side_by_side(original: str, copy: str) -> Iterator[Side]:
    """Both texts, sentence by sentence."""
    left, right = _sentences(original), _sentences(copy)
    if left == right:
        yield from (Side(sentence, sentence) for sentence in left)
        return
    for _, start, end, begin, stop in SequenceMatcher(None, left, right).get_opcodes():
        mine, yours = left[start:end], right[begin:stop]
        if mine == yours:
            yield from (Side(sentence, sentence) for sentence in mine)
        else:
            yield Side(" ".join(mine), " ".join(yours))


def _sentences(text: str) -> list[str]:
    found = [sentence for sentence in _SENTENCE_END.split(text, MAX_SENTENCES) if sentence.strip()]
    return found[:MAX_SENTENCES]
