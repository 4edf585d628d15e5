"""An outlet's past runs, pooled into portions that are large enough to be compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from newscrawl.monitoring.metrics import RunMetrics

DAY = 86_400
WINDOW = 28 * DAY
"How far back alarms look for what is usual."
MIN_PORTIONS = 6
MIN_SPAN = 3 * DAY
"With fewer portions, or within less time, nothing counts as usual yet."
PORTION = 15
"Pages (articles, responses) from which a share can be judged."
MIN_RUNS, ODD_RUNS = 3, 2
"Runs in a portion at least, and how many of them may be odd without raising an alarm."
MIN_REST = 5
"Pages that a portion must have without the odd runs."
MAX_PORTION_SPAN = 4 * DAY
"Older pages do not describe the present, however few there were since."
MAX_SCATTER, MAX_SAMPLING_ERROR = 6.0, 5.0
"How far from usual is too far, in standard deviations of past values, and of a sample of this size."
_MAD_TO_DEVIATION = 1.4826
"Standard deviation of a normal distribution as a multiple of its median absolute deviation."


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """A run and when it started; a killed run has empty metrics."""

    started: int
    metrics: RunMetrics = field(default_factory=RunMetrics)
    failed: bool = False
    alarms: frozenset[str] | None = None
    "Names of the alarms that it raised; None if it was not judged."


Count = Callable[[RunMetrics], float]


class Shift(NamedTuple):
    """A share now, compared with what is usual."""

    now: float
    least: float
    most: float
    "Bounds of `now` without its oddest runs: a batch of photo galleries is not a shift."
    usual: float
    scatter: float
    "How far from usual it may be when nothing is wrong."
    is_standing: bool
    "Whether the alarm was raised before: it then stays until half of the shift is gone."

    def rose(self, by: float) -> bool:
        """Whether the share rose at least by so much, and by more than chance."""
        if self.is_standing:
            return self.now - self.usual > by / 2
        return self.now - self.usual > max(by, self.scatter) and self.least - self.usual > by / 2

    def fell(self, by: float) -> bool:
        if self.is_standing:
            return self.usual - self.now > by / 2
        return self.usual - self.now > max(by, self.scatter) and self.usual - self.most > by / 2


def split_portions(runs: Sequence[RunRecord], size: Count, enough: float = PORTION) -> list[list[RunMetrics]]:
    """Pool successive runs until they have enough pages and are MIN_RUNS at least; the newest portion first.

    Runs that do not fill a portion are left out, and so are few pages spread over many days, since those
    cannot be compared. If the newest runs are like that, there are no portions at all.
    """
    portions: list[list[RunMetrics]] = []
    pending: list[RunMetrics] = []
    newest = total = 0.0
    for run in reversed(runs):
        own = size(run.metrics)
        if not own:
            continue
        if pending and newest - run.started > MAX_PORTION_SPAN:
            if not portions:
                return []
            pending, total = [], 0.0
        newest = newest if pending else run.started
        pending.append(run.metrics)
        total += own
        if total >= enough and len(pending) >= MIN_RUNS:
            portions.append(pending)
            pending, total = [], 0.0
    return portions


def measure_shift(
    alarm: str,
    runs: Sequence[RunRecord],
    part: Count,
    whole: Count,
    *,
    size: Count | None = None,
    enough: float = PORTION,
) -> Shift | None:
    """Compare the share of `part` in `whole` with the past, for this alarm; None if the past is too short.

    `size`: how many pages of a run count, where that is not `whole`. The whole is then an amount, not a
    sample of pages, so it has no sampling error.
    """
    portions = split_portions(runs, size or whole, enough)
    if len(portions) <= MIN_PORTIONS or time_span(runs) < MIN_SPAN:
        return None
    now, shares = portions[0], [pooled_share(portion, part, whole) for portion in portions[1:]]
    usual = median(shares)
    sampling = 0 if size else MAX_SAMPLING_ERROR * sampling_error(usual, sum(map(whole, now)))
    lowest_first = sorted(now, key=lambda run: part(run) - usual * whole(run))
    rests = lowest_first[:-ODD_RUNS], lowest_first[ODD_RUNS:]
    least, most = (
        pooled_share(rest, part, whole) if sum(map(size or whole, rest)) >= MIN_REST else usual
        for rest in rests
    )
    return Shift(
        now=pooled_share(now, part, whole),
        least=least,
        most=most,
        usual=usual,
        scatter=max(MAX_SCATTER * robust_deviation(shares), sampling),
        is_standing=was_standing(alarm, runs),
    )


def was_standing(alarm: str, runs: Sequence[RunRecord]) -> bool:
    """Whether the last judged run before this raised the alarm."""
    return alarm in next((run.alarms for run in reversed(runs[:-1]) if run.alarms is not None), ())


def sampling_error(usual: float, count: float) -> float:
    """Standard deviation of a share in a sample of this size; a share of 0 or 1 so far is not certain."""
    likely = min(max(usual, 0.02), 0.98)
    return math.sqrt(likely * (1 - likely) / count)


def pooled_share(runs: Sequence[RunMetrics], part: Count, whole: Count) -> float:
    total = sum(map(whole, runs))
    return sum(map(part, runs)) / total if total else 0.0


def time_span(runs: Sequence[RunRecord]) -> int:
    """Seconds from the first run to the last."""
    return runs[-1].started - runs[0].started if runs else 0


def robust_deviation(values: Sequence[float]) -> float:
    """Standard deviation, estimated from the median so that a few outliers do not matter."""
    middle = median(values)
    return _MAD_TO_DEVIATION * median(abs(value - middle) for value in values)
