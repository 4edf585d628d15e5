"""How outlets are doing, for people: a few statements for all of them together."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, ScalarSelect, Select, case, func, or_, select, union

from newscrawl.state.database import Database
from newscrawl.state.refetch_policy import DAY, WEEK
from newscrawl.state.runs import is_lease_current
from newscrawl.state.schema import leases, outlets, runs, sources, urls

GOOD_REASONS = ("finished", "shutdown")
"How a run ended that did what it was to do, or was stopped by whoever started it."


class OutletStatus(NamedTuple):
    """The state of an outlet."""

    outlet: str
    last_run: int | None
    "When it began; like all times in seconds."
    last_reason: str | None
    "None while it is running."
    last_error: str | None
    next_due: int | None
    "When its first source or page is due; None where no command has needed to know since its last run."
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
    names = union(select(outlets.c.outlet), select(sources.c.outlet), select(leases.c.outlet))
    with database.reading() as connection:
        return sorted(connection.execute(names).scalars())


def read_statuses(
    database: Database, now: int, names: Collection[str] | None = None
) -> dict[str, OutletStatus]:
    """The status of these outlets, or of all, in the order of their names."""
    wanted = list_outlets(database) if names is None else sorted(set(names))
    with database.reading() as connection:
        reader = _StatusReader(database, connection, now, None if names is None else wanted)
        last, backoffs, alarms, failed_runs = reader.last_runs(), reader.outlets(), reader.alarms(), {}
        bad = [name for name, run in last.items() if not _is_good(run)]
        if bad:
            failed_runs = reader.failed_runs(bad)
        held, written, failed = reader.leases(), reader.written(), reader.failed()
        counts, waiting = reader.sources(), reader.waiting()
    statuses = {}
    for name in wanted:
        run, lease, row = last.get(name), held.get(name), backoffs.get(name)
        day, week = written.get(name, (0, 0))
        first_source, failing, retired = counts.get(name, (None, 0, 0))
        due = row.next_due if row and row.next_due is not None else first_source
        statuses[name] = OutletStatus(
            outlet=name,
            last_run=run.started if run else None,
            last_reason=run.reason if run else None,
            last_error=run.error if run else None,
            next_due=due,
            articles_day=day,
            articles_week=week,
            waiting=waiting.get(name, 0),
            failed=failed.get(name, 0),
            feeds_failing=failing,
            runs_failed=failed_runs.get(name, 0),
            holder=f"{lease.host}:{lease.pid}" if lease and is_lease_current(lease.expires_at, now) else None,
            not_before=row.not_before if row else None,
            sources_retired=retired,
            alarms=json.loads(alarms[name])["standing"] if name in alarms else [],
        )
    return statuses


def _is_good(run: Row[Any]) -> bool:
    return run.reason in GOOD_REASONS and not run.error


class _StatusReader:
    """One statement a method, for some outlets or for all."""

    def __init__(self, database: Database, connection: Connection, now: int, names: list[str] | None) -> None:
        self._database = database
        self._connection = connection
        self._now = now
        self._names = names

    def _rows(self, statement: Select[Any], column: Any) -> Iterable[Any]:
        if self._names is not None:
            statement = statement.where(self._database.is_among(column, self._names))
        return self._connection.execute(statement).all()

    def outlets(self) -> dict[str, Row[Any]]:
        columns = (outlets.c.outlet, outlets.c.next_due, outlets.c.not_before)
        return {row.outlet: row for row in self._rows(select(*columns), outlets.c.outlet)}

    def leases(self) -> dict[str, Row[Any]]:
        return {row.outlet: row for row in self._rows(select(leases), leases.c.outlet)}

    def last_runs(self) -> dict[str, Row[Any]]:
        newest = _newest_run(runs.alias("newest"))
        columns = (runs.c.outlet, runs.c.started, runs.c.reason, runs.c.error)
        statement = select(*columns).join(outlets, outlets.c.outlet == runs.c.outlet)
        rows = self._rows(statement.where(runs.c.id == newest), outlets.c.outlet)
        return {row.outlet: row for row in rows}

    def alarms(self) -> dict[str, str]:
        """Those of the last run that stored any; a run that is running, or was killed, stores none."""
        newest = runs.alias("newest")
        with_alarms = _newest_run(newest, newest.c.alarms.is_not(None))
        statement = select(runs.c.outlet, runs.c.alarms).join(outlets, outlets.c.outlet == runs.c.outlet)
        rows = self._rows(statement.where(runs.c.id == with_alarms), outlets.c.outlet)
        return {row.outlet: row.alarms for row in rows}

    def failed_runs(self, names: list[str]) -> dict[str, int]:
        """Runs since the last good run; a run that is running counts for nothing."""
        good = runs.alias("good")
        is_good = (good.c.reason.in_(GOOD_REASONS), func.coalesce(good.c.error, "") == "")
        last_good = (
            select(func.max(good.c.started)).where(good.c.outlet == runs.c.outlet, *is_good).scalar_subquery()
        )
        statement = (
            select(runs.c.outlet, func.count())
            .where(self._database.is_among(runs.c.outlet, names))
            .where(or_(runs.c.finished.is_not(None), runs.c.reason.is_not(None)))
            .where(runs.c.started > func.coalesce(last_good, -1))
            .group_by(runs.c.outlet)
        )
        return {name: int(count) for name, count in self._connection.execute(statement)}

    def written(self) -> dict[str, tuple[int, int]]:
        recent = func.sum(case((urls.c.last_written_at > self._now - DAY, 1), else_=0))
        statement = select(urls.c.outlet, recent, func.count()).group_by(urls.c.outlet)
        rows = self._rows(statement.where(urls.c.last_written_at > self._now - WEEK), urls.c.outlet)
        return {name: (int(day), int(week)) for name, day, week in rows}

    def failed(self) -> dict[str, int]:
        statement = select(urls.c.outlet, func.count()).group_by(urls.c.outlet)
        statement = statement.where(urls.c.status == "failed", urls.c.last_fetched_at > self._now - WEEK)
        return {name: int(count) for name, count in self._rows(statement, urls.c.outlet)}

    def sources(self) -> dict[str, tuple[int, int, int]]:
        failing = func.sum(case((sources.c.failures > 0, 1), else_=0))
        retired = func.count(sources.c.retired_at)
        statement = select(sources.c.outlet, func.min(sources.c.next_due), failing, retired)
        rows = self._rows(statement.group_by(sources.c.outlet), sources.c.outlet)
        return {name: (int(due), int(failed), int(dead)) for name, due, failed, dead in rows}

    def waiting(self) -> dict[str, int]:
        # So that the index alone answers.
        statement = select(urls.c.outlet, func.count()).where(urls.c.via > "", urls.c.next_due <= self._now)
        rows = self._rows(statement.group_by(urls.c.outlet), urls.c.outlet)
        return {name: int(count) for name, count in rows}


def _newest_run(newest: Any, *conditions: Any) -> ScalarSelect[Any]:
    """Id of the newest run of an outlet, which costs one lookup in the index for each outlet."""
    statement = select(newest.c.id).where(newest.c.outlet == outlets.c.outlet, *conditions)
    return statement.order_by(newest.c.started.desc()).limit(1).correlate(outlets).scalar_subquery()
