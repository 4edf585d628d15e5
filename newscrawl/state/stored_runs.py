"""Which runs have ended, where, and with which pages: what a bucket is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, select

from newscrawl.state.database import Database, reconnecting
from newscrawl.state.schema import runs
from newscrawl.state.urls import batches


class StoredRuns:
    """Rows of `runs`, by what an archive in a bucket has to know of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @reconnecting
    def find_given_up(self, ids: Iterable[str]) -> set[str]:
        """Those of these runs that have ended without a page: whatever they wrote is fetched again."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for batch in batches(ids):
                statement = select(runs.c.id).where(
                    runs.c.id.in_(batch), runs.c.finished.is_not(None), runs.c.pages == 0
                )
                found.update(connection.execute(statement).scalars())
        return found

    @reconnecting
    def with_pages(self, outlet: str) -> Sequence[Row[Any]]:
        """The outlet's runs that have ended with pages, the oldest first."""
        statement = select(runs).where(
            runs.c.outlet == outlet, runs.c.finished.is_not(None), runs.c.pages > 0
        )
        with self._database.reading() as connection:
            return connection.execute(statement.order_by(runs.c.started)).all()

    @reconnecting
    def outlets_on(self, host: str) -> list[str]:
        """Outlets that were crawled on a host."""
        statement = select(runs.c.outlet).where(runs.c.host == host).distinct()
        with self._database.reading() as connection:
            return sorted(connection.execute(statement).scalars())
