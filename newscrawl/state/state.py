"""The state of one outlet: its database, and the tables that are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from newscrawl.state.database import Database
from newscrawl.state.feeds import FeedTable
from newscrawl.state.leases import Holder, Lease
from newscrawl.state.pages import PageTable
from newscrawl.state.runs import RunTable


@dataclass(frozen=True, kw_only=True)
class State:
    """An outlet's rows, seen by one process."""

    database: Database
    holder: Holder
    pages: PageTable
    feeds: FeedTable
    runs: RunTable
    lease: Lease

    @classmethod
    def open(cls, url: str, outlet: str, holder: Holder) -> Self:
        """StateError when the database cannot be used."""
        return cls.of(Database.open(url), outlet, holder)

    @classmethod
    def of(cls, database: Database, outlet: str, holder: Holder) -> Self:
        return cls(
            database=database,
            holder=holder,
            pages=PageTable(database, outlet),
            feeds=FeedTable(database, outlet),
            runs=RunTable(database, outlet),
            lease=Lease(database, outlet, holder),
        )

    def close(self) -> None:
        self.database.close()
