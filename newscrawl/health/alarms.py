"""Every alarm, each a function of an outlet's runs; the last of them is the one that has just ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from newscrawl.health.alarm import Alarm, merged
from newscrawl.health.expected import broken_bounds
from newscrawl.health.history import Past
from newscrawl.health.pages import (
    chrome_rising,
    fields_missing,
    languages_shifted,
    layout_broken,
    text_short,
    walls,
)
from newscrawl.health.sources import blocked, feed_frozen, feed_hijacked, robots_closed, run_failing
from newscrawl.health.yields import articles_low, no_articles
from newscrawl.outlet import Expect

Check = Callable[[Sequence[Past]], Alarm | None]
CHECKS: tuple[Check, ...] = (
    no_articles,
    articles_low,
    text_short,
    fields_missing,
    chrome_rising,
    languages_shifted,
    layout_broken,
    walls,
    blocked,
    robots_closed,
    feed_frozen,
    feed_hijacked,
    run_failing,
)


def alarms_of(
    runs: Sequence[Past], expect: Expect, *, retired: Iterable[str] = (), anew: bool = False
) -> list[Alarm]:
    """What is wrong now. `runs` are in their order, `retired` sources that are given up as dead.

    `anew`: the last run is the outlet's first, and should have found all there is.
    """
    found = [alarm for check in CHECKS if (alarm := check(runs))]
    found += broken_bounds(runs, expect, anew=anew)
    found += [
        Alarm("source_retired", "warning", f"{url} has failed for so long that it is given up")
        for url in sorted(retired)
    ]
    return merged(found)
