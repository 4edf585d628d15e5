"""Which outlets are due: the first of their sources or pages is, or they have never run.

Not before a failing outlet has waited, and no two at a time of one host.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, case, delete, func, select, true, union

from newscrawl.state.database import Database
from newscrawl.state.retry_policy import HOUR
from newscrawl.state.schema import feeds, leases, outlets, runs, urls
from newscrawl.state.sources import AT_ONCE, SHORTEST_SECONDS, File, first_due

FIRST_SECONDS, LONGEST_SECONDS = 15 * 60, 24 * 3600
MAX_DOUBLINGS = 7
_REASON_CHARS = 300


class Backoff(NamedTuple):
    """How an outlet's crawls have failed."""

    failures: int
    "In a row."
    not_before: int
    reason: str


def note_failure(database: Database, outlet: str, reason: str, now: int) -> int:
    """Another crawl of the outlet has failed; the second before which no timer starts the next."""
    with database.writing() as connection:
        of_outlet = select(outlets.c.failures).where(outlets.c.outlet == outlet)
        known: int = connection.execute(of_outlet).scalar() or 0
        wait: int = min(FIRST_SECONDS * 2 ** min(known, MAX_DOUBLINGS), LONGEST_SECONDS)
        values = {"failures": known + 1, "not_before": now + wait, "reason": reason[:_REASON_CHARS]}
        statement = database.insert(outlets).values(outlet=outlet, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["outlet"], set_=values))
    return now + wait


def note_success(database: Database, outlet: str) -> None:
    """A crawl has gone well: what failed before is forgotten."""
    with database.writing() as connection:
        connection.execute(delete(outlets).where(outlets.c.outlet == outlet))


def backoffs(database: Database) -> dict[str, Backoff]:
    """All outlets whose last crawl failed."""
    with database.reading() as connection:
        return {row.outlet: _backoff(row) for row in connection.execute(select(outlets))}


def backoff_of(database: Database, outlet: str) -> Backoff | None:
    """That of one outlet; None where its last crawl went well."""
    with database.reading() as connection:
        row = connection.execute(select(outlets).where(outlets.c.outlet == outlet)).first()
    return _backoff(row) if row else None


def _backoff(row: Row[Any]) -> Backoff:
    return Backoff(row.failures, row.not_before or 0, row.reason or "")


Moments = Callable[[int], Mapping[str, int]]
LOOKS_WAIT = 30 * 60
"Looks at known pages are done along with other work; they begin a run of their own after so long."
FIRST_RUNS_SHARE = 4
"One of so many turns is a first run's, where outlets that have run take all the others."


def due_moments(database: Database, files: Mapping[str, File]) -> dict[str, int]:
    """Outlet to the second it is due, of those files that state knows anything of.

    None since before its last run began: who has much to fetch has its turn like all the others.
    """
    found = _moments(database, files, None)
    for outlet, backoff in backoffs(database).items():
        if outlet in files:
            found[outlet] = max(found.get(outlet, AT_ONCE), backoff.not_before)
    return found


def is_due(database: Database, outlet: str, file: File, now: int) -> bool:
    """Whether a crawl of the outlet would have something to do, and may begin."""
    backoff = backoff_of(database, outlet)
    if backoff and backoff.not_before > now:
        return False
    return _moments(database, {outlet: file}, outlet).get(outlet, AT_ONCE) <= now


class Turns:
    """Whose turn it is, for those who crawl several outlets at a time until nothing is due."""

    def __init__(self, hosts: Mapping[str, Collection[str]], moments: Moments) -> None:
        """`hosts`: those each outlet is asked on; `moments`: when those are due that have run."""
        self._hosts = hosts
        self._moments = moments
        self._at_work: dict[str, Collection[str]] = {}
        self._begun: dict[str, int] = {}
        self._given = 0

    @property
    def is_any_at_work(self) -> bool:
        return bool(self._at_work)

    def next(self, now: int) -> str | None:
        """The outlet whose turn it is: the one that has waited longest, those that have never run last.

        A first run may be long, and what it finds has waited for years. None while all that is due has a
        host at work, or was begun within the quarter of an hour in which no source is asked twice.
        """
        moments = self._moments(now)
        known = sorted((moment, name) for name, moment in moments.items() if moment <= now)
        due = [name for _, name in known if name in self._hosts]
        new = [name for name in self._hosts if name not in moments]
        self._given += 1
        ready = due + new if self._given % FIRST_RUNS_SHARE else new + due
        busy = {host for hosts in self._at_work.values() for host in hosts}
        turn = next((name for name in ready if self._may_begin(name, busy, now)), None)
        if turn is not None:
            self._at_work[turn] = self._hosts[turn]
            self._begun[turn] = now
        return turn

    def ended(self, outlet: str) -> None:
        """Its hosts may be asked by others."""
        self._at_work.pop(outlet, None)

    def _may_begin(self, name: str, busy: Collection[str], now: int) -> bool:
        begun = self._begun.get(name)
        if name in self._at_work or (begun is not None and begun + SHORTEST_SECONDS > now):
            return False
        return not any(host in busy for host in self._hosts[name])


