"""Runs of one outlet: when they began and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update

from newscrawl.state.database import Database
from newscrawl.state.leases import Holder
from newscrawl.state.tables import runs

MOST_MEASURED = 3000
"Runs of four weeks that begin every quarter of an hour, and a few."


class RunTable:
    """Rows of `runs`, an outlet's own."""

    def __init__(self, database: Database, outlet: str) -> None:
        self._database = database
        self._outlet = outlet

    def begin(self, run: str, holder: Holder, now: int) -> None:
        """Before the run ends any page: what it writes can then be told to be its own."""
        values = {"id": run, "outlet": self._outlet, "host": holder.host, "pid": holder.pid, "started": now}
        with self._database.writing() as connection:
            connection.execute(insert(runs).values(**values))

    def end(self, run: str, now: int, **how: Any) -> None:
        """`how`: reason, pages, articles, error, figures, alarms."""
        with self._database.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run).values(finished=now, **how))

    def note(self, run: str, **how: Any) -> None:
        """The same of a run that has failed: it stays unfinished until its lines are taken over."""
        with self._database.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run).values(**how))

    def unfinished(self) -> Sequence[Row[Any]]:
        """Runs at work, or killed or failed and not yet reconciled with their files."""
        statement = select(runs).where(runs.c.outlet == self._outlet, runs.c.finished.is_(None))
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started)).all()

    def measured(self, since: int) -> Sequence[Row[Any]]:
        """Runs that have ended and began after `since`, in their order: what the next is measured against."""
        # Named, because most of a row is what nobody asks for here.
        names = ("id", "started", "reason", "error", "figures", "alarms")
        statement = select(*(runs.c[name] for name in names))
        own = statement.where(runs.c.outlet == self._outlet, runs.c.started > since)
        ended = own.where(runs.c.finished.is_not(None)).order_by(runs.c.started.desc()).limit(MOST_MEASURED)
        with self._database.reading() as connection:
            return connection.execute(ended).all()[::-1]

    def last(self) -> Row[Any] | None:
        statement = select(runs).where(runs.c.outlet == self._outlet)
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started.desc()).limit(1)).first()
