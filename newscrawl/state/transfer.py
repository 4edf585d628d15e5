"""Copies a state database into another, empty one, whatever kind each of them is."""

from __future__ import annotations

from sqlalchemy import func, select

from newscrawl.errors import StateError
from newscrawl.state.database import Database
from newscrawl.state.runs import is_lease_current
from newscrawl.state.schema import advance_sequence, leases, metadata, schema_version
from newscrawl.state.urls import BATCH

_NOT_COPIED = {schema_version.name, leases.name}
"The version is the target's own; a lease belongs to a process."


def copy_database(source: Database, target: Database, now: int) -> dict[str, int]:
    """Rows copied per table, all of them or none; StateError when the source is in use."""
    with source.reading() as connection:
        rows = connection.execute(select(leases).order_by(leases.c.outlet))
        outlets = [row.outlet for row in rows if is_lease_current(row.expires_at, now)]
    if outlets:
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
            advance_sequence(writing, table)
    return copied