def _moments(database: Database, files: Mapping[str, File], outlet: str | None) -> dict[str, int]:
    of_sources = select(
        feeds.c.outlet,
        feeds.c.url,
        feeds.c.kind,
        feeds.c.more,
        feeds.c.outlet_hash,
        feeds.c.next_due,
        feeds.c.retired,
    ).where(_of(feeds.c.outlet, outlet))
    moment = case((urls.c.status == "done", urls.c.next_due + LOOKS_WAIT), else_=urls.c.next_due)
    of_pages = (
        select(urls.c.outlet, func.min(moment))
        .where(urls.c.next_due.is_not(None), urls.c.via > "", _of(urls.c.outlet, outlet))
        .group_by(urls.c.outlet)
    )
    # One look into the index for each outlet.
    began = select(func.max(runs.c.started)).where(runs.c.outlet == feeds.c.outlet).scalar_subquery()
    of_runs = select(feeds.c.outlet, began).where(_of(feeds.c.outlet, outlet)).group_by(feeds.c.outlet)
    rows: dict[str, dict[str, Row[Any]]] = defaultdict(dict)
    with database.reading() as connection:
        known: Iterable[Any] = connection.execute(of_sources)
        for row in known:
            rows[row.outlet][row.url] = row
        pages = {row[0]: int(row[1]) for row in connection.execute(of_pages)}
        last = {row[0]: int(row[1] or AT_ONCE) for row in connection.execute(of_runs)}
    found: dict[str, int] = {}
    for name in (rows.keys() | pages.keys()) & files.keys():
        moments = (first_due(files[name], rows[name]), pages.get(name))
        first = min((moment for moment in moments if moment is not None), default=AT_ONCE)
        found[name] = max(first, last.get(name, AT_ONCE))
    return found


def _of(column: ColumnElement[str], outlet: str | None) -> ColumnElement[bool]:
    return true() if outlet is None else column == outlet


DAY, WEEK = 24 * HOUR, 7 * 24 * HOUR


class Standing(NamedTuple):
    """How one outlet stands."""

    outlet: str
    last_run: int | None
    "When it began, like all times in seconds."
    last_reason: str | None
    "None while it is at work."
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
    "Until then no timer starts it, for its last crawls failed."
    sources_retired: int
    "Sources given up as dead."
    alarms: list[dict[str, str]]
    "What is wrong since its last measured run: name, level, detail."


def outlets_of(database: Database) -> list[str]:
    """Outlets that have run, or that another table knows."""
    named = union(select(runs.c.outlet), select(feeds.c.outlet), select(leases.c.outlet))
    with database.reading() as connection:
        return sorted(connection.execute(named).scalars())


def standing_of(database: Database, outlet: str, now: int) -> Standing:
    """All that `newscrawl status` shows of an outlet."""
    with database.reading() as connection:
        of_outlet = select(runs).where(runs.c.outlet == outlet).order_by(runs.c.started.desc()).limit(100)
        its_runs = connection.execute(of_outlet).all()
        lease = connection.execute(select(leases).where(leases.c.outlet == outlet)).first()
        written = connection.execute(_written(outlet, now)).one()
        failed = connection.execute(
            select(func.count()).where(
                urls.c.outlet == outlet, urls.c.looked > now - WEEK, urls.c.status == "failed"
            )
        ).scalar_one()
        sources = connection.execute(
            select(
                func.min(feeds.c.next_due).label("next_due"),
                func.sum(case((feeds.c.failures > 0, 1), else_=0)).label("failing"),
                func.count(feeds.c.retired).label("retired"),
            ).where(feeds.c.outlet == outlet)
        ).one()
        due = [
            connection.execute(
                select(func.min(urls.c.next_due))
                .where(urls.c.outlet == outlet, urls.c.via > "")
                .where(urls.c.next_due.is_not(None))
            ).scalar(),
            sources.next_due,
        ]
        waiting = connection.execute(
            select(func.count()).where(urls.c.outlet == outlet, urls.c.via > "", urls.c.next_due <= now)
        ).scalar_one()
    last, backoff = its_runs[0] if its_runs else None, backoff_of(database, outlet)
    return Standing(
        outlet=outlet,
        last_run=last.started if last else None,
        last_reason=last.reason if last else None,
        last_error=last.error if last else None,
        next_due=min((moment for moment in due if moment is not None), default=None),
        articles_day=written.day or 0,
        articles_week=written.week,
        waiting=waiting,
        failed=failed,
        feeds_failing=sources.failing or 0,
        runs_failed=_failed_in_a_row(its_runs),
        not_before=backoff.not_before if backoff else None,
        sources_retired=sources.retired,
        holder=f"{lease.host}:{lease.pid}" if lease and lease.until > now else None,
        alarms=_alarms(its_runs),
    )


def _written(outlet: str, now: int) -> Any:
    return select(
        func.sum(case((urls.c.written > now - DAY, 1), else_=0)).label("day"), func.count().label("week")
    ).where(urls.c.outlet == outlet, urls.c.written > now - WEEK)


def _failed_in_a_row(newest_first: list[Row[Any]] | Any) -> int:
    """Runs up to the last good one; a run that is at work counts for nothing."""
    failed = 0
    for run in newest_first:
        if run.finished is None and run.reason is None:
            continue
        if run.reason in ("finished", "shutdown") and not run.error:
            break
        failed += 1
    return failed


def _alarms(newest_first: list[Row[Any]] | Any) -> list[dict[str, str]]:
    """Of the last run that left any: one that is at work, or was killed, says nothing of them."""
    kept = next((run.alarms for run in newest_first if run.alarms), None)
    standing: list[dict[str, str]] = json.loads(kept)["standing"] if kept else []
    return standing
