"""What state knows of all outlets together."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy import Row, case, func, select, union

from newscrawl.state.backoff import backoff_of
from newscrawl.state.database import Database
from newscrawl.state.fates import HOUR
from newscrawl.state.tables import feeds, leases, runs, urls

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
