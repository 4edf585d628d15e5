"""Viterbi search: the cheapest sequence of languages for a document, in which a change has a cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from newscrawl.languages.ngrams import FULL, LANE, unpack_lanes
from newscrawl.languages.scores import EN, FOR_EN, FOR_FR, FOR_GUEST, FR, lane
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
class Passage:
    """A line, segment or word; a disputed segment may get several languages."""

    line: int
    "Index of its line."
    start: int
    change_cost: int
    total: int
    "Packed evidence."
    segment: Segment | None = None
    "The segment, if each of its words gets a language."

    @property
    def evidence(self) -> list[int]:
        """The packed evidence of all that gets a language of its own."""
        return [self.total] if self.segment is None else self.segment.evidence


def best_path(lines: Sequence[TextLine]) -> Iterator[tuple[Passage, int]]:
    """Yield the passages of the lines that have one language, with its index."""
    guests = _choose_guests(lines)
    passages = list(_iter_passages(lines, guests=bool(guests)))
    totals: list[int] = []
    change_costs: list[int] = []
    for passage in passages:
        evidence = passage.evidence
        totals += evidence
        change_costs += [passage.change_cost, *[INSIDE] * (len(evidence) - 1)]
    entry_costs = [0, 0, *[GUEST_COST] * len(guests)]
    path = iter(cheapest_states(totals, change_costs, [FR, EN, *guests], entry_costs))
    for passage in passages:
        states = list(islice(path, len(passage.evidence)))
        if states.count(states[0]) == len(states):
            yield passage, states[0]
        else:
            yield from zip(_iter_words(passage, lines[passage.line]), states, strict=True)


def _choose_guests(lines: Sequence[TextLine]) -> list[int]:
    """The guest languages with the most evidence in lines or segments."""
    gains: Counter[int] = Counter()
    for line in lines:
        if lane(line.total, FOR_GUEST) > GUEST_COST:
            _add_gain(gains, line.total, GUEST_COST)
        if lane(line.total, FOR_GUEST) > WITHIN_LINE_COST + USUAL_GAIN * len(line.words):
            for segment in line.segments:
                _add_gain(gains, segment.total, WITHIN_LINE_COST)
    return sorted(gains, key=lambda at: (-gains[at], at))[:MAX_GUESTS]


def _add_gain(gains: Counter[int], total: int, least: int) -> None:
    """Count by how much the best guest language beats French and English, if by more than `least`."""
    costs = unpack_lanes(total)
    best = min(costs)
    gain = min(costs[FR], costs[EN]) - best
    if gain > least:
        gains[costs.index(best)] += gain


def _iter_passages(lines: Sequence[TextLine], *, guests: bool) -> Iterator[Passage]:
    for number, line in enumerate(lines):
        if not line.has_fixed_parts and _is_undisputed(line.total, SURE_LINE, guests=guests):
            yield Passage(number, line.start, NEW_LINE, line.total)
            continue
        for segment in line.segments:
            if segment.code is None:
                is_whole = _is_undisputed(segment.total, SURE_SEGMENT, guests=guests)
                divided = None if is_whole or len(segment.words) == 1 else segment
                yield Passage(number, segment.start, segment.change_cost, segment.total, divided)


def _is_undisputed(total: int, sure: int, *, guests: bool) -> bool:
    """Whether the cost in the best language is so low that no change within pays off."""
    if guests and lane(total, FOR_GUEST) > sure:
        return min(unpack_lanes(total)) <= sure
    return min(lane(total, FOR_FR), lane(total, FOR_EN)) <= sure


def _iter_words(passage: Passage, line: TextLine) -> Iterator[Passage]:
    """The words of a segment as passages."""
    assert passage.segment is not None
    at = passage.start - line.start
    for index, word in enumerate(passage.segment.words):
        at = line.text.index(word, at)
        start, cost = (line.start + at, INSIDE) if index else (passage.start, passage.change_cost)
        yield Passage(passage.line, start, cost, passage.segment.evidence[index])
        at += len(word)


def cheapest_states_in_python(
    totals: Sequence[int], change_costs: Sequence[int], states: Sequence[int], entry_costs: Sequence[int]
) -> list[int]:
    """The state on the cheapest path for each packed evidence.

    A change of state costs what `change_costs` has for its place and `entry_costs` for the new state.
    """
    if not totals:
        return []
    every = range(len(states))
    shifts = [LANE * state for state in states]
    sums = [(totals[0] >> shifts[at] & FULL) + entry_costs[at] for at in every]
    sources: list[list[int]] = []
    for total, change_cost in zip(totals[1:], change_costs[1:], strict=True):
        least = min(sums)
        source, changed = sums.index(least), least + change_cost
        predecessors = list(every)
        for at in every:
            if changed + entry_costs[at] < sums[at]:
                sums[at] = changed + entry_costs[at]
                predecessors[at] = source
            sums[at] += total >> shifts[at] & FULL
        sources.append(predecessors)
    at = sums.index(min(sums))
    path = [at]
    for predecessors in reversed(sources):
        at = predecessors[at]
        path.append(at)
    return [states[at] for at in reversed(path)]


try:
    from newscrawl.languages.compiled_costs import cheapest_states
except ImportError:  # not compiled here
    cheapest_states = cheapest_states_in_python
