"""Alignment of a page's blocks with the words of a witness: which blocks it has, and where.

Each block is laid over the place of the witness with which it shares the most runs of words. Of all places
the heaviest chain that runs forward in both is taken, so that of two copies of a paragraph only the one among
its neighbours counts. Both steps take time in proportion to the number of words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.witness import WitnessUnit, comparable_words

RUN_WORDS = 4
"Words in a run; a shorter block must be a whole unit of the witness."
MIN_COVER = 0.6
"Share of a block's words that the witness must have in place."
_SHORT_WORDS = 8
"A block of fewer words must begin or end where a unit of the witness does."
_MOVED_WORDS = 12
"A block of so many words may stand at another place than in the witness."
_MAX_PLACES = 16
"Places at which a run is looked up: more often it says nothing about the place."
_DRIFT = 64
"Words by which the two texts may shift within a block, because one of them has more there."
_OVERLAP = 3
"Words that two blocks may share at their border."
_MAX_CANDIDATES = 3
_MISSING_COVER = 0.5


class _Candidate(NamedTuple):
    """A place of the witness that a block may be."""

    block: int
    start: int
    end: int
    weight: float
    words: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """The blocks of a page beside the units of a witness."""

    units: list[int | None]
    "For each block the unit of the witness in which it begins; None if the witness does not have it."
    found: float
    "Share of the words of the witness that the page has, 0 to 1."
    missing: list[WitnessUnit]
    "Units that the page does not have."
    goes_on: bool
    "Whether a block goes on after the last words of the witness: then they may be amid a sentence."


def align_blocks(
    blocks: Sequence[TextBlock], units: Sequence[WitnessUnit], likely: Sequence[float]
) -> Alignment:
    """Find the blocks in the witness; of two copies the one that `likely` prefers counts."""
    words = [word for unit in units for word in unit.words]
    unit_at = [at for at, unit in enumerate(units) for _ in unit.words]
    texts = [comparable_words(block.text) for block in blocks]
    candidates = _find_candidates(texts, units, words, likely)
    chain = _heaviest_chain(candidates, len(words))
    chosen = {candidate.block: candidate for candidate in chain}
    covered = bytearray(len(words))
    for candidate in chain:
        _cover(covered, candidate)
    for candidate in candidates:
        if candidate.block in chosen or candidate.words < _MOVED_WORDS:
            continue
        size = candidate.end - candidate.start
        if 2 * sum(covered[candidate.start : candidate.end]) < size:
            chosen[candidate.block] = candidate
            _cover(covered, candidate)
    return Alignment(
        units=[unit_at[chosen[at].start] if at in chosen else None for at in range(len(blocks))],
        found=sum(covered) / max(1, len(words)),
        missing=_find_missing(units, covered),
        goes_on=_goes_on(texts, words),
    )


def _cover(covered: bytearray, candidate: _Candidate) -> None:
    covered[candidate.start : candidate.end] = b"\1" * (candidate.end - candidate.start)


def _find_candidates(
    texts: Sequence[tuple[str, ...]],
    units: Sequence[WitnessUnit],
    words: Sequence[str],
    likely: Sequence[float],
) -> list[_Candidate]:
    """The places of each block, in the order of the blocks."""
    runs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in range(len(words) - RUN_WORDS + 1):
        runs[tuple(words[at : at + RUN_WORDS])].append(at)
    short: dict[tuple[str, ...], list[int]] = defaultdict(list)
    borders, begin = {0}, 0
    for unit in units:
        if len(unit.words) < RUN_WORDS:
            short[unit.words].append(begin)
        begin += len(unit.words)
        borders.add(begin)
    candidates: list[_Candidate] = []
    for block, (text, probability) in enumerate(zip(texts, likely, strict=True)):
        if len(text) < RUN_WORDS:
            places = [(at, at + len(text), len(text)) for at in short.get(text, ())[:_MAX_PLACES]]
        else:
            places = _find_places(text, runs)
        candidates += [
            _Candidate(block, start, end, count * (1 + probability), len(text))
            for start, end, count in places
            if len(text) >= _SHORT_WORDS or start in borders or end in borders
        ]
    return candidates


def _find_places(text: tuple[str, ...], runs: dict[tuple[str, ...], list[int]]) -> list[tuple[int, int, int]]:
    """Places of a block as (start, end, words of the block in place), the best first."""
    hits: list[tuple[int, int]] = []
    for at in range(len(text) - RUN_WORDS + 1):
        places = runs.get(text[at : at + RUN_WORDS], ())
        if len(places) <= _MAX_PLACES:
            hits += [(at, place) for place in places]
    shifts = Counter((place - at) // _DRIFT for at, place in hits)
    drift = max(_DRIFT, len(text) // 4)
    found: list[tuple[int, int, int]] = []
    for shift, _ in shifts.most_common(_MAX_CANDIDATES):
        middle = shift * _DRIFT + _DRIFT // 2
        near = [(at, place) for at, place in hits if abs(place - at - middle) <= drift]
        covered = bytearray(len(text))
        for at, _ in near:
            covered[at : at + RUN_WORDS] = b"\1" * RUN_WORDS
        if (count := sum(covered)) >= MIN_COVER * len(text):
            places = _nearest_places(near)
            found.append((min(places), max(places) + RUN_WORDS, count))
    return found


def _nearest_places(hits: Sequence[tuple[int, int]]) -> list[int]:
    """The place of each run of a block: of several the one at the distance that most runs have."""
    distance = Counter(place - at for at, place in hits).most_common(1)[0][0]
    nearest: dict[int, int] = {}
    for at, place in hits:
        if at not in nearest or abs(place - at - distance) < abs(nearest[at] - at - distance):
            nearest[at] = place
    return list(nearest.values())


def _heaviest_chain(candidates: Sequence[_Candidate], size: int) -> list[_Candidate]:
    """The candidates of greatest weight whose blocks and places both run forward, one for each block."""
    # A Fenwick tree holds, for each end, the heaviest chain that ends there or before.
    tree: list[tuple[float, int]] = [(0.0, -1)] * (size + 2)
    before, totals = [-1] * len(candidates), [0.0] * len(candidates)
    at = 0
    while at < len(candidates):
        after = at
        while after < len(candidates) and candidates[after].block == candidates[at].block:
            candidate = candidates[after]
            overlap = min(_OVERLAP, (candidate.end - candidate.start) // 2)
            best, before[after] = _best_until(tree, candidate.start + overlap)
            totals[after] = best + candidate.weight
            after += 1
        for number in range(at, after):
            place = candidates[number].end + 1
            while place < len(tree):
                tree[place] = max(tree[place], (totals[number], number))
                place += place & -place
        at = after
    chain: list[_Candidate] = []
    number = max(range(len(candidates)), key=totals.__getitem__, default=-1)
    while number >= 0:
        chain.append(candidates[number])
        number = before[number]
    return chain[::-1]


def _best_until(tree: Sequence[tuple[float, int]], end: int) -> tuple[float, int]:
    """The heaviest chain that ends at this word of the witness or before."""
    best, place = (0.0, -1), min(end + 1, len(tree) - 1)
    while place > 0:
        best = max(best, tree[place])
        place -= place & -place
    return best


def _find_missing(units: Sequence[WitnessUnit], covered: bytearray) -> list[WitnessUnit]:
    missing: list[WitnessUnit] = []
    begin = 0
    for unit in units:
        end = begin + len(unit.words)
        if sum(covered[begin:end]) < _MISSING_COVER * len(unit.words):
            missing.append(unit)
        begin = end
    return missing


def _goes_on(texts: Sequence[tuple[str, ...]], words: Sequence[str]) -> bool:
    """Whether the last words of the witness are amid a block of the page, and at the end of none."""
    # The very last word may be cut too, so the run before it is looked up as well.
    for run in (tuple(words[-RUN_WORDS:]), tuple(words[-RUN_WORDS - 1 : -1])):
        ends = [
            at + RUN_WORDS == len(text)
            for text in texts
            for at in range(len(text) - RUN_WORDS + 1)
            if text[at : at + RUN_WORDS] == run
        ]
        if ends:
            return not any(ends)
    return False
