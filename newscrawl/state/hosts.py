"""What hosts have said of themselves: their robots.txt, and until when they want to be left alone.

Hosts are no outlet's own: several outlets may be served by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from newscrawl.state.database import Database
from newscrawl.state.schema import hosts

ROBOTS_SECONDS = 24 * 3600
"How long a robots.txt holds without being asked for again (RFC 9309, 2.4)."
PAUSE_SECONDS = 24 * 3600
"A host that asks to be left alone for longer is asked again all the same."


@dataclass(frozen=True, kw_only=True, slots=True)
class Robots:
    """A robots.txt as it was answered."""

    status: int
    body: bytes
    looked: int


class HostTable:
    """Rows of `hosts` by origin, which is scheme://host[:port]."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def robots(self, origin: str, now: int) -> Robots | None:
        """The robots.txt that holds; None when the host is to be asked."""
        row = self._row(origin)
        if row is None or row.robots_status is None or row.robots_looked is None:
            return None
        # One from the future was noted by a clock that has been set back since.
        is_young = now - ROBOTS_SECONDS < row.robots_looked <= now
        if not is_young or not is_answer(row.robots_status):
            return None
        return Robots(status=row.robots_status, body=bytes(row.robots or b""), looked=row.robots_looked)

    def tell_robots(
        self, origin: str, now: int, status: int | None, body: bytes = b"", crawl_delay: float | None = None
    ) -> None:
        """Note what came of asking for robots.txt; no status when the host could not be reached."""
        self._tell(origin, robots=body, robots_status=status, robots_looked=now, crawl_delay=crawl_delay)

    def paused(self, origin: str, now: int) -> int | None:
        """The second until which the host is left alone; None when it may be asked."""
        row = self._row(origin)
        return row.paused if row and row.paused and now < row.paused <= now + PAUSE_SECONDS else None

    def pause(self, origin: str, until: int) -> None:
        self._tell(origin, paused=until)

    def _row(self, origin: str) -> Row[Any] | None:
        with self._database.reading() as connection:
            return connection.execute(select(hosts).where(hosts.c.origin == origin)).first()

    def _tell(self, origin: str, **values: object) -> None:
        statement = self._database.insert(hosts).values(origin=origin, **values)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["origin"], set_=values))


def is_answer(status: int) -> bool:
    """Whether this status of a robots.txt says what is allowed.

    Errors of the server do not, and 429 asks to be left alone, which is no permission.
    """
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS


def origin_of_url(url: str) -> str:
    """scheme://host[:port] of an absolute URL."""
    scheme, _, rest = url.partition("://")
    authority = rest.replace("?", "/").replace("#", "/").partition("/")[0]
    return f"{scheme}://{authority.rpartition('@')[2]}".lower()


class KeptSignals(NamedTuple):
    """A row of `hosts`, as far as reservations go."""

    text: str | None
    "What was said, as it was told."
    looked: int | None
    "When its files were asked for."


class SignalTable:
    """The columns `signals` and `signals_looked` of `hosts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, origin: str) -> KeptSignals:
        statement = select(hosts.c.signals, hosts.c.signals_looked).where(hosts.c.origin == origin)
        with self._database.reading() as connection:
            row = connection.execute(statement).first()
        return KeptSignals(row.signals, row.signals_looked) if row else KeptSignals(None, None)

    def told(self, origin: str, text: str, looked: int | None) -> None:
        """Note what an origin says. `looked`: when its files were asked for, None if they were not."""
        values = {"signals": text, "signals_looked": looked}
        statement = self._database.insert(hosts).values(origin=origin, **values)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["origin"], set_=values))
