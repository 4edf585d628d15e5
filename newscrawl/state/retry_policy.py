"""What becomes of a page after a fetch: its status, and when it is fetched again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Status = Literal["pending", "done", "failed", "gone", "rejected"]

HOUR = 3600
LOOKS = (HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR)
"Ages at which an article is looked at again: most edits come within hours, few after a week."
RETRIES = (HOUR // 6, HOUR, 6 * HOUR, 24 * HOUR, 72 * HOUR)
"How long to wait after the first, second, … failure in a row; then no more."
ROBOTS = 7 * 24 * HOUR
"A page that robots.txt forbids is asked about again, for rules change."
AWAY = 7 * 24 * HOUR
"How long to wait between later attempts on a host that is away."
UNCHANGED = frozenset({"unchanged", "not_modified"})
"Reasons of a look that found the text of before."
KILLS = "kills_the_run"
"Reason of a page that was in flight each time when its process died."
DEATHS = 3
SPARED = 30 * 24 * HOUR
"How long such a page is left alone: what killed the process may have been mended since."
_LATER = {"robots_txt": ROBOTS, KILLS: SPARED}
_GONE = frozenset({"http_404", "http_410"})
_STUBS = frozenset({"too_short", "no_title"})
"A story may be published before it is written."
HOST_PAUSED = "host_paused"
_NOT_ASKED = {"archive_error": 0, HOST_PAUSED: RETRIES[0]}
"The page was not at fault: its crawl has ended, or its host is left alone; and how long it waits at least."
_OF_HOSTS = frozenset({"robots_unreachable", "no_such_host", "connection_refused"})
"The host was away: its pages are asked for once a week for as long as it is, after the usual attempts."
_PASSING = _OF_HOSTS | frozenset(
    {
        "timeout",
        "connection_failed",
        "cut_short",
        "download_error",
        "archive_unreadable",
        "extract_timeout",
        "extractor_crash",
        "extractor_error",
        "bad_coding",
        "not_archived",
        "http_304",
        "http_408",
        "http_425",
        "http_429",
    }
)


class Fate(NamedTuple):
    """Status and the second it is due, None for never."""

    status: Status
    next_due: int | None
    tries: int = 0
    "Failures in a row."


def fate_of(
    outcome: str, *, now: int, first: int, tries: int, looks: Sequence[int] = LOOKS, paused: int | None = None
) -> Fate:
    """`first`: when the page was fetched first; `tries`: failures in a row before this.

    `paused`: until when its host wants to be left alone.
    """
    if outcome == "article" or outcome in UNCHANGED:
        return Fate("done", next_look(first, now, looks))
    if outcome in _NOT_ASKED:
        return Fate("failed", paused or now + _NOT_ASKED[outcome], tries)
    if outcome in _GONE:
        return Fate("gone", None)
    if outcome in _PASSING or outcome.startswith("http_5"):
        left = RETRIES[tries:] or ((AWAY,) if outcome in _OF_HOSTS else ())
        return Fate("failed", now + left[0] if left else None, tries + 1)
    if outcome in _STUBS:
        return Fate("rejected", next_look(first, now, looks))
    return Fate("rejected", now + _LATER[outcome] if outcome in _LATER else None)


def next_look(first: int, now: int, looks: Sequence[int] = LOOKS) -> int | None:
    """The next of the ages at which a page first fetched at `first` is looked at; None past the last."""
    return next((first + age for age in looks if first + age > now), None)
