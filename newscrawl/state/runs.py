"""Runs of an outlet, the lease that lets a single process crawl it, and its whole state as one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Row, Update, delete, select, update

from newscrawl.errors import Busy
from newscrawl.items import rfc3339
from newscrawl.state.database import Database, reconnecting
from newscrawl.state.encoding import from_epoch
from newscrawl.state.hosts import HostTable
from newscrawl.state.refetch_policy import REVISIT_AGES, is_time_due
from newscrawl.state.schema import leases, runs
from newscrawl.state.sources import SourceTable
from newscrawl.state.urls import UrlTable

LEASE_SECONDS = 300
"A holder that has not renewed its lease for so long counts as dead."
RENEW_SECONDS = 60
MAX_MEASURED_RUNS = 3000
"The runs of four weeks that start every quarter of an hour, and a few."


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A process that may hold a lease."""

    host: str
    pid: int
    token: str = ""
    "Random: containers may share host name and pid."
    pid_namespace: str = ""
    "Boot id and PID namespace in which `pid` names this process; empty if unknown."


HasEnded = Callable[[Holder, int], bool]
"Whether a holder that acquired its lease at this second has ended, as far as this process can tell."


class HeldLease(NamedTuple):
    """A row of `leases`."""

    holder: Holder
    acquired_at: int
    expires_at: int


def is_lease_current(expires_at: int, now: int) -> bool:
    """Whether a lease that is renewed until then still holds."""
    return not is_time_due(expires_at, now, LEASE_SECONDS)


class Lease:
    """The lease of an outlet as seen by a process; acquiring it again renews it."""

    def __init__(self, database: Database, outlet: str, holder: Holder) -> None:
        self._database = database
        self._outlet = outlet
        self._holder = holder

    @reconnecting
    def acquire(self, now: int, has_ended: HasEnded) -> None:
        """Hold the lease; Busy when another process holds it and has not ended."""
        values = {**asdict(self._holder), "acquired_at": now, "expires_at": now + LEASE_SECONDS}
        with self._database.writing() as connection:
            ours = self._database.insert(leases).values(outlet=self._outlet, **values)
            connection.execute(ours.on_conflict_do_nothing(index_elements=["outlet"]))
            row = self._row(connection)
            assert row, "the row is there, ours or another's"
            other = _read_holder(row)
            is_current = is_lease_current(row.expires_at, now)
            if other != self._holder and is_current and not has_ended(other, row.acquired_at):
                since = rfc3339(from_epoch(row.acquired_at))
                raise Busy(
                    f"{self._outlet} is being crawled by process {other.pid} on {other.host} since {since}"
                )
            connection.execute(self._update().values(**values))

    @reconnecting
    def renew(self, now: int) -> bool:
        """Whether the lease is still ours; after a long stop another process may have it."""
        with self._database.writing() as connection:
            ours = self._update().filter_by(**asdict(self._holder))
            return bool(connection.execute(ours.values(expires_at=now + LEASE_SECONDS)).rowcount)

    @reconnecting
    def release(self) -> None:
        """Give the lease back if it is ours."""
        with self._database.writing() as connection:
            connection.execute(delete(leases).filter_by(outlet=self._outlet, **asdict(self._holder)))

    @reconnecting
    def read(self) -> HeldLease | None:
        """The lease as it stands, whoever holds it."""
        with self._database.reading() as connection:
            row = self._row(connection, lock=False)
        if row is None:
            return None
        return HeldLease(_read_holder(row), row.acquired_at, row.expires_at)

    def drop(self) -> None:
        """Remove the lease, whoever holds it; for callers that know that its holder has ended."""
        with self._database.writing() as connection:
            connection.execute(delete(leases).where(leases.c.outlet == self._outlet))

    def _update(self) -> Update:
        return update(leases).where(leases.c.outlet == self._outlet)

    def _row(self, connection: Connection, *, lock: bool = True) -> Row[tuple[object, ...]] | None:
        statement = select(leases).where(leases.c.outlet == self._outlet)
        return connection.execute(statement.with_for_update() if lock else statement).first()


def _read_holder(row: Row[Any]) -> Holder:
    return Holder(host=row.host, pid=row.pid, token=row.token, pid_namespace=row.pid_namespace)


class RunTable:
    """Rows of `runs` of one outlet."""

    def __init__(self, database: Database, outlet: str) -> None:
        self._database = database
        self._outlet = outlet

    @reconnecting
    def begin(self, run: str, holder: Holder, now: int) -> None:
        """Call this before the run finishes any page, so that its rows can be recognised later."""
        values = {"id": run, "outlet": self._outlet, "host": holder.host, "pid": holder.pid, "started": now}
        with self._database.writing() as connection:
            connection.execute(self._database.insert(runs).values(**values).on_conflict_do_nothing())

    def end(self, run: str, now: int, **values: Any) -> None:
        """`values`: reason, pages, articles, error, figures, alarms."""
        self.update(run, finished=now, **values)

    @reconnecting
    def update(self, run: str, **values: Any) -> None:
        """The same for a run that failed: it stays unfinished until it is reconciled with its lines."""
        with self._database.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run).values(**values))

    @reconnecting
    def unfinished(self) -> Sequence[Row[Any]]:
        """Runs that are running, and those that were killed or failed and are not yet reconciled."""
        statement = select(runs).where(runs.c.outlet == self._outlet, runs.c.finished.is_(None))
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started)).all()

    @reconnecting
    def measured(self, since: int) -> Sequence[Row[Any]]:
        """Finished runs that began after `since`, oldest first: the next run is compared with them."""
        # Columns are named because most of a row is not needed here.
        names = ("id", "started", "reason", "error", "figures", "alarms")
        statement = select(*(runs.c[name] for name in names))
        own = statement.where(runs.c.outlet == self._outlet, runs.c.started > since)
        ended = (
            own.where(runs.c.finished.is_not(None)).order_by(runs.c.started.desc()).limit(MAX_MEASURED_RUNS)
        )
        with self._database.reading() as connection:
            return connection.execute(ended).all()[::-1]

    @reconnecting
    def last(self) -> Row[Any] | None:
        statement = select(runs).where(runs.c.outlet == self._outlet)
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started.desc()).limit(1)).first()


@dataclass(frozen=True, kw_only=True)
class State:
    """The rows of an outlet, for one process."""

    database: Database
    holder: Holder
    urls: UrlTable
    sources: SourceTable
    runs: RunTable
    hosts: HostTable
    lease: Lease

    @classmethod
    def open(cls, url: str, outlet: str, holder: Holder, revisit_ages: Sequence[int] = REVISIT_AGES) -> Self:
        """StateError when the database cannot be used."""
        return cls.on(Database.open(url), outlet, holder, revisit_ages)

    @classmethod
    def on(
        cls, database: Database, outlet: str, holder: Holder, revisit_ages: Sequence[int] = REVISIT_AGES
    ) -> Self:
        """`revisit_ages`: ages in seconds at which its articles are fetched again."""
        return cls(
            database=database,
            holder=holder,
            urls=UrlTable(database, outlet, revisit_ages),
            sources=SourceTable(database, outlet),
            runs=RunTable(database, outlet),
            hosts=HostTable(database),
            lease=Lease(database, outlet, holder),
        )

    def close(self) -> None:
        self.database.close()
