"""Alarms about the ways to an outlet: answers, robots.txt, feeds, and runs that fail."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from newscrawl.health.alarm import Alarm
from newscrawl.health.figures import Figures, added
from newscrawl.health.history import (
    DAY,
    LEAST_PORTIONS,
    LEAST_SPAN,
    LONGEST_PORTION,
    Past,
    portions,
    share,
    shift,
    spanned,
    stood,
)
from newscrawl.health.pages import articles, articles_in

REFUSED = frozenset({401, 403, 407, 418, 429, 451})
OF_ANSWERS, MOST = 0.4, 0.6
"By how much refusals rise to be alarming, and from what share on they are whatever is usual."
ROBOTS, OF_ROBOTS = "robots_txt", 0.5
ANSWERED = ("ok", "empty", "not_modified")
GAPS, LONGEST_GAP = 3, 2 * DAY
"How many of the longest gaps between news, and how long at least, make a feed frozen."
OF_ENTRIES, OF_SPAM, OF_STRANGE = 0.5, 0.3, 0.5
STRANGE = 0.01
"A language with a smaller share of all articles was never the outlet's."
UNTOLD = "und"
FAILURES = 3


def blocked(runs: Sequence[Past]) -> Alarm | None:
    """Servers refuse us, or do not answer."""
    found, newest = shift("blocked", runs, refusals, attempts), portions(runs, attempts)[:1]
    now = share(newest[0], refusals, attempts) if newest else 0.0
    if not (found.rose(OF_ANSWERS) if found else now >= MOST):
        return None
    usual = f", usually {found.usual:.0%}" if found else ""
    statuses = "".join(f", {count} x {status}" for status, count in _worst(newest[0]))
    return Alarm("blocked", "error", f"{now:.0%} of requests are refused or fail{usual}{statuses}")


def refusals(one: Figures) -> int:
    return one.lost + sum(count for status, count in one.statuses.items() if _is_refusal(status))


def attempts(one: Figures) -> int:
    return one.lost + sum(one.statuses.values())


def _is_refusal(status: str) -> bool:
    return status.isdigit() and (int(status) in REFUSED or int(status) >= 500)


def _worst(several: Sequence[Figures]) -> list[tuple[str, int]]:
    counts = added(one.statuses for one in several)
    return [(status, count) for status, count in sorted(counts.items()) if _is_refusal(status)]


def robots_closed(runs: Sequence[Past]) -> Alarm | None:
    """robots.txt forbids sources or most pages, as it did not before."""
    if _forbids_sources(runs):
        count = runs[-1].figures.sources[ROBOTS]
        return Alarm("robots_closed", "error", f"robots.txt forbids {count} sources, and no other answers")
    found = shift("robots_closed", runs, lambda one: one.rejected.get(ROBOTS, 0), lambda one: one.pages)
    if found is None or not found.rose(OF_ROBOTS):
        return None
    return Alarm(
        "robots_closed", "error", f"robots.txt forbids {found.now:.0%} of pages, usually {found.usual:.0%}"
    )


def feed_frozen(runs: Sequence[Past]) -> Alarm | None:
    """Sources answer and have had nothing new for far longer than they ever had."""
    news = [run.started for run in runs if run.figures.offered]
    if len(news) <= LEAST_PORTIONS or news[-1] - news[0] < LEAST_SPAN or not _answers(runs[-1].figures):
        return None
    longest = max(later - earlier for earlier, later in pairwise(news))
    silent = runs[-1].started - news[-1]
    if silent <= max(GAPS * longest, LONGEST_GAP):
        return None
    text = f"nothing new for {silent / 3600:.0f} hours, at most {longest / 3600:.0f} before"
    return Alarm("feed_frozen", "warning", text)


def _forbids_sources(runs: Sequence[Past]) -> bool:
    """Whether all that was asked for is forbidden, and that is new.

    A source that always was may be due alone: then it is more than are forbidden beside some that answer, or
    there has been no answer for long.
    """
    last, answered = runs[-1], [run for run in runs[:-1] if _answers(run.figures)]
    now = last.figures.sources.get(ROBOTS, 0)
    if not now or not answered or _answers(last.figures):
        return False
    always = max(run.figures.sources.get(ROBOTS, 0) for run in answered)
    is_long = last.started - answered[-1].started >= LONGEST_GAP
    return now > always or is_long or stood("robots_closed", runs)


def _answers(one: Figures) -> bool:
    return any(one.sources.get(outcome) for outcome in ANSWERED)


def feed_hijacked(runs: Sequence[Past]) -> Alarm | None:
    """What the sources lead to is not the outlet's any more: other hosts, spam, a language it never had."""
    said = []
    found = shift("feed_hijacked", runs, lambda one: one.own, lambda one: one.listed)
    if found and found.fell(OF_ENTRIES):
        said.append(f"{found.now:.0%} of entries are the outlet's own, usually {found.usual:.0%}")
    found = shift(
        "feed_hijacked", runs, lambda one: one.rejected.get("redirected_away", 0), lambda one: one.pages
    )
    if found and found.rose(OF_ENTRIES):
        said.append(f"{found.now:.0%} of pages lead elsewhere")
    found = shift("feed_hijacked", runs, lambda one: one.spam, articles)
    if found and found.rose(OF_SPAM):
        said.append(f"{found.now:.0%} of titles speak as spam does")
    if strange := _strange(runs):
        said.append(strange)
    return Alarm("feed_hijacked", "error", "; ".join(said)) if said else None


def _strange(runs: Sequence[Past]) -> str | None:
    """Languages that the outlet never had and that most articles are in now."""
    before = [run for run in runs if run.started <= runs[-1].started - LONGEST_PORTION]
    if not before or spanned(before) < LEAST_SPAN:
        return None
    known = added(run.figures.languages for run in before)
    total = sum(known.values())
    everything = added(run.figures.languages for run in runs)
    unknown = [name for name in everything if known.get(name, 0) < STRANGE * total and name != UNTOLD]
    found = articles_in("feed_hijacked", runs, unknown) if unknown else None
    if found is None or not found.rose(OF_STRANGE):
        return None
    return f"{found.now:.0%} of articles are in a language it never had: {', '.join(sorted(unknown))}"


def run_failing(runs: Sequence[Past]) -> Alarm | None:
    """This run failed as those before it did."""
    failed = 0
    for run in reversed(runs):
        if not run.failed:
            break
        failed += 1
    return Alarm("run_failing", "error", f"{failed} runs in a row failed") if failed >= FAILURES else None
