"""A database that version 0.1 wrote is brought to the tables of today, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, text
from wire import version_0_1
from wire.version_0_1 import ENDED, OUTLET, read_columns, read_rows

from newscrawl.items import Link
from newscrawl.state.database import Database, _create_engine
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import epoch_seconds, from_epoch, page_key
from newscrawl.state.refetch_policy import HOUR
from newscrawl.state.runs import Holder, State
from newscrawl.state.schema import metadata
from newscrawl.state.sources import SourceConfig, find_due_sources
from newscrawl.state.transfer import copy_database

US = Holder(host="here", pid=1)
OLD_TABLES = {
    "sources": "feeds",
    "documents": "copies",
    "fingerprints": "prints",
    "cross_language_links": "same_story",
}
OLD_COLUMNS = {
    "urls": {
        "published_desc": "staleness",
        "source_digest": "lister",
        "listing_digest": "listed",
        "discovered_at": "found",
        "failures": "tries",
        "in_flight_run": "taken",
        "crash_count": "deaths",
        "last_fetched_at": "looked",
        "field_digests": "fields",
        "first_archived_at": "archived",
        "article_id": "article",
        "last_written_at": "written",
    },
    "sources": {
        "child_sources": "more",
        "outlet_digest": "outlet_hash",
        "last_fetched_at": "looked",
        "last_changed_at": "changed",
        "failing_since": "failing",
        "min_interval": "least",
        "retired_at": "retired",
    },
    "hosts": {
        "robots_fetched_at": "robots_looked",
        "paused_until": "paused",
        "rights": "signals",
        "rights_fetched_at": "signals_looked",
    },
    "leases": {"acquired_at": "taken", "expires_at": "until"},
    "documents": {
        "first_article_id": "article",
        "latest_article_id": "latest",
        "fetched_at": "seen",
        "agency_of_outlet": "own",
        "token_sketch": "words",
        "name_sketch": "names",
    },
    "fingerprints": {"fingerprint": "print", "document_id": "copy"},
    "cross_language_links": {"document_id": "one", "translation_id": "other"},
}
ADDED_COLUMNS: dict[str, dict[str, object]] = {
    "urls": {"previous_values": None, "witness": None},
    "outlets": {"next_due": None, "outlet_digest": None},
    "leases": {"token": "", "pid_namespace": ""},
}
"Of versions 4 to 6, with what they hold in old rows."
RARE_ROWS = (
    "INSERT INTO leases VALUES ('other', 'vm', 7, 11, 12)",
    "INSERT INTO outlets VALUES ('other', 3, 14, 'no contact')",
    "INSERT INTO same_story VALUES (1, 2, 0.5)",
    "INSERT INTO hosts VALUES ('http://x', NULL, 503, 15, 2.5, 16, '{}', 17)",
    "INSERT INTO feeds VALUES "
    "('other', 'u', 'feed', 'e', 'l', 'p', '[]', 'w', 'o', 18, 19, 20, 21, 22, 23, 'timeout', 24, 25)",
    "UPDATE urls SET taken = 'run', deaths = 2 WHERE reason = 'too_short'",
)
"What the crawl of the fixture left no example of."


@pytest.fixture
def old(url: str, tmp_path: Path) -> str:
    """The URL of a database as version 0.1 left it."""
    version_0_1.write_state(url, tmp_path)
    return url


def upgraded(url: str) -> State:
    return State.open(url, OUTLET, US)


def test_nothing_is_lost_and_every_column_has_its_name(old: str) -> None:
    with version_0_1.opened(old) as engine, engine.begin() as connection:
        for statement in RARE_ROWS:
            connection.execute(text(statement))
    columns, rows = read_columns(old), read_rows(old)
    Database.open(old).close()
    assert read_columns(old) == {
        name: [new_name(name, column) for column in columns[OLD_TABLES.get(name, name)]]
        + list(ADDED_COLUMNS.get(name, ()))
        for name in (table.name for table in metadata.sorted_tables)
    }
    after = read_rows(old)
    assert after.pop("schema_version") == [(6,)]
    # Outlets that have run have a row each.
    after["outlets"].remove((OUTLET, 0, None, None, None, None))
    assert after == {
        name: [(*row, *ADDED_COLUMNS.get(name, {}).values()) for row in rows[OLD_TABLES.get(name, name)]]
        for name in after
    }
    assert all(after.values())


def new_name(table: str, column: str) -> str:
    return next((new for new, old in OLD_COLUMNS.get(table, {}).items() if old == column), column)


def test_an_upgraded_database_is_like_a_new_one(old: str, url: str) -> None:
    Database.open(old).close()
    with version_0_1.opened(url) as engine:
        migrated = described(engine)
        metadata.drop_all(engine)
    Database.open(url).close()
    with version_0_1.opened(url) as engine:
        assert described(engine) == migrated


def described(engine: Engine) -> dict[str, object]:
    found = inspect(engine)
    return {
        name: (
            [{**column, "type": str(column["type"])} for column in found.get_columns(name)],
            found.get_pk_constraint(name),
            found.get_unique_constraints(name),
            sorted(map(described_index, found.get_indexes(name)), key=str),
        )
        for name in found.get_table_names()
    }


def described_index(index: Any) -> tuple[object, ...]:
    conditions = sorted(str(option) for option in index.get("dialect_options", {}).values())
    return index["name"], index["column_names"], bool(index["unique"]), conditions


def test_a_database_of_the_first_tables_is_upgraded_too(old: str) -> None:
    with version_0_1.opened(old) as engine, engine.begin() as connection:
        for table in ("hosts", "outlets", "copies", "prints", "same_story"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DROP INDEX urls_taken"))
        for column in (
            "urls.taken",
            "urls.deaths",
            "feeds.kind",
            "feeds.failing",
            "feeds.least",
            "feeds.retired",
            "runs.figures",
            "runs.alarms",
        ):
            table, _, name = column.partition(".")
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {name}"))
        connection.execute(text("UPDATE schema_version SET version = 1"))
    state = upgraded(old)
    assert len(list(state.urls.all())) == 23
    state.close()
    with version_0_1.opened(old) as engine:
        found = inspect(engine)
        for table in metadata.sorted_tables:
            assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys())
            assert {index.name for index in table.indexes} <= {
                index["name"] for index in found.get_indexes(table.name)
            }


def test_an_upgrade_that_is_cut_off_anywhere_changes_nothing(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_columns(old), read_rows(old)
    engines: list[Engine] = []
    left = 0

    def create_engine(url: str) -> Engine:
        engines.append(_create_engine(url))
        event.listen(engines[-1], "before_cursor_execute", cut_off)
        return engines[-1]

    def cut_off(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    monkeypatch.setattr("newscrawl.state.database._create_engine", create_engine)
    for statements in range(500):
        left = statements
        try:
            Database.open(old).close()
        except KeyboardInterrupt:
            assert (read_columns(old), read_rows(old)) == before
        else:
            break
        finally:
            engines.pop().dispose()
    assert statements > 50
    assert "sources" in read_columns(old)


KILLED = """
import os, sys
from sqlalchemy import event
from newscrawl.state import database

