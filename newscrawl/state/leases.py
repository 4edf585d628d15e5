"""Leases: an outlet is crawled by one process at a time, on whichever machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Update, delete, select, update

from newscrawl.errors import Busy
from newscrawl.items import rfc3339
from newscrawl.state.database import Database
from newscrawl.state.rows import moment_of
from newscrawl.state.tables import leases

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
