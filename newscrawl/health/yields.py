"""Alarms about how many articles come: none, or far fewer a day than usual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, takewhile
from statistics import median

from newscrawl.health.alarm import Alarm
from newscrawl.health.figures import added
from newscrawl.health.history import DAY, Past

FEW_PAGES = 8
UNKNOWN_PAGES = 20
"Pages without an article that are alarming where nothing is known of the outlet."
UNLIKELY, UNLIKELY_DAY = 1e-7, 1e-4
"Chance at which pages, or a day, are told of: pages are looked at with every run."
SCARCE, MOST = 0.05, 0.98
"Outlets of which fewer pages are articles are not judged by it; of none it is sure that all are."
LEAST_DAYS, LOW_DAYS = 7, 2
LEAST_A_DAY = 12.0
"With fewer articles a day a day without any is nothing out of the ordinary."
LOW, LOWEST = 0.25, 0.5
"Of the median day, and of one of the poorest days."
POOR = 0.1
WHOLE_DAY = 20 * 3600
LONGEST_GAP = 36 * 3600


def no_articles(runs: Sequence[Past]) -> Alarm | None:
    """There were pages to read, again and again, and none became an article."""
    barren = list(takewhile(lambda run: not run.figures.articles, reversed(runs)))
    pages = sum(run.figures.pages for run in barren)
    usual = _usual_share(runs[: len(runs) - len(barren)])
    if pages < (UNKNOWN_PAGES if usual is None else FEW_PAGES):
        return None
    if usual is not None and (usual < SCARCE or (1 - min(usual, MOST)) ** pages > UNLIKELY):
        return None
    reasons = added(run.figures.rejected for run in barren)
    worst = ", ".join(sorted(reasons, key=lambda name: (-reasons[name], name))[:3])
    return Alarm("no_articles", "error", f"none of {pages} pages became an article: {worst}")


def _usual_share(runs: Sequence[Past]) -> float | None:
    """Which part of pages became articles; None where too few are known."""
    pages = sum(run.figures.pages for run in runs)
    return sum(run.figures.articles for run in runs) / pages if pages >= UNKNOWN_PAGES else None


def articles_low(runs: Sequence[Past]) -> Alarm | None:
    """Two days in a row have far fewer new articles than days before, the poorest weekday included."""
    days = rates(runs)
    newest, before = days[:LOW_DAYS], sorted(day for day in days[LOW_DAYS:] if day is not None)
    if None in newest or len(before) < LEAST_DAYS:
        return None
    now = max(day for day in newest if day is not None)
    usual, poor = median(before), before[int(len(before) * POOR)]
    if usual < LEAST_A_DAY or now >= min(LOW * usual, LOWEST * poor) or at_most(now, poor) > UNLIKELY_DAY:
        return None
    return Alarm("articles_low", "warning", f"{now:.0f} new articles a day at most, usually {usual:.0f}")


def rates(runs: Sequence[Past]) -> list[float | None]:
    """New articles a day, over successive spans of about a day, the newest first.

    None for a span in which nobody looked for long, or links waited: it tells of us, not of the outlet.
    """
    found: list[float | None] = []
    new, seconds, is_whole = 0, 0, True
    good = [run for run in runs if not run.failed]
    for earlier, run in reversed(list(pairwise(good))):
        gap = run.started - earlier.started
        new, seconds = new + run.figures.new, seconds + gap
        is_whole = is_whole and gap <= LONGEST_GAP and not run.figures.left
        # What the run before left behind came with this one.
        is_whole = is_whole and not earlier.figures.left
        if seconds >= WHOLE_DAY:
            found.append(new * DAY / seconds if is_whole else None)
            new, seconds, is_whole = 0, 0, True
    return found


def at_most(count: float, mean: float) -> float:
    """Chance of at most so many events where `mean` are expected, by the Poisson distribution."""
    term = total = math.exp(-mean)
    for number in range(1, int(count) + 1):
        term *= mean / number
        total += term
    return total
