"""Runs of one outlet: when they began and how they ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, Row, Update, delete, insert, select, update

from newscrawl.errors import Busy
from newscrawl.items import rfc3339
from newscrawl.state.database import Database
from newscrawl.state.hosts import HostTable, SignalTable
from newscrawl.state.retry_policy import LOOKS
from newscrawl.state.rows import moment_of
from newscrawl.state.schema import leases, runs
from newscrawl.state.sources import FeedTable
from newscrawl.state.urls import PageTable

LEASE_SECONDS = 300
"A holder that has not renewed for so long is taken for dead."
RENEWED_SECONDS = 60
IsGone = Callable[["Holder", int], bool]
"Whether a holder that took its lease at this second has ended, as far as can be seen from here."


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A process."""

    host: str
    pid: int


class Lease:
    """One outlet's lease, as one process sees it; taking it again is renewing it."""

    def __init__(self, database: Database, outlet: str, holder: Holder) -> None:
        self._database = database
        self._outlet = outlet
        self._holder = holder

    def take(self, now: int, is_gone: IsGone) -> None:
        """Hold the lease; Busy when another process does that is not gone."""
        with self._database.writing() as connection:
            ours = self._database.insert(leases).values(outlet=self._outlet, **self._values(now))
            connection.execute(ours.on_conflict_do_nothing(index_elements=["outlet"]))
            row = self._row(connection)
            assert row, "it is there, ours or another's"
            other = Holder(host=row.host, pid=row.pid)
            if other != self._holder and row.until > now and not is_gone(other, row.taken):
                since = rfc3339(moment_of(row.taken))
                raise Busy(
                    f"{self._outlet} is being crawled by process {other.pid} on {other.host} since {since}"
                )
            connection.execute(self._own_update().values(**self._values(now)))

    def renew(self, now: int) -> bool:
        """Whether the lease is still ours; another may have it after a long stop."""
        with self._database.writing() as connection:
            ours = connection.execute(
                self._own_update()
                .where(leases.c.host == self._holder.host, leases.c.pid == self._holder.pid)
                .values(until=now + LEASE_SECONDS)
            )
            return bool(ours.rowcount)

    def release(self) -> None:
        """Give it back, if it is ours."""
        with self._database.writing() as connection:
            connection.execute(
                delete(leases).where(
                    leases.c.outlet == self._outlet,
                    leases.c.host == self._holder.host,
                    leases.c.pid == self._holder.pid,
                )
            )

    def holder(self) -> tuple[Holder, int, int] | None:
        """Who holds it, since when and until when."""
        with self._database.reading() as connection:
            row = self._row(connection, lock=False)
            return (Holder(host=row.host, pid=row.pid), row.taken, row.until) if row else None

    def drop(self) -> None:
        """Take it from whoever has it; for one who knows that its holder is gone."""
        with self._database.writing() as connection:
            connection.execute(delete(leases).where(leases.c.outlet == self._outlet))

    def _values(self, now: int) -> dict[str, object]:
        return {
            "host": self._holder.host,
            "pid": self._holder.pid,
            "taken": now,
            "until": now + LEASE_SECONDS,
        }

    def _own_update(self) -> Update:
        return update(leases).where(leases.c.outlet == self._outlet)

    def _row(self, connection: Connection, *, lock: bool = True) -> Row[tuple[object, ...]] | None:
        statement = select(leases).where(leases.c.outlet == self._outlet)
        return connection.execute(statement.with_for_update() if lock else statement).first()


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


@dataclass(frozen=True, kw_only=True)
class State:
    """An outlet's rows, seen by one process."""

    database: Database
    holder: Holder
    pages: PageTable
    feeds: FeedTable
    runs: RunTable
    hosts: HostTable
    signals: SignalTable
    lease: Lease

    @classmethod
    def open(cls, url: str, outlet: str, holder: Holder, looks: Sequence[int] = LOOKS) -> Self:
        """StateError when the database cannot be used."""
        return cls.of(Database.open(url), outlet, holder, looks)

    @classmethod
    def of(cls, database: Database, outlet: str, holder: Holder, looks: Sequence[int] = LOOKS) -> Self:
        """`looks`: ages at which its articles are looked at again."""
        return cls(
            database=database,
            holder=holder,
            pages=PageTable(database, outlet, looks),
            feeds=FeedTable(database, outlet),
            runs=RunTable(database, outlet),
            hosts=HostTable(database),
            signals=SignalTable(database),
            lease=Lease(database, outlet, holder),
        )

    def close(self) -> None:
        self.database.close()
