"""What is remembered of hosts: their robots.txt, how long they want to be left alone, their reservations.

Hosts belong to no single outlet: several outlets may share a host.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from newscrawl.state.database import Database, reconnecting
from newscrawl.state.schema import hosts

ROBOTS_SECONDS = 24 * 3600
"How long a robots.txt may be used before it is fetched again (RFC 9309, 2.4)."
SAME_MOMENT = 2.0
"Seconds in which a row that was read may be used again."
MAX_PAUSE_SECONDS = 24 * 3600
"A host that asks for a longer pause is tried again after this time all the same."


@dataclass(frozen=True, kw_only=True, slots=True)
class Robots:
    """A robots.txt as the host sent it."""

    status: int
    body: bytes
    fetched_at: int


class StoredRights(NamedTuple):
    """What a host reserves for all its pages."""

    text: str | None
    "As the caller encoded it."
    fetched_at: int | None
    "When the host's files were fetched; None if never."


class HostTable:
    """Rows of `hosts` by origin, which is scheme://host[:port]."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._read: dict[str, tuple[float, Row[Any] | None]] = {}
        "Rows by origin, and when they were read: the first request to a host asks for its row several times."

    def robots(self, origin: str, now: int) -> Robots | None:
        """The robots.txt that still holds; None when it must be fetched."""
        row = self._row(origin)
        if row is None or row.robots_status is None or row.robots_fetched_at is None:
            return None
        # A time in the future was written by a clock that has been set back since.
        is_fresh = now - ROBOTS_SECONDS < row.robots_fetched_at <= now
        if not is_fresh or not is_conclusive_robots_status(row.robots_status):
            return None
        return Robots(
            status=row.robots_status, body=bytes(row.robots or b""), fetched_at=row.robots_fetched_at
        )

    def store_robots(
        self, origin: str, now: int, status: int | None, body: bytes = b"", crawl_delay: float | None = None
    ) -> None:
        """Store the answer to a request for robots.txt; no status when the host could not be reached."""
        self._store(origin, robots=body, robots_status=status, robots_fetched_at=now, crawl_delay=crawl_delay)

    def paused_until(self, origin: str, now: int) -> int | None:
        """The second until which the host is left alone; None when it may be crawled."""
        row = self._row(origin)
        until: int | None = row.paused_until if row else None
        return until if until and now < until <= now + MAX_PAUSE_SECONDS else None

    def pause(self, origin: str, until: int) -> None:
        self._store(origin, paused_until=until)

    def rights(self, origin: str) -> StoredRights:
        row = self._row(origin)
        return StoredRights(row.rights, row.rights_fetched_at) if row else StoredRights(None, None)

    def store_rights(self, origin: str, text: str, fetched_at: int | None) -> None:
        """Store what an origin reserves. `fetched_at`: None if its files were not fetched."""
        self._store(origin, rights=text, rights_fetched_at=fetched_at)

    def _row(self, origin: str) -> Row[Any] | None:
        read_at, row = self._read.get(origin, (-SAME_MOMENT, None))
        if self._clock() >= read_at + SAME_MOMENT:
            row = self._read_row(origin)
            self._read[origin] = self._clock(), row
        return row

    @reconnecting
    def _read_row(self, origin: str) -> Row[Any] | None:
        with self._database.reading() as connection:
            return connection.execute(select(hosts).where(hosts.c.origin == origin)).first()

    @reconnecting
    def _store(self, origin: str, **values: object) -> None:
        self._read.pop(origin, None)
        statement = self._database.insert(hosts).values(origin=origin, **values)
        with self._database.committing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["origin"], set_=values))


def is_conclusive_robots_status(status: int) -> bool:
    """Whether a response with this status decides what may be fetched.

    Server errors do not, and 429 asks for a pause, which is no permission.
    """
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS


def url_origin(url: str) -> str:
    """scheme://host[:port] of an absolute URL."""
    scheme, _, rest = url.partition("://")
    authority = rest.replace("?", "/").replace("#", "/").partition("/")[0]
    return f"{scheme}://{authority.rpartition('@')[2]}".lower()
