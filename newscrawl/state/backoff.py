"""Outlets whose crawls fail: no timer starts them for a while, longer with every failure in a row."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Row, delete, select

from newscrawl.state.database import Database
from newscrawl.state.tables import outlets

FIRST_SECONDS, LONGEST_SECONDS = 15 * 60, 24 * 3600
MAX_DOUBLINGS = 7
_REASON_CHARS = 300


class Backoff(NamedTuple):
    """How an outlet's crawls have failed."""

    failures: int
    "In a row."
    not_before: int
    reason: str


def note_failure(database: Database, outlet: str, reason: str, now: int) -> int:
    """Another crawl of the outlet has failed; the second before which no timer starts the next."""
    with database.writing() as connection:
        of_outlet = select(outlets.c.failures).where(outlets.c.outlet == outlet)
        known: int = connection.execute(of_outlet).scalar() or 0
        wait: int = min(FIRST_SECONDS * 2 ** min(known, MAX_DOUBLINGS), LONGEST_SECONDS)
        values = {"failures": known + 1, "not_before": now + wait, "reason": reason[:_REASON_CHARS]}
        statement = database.insert(outlets).values(outlet=outlet, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["outlet"], set_=values))
    return now + wait


def note_success(database: Database, outlet: str) -> None:
    """A crawl has gone well: what failed before is forgotten."""
    with database.writing() as connection:
        connection.execute(delete(outlets).where(outlets.c.outlet == outlet))


def backoffs(database: Database) -> dict[str, Backoff]:
    """All outlets whose last crawl failed."""
    with database.reading() as connection:
        return {row.outlet: _backoff(row) for row in connection.execute(select(outlets))}


def backoff_of(database: Database, outlet: str) -> Backoff | None:
    """That of one outlet; None where its last crawl went well."""
    with database.reading() as connection:
        row = connection.execute(select(outlets).where(outlets.c.outlet == outlet)).first()
    return _backoff(row) if row else None


def _backoff(row: Row[Any]) -> Backoff:
    return Backoff(row.failures, row.not_before or 0, row.reason or "")
