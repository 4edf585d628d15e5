"""What a crawl remembers: the state of its outlet, or, in a replay, the plan of the run it repeats."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from newscrawl.archive.ended import ended_pages
from newscrawl.archive.owner import is_running
from newscrawl.archive.report import SUFFIX, Report, read_report
from newscrawl.archive.run import Run
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection
from newscrawl.state.agreement import link_of
from newscrawl.state.database import database_url
from newscrawl.state.fates import KILLS, LOOKS
from newscrawl.state.frontier import Frontier, MemoryFrontier, PlannedFrontier
from newscrawl.state.kept import KeptFrontier
from newscrawl.state.leases import Holder
from newscrawl.state.rows import seconds_of
from newscrawl.state.state import State

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

KNOWN = "known"
"Reason of a page whose article was archived from another page in an earlier run."
_OF_STATE = ("known", "resumed", "pending")
"Counts of a frontier that had more to choose from than the sources of its run, or chose among them."


def now() -> datetime:
    return datetime.now(UTC)


def holder() -> Holder:
    return Holder(host=socket.gethostname(), pid=os.getpid())


def held_state(outlet: str, settings: BaseSettings, looks: Sequence[int] = LOOKS) -> State | None:
    """The outlet's state under our lease, None in a replay; Busy when another process has the lease."""
    if settings.get("NEWSCRAWL_REPLAY"):
        return None
    archives = Path(settings["NEWSCRAWL_ARCHIVES"]).resolve()
    url = database_url(settings.get("NEWSCRAWL_STATE_URL"), archives)
    state = State.open(url, outlet, holder(), looks)
    try:
        state.lease.take(seconds_of(now()), is_gone)
    except BaseException:
        state.close()
        raise
    return state


def is_gone(other: Holder, taken: int) -> bool:
    """Whether a process has ended; of one on another host only its silence tells."""
    return other.host == socket.gethostname() and not is_running(other.pid, taken)


def frontier_of(state: State | None, run: Run) -> Frontier:
    """Of a live run the outlet's; of a replay what the recorded run took, where that is told."""
    if state:
        return KeptFrontier(state.pages, run.id, now)
    return planned(run) or MemoryFrontier()


def planned(run: Run) -> PlannedFrontier | None:
    """The plan of the run that is replayed, read off its lines.

    None for a run that began with nothing: there the sources say all, and a page that the archive lacks is
    worth an error. None as well when the run's report or lines are not beside its archive.
    """
    report = recorded_report(run)
    if (
        not report
        or not run.playback
        or not (asked_only_due(run) or any(report.frontier.get(name) for name in _OF_STATE))
    ):
        return None
    try:
        items = list(ended_pages(run.playback.recorded.folder, report.run))
    except ArchiveError:
        return None
    known = {
        item.warc.record_id: item.detail or ""
        for item in items
        if isinstance(item, Rejection) and item.reason == KNOWN and item.warc
    }
    unfetched = {item.url_requested: item.reason for item in items if _is_unfetched(item)}
    return PlannedFrontier(map(link_of, items), known, unfetched)


def _is_unfetched(item: Article | Rejection) -> TypeGuard[Rejection]:
    return isinstance(item, Rejection) and item.reason == KILLS


def asked_only_due(run: Run) -> bool:
    """Whether the run that is replayed asked those of its sources alone that were due."""
    report = recorded_report(run)
    return report is not None and report.settings.get("NEWSCRAWL_ONLY_DUE", "") in ("1", "True", "true")


def recorded_report(run: Run) -> Report | None:
    """That of the one run that is replayed; None when it is not beside its archive."""
    recorded = run.playback.recorded if run.playback else None
    if recorded is None or not recorded.run:
        return None
    try:
        return read_report(recorded.folder / f"{recorded.run}{SUFFIX}")
    except ArchiveError:
        return None
