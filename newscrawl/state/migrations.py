"""From the tables that are there to those the code wants: created when new, migrated when older."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, insert, inspect, select, text, update

from newscrawl.errors import StateError
from newscrawl.state.tables import SCHEMA, copies, hosts, metadata, outlets, prints, same_story, schema, urls

Migration = Callable[[Connection], None]


def _hosts_and_figures(connection: Connection) -> None:
    hosts.create(connection)
    outlets.create(connection)
    for made in (copies, prints, same_story):
        made.create(connection)
    for table, column, kind in (
        ("urls", "taken", "TEXT"),
        ("urls", "deaths", "INTEGER NOT NULL DEFAULT 0"),
        ("feeds", "kind", "TEXT"),
        ("feeds", "failing", "BIGINT"),
        ("feeds", "least", "BIGINT"),
        ("feeds", "retired", "BIGINT"),
        ("runs", "figures", "TEXT"),
        ("runs", "alarms", "TEXT"),
    ):
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {kind}"))
    connection.execute(text("DROP INDEX urls_waiting"))
    for index in urls.indexes:
        if index.name in ("urls_waiting", "urls_taken"):
            index.create(connection)


MIGRATIONS: Mapping[int, Migration] = {1: _hosts_and_figures}
"By the version they start from; each leads to the next."
_LOCK = 0x6E657773
"Number of PostgreSQL's advisory lock for this; any that nobody else uses."


def migrate(
    connection: Connection, migrations: Mapping[int, Migration] = MIGRATIONS, wanted: int = SCHEMA
) -> None:
    """Bring the database to `wanted` within the transaction at hand; StateError when it is newer."""
    if connection.dialect.name == "postgresql":
        # SQLite's write transaction is alone anyway.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if not inspect(connection).has_table(schema.name):
        metadata.create_all(connection)
        connection.execute(insert(schema).values(version=wanted))
        return
    there = connection.execute(select(schema.c.version)).scalar_one()
    if there > wanted:
        raise StateError(f"the state is of version {there}, this newscrawl knows {wanted}: upgrade it")
    for version in range(there, wanted):
        migrations[version](connection)
        connection.execute(update(schema).values(version=version + 1))
