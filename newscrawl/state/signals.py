"""What sites reserve for all their pages, by origin: one row for all outlets that meet it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from newscrawl.state.database import Database
from newscrawl.state.tables import hosts


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
