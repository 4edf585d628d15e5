"""Compare two texts: whether either copies the other, and what a desk changed in its copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newscrawl.dedup.fingerprints import TOKEN_FIGURE, TOKEN_NAME, Tokens, hash_shingles

SHINGLE = 4
MIN_RUN = 8
"Any two texts may share fewer tokens in a row."
MAX_NAME_GAP = 12
"A gap of up to so many tokens between shared ones may be a blank filled into a form: names in it count."
MAX_FIGURE_GAP = 60
"The same for figures; a longer passage is the desk's own work."
MIN_SHARED = 20
MIN_SHARE = 0.5
MIN_SHARE_SAME_OUTLET = 0.8
"Stories within an outlet repeat the phrases of their series, so a copy has to share more."
MIN_SHARE_OF_LONGER = 0.2
"A digest that contains a text among many others is not a copy of it."
MAX_SWAP_RATE = 0.025
"Figures and names replaced by others, per shared token: texts filled into a form differ in them everywhere."

MAX_DIFF_WORDS = 5_000
MAX_SENTENCES = 1_000
"Differences are shown to people, so longer texts are compared by their beginnings."
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"»”’)]*\s+|\n+")

Indices = NDArray[np.intp]


class Overlap(NamedTuple):
    """What two texts have in common."""

    shared: int
    "Tokens of the shorter text that the longer has too, in runs of at least `MIN_RUN`."
    shorter: int
    "Tokens of the shorter text."
    longer: int
    swaps: int
    "Figures and names between shared tokens that replace others."

    @property
    def share(self) -> float:
        return self.shared / self.shorter if self.shorter else 0.0


def measure_overlap(first: Tokens, second: Tokens) -> Overlap:
    """Measure the overlap; the order of the arguments makes no difference."""
    short, long = sorted((first, second), key=lambda tokens: (len(tokens), tokens.tobytes()))
    in_short, in_long = hash_shingles(short, SHINGLE), hash_shingles(long, SHINGLE)
    if not len(in_short):
        return Overlap(0, len(short), len(long), 0)
    order = np.argsort(in_long, kind="stable")
    at = np.minimum(np.searchsorted(in_long, in_short, sorter=order), len(order) - 1)
    place = order[at]
    runs = _runs(in_long[place] == in_short)
    lengths = [int(end - start) + SHINGLE - 1 for start, end in runs]
    shared = min(sum(length for length in lengths if length >= MIN_RUN), len(short))
    gaps = _gaps(runs, place, (len(short), len(long)))
    swaps = sum(_count_swaps(short[short_gap], long[long_gap]) for short_gap, long_gap in gaps)
    return Overlap(shared, len(short), len(long), swaps)


def is_copy(overlap: Overlap, *, same_outlet: bool) -> bool:
    """Whether texts with this overlap are copies; `same_outlet` if a single outlet published both."""
    if overlap.shared < max(MIN_SHARE_OF_LONGER * overlap.longer, min(MIN_SHARED, overlap.shorter), 1):
        return False
    needed = MIN_SHARE_SAME_OUTLET if same_outlet else MIN_SHARE
    return overlap.share >= needed and overlap.swaps <= MAX_SWAP_RATE * overlap.shared


def _runs(matched: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each run of shared shingles."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], matched, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _gaps(
    runs: list[tuple[int, int]], place: Indices, ends: tuple[int, int]
) -> Iterator[tuple[slice, slice]]:
    """The stretches of both texts before, between and after the runs."""
    short_from = long_from = 0
    for start, end in runs:
        yield slice(short_from, start), slice(long_from, int(place[start]))
        short_from, long_from = end + SHINGLE - 1, int(place[end - 1]) + SHINGLE
    yield slice(short_from, ends[0]), slice(long_from, ends[1])


def _count_swaps(first: Tokens, second: Tokens) -> int:
    """Count the facts that replace each other in two stretches of text."""
    longest = max(len(first), len(second))
    if not len(first) or not len(second) or longest > MAX_FIGURE_GAP:
        return 0
    flags = TOKEN_FIGURE | TOKEN_NAME if longest <= MAX_NAME_GAP else TOKEN_FIGURE
    facts, others = _fact_tokens(first, flags), _fact_tokens(second, flags)
    return min(len(facts - others), len(others - facts))


def _fact_tokens(tokens: Tokens, flags: int) -> set[int]:
    return set(tokens[tokens & flags > 0].tolist())


class ChangeShares(NamedTuple):
    """How much a copy changed, in shares from 0 to 1."""

    retained: float
    "Share of the original's words that the copy still has."
    added: float
    "Share of the copy's words that the original does not have."


class SentencePair(NamedTuple):
    """Sentences that correspond to each other; a side without any is empty."""

    original: str
    copy: str

    @property
    def is_same(self) -> bool:
        return self.original == self.copy


def measure_changes(original: str, copy: str) -> ChangeShares:
    """Compare two texts word by word, ignoring case and punctuation."""
    original_words, copy_words = _fold_words(original), _fold_words(copy)
    if original_words and original_words == copy_words:
        return ChangeShares(1.0, 0.0)
    # Frequent words of a long text do not start a match, they only extend it: a text that repeats a single
    # word would take hours otherwise.
    blocks = SequenceMatcher(None, original_words, copy_words).get_matching_blocks()
    shared = sum(block.size for block in blocks)
    return ChangeShares(_ratio(shared, len(original_words)), 1 - _ratio(shared, len(copy_words)))


def _fold_words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)[:MAX_DIFF_WORDS]]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def align_sentences(original: str, copy: str) -> Iterator[SentencePair]:
    """Put both texts side by side, sentence by sentence."""
    left, right = _split_sentences(original), _split_sentences(copy)
    if left == right:
        yield from (SentencePair(sentence, sentence) for sentence in left)
        return
    for _, left_start, left_end, right_start, right_end in SequenceMatcher(None, left, right).get_opcodes():
        ours, theirs = left[left_start:left_end], right[right_start:right_end]
        if ours == theirs:
            yield from (SentencePair(sentence, sentence) for sentence in ours)
        else:
            yield SentencePair(" ".join(ours), " ".join(theirs))


def _split_sentences(text: str) -> list[str]:
    sentences = [sentence for sentence in _SENTENCE_END.split(text, MAX_SENTENCES) if sentence.strip()]
    return sentences[:MAX_SENTENCES]
