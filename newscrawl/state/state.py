"""The state of one outlet: its database, and the tables that are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from newscrawl.state.database import Database
from newscrawl.state.fates import LOOKS
from newscrawl.state.feeds import FeedTable
from newscrawl.state.hosts import HostTable
from newscrawl.state.leases import Holder, Lease
from newscrawl.state.pages import PageTable
from newscrawl.state.runs import RunTable
from newscrawl.state.signals import SignalTable


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
