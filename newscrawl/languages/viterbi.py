"""Viterbi search: the cheapest sequence of languages for a document, in which a change has a cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newscrawl.languages.ngrams import FULL, LANE, unpack_lanes
from newscrawl.languages.scores import EN, FOR_EN, FOR_FR, FOR_GUEST, FR, WORD, lane
from newscrawl.languages.segments import ASIDE, INSIDE, NEW_LINE, SENTENCE_END, Segment, TextLine

GUEST_COST = 350
"Extra cost of changing to a guest language: the outlets publish in French and English."
WITHIN_LINE_COST = GUEST_COST + ASIDE
"The evidence that a part of a line needs to count for a guest language."
USUAL_GAIN = 10
"By how much an average word of French or English prefers a guest language."
MAX_GUESTS = 4
SURE_SEGMENT = INSIDE - SENTENCE_END
"""A segment that costs no more than this in a language is not divided: a change within it would cost more
than a change at its edge."""
SURE_LINE = ASIDE - NEW_LINE
"The same for a whole line."


@dataclass(slots=True)
class Observation:
    """The unit that gets a language: an undisputed line or segment, or a single word."""

    line: int
    "Index of its line."
    start: int
    change_cost: int
    total: int
    "Packed evidence."


def best_path(lines: Sequence[TextLine]) -> Iterator[tuple[Observation, int]]:
    """Yield each observation of the lines with the index of its language."""
    guests = _choose_guests(lines)
    observations = list(_iter_observations(lines, guests=bool(guests)))
    return zip(observations, _cheapest_states(observations, [FR, EN, *guests]), strict=True)


def _choose_guests(lines: Sequence[TextLine]) -> list[int]:
    """The guest languages with the most evidence in lines or segments."""
    gains: Counter[int] = Counter()
    for line in lines:
        if lane(line.total, FOR_GUEST) > GUEST_COST:
            gains.update(_gain(line.total, GUEST_COST))
        if lane(line.total, FOR_GUEST) > WITHIN_LINE_COST + USUAL_GAIN * len(line.words):
            for segment in line.segments:
                gains.update(_gain(segment.total, WITHIN_LINE_COST))
    return sorted(gains, key=lambda at: (-gains[at], at))[:MAX_GUESTS]


def _gain(total: int, least: int) -> dict[int, int]:
    """The best guest language, if it beats French and English by more than `least`, and by how much."""
    costs = unpack_lanes(total)
    best = min(costs)
    gain = min(costs[FR], costs[EN]) - best
    return {costs.index(best): gain} if gain > least else {}


def _iter_observations(lines: Sequence[TextLine], *, guests: bool) -> Iterator[Observation]:
    for number, line in enumerate(lines):
        if not line.has_fixed_parts and _is_undisputed(line.total, SURE_LINE, guests=guests):
            yield Observation(number, line.start, NEW_LINE, line.total)
            continue
        for segment in line.segments:
            if segment.code is not None:
                continue
            if len(segment.words) == 1 or _is_undisputed(segment.total, SURE_SEGMENT, guests=guests):
                yield Observation(number, segment.start, segment.change_cost, segment.total)
            else:
                yield from _iter_words(number, line, segment)


def _is_undisputed(total: int, sure: int, *, guests: bool) -> bool:
    """Whether the cost in the best language is so low that no change within pays off."""
    if guests and lane(total, FOR_GUEST) > sure:
        return min(unpack_lanes(total)) <= sure
    return min(lane(total, FOR_FR), lane(total, FOR_EN)) <= sure


def _iter_words(number: int, line: TextLine, segment: Segment) -> Iterator[Observation]:
    for index, match in enumerate(WORD.finditer(line.segment_text(segment))):
        start = segment.start + (match.start() if index else 0)
        cost = INSIDE if index else segment.change_cost
        yield Observation(number, start, cost, line.word_evidence(segment, index))


def _cheapest_states(observations: Sequence[Observation], states: Sequence[int]) -> list[int]:
    """The state of each observation on the cheapest path."""
    if not observations:
        return []
    every = range(len(states))
    shifts = [LANE * state for state in states]
    entry = [0 if state in {FR, EN} else GUEST_COST for state in states]
    sums = [(observations[0].total >> shifts[at] & FULL) + entry[at] for at in every]
    sources: list[list[int]] = []
    for observation in observations[1:]:
        least = min(sums)
        source, changed = sums.index(least), least + observation.change_cost
        predecessors = list(every)
        for at in every:
            if changed + entry[at] < sums[at]:
                sums[at] = changed + entry[at]
                predecessors[at] = source
            sums[at] += observation.total >> shifts[at] & FULL
        sources.append(predecessors)
    at = sums.index(min(sums))
    path = [at]
    for predecessors in reversed(sources):
        at = predecessors[at]
        path.append(at)
    return [states[at] for at in reversed(path)]
