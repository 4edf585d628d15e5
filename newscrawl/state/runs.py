"""Runs of an outlet, the lease that lets a single process crawl it, and its whole state as one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

from sqlalchemy import Case, Connection, Delete, Row, Update, and_, case, delete, or_, select, update

from newscrawl.errors import Busy
from newscrawl.items import rfc3339
from newscrawl.state.database import Database, reconnecting
from newscrawl.state.encoding import from_epoch
from newscrawl.state.hosts import HostTable
from newscrawl.state.refetch_policy import CLOCK_TOLERANCE, DAY, REVISIT_AGES, is_time_due
from newscrawl.state.schema import leases, outlets, runs
from newscrawl.state.sources import SourceTable
from newscrawl.state.urls import UrlTable

LEASE_SECONDS = 300
"A holder that has not renewed its lease for so long counts as dead."
RENEW_SECONDS = 60
MAX_MEASURED_RUNS = 3000
"The runs of four weeks that start every quarter of an hour, and a few."
LONGEST_BACKOFF_SECONDS = DAY
"How long an outlet may be held back whose crawls fail."
LAST_RUNS = 20
"Runs of an outlet that stay in state however old they are."


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
        if self._acquire_free(values, now):
            return
        with self._database.writing() as connection:
            ours = self._database.insert(leases).values(outlet=self._outlet, **values)
            connection.execute(ours.on_conflict_do_nothing(index_elements=["outlet"]))
            row = self._row(connection)
            assert row, "the row is there, ours or another's"
            other = read_holder(row)
            is_current = is_lease_current(row.expires_at, now)
            if other != self._holder and is_current and not has_ended(other, row.acquired_at):
                since = rfc3339(from_epoch(row.acquired_at))
                raise Busy(
                    f"{self._outlet} is being crawled by process {other.pid} on {other.host} since {since}"
                )
            connection.execute(self._update().values(**values))

    def _acquire_free(self, values: dict[str, Any], now: int) -> bool:
        """Take a lease that nobody holds, is ours or has expired, in one statement; whether it was taken."""
        latest = now + LEASE_SECONDS + CLOCK_TOLERANCE
        is_ours = and_(*(leases.c[name] == value for name, value in asdict(self._holder).items()))
        has_expired = or_(leases.c.expires_at <= now, leases.c.expires_at > latest)
        statement = self._database.insert(leases).values(outlet=self._outlet, **values)
        statement = statement.on_conflict_do_update(
            index_elements=["outlet"], set_=values, where=or_(is_ours, has_expired)
        )
        with self._database.committing() as connection:
            return connection.execute(statement.returning(leases.c.outlet)).first() is not None

    @reconnecting
    def renew(self, now: int) -> bool:
        """Whether the lease is still ours; after a long stop another process may have it."""
        with self._database.committing() as connection:
            ours = self._update().filter_by(**asdict(self._holder))
            return bool(connection.execute(ours.values(expires_at=now + LEASE_SECONDS)).rowcount)

    @reconnecting
    def release(self) -> None:
        """Give the lease back if it is ours."""
        with self._database.committing() as connection:
            connection.execute(self.build_release())

    def build_release(self) -> Delete:
        """The statement that gives it back."""
        return delete(leases).filter_by(outlet=self._outlet, **asdict(self._holder))

    @reconnecting
    def read(self) -> HeldLease | None:
        """The lease as it stands, whoever holds it."""
        with self._database.reading() as connection:
            row = self._row(connection, lock=False)
        if row is None:
            return None
        return HeldLease(read_holder(row), row.acquired_at, row.expires_at)

    def drop(self) -> None:
        """Remove the lease, whoever holds it; for callers that know that its holder has ended."""
        with self._database.writing() as connection:
            connection.execute(delete(leases).where(leases.c.outlet == self._outlet))

    def _update(self) -> Update:
        return update(leases).where(leases.c.outlet == self._outlet)

    def _row(self, connection: Connection, *, lock: bool = True) -> Row[tuple[object, ...]] | None:
        statement = select(leases).where(leases.c.outlet == self._outlet)
        return connection.execute(statement.with_for_update() if lock else statement).first()


def read_holder(row: Any) -> Holder:
    """The holder in a row of `leases`."""
    return Holder(host=row.host, pid=row.pid, token=row.token, pid_namespace=row.pid_namespace)


class RunTable:
    """Rows of `runs` of one outlet."""

    def __init__(self, database: Database, outlet: str) -> None:
        self._database = database
        self._outlet = outlet

    @reconnecting
    def begin(self, run: str, holder: Holder, now: int) -> None:
        """Call this before the run finishes any page, so that its rows can be recognised later.

        The outlet is due until the run ends: if it is killed, the next run goes on, after those of others.
        """
        values = {"id": run, "outlet": self._outlet, "host": holder.host, "pid": holder.pid, "started": now}
        with self._database.committing() as connection:
            connection.execute(self._database.insert(runs).values(**values).on_conflict_do_nothing())
            statement = self._database.insert(outlets).values(outlet=self._outlet, failures=0, next_due=now)
            due = {"next_due": _not_before_hold(now, now)}
            connection.execute(statement.on_conflict_do_update(index_elements=["outlet"], set_=due))

    @reconnecting
    def end(self, run: str, now: int, **values: Any) -> None:
        """`values`: reason, pages, articles, error, figures, alarms.

        The time at which the outlet is due must be found again.
        """
        with self._database.writing() as connection:
            connection.execute(self.build_end(run, now, values))
            stale = update(outlets).where(outlets.c.outlet == self._outlet)
            connection.execute(stale.values(outlet_digest=None))

    def build_end(self, run: str, now: int | None, values: dict[str, Any]) -> Update:
        """The statement that ends a run, or without a time leaves it to be reconciled with its lines."""
        return update(runs).where(runs.c.id == run).values(**({"finished": now} if now else {}), **values)

    def build_removal(self, before: int) -> Delete:
        """The statement that removes runs which began before then and have ended, but for the last few."""
        newest = select(runs.c.id).where(runs.c.outlet == self._outlet)
        newest = newest.order_by(runs.c.started.desc()).limit(LAST_RUNS)
        return delete(runs).where(
            runs.c.outlet == self._outlet,
            runs.c.started < before,
            runs.c.finished.is_not(None),
            runs.c.id.not_in(newest),
        )

    @reconnecting
    def update(self, run: str, **values: Any) -> None:
        """New values of a run."""
        with self._database.committing() as connection:
            connection.execute(update(runs).where(runs.c.id == run).values(**values))

    @reconnecting
    def last_alarms(self) -> str | None:
        """The `alarms` of the last finished run that stored any."""
        statement = select(runs.c.alarms).where(
            runs.c.outlet == self._outlet, runs.c.finished.is_not(None), runs.c.alarms.is_not(None)
        )
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started.desc()).limit(1)).scalar()

    @reconnecting
    def unfinished(self) -> Sequence[Row[Any]]:
        """Runs that are running, and those that were killed or failed and are not yet reconciled."""
        statement = select(runs).where(runs.c.outlet == self._outlet, runs.c.finished.is_(None))
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started)).all()

    @reconnecting
    def measured(self, since: int, limit: int = MAX_MEASURED_RUNS) -> Sequence[Row[Any]]:
        """The last finished runs that began after `since`, oldest first: the next is compared with them."""
        # Columns are named because most of a row is not needed here.
        names = ("id", "started", "reason", "error", "figures", "alarms")
        statement = select(*(runs.c[name] for name in names))
        own = statement.where(runs.c.outlet == self._outlet, runs.c.started > since)
        ended = own.where(runs.c.finished.is_not(None)).order_by(runs.c.started.desc()).limit(limit)
        with self._database.reading() as connection:
            return connection.execute(ended).all()[::-1]

    @reconnecting
    def last(self) -> Row[Any] | None:
        statement = select(runs).where(runs.c.outlet == self._outlet)
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started.desc()).limit(1)).first()


def _not_before_hold(due: int, now: int) -> Case[Any]:
    """A due time, or the end of the outlet's hold after failures if that is later and may be waited for."""
    latest = now + LONGEST_BACKOFF_SECONDS + CLOCK_TOLERANCE
    is_held = and_(outlets.c.not_before > due, outlets.c.not_before <= latest)
    return case((is_held, outlets.c.not_before), else_=due)


