"""The cheapest way through a document: a language for every stretch or word, where changing costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newscrawl.languages.ngrams import FULL, LANE, unpacked
from newscrawl.languages.scores import EN, FOR_EN, FOR_FR, FOR_GUEST, FR, WORD, lane
from newscrawl.languages.segments import ASIDE, INSIDE, NEW_LINE, SENTENCE_END, Line, Stretch, word_total

GUEST_COST = 350
"French and English are what these outlets write; entering another language costs so much more."
WITHIN_LINE = GUEST_COST + ASIDE
"As much must speak for a guest in a part of a line."
USUAL = 10
"What a word of French or English prefers guests by, on average."
MAX_GUESTS = 4
SURE = INSIDE - SENTENCE_END
"So little against its language pays for no change within a stretch, when one at its edge is so much cheaper."
SURE_LINE = ASIDE - NEW_LINE
"The same of a whole line."


@dataclass(slots=True)
class Unit:
    """What gets one language: a line or stretch nothing in it disputes, or a single word."""

    line: int
    "Number of its line among those read."
    start: int
    turn: int
    total: int


def ways_through(lines: Sequence[Line]) -> Iterator[tuple[Unit, int]]:
    """Every unit of the lines, with the number of its language."""
    guests = _guests(lines)
    units = list(_units(lines, guests=bool(guests)))
    return zip(units, _cheapest(units, [FR, EN, *guests]), strict=True)


def _guests(lines: Sequence[Line]) -> list[int]:
    """The languages besides French and English that lines or stretches speak for most."""
    gains: Counter[int] = Counter()
    for line in lines:
        if lane(line.total, FOR_GUEST) > GUEST_COST:
            gains.update(_gain(line.total, GUEST_COST))
        if lane(line.total, FOR_GUEST) > WITHIN_LINE + USUAL * len(line.words):
            for stretch in line.stretches:
                gains.update(_gain(stretch.total, WITHIN_LINE))
    return sorted(gains, key=lambda at: (-gains[at], at))[:MAX_GUESTS]


def _gain(total: int, least: int) -> dict[int, int]:
    """The guest these words suit best, if they suit it by more than this better than French and English."""
    costs = unpacked(total)
    best = min(costs)
    gain = min(costs[FR], costs[EN]) - best
    return {costs.index(best): gain} if gain > least else {}


def _units(lines: Sequence[Line], *, guests: bool) -> Iterator[Unit]:
    for number, line in enumerate(lines):
        if not line.decided and _undisputed(line.total, SURE_LINE, guests=guests):
            yield Unit(number, line.start, NEW_LINE, line.total)
            continue
        for stretch in line.stretches:
            if stretch.code is not None:
                continue
            if len(stretch.words) == 1 or _undisputed(stretch.total, SURE, guests=guests):
                yield Unit(number, stretch.start, stretch.turn, stretch.total)
            else:
                yield from _words(number, line, stretch)


def _undisputed(total: int, sure: int, *, guests: bool) -> bool:
    """Whether so little speaks against one language that no change within pays."""
    if guests and lane(total, FOR_GUEST) > sure:
        return min(unpacked(total)) <= sure
    return min(lane(total, FOR_FR), lane(total, FOR_EN)) <= sure


def _words(number: int, line: Line, stretch: Stretch) -> Iterator[Unit]:
    for index, found in enumerate(WORD.finditer(line.text_of(stretch))):
        start = stretch.start + (found.start() if index else 0)
        yield Unit(number, start, INSIDE if index else stretch.turn, word_total(line, stretch, index))


def _cheapest(units: Sequence[Unit], states: Sequence[int]) -> list[int]:
    """Viterbi's search: the state of every unit on the way that costs least."""
    if not units:
        return []
    every = range(len(states))
    shifts = [LANE * state for state in states]
    entry = [0 if state in {FR, EN} else GUEST_COST for state in states]
    sums = [(units[0].total >> shifts[at] & FULL) + entry[at] for at in every]
    sources: list[list[int]] = []
    for unit in units[1:]:
        least = min(sums)
        source, changed = sums.index(least), least + unit.turn
        came = list(every)
        for at in every:
            if changed + entry[at] < sums[at]:
                sums[at] = changed + entry[at]
                came[at] = source
            sums[at] += unit.total >> shifts[at] & FULL
        sources.append(came)
    return [states[at] for at in _traced(sums.index(min(sums)), sources)]


def _traced(at: int, sources: Sequence[Sequence[int]]) -> list[int]:
    """The way that ends in a state."""
    way = [at]
    for came in reversed(sources):
        at = came[at]
        way.append(at)
    return way[::-1]
