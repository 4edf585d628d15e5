"""Which outlets are due: an outlet is due when its first source or page is, or when it has never run.

A failing outlet waits first, and no two outlets on the same host run at the same time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, case, delete, func, select, true, union

from newscrawl.state.database import Database
from newscrawl.state.refetch_policy import DAY, WEEK, is_plausible, is_time_due, longest_page_wait
from newscrawl.state.runs import is_lease_current
from newscrawl.state.schema import leases, outlets, runs, sources, urls
from newscrawl.state.sources import AT_ONCE, SHORTEST_SECONDS, SourceConfig, first_source_due

FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 15 * 60, DAY
MAX_BACKOFF_DOUBLINGS = 7
_REASON_CHARS = 300
REVISIT_SLACK = 30 * 60
"Revisits are done along with other work; they start a run of their own after so long."
FIRST_RUNS_SHARE = 4
"Every so many turns a first run has precedence; outlets that have run have it in all other turns."
_RECENT_RUNS = 100


class Backoff(NamedTuple):
    """How the crawls of an outlet have failed."""

    failures: int
    "In a row."
    not_before: int
    reason: str


def record_failure(database: Database, outlet: str, reason: str, now: int) -> int:
    """Count a failed crawl of the outlet; gives the second before which no timer starts the next."""
    with database.writing() as connection:
        stored = select(outlets.c.failures).where(outlets.c.outlet == outlet)
        failures: int = connection.execute(stored).scalar() or 0
        doublings = min(failures, MAX_BACKOFF_DOUBLINGS)
        not_before: int = now + min(FIRST_BACKOFF_SECONDS * 2**doublings, LONGEST_BACKOFF_SECONDS)
        values = {"failures": failures + 1, "not_before": not_before, "reason": reason[:_REASON_CHARS]}
        statement = database.insert(outlets).values(outlet=outlet, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["outlet"], set_=values))
    return not_before


def record_success(database: Database, outlet: str) -> None:
    """Forget earlier failures, since a crawl has gone well."""
    database.repeat_while_away(lambda: _delete_backoff(database, outlet))


def _delete_backoff(database: Database, outlet: str) -> None:
    with database.writing() as connection:
        connection.execute(delete(outlets).where(outlets.c.outlet == outlet))


def read_backoffs(database: Database) -> dict[str, Backoff]:
    """All outlets whose last crawl failed."""
    with database.reading() as connection:
        return {row.outlet: _backoff(row) for row in connection.execute(select(outlets))}


def read_backoff(database: Database, outlet: str) -> Backoff | None:
    """That of an outlet; None if its last crawl went well."""
    with database.reading() as connection:
        row = connection.execute(select(outlets).where(outlets.c.outlet == outlet)).first()
    return _backoff(row) if row else None


def _backoff(row: Row[Any]) -> Backoff:
    return Backoff(row.failures, row.not_before or 0, row.reason or "")


def due_times(database: Database, configs: Mapping[str, SourceConfig], now: int) -> dict[str, int]:
    """Outlet to the second it is due, for those of these outlets that have rows.

    No outlet counts as due since before its last run began: an outlet with much to fetch must take turns.
    Times that only a wrong clock can have written count as due.
    """
    times = _due_times(database, configs, None, now)
    for outlet, backoff in read_backoffs(database).items():
        if outlet in configs and is_plausible(backoff.not_before, now, LONGEST_BACKOFF_SECONDS):
            times[outlet] = max(times.get(outlet, AT_ONCE), backoff.not_before)
    return times


def is_due(database: Database, outlet: str, config: SourceConfig, now: int) -> bool:
    """Whether a crawl of the outlet would have something to do, and may begin."""
    backoff = read_backoff(database, outlet)
    if backoff and not is_time_due(backoff.not_before, now, LONGEST_BACKOFF_SECONDS):
        return False
    return _due_times(database, {outlet: config}, outlet, now).get(outlet, AT_ONCE) <= now


def _due_times(
    database: Database, configs: Mapping[str, SourceConfig], outlet: str | None, now: int
) -> dict[str, int]:
    source_rows = select(
        sources.c.outlet,
        sources.c.url,
        sources.c.kind,
        sources.c.child_sources,
        sources.c.outlet_digest,
        sources.c.next_due,
        sources.c.retired_at,
    ).where(_matches(sources.c.outlet, outlet))
    page_due = case((urls.c.status == "done", urls.c.next_due + REVISIT_SLACK), else_=urls.c.next_due)
    first_pages = (
        select(urls.c.outlet, func.min(page_due), func.max(urls.c.next_due))
        .where(urls.c.next_due.is_not(None), urls.c.via > "", _matches(urls.c.outlet, outlet))
        .group_by(urls.c.outlet)
    )
    # The subquery costs a single index lookup per outlet.
    last_started = select(func.max(runs.c.started)).where(runs.c.outlet == sources.c.outlet).scalar_subquery()
    last_runs = (
        select(sources.c.outlet, last_started)
        .where(_matches(sources.c.outlet, outlet))
        .group_by(sources.c.outlet)
    )
    rows: dict[str, dict[str, Row[Any]]] = defaultdict(dict)
    with database.reading() as connection:
        source_row: Any
        for source_row in connection.execute(source_rows):
            rows[source_row.outlet][source_row.url] = source_row
        pages = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(first_pages)}
        started = {row[0]: int(row[1] or AT_ONCE) for row in connection.execute(last_runs)}
    due: dict[str, int] = {}
    for name in (rows.keys() | pages.keys()) & configs.keys():
        times = [first_source_due(configs[name], rows[name], now)]
        if name in pages:
            first_page, last_page = pages[name]
            longest = longest_page_wait(configs[name].revisit_ages)
            times.append(first_page if is_plausible(last_page, now, longest) else AT_ONCE)
        first = min((time for time in times if time is not None), default=AT_ONCE)
        due[name] = max(first, min(started.get(name, AT_ONCE), now))
    return due


def _matches(column: ColumnElement[str], outlet: str | None) -> ColumnElement[bool]:
    return true() if outlet is None else column == outlet


DueTimes = Callable[[int], Mapping[str, int]]


class Rotation:
    """Decides which outlet is next while several are crawled at a time, until nothing is due."""

    def __init__(self, hosts: Mapping[str, Collection[str]], due_times: DueTimes) -> None:
        """`hosts`: those each outlet is fetched from; `due_times`: of the outlets that have run."""
        self._hosts = hosts
        self._due_times = due_times
        self._running: dict[str, Collection[str]] = {}
        self._begun: dict[str, int] = {}
        self._turns = 0

    @property
    def is_any_running(self) -> bool:
        return bool(self._running)

    def next(self, now: int) -> str | None:
        """The outlet that has waited longest; outlets that have never run come last.

        A first run may be long, and what it finds has waited for years. None while every due outlet shares
        a host with a running crawl, or began within the quarter of an hour in which no source is read twice.
        """
        times = self._due_times(now)
        waiting = sorted((time, name) for name, time in times.items() if time <= now)
        due = [name for _, name in waiting if name in self._hosts]
        new = [name for name in self._hosts if name not in times]
        self._turns += 1
        candidates = due + new if self._turns % FIRST_RUNS_SHARE else new + due
        busy = {host for hosts in self._running.values() for host in hosts}
        chosen = next((name for name in candidates if self._may_begin(name, busy, now)), None)
        if chosen is not None:
            self._running[chosen] = self._hosts[chosen]
            self._begun[chosen] = now
        return chosen

    def release(self, outlet: str) -> None:
        """The crawl of the outlet has ended: others may use its hosts."""
        self._running.pop(outlet, None)

    def _may_begin(self, name: str, busy: Collection[str], now: int) -> bool:
        begun = self._begun.get(name)
        if name in self._running or (begun is not None and begun + SHORTEST_SECONDS > now):
            return False
        return not any(host in busy for host in self._hosts[name])


class OutletStatus(NamedTuple):
    """The state of an outlet, for people."""

    outlet: str
    last_run: int | None
    "When it began; like all times in seconds."
    last_reason: str | None
    "None while it is running."
    last_error: str | None
    next_due: int | None
    "The first of its sources and of its pages that is due."
    articles_day: int
    "Pages whose last text was written in the last 24 hours."
    articles_week: int
    waiting: int
    "Pages that are due."
    failed: int
    "Pages whose last fetch failed, within seven days."
    feeds_failing: int
    runs_failed: int
    "Runs since the last that finished."
    holder: str | None
    "Process that crawls it now."
    not_before: int | None
    "No timer starts it earlier, because its last crawls failed."
    sources_retired: int
    "Sources given up as dead."
    alarms: list[dict[str, str]]
    "Alarms that stand since its last measured run: name, level, detail."


def list_outlets(database: Database) -> list[str]:
    """Outlets that have run, or that another table names."""
    names = union(select(runs.c.outlet), select(sources.c.outlet), select(leases.c.outlet))
    with database.reading() as connection:
        return sorted(connection.execute(names).scalars())


def read_outlet_status(database: Database, outlet: str, now: int) -> OutletStatus:
    """Everything that `newscrawl status` shows of an outlet."""
    with database.reading() as connection:
        newest_runs = (
            select(runs).where(runs.c.outlet == outlet).order_by(runs.c.started.desc()).limit(_RECENT_RUNS)
        )
        recent = connection.execute(newest_runs).all()
        lease = connection.execute(select(leases).where(leases.c.outlet == outlet)).first()
        written = connection.execute(
            select(
                func.sum(case((urls.c.last_written_at > now - DAY, 1), else_=0)).label("day"),
                func.count().label("week"),
            ).where(urls.c.outlet == outlet, urls.c.last_written_at > now - WEEK)
        ).one()
        failed = connection.execute(
            select(func.count()).where(
                urls.c.outlet == outlet, urls.c.last_fetched_at > now - WEEK, urls.c.status == "failed"
            )
        ).scalar_one()
        source_counts = connection.execute(
            select(
                func.min(sources.c.next_due).label("next_due"),
                func.sum(case((sources.c.failures > 0, 1), else_=0)).label("failing"),
                func.count(sources.c.retired_at).label("retired"),
            ).where(sources.c.outlet == outlet)
        ).one()
        first_page = connection.execute(
            select(func.min(urls.c.next_due))
            .where(urls.c.outlet == outlet, urls.c.via > "")
            .where(urls.c.next_due.is_not(None))
        ).scalar()
        waiting = connection.execute(
            select(func.count()).where(urls.c.outlet == outlet, urls.c.via > "", urls.c.next_due <= now)
        ).scalar_one()
    last, backoff = recent[0] if recent else None, read_backoff(database, outlet)
    due = (first_page, source_counts.next_due)
    return OutletStatus(
        outlet=outlet,
        last_run=last.started if last else None,
        last_reason=last.reason if last else None,
        last_error=last.error if last else None,
        next_due=min((time for time in due if time is not None), default=None),
        articles_day=written.day or 0,
        articles_week=written.week,
        waiting=waiting,
        failed=failed,
        feeds_failing=source_counts.failing or 0,
        runs_failed=_count_failed_runs(recent),
        not_before=backoff.not_before if backoff else None,
        sources_retired=source_counts.retired,
        holder=f"{lease.host}:{lease.pid}" if lease and is_lease_current(lease.expires_at, now) else None,
        alarms=_standing_alarms(recent),
    )


def _count_failed_runs(newest_first: Sequence[Row[Any]]) -> int:
    """Runs since the last good run; a run that is running counts for nothing."""
    failed = 0
    for run in newest_first:
        if run.finished is None and run.reason is None:
            continue
        if run.reason in ("finished", "shutdown") and not run.error:
            break
        failed += 1
    return failed


def _standing_alarms(newest_first: Sequence[Row[Any]]) -> list[dict[str, str]]:
    """Those of the last run that stored any; a run that is running, or was killed, stores none."""
    stored = next((run.alarms for run in newest_first if run.alarms), None)
    alarms: list[dict[str, str]] = json.loads(stored)["standing"] if stored else []
    return alarms
