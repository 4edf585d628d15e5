"""Copies a state database into another, empty one, whatever kind each of them is."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select

from newscrawl.errors import StateError
from newscrawl.state.database import Database
from newscrawl.state.schema import leases, metadata, schema_version
from newscrawl.state.urls import BATCH

_NOT_COPIED = {schema_version.name, leases.name}
"The version is the target's own; a lease belongs to a process."


def copy_database(source: Database, target: Database, now: int) -> dict[str, int]:
    """Rows copied per table, all of them or none; StateError when the source is in use."""
    if outlets := _leased_outlets(source, now):
        raise StateError(f"state {source.name} is in use: {', '.join(outlets)} being crawled")
    copied: dict[str, int] = {}
    with source.reading() as reading, target.writing() as writing:
        for table in metadata.sorted_tables:
            if table.name in _NOT_COPIED:
                continue
            if writing.execute(select(func.count()).select_from(table)).scalar_one():
                raise StateError(f"state {target.name} is not empty: {table.name} has rows")
            rows = reading.execute(select(table).order_by(*table.primary_key.columns))
            copied[table.name] = 0
            for batch in rows.mappings().partitions(BATCH):
                writing.execute(table.insert(), [dict(row) for row in batch])
                copied[table.name] += len(batch)
            _advance_sequence(writing, table)
    return copied


def _advance_sequence(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers rows by a sequence, which rows that bring their number do not advance."""
    numbered = [column.name for column in table.columns if column.autoincrement is True]
    if connection.dialect.name != "postgresql" or not numbered:
        return
    (name,) = numbered
    highest = connection.execute(select(func.max(table.c[name]))).scalar()
    if highest is not None:
        sequence = func.pg_get_serial_sequence(table.name, name)
        connection.execute(select(func.setval(sequence, highest)))


def _leased_outlets(database: Database, now: int) -> list[str]:
    with database.reading() as connection:
        held = select(leases.c.outlet).where(leases.c.expires_at > now).order_by(leases.c.outlet)
        return list(connection.execute(held).scalars())
