"""Older state databases are brought to the tables of this version, within a single transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from newscrawl.errors import StateError
from newscrawl.state.schema import advance_sequence, metadata, schema_version

SCHEMA = 6
"Version of the tables in `schema.py`."
Migration = Callable[[Connection], None]

_ADDED_IN_2 = {
    "urls": {"taken": "TEXT", "deaths": "INTEGER NOT NULL DEFAULT 0"},
    "feeds": {"kind": "TEXT", "failing": "BIGINT", "least": "BIGINT", "retired": "BIGINT"},
    "runs": {"figures": "TEXT", "alarms": "TEXT"},
}
_ADDED_IN_4 = {
    "urls": {"previous_values": "TEXT"},
    "leases": {"token": "TEXT NOT NULL DEFAULT ''", "pid_namespace": "TEXT NOT NULL DEFAULT ''"},
}
_ADDED_IN_5 = {"urls": {"witness": "TEXT"}}
_ADDED_IN_6 = {"outlets": {"next_due": "BIGINT", "outlet_digest": "TEXT"}}
_RENAMED_IN_3: dict[str, tuple[str, dict[str, str]]] = {
    "urls": (
        "urls",
        {
            "staleness": "published_desc",
            "lister": "source_digest",
            "listed": "listing_digest",
            "found": "discovered_at",
            "tries": "failures",
            "taken": "in_flight_run",
            "deaths": "crash_count",
            "looked": "last_fetched_at",
            "fields": "field_digests",
            "archived": "first_archived_at",
            "article": "article_id",
            "written": "last_written_at",
        },
    ),
    "feeds": (
        "sources",
        {
            "more": "child_sources",
            "outlet_hash": "outlet_digest",
            "looked": "last_fetched_at",
            "changed": "last_changed_at",
            "failing": "failing_since",
            "least": "min_interval",
            "retired": "retired_at",
        },
    ),
    "hosts": (
        "hosts",
        {
            "robots_looked": "robots_fetched_at",
            "paused": "paused_until",
            "signals": "rights",
            "signals_looked": "rights_fetched_at",
        },
    ),
    "leases": ("leases", {"taken": "acquired_at", "until": "expires_at"}),
    "copies": (
        "documents",
        {
            "article": "first_article_id",
            "latest": "latest_article_id",
            "seen": "fetched_at",
            "own": "agency_of_outlet",
            "words": "token_sketch",
            "names": "name_sketch",
        },
    ),
    "prints": ("fingerprints", {"print": "fingerprint", "copy": "document_id"}),
    "same_story": ("cross_language_links", {"one": "document_id", "other": "translation_id"}),
}
"By the table's old name: its name, and its columns that have another."


def _add_kinds_and_crashes(connection: Connection) -> None:
    _add_columns(connection, _ADDED_IN_2)
    connection.execute(text("DROP INDEX urls_waiting"))


def _add_columns(connection: Connection, added: Mapping[str, Mapping[str, str]]) -> None:
    for table, columns in added.items():
        for column, kind in columns.items():
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {kind}"))


def _rename_columns(connection: Connection) -> None:
    """Plain words for tables and columns; what PostgreSQL named after a table follows it."""
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    for table, (new_table, columns) in _RENAMED_IN_3.items():
        if table not in present:
            # A database of version 1 has no such table yet: `migrate` creates it last.
            continue
        current = {index.name for index in metadata.tables[new_table].indexes}
        for index in inspector.get_indexes(table):
            if index["name"] not in current and not index.get("duplicates_constraint"):
                connection.execute(text(f"DROP INDEX {index['name']}"))
        for column, new_column in columns.items():
            connection.execute(text(f'ALTER TABLE {table} RENAME COLUMN "{column}" TO {new_column}'))
        if new_table == table:
            continue
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {new_table}"))
        if connection.dialect.name == "postgresql":
            for kind, suffix in (("INDEX", "pkey"), ("INDEX", "key_key"), ("SEQUENCE", "id_seq")):
                rename = f"ALTER {kind} IF EXISTS {table}_{suffix} RENAME TO {new_table}_{suffix}"
                connection.execute(text(rename))


def _add_tokens_and_previous_values(connection: Connection) -> None:
    _add_columns(connection, _ADDED_IN_4)
    present = set(inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name in present:
            # Version 3 left sequences behind rows that brought their number.
            advance_sequence(connection, table)


def _add_witnesses(connection: Connection) -> None:
    _add_columns(connection, _ADDED_IN_5)


def _add_due_times(connection: Connection) -> None:
    """They are found when a command first needs them, because outlet files have a part in them."""
    if inspect(connection).has_table("outlets"):
        _add_columns(connection, _ADDED_IN_6)
    else:
        metadata.tables["outlets"].create(connection)
    for table in ("runs", "sources"):
        connection.execute(
            text(
                f"INSERT INTO outlets (outlet, failures) SELECT DISTINCT outlet, 0 FROM {table} "  # noqa: S608
                "WHERE outlet NOT IN (SELECT outlet FROM outlets)"
            )
        )


MIGRATIONS: Mapping[int, Migration] = {
    1: _add_kinds_and_crashes,
    2: _rename_columns,
    3: _add_tokens_and_previous_values,
    4: _add_witnesses,
    5: _add_due_times,
}
"By the version they start from; each leads to the next and changes the tables that its version had."
_LOCK = 0x6E657773
"Number of PostgreSQL's advisory lock for migrations; any number that nobody else uses."


def is_current(connection: Connection) -> bool:
    """Whether the tables are those of this version, asked without locking anything."""
    try:
        return bool(connection.execute(select(schema_version.c.version)).scalar() == SCHEMA)
    except DBAPIError:
        return False  # there are no tables yet; `migrate` says what else it may be


def migrate(
    connection: Connection, migrations: Mapping[int, Migration] = MIGRATIONS, wanted: int = SCHEMA
) -> None:
    """Bring the database to `wanted` within the open transaction; StateError when it is newer."""
    if connection.dialect.name == "postgresql":
        # A write transaction of SQLite is alone anyway.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if not inspect(connection).has_table(schema_version.name):
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version=wanted))
        return
    version: int = connection.execute(select(schema_version.c.version)).scalar_one()
    if version > wanted:
        raise StateError(
            f"the state database has version {version}, this newscrawl knows version {wanted}: upgrade it"
        )
    if version == wanted:
        return
    for start in range(version, wanted):
        migrations[start](connection)
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    connection.execute(update(schema_version).values(version=wanted))
