"""What happens to a page after a fetch: its status, and when it is fetched again.

A page may become due earlier: `database_frontier` makes it due now when its source describes it differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from newscrawl.errors import MACHINE_FAULT

Status = Literal["pending", "done", "failed", "gone", "rejected"]

HOUR = 3600
DAY, WEEK = 24 * HOUR, 7 * 24 * HOUR
REVISIT_AGES = (HOUR, 6 * HOUR, DAY, WEEK)
"Ages at which an article is fetched again: most edits come within hours, few after a week."
RETRY_DELAYS = (HOUR // 6, HOUR, 6 * HOUR, DAY, 3 * DAY)
"How long to wait after the first, second, … failure in a row; after the last there is no retry."
ROBOTS_DELAY = WEEK
"A page that robots.txt forbids is tried again, because rules change."
HOST_DOWN_DELAY = WEEK
"How long to wait between later attempts on a host that is down."
UNCHANGED_OUTCOMES = frozenset({"unchanged", "not_modified"})
"Outcomes of a fetch whose text is already archived."
CRASHES_PROCESS = "kills_the_run"
"Reason of a page that was in flight each time its process died."
MAX_CRASHES = 3
"Crashes after which a page is quarantined."
QUARANTINE = 30 * DAY
"How long such a page is not fetched: the cause of the crashes may be fixed by then."
CLOCK_TOLERANCE = HOUR
"By how much the clocks of machines that share a database may differ."
_LATER = {"robots_txt": ROBOTS_DELAY, CRASHES_PROCESS: QUARANTINE}
GONE_STATUSES = frozenset({404, 410})
"Statuses of HTTP by which a site says that a page does not exist."
_GONE = frozenset(f"http_{status}" for status in GONE_STATUSES)
_STUBS = frozenset({"too_short", "no_title"})
"A story may be published before it is written."
STORY_INCOMPLETE = "story_incomplete"
"Reason of a story that lacks pages which its archived text has: they may come the next time."
AMP_MISSING = "amp_missing"
"Reason of a page without a text whose AMP page did not come, though it may the next time."
HOST_PAUSED = "host_paused"
_NOT_FETCHED = {"archive_error": 0, MACHINE_FAULT: 0, HOST_PAUSED: RETRY_DELAYS[0]}
"Outcomes that are not the fault of the page, with the minimum wait in seconds."
_HOST_FAILURES = frozenset({"robots_unreachable", "no_such_host", "connection_refused"})
"The host was down: after the usual attempts its pages are tried once a week for as long as it is."
TAKEN_DOWN = "taken_down"
"Reason of a page that was taken down: it is never fetched again."
_TEMPORARY = _HOST_FAILURES | frozenset(
    {
        "timeout",
        "connection_failed",
        "cut_short",
        "download_error",
        "archive_unreadable",
        "browser_crash",
        "browser_incomplete",
        "browser_memory",
        "browser_timeout",
        "extract_timeout",
        "extractor_crash",
        "extractor_error",
        "bad_coding",
        "not_archived",
        STORY_INCOMPLETE,
        AMP_MISSING,
        "http_304",
        "http_408",
        "http_425",
        "http_429",
    }
)


class NextFetch(NamedTuple):
    """A page's status and when its next fetch is due."""

    status: Status
    next_due: int | None
    "In seconds; None for never."
    failures: int = 0
    "In a row."


def next_fetch(
    outcome: str,
    *,
    now: int,
    first: int,
    failures: int,
    revisit_ages: Sequence[int] = REVISIT_AGES,
    paused_until: int | None = None,
) -> NextFetch:
    """Decide the status of a page and when it is due, by the outcome of its fetch.

    `first`: when the page was first archived, else when it was discovered; `failures`: those in a row before
    this fetch; `paused_until`: until when its host wants to be left alone.
    """
    if outcome == "article" or outcome in UNCHANGED_OUTCOMES:
        return NextFetch("done", next_revisit(first, now, revisit_ages))
    if outcome in _NOT_FETCHED:
        return NextFetch("failed", paused_until or now + _NOT_FETCHED[outcome], failures)
    if outcome in _GONE:
        return NextFetch("gone", None)
    if outcome in _TEMPORARY or outcome.startswith("http_5"):
        if outcome == STORY_INCOMPLETE:
            # Its first page came, whatever failed before: there is a look after this one in any case.
            failures = min(failures, len(RETRY_DELAYS) - 1)
        delays = RETRY_DELAYS[failures:] or ((HOST_DOWN_DELAY,) if outcome in _HOST_FAILURES else ())
        return NextFetch("failed", now + delays[0] if delays else None, failures + 1)
    if outcome in _STUBS:
        return NextFetch("rejected", next_revisit(first, now, revisit_ages))
    return NextFetch("rejected", now + _LATER[outcome] if outcome in _LATER else None)


def has_waited_for_pages(reason: str | None, failures: int) -> bool:
    """Whether pages of a story have been missing at so many looks in a row that they count as gone."""
    return reason == STORY_INCOMPLETE and failures >= len(RETRY_DELAYS)


def next_revisit(first: int, now: int, revisit_ages: Sequence[int] = REVISIT_AGES) -> int | None:
    """When a page first fetched at `first` reaches the next of these ages; None after the last."""
    return next((first + age for age in revisit_ages if first + age > now), None)


def is_plausible(stored: int, now: int, longest: int) -> bool:
    """Whether a stored time may be waited for: it is not later than the longest wait of its kind can be.

    Other times were written by a clock that was wrong, and nothing may wait for it to be right.
    """
    return stored <= now + longest + CLOCK_TOLERANCE


def is_time_due(stored: int, now: int, longest: int) -> bool:
    """Whether a stored time has come, or can never have been right."""
    return stored <= now or not is_plausible(stored, now, longest)


def longest_page_wait(revisit_ages: Sequence[int]) -> int:
    """Seconds after which every page of an outlet that is fetched again is due."""
    return max((QUARANTINE, *revisit_ages))