create_engine = database._create_engine

def dying(url):
    engine = create_engine(url)
    event.listen(engine, "before_cursor_execute", die)
    return engine

def die(connection, cursor, statement, *_):
    if statement.startswith("ALTER TABLE same_story RENAME TO"):
        os._exit(9)

database._create_engine = dying
database.Database.open(sys.argv[1])
"""


def test_a_process_that_dies_in_the_upgrade_leaves_the_old_tables(old: str) -> None:
    before = read_columns(old), read_rows(old)
    assert subprocess.run([sys.executable, "-c", KILLED, old], check=False).returncode == 9
    assert (read_columns(old), read_rows(old)) == before
    upgraded(old).close()


def test_numbers_that_rows_brought_with_them_are_not_given_again(old: str) -> None:
    """Version 3 left PostgreSQL's sequences behind after `dedup --rebuild`: the next run died of it."""
    with version_0_1.opened(old) as engine, engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            for table in ("urls", "copies"):
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1, false)"))
    state = upgraded(old)
    frontier = DatabaseFrontier(state.urls, "run2", lambda: from_epoch(ENDED))
    assert frontier.add([Link(url="https://paper.example/new", via="feed")]) == 1
    with DocumentTable(state.database).writing() as session:
        _, last = session.id_range(ENDED)
        values = {"first_article_id": "x", "latest_article_id": "x", "outlet": OUTLET, "url": "u"}
        (stored,) = session.store([{"key": b"new", "published": 1, "fetched_at": 1, **values}])
        assert stored.id == last + 1
    state.close()


def test_the_frontier_goes_on_where_it_was(old: str) -> None:
    with version_0_1.opened(old) as engine, engine.connect() as connection:
        statement = text("SELECT url, next_due FROM urls WHERE next_due IS NOT NULL")
        dues = {row.url: row.next_due for row in connection.execute(statement)}
        done = set(connection.execute(text("SELECT url FROM urls WHERE status = 'done'")).scalars())
    assert len(done) == 17
    state = upgraded(old)
    frontier = DatabaseFrontier(state.urls, "run2", lambda: from_epoch(ENDED))
    assert frontier.counts() == {"pending": 0, "fetching": 0}
    assert frontier.take(99) == []
    now = from_epoch(ENDED + 2 * HOUR)
    frontier = DatabaseFrontier(state.urls, "run3", lambda: now)
    links = frontier.take(99)
    assert {link.url for link in links} == {url for url, due in dues.items() if due <= epoch_seconds(now)}
    assert {link.url for link in links if link.known_version == 1} == done
    for link in links:
        if link.url in done:
            previous = frontier.previous_fetch(link.url)
            assert previous
            assert previous.headers
            assert link.known_id
            assert link.known_fields
    state.close()


def test_sources_and_documents_are_where_they_were(old: str) -> None:
    state = upgraded(old)
    rows = state.sources.rows()
    digest = next(iter(rows.values())).outlet_digest
    config = SourceConfig(configured=[("feed", url) for url in rows], digest=digest)
    assert find_due_sources(config, rows, ENDED) == []
    assert len(find_due_sources(config, rows, ENDED + HOUR)) == len(rows) == 3
    assert all(state.sources.previous_fetch(url, digest)[0] for url in rows)
    assert state.hosts.robots("http://127.0.0.1:28640", ENDED)
    (run,) = state.runs.measured(0)
    assert run.id == version_0_1.RUN
    urls = [row.url for row in state.urls.all() if row.article_id]
    with DocumentTable(state.database).writing() as session:
        documents = filter(None, [session.row(page_key(OUTLET, url)) for url in urls])
    assert {row.latest_article_id for row in documents} == {
        row.article_id for row in state.urls.all() if row.article_id
    }
    state.close()


def test_an_old_database_can_be_copied(old: str, tmp_path: Path) -> None:
    source, target = Database.open(old), Database.open(f"sqlite:///{tmp_path}/target.sqlite")
    copied = copy_database(source, target, ENDED)
    assert (copied["urls"], copied["sources"], copied["documents"]) == (23, 3, 17)
    source.close()
    target.close()
    after, before = read_rows(f"sqlite:///{tmp_path}/target.sqlite"), read_rows(old)
    assert after == before
