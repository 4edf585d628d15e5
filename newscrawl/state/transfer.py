"""State copied into another, empty database: the same rows, whatever kind of database each of them is."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select

from newscrawl.errors import StateError
from newscrawl.state.database import Database
from newscrawl.state.schema import leases, metadata, schema

BATCH = 1000
_NOT_COPIED = {schema.name, leases.name}
"The version is the target's own; a lease is of who crawls, not of what is known."


def copy_state(source: Database, target: Database, now: int) -> dict[str, int]:
    """Rows copied of each table, all of them or none; StateError when either side is in use."""
    if held := _held(source, now):
        raise StateError(f"state {source.name} is in use: {', '.join(held)} being crawled")
    copied: dict[str, int] = {}
    with source.reading() as reading, target.writing() as writing:
        for table in _tables():
            if writing.execute(select(func.count()).select_from(table)).scalar_one():
                raise StateError(f"state {target.name} is not empty: {table.name} has rows")
            rows = reading.execute(select(table).order_by(*table.primary_key.columns))
            copied[table.name] = 0
            for batch in rows.mappings().partitions(BATCH):
                writing.execute(table.insert(), [dict(row) for row in batch])
                copied[table.name] += len(batch)
            _count_on(writing, table)
    return copied


def _count_on(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers rows by a counter of its own, which rows that bring their number do not move."""
    numbered = [column.name for column in table.columns if column.autoincrement is True]
    if connection.dialect.name != "postgresql" or not numbered:
        return
    (name,) = numbered
    highest = connection.execute(select(func.max(table.c[name]))).scalar()
    if highest is not None:
        counter = func.pg_get_serial_sequence(table.name, name)
        connection.execute(select(func.setval(counter, highest)))


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in _NOT_COPIED]


def _held(database: Database, now: int) -> list[str]:
    with database.reading() as connection:
        held = select(leases.c.outlet).where(leases.c.until > now).order_by(leases.c.outlet)
        return list(connection.execute(held).scalars())
