"""Every alarm, each a function of an outlet's runs; the last of them is the one that has just ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from newscrawl.monitoring.alarm import Alarm, merged
from newscrawl.monitoring.alarm_rules import (
    articles_low,
    blocked,
    chrome_rising,
    feed_frozen,
    feed_hijacked,
    fields_missing,
    languages_shifted,
    layout_broken,
    no_articles,
    robots_closed,
    run_failing,
    text_short,
    walls,
)
from newscrawl.monitoring.figures import Figures, pooled
from newscrawl.monitoring.history import PORTION, Past
from newscrawl.outlet import Expect

HOUR = 3600


def broken_bounds(runs: Sequence[Past], expect: Expect, *, anew: bool) -> list[Alarm]:
    """The bounds that the newest runs did not keep, an alarm each.

    Shares are judged over the newest runs that have PORTION pages together, or all there are: of three pages
    one that is a gallery is nothing out of the ordinary. Only a run that begins anew finds all articles.
    """
    last, newest = runs[-1], newest_pages(runs)
    said = [*_of_articles(last.figures, expect, anew=anew), *_of_texts(newest, expect)]
    said += [*_of_languages(newest, expect), *_of_age(runs, expect)]
    return [Alarm(name, "error", detail) for name, detail in said]


def newest_pages(runs: Sequence[Past]) -> Figures:
    """The newest runs together that have PORTION pages; all where there are not so many."""
    taken: list[Figures] = []
    for run in reversed(runs):
        taken.append(run.figures)
        if sum(figures.pages for figures in taken) >= PORTION:
            break
    return pooled(taken)


def _of_articles(last: Figures, expect: Expect, *, anew: bool) -> Iterator[tuple[str, str]]:
    if anew and expect.articles_min is not None and last.articles < expect.articles_min:
        yield "articles_low", f"{last.articles} articles, at least {expect.articles_min} expected"


def _of_texts(newest: Figures, expect: Expect) -> Iterator[tuple[str, str]]:
    filled = newest.articles / newest.pages if newest.pages else 1
    if expect.body_filled is not None and filled < expect.body_filled:
        yield "layout_broken", f"{filled:.0%} of pages are articles, {expect.body_filled:.0%} expected"
    if expect.text_chars_min is None or not newest.lengths:
        return
    if (middle := median(newest.lengths)) < expect.text_chars_min:
        text = (
            f"half of the texts have up to {middle:.0f} characters, at least {expect.text_chars_min} expected"
        )
        yield "text_short", text


def _of_languages(newest: Figures, expect: Expect) -> Iterator[tuple[str, str]]:
    total = sum(newest.letters.values())
    for name, (least, most) in sorted(expect.languages.items()) if total else ():
        share = newest.letters.get(name, 0) / total
        if not least <= share <= most:
            yield (
                "languages_shifted",
                f"{share:.0%} of the text is {name}, {least:.0%} to {most:.0%} expected",
            )


def _of_age(runs: Sequence[Past], expect: Expect) -> Iterator[tuple[str, str]]:
    """Of the newest entry that any of the runs saw: an answer 304 names none."""
    dated = [run.figures.newest for run in runs if run.figures.newest is not None]
    if expect.stale_hours is None or not dated:
        return
    age = (runs[-1].started - max(dated)) / HOUR
    if age > expect.stale_hours:
        yield "feed_frozen", f"the newest entry is {age:.0f} hours old, {expect.stale_hours} at most expected"


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
