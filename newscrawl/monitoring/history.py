"""An outlet's runs, cut into portions that are large enough to be compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from newscrawl.monitoring.figures import Figures

DAY = 86_400
WINDOW = 28 * DAY
"How far back `usual` reaches."
LEAST_PORTIONS = 6
LEAST_SPAN = 3 * DAY
"With fewer portions, or in less time, nothing counts as usual yet."
PORTION = 15
"Pages (articles, answers) that a share is worth telling of."
LEAST_RUNS, ODD_RUNS = 3, 2
"Runs that a portion has at least, and how many of them may be odd without being a sign of anything."
REST = 5
"What a portion has to have besides these."
LONGEST_PORTION = 4 * DAY
"What came before is no news, however few pages there were since."
SPREADS, CHANCES = 6.0, 5.0
"How far from usual is too far: in standard deviations of what was measured, and of mere counting."
_MAD = 1.4826
"A normal distribution's standard deviation, as a multiple of its median absolute deviation."


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """A run and when it began; `figures` are nothing for one that was killed."""

    started: int
    figures: Figures = field(default_factory=Figures)
    failed: bool = False
    alarms: frozenset[str] | None = None
    "Names of those that stood since; None where it was not judged."


Count = Callable[[Figures], float]


class Shift(NamedTuple):
    """A share now against what it usually is."""

    now: float
    least: float
    most: float
    "What `now` would be without the runs that make it what it is: a batch of galleries is no shift."
    usual: float
    scatter: float
    "How far from usual it may be when nothing is wrong."
    stood: bool
    "Whether the alarm stands already: it passes once half of the shift is gone, not by a run more or less."

    def rose(self, by: float) -> bool:
        """By at least so much, and more than chance makes it."""
        if self.stood:
            return self.now - self.usual > by / 2
        return self.now - self.usual > max(by, self.scatter) and self.least - self.usual > by / 2

    def fell(self, by: float) -> bool:
        if self.stood:
            return self.usual - self.now > by / 2
        return self.usual - self.now > max(by, self.scatter) and self.usual - self.most > by / 2


def portions(runs: Sequence[Past], size: Count, enough: float = PORTION) -> list[list[Figures]]:
    """Successive runs that have enough of something together, and are LEAST_RUNS at least; the newest first.

    A rest is left out, and so are few things over many days: they are no measure of each other. Nothing at
    all where the newest runs are such.
    """
    found: list[list[Figures]] = []
    held: list[Figures] = []
    newest = sizes = 0.0
    for run in reversed(runs):
        own = size(run.figures)
        if not own:
            continue
        if held and newest - run.started > LONGEST_PORTION:
            if not found:
                return []
            held, sizes = [], 0.0
        newest = newest if held else run.started
        held.append(run.figures)
        sizes += own
        if sizes >= enough and len(held) >= LEAST_RUNS:
            found.append(held)
            held, sizes = [], 0.0
    return found


def shift(
    alarm: str,
    runs: Sequence[Past],
    part: Count,
    whole: Count,
    *,
    size: Count | None = None,
    enough: float = PORTION,
) -> Shift | None:
    """What share `part` has in `whole`, against before, for this alarm; None where too little is known.

    `size`: how much a run has to say of it, where that is not the whole; the whole is then measured, not
    counted, and scatters as it does.
    """
    found = portions(runs, size or whole, enough)
    if len(found) <= LEAST_PORTIONS or spanned(runs) < LEAST_SPAN:
        return None
    now, shares = found[0], [share(each, part, whole) for each in found[1:]]
    usual = median(shares)
    scatter = max(SPREADS * spread(shares), 0 if size else CHANCES * chance(usual, sum(map(whole, now))))
    lowest_first = sorted(now, key=lambda one: part(one) - usual * whole(one))
    rests = lowest_first[:-ODD_RUNS], lowest_first[ODD_RUNS:]
    least, most = (
        share(rest, part, whole) if sum(map(size or whole, rest)) >= REST else usual for rest in rests
    )
    return Shift(share(now, part, whole), least, most, usual, scatter, stood(alarm, runs))


def stood(alarm: str, runs: Sequence[Past]) -> bool:
    """Whether it stood since the last run that was judged."""
    return alarm in next((run.alarms for run in reversed(runs[:-1]) if run.alarms is not None), ())


def chance(usual: float, count: float) -> float:
    """Standard deviation of a share among so many: of none or of all so far, too, which is no promise."""
    likely = min(max(usual, 0.02), 0.98)
    return math.sqrt(likely * (1 - likely) / count)


def share(several: Sequence[Figures], part: Count, whole: Count) -> float:
    everything = sum(map(whole, several))
    return sum(map(part, several)) / everything if everything else 0.0


def spanned(runs: Sequence[Past]) -> int:
    """Seconds from the first run to the last."""
    return runs[-1].started - runs[0].started if runs else 0


def spread(values: Sequence[float]) -> float:
    """Standard deviation as most values have it, whatever a few of them do."""
    middle = median(values)
    return _MAD * median(abs(value - middle) for value in values)
