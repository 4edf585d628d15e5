"""Which outlets are due: the first of their sources or pages is, or they have never run."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select, true

from newscrawl.state.database import Database
from newscrawl.state.tables import feeds, runs, urls

AT_ONCE = 0
"When an outlet is due of which neither source nor page is known."


def due_moments(database: Database) -> dict[str, int]:
    """Outlet to the second it is due, of all that state knows."""
    return _moments(database, None)


def is_due(database: Database, outlet: str, now: int) -> bool:
    """Whether a crawl of the outlet would have something to do."""
    return _moments(database, outlet).get(outlet, AT_ONCE) <= now


def _moments(database: Database, outlet: str | None) -> dict[str, int]:
    # A source that the last whole run did not ask is one that the outlet's file no longer names.
    whole = (
        select(runs.c.outlet, func.max(runs.c.started).label("started"))
        .where(runs.c.reason == "finished", _of(runs.c.outlet, outlet))
        .group_by(runs.c.outlet)
        .subquery()
    )
    of_sources = (
        select(feeds.c.outlet, func.min(feeds.c.next_due))
        .outerjoin(whole, whole.c.outlet == feeds.c.outlet)
        .where(feeds.c.looked >= func.coalesce(whole.c.started, 0), _of(feeds.c.outlet, outlet))
        .group_by(feeds.c.outlet)
    )
    of_pages = (
        select(urls.c.outlet, func.min(urls.c.next_due))
        .where(urls.c.next_due.is_not(None), urls.c.via > "", _of(urls.c.outlet, outlet))
        .group_by(urls.c.outlet)
    )
    found: dict[str, int] = {}
    with database.reading() as connection:
        for statement in (of_sources, of_pages):
            for name, moment in connection.execute(statement):
                found[name] = min(moment, found.get(name, moment))
    return found


def _of(column: ColumnElement[str], outlet: str | None) -> ColumnElement[bool]:
    return true() if outlet is None else column == outlet