class RunEnd(NamedTuple):
    """How a run ended."""

    run: str
    finished: int | None
    "None: it failed, and the next run reconciles its rows with its lines."
    values: dict[str, Any]
    "Reason, pages, articles, error."
    is_good: bool
    "Whether it ends the hold after earlier failures."
    next_due: int | None
    "When the outlet is due again; None if that must be found again."
    outlet_digest: str | None
    "Of the outlet file by which that was found."
    remove_before: int | None
    "Runs that began before then are removed."


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

    def end_run(self, end: RunEnd, now: int) -> None:
        """Store the end of a run, remove old runs and give the lease back, in one transaction."""
        self.database.repeat_while_away(lambda: self._end_run(end, now))

    def _end_run(self, end: RunEnd, now: int) -> None:
        due: dict[str, Any] = {"outlet_digest": None}
        if end.next_due is not None:
            next_due = end.next_due if end.is_good else _not_before_hold(end.next_due, now)
            due = {"next_due": next_due, "outlet_digest": end.outlet_digest}
        if end.is_good:
            due |= {"failures": 0, "not_before": None, "reason": None}
        with self.database.writing() as connection:
            connection.execute(self.runs.build_end(end.run, end.finished, end.values))
            if end.remove_before is not None:
                connection.execute(self.runs.build_removal(end.remove_before))
            connection.execute(update(outlets).where(outlets.c.outlet == self.urls.outlet).values(**due))
            connection.execute(self.lease.build_release())
