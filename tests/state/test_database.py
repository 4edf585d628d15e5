"""The database is opened by several at once, migrated, and its errors are one sentence."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from newscrawl.errors import StateError
from newscrawl.state.database import Database, database_url
from newscrawl.state.migrations import SCHEMA, migrate


def test_without_a_setting_it_lies_beside_the_outlets(tmp_path: Path) -> None:
    assert database_url("", tmp_path) == f"sqlite:///{tmp_path}/state.sqlite"
    assert database_url("sqlite://", tmp_path) == "sqlite://"


def test_sqlite_is_in_wal_mode(tmp_path: Path) -> None:
    Database.open(f"sqlite:///{tmp_path}/deep/state.sqlite").close()
    with sqlite3.connect(tmp_path / "deep" / "state.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_many_may_open_a_new_database_at_once(url: str) -> None:
    failed: list[Exception] = []

    def open_and_close() -> None:
        try:
            Database.open(url).close()
        except Exception as error:  # noqa: BLE001 # told to the test
            failed.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_processes_that_meet_a_new_file_at_once_all_open_it(tmp_path: Path) -> None:
    program = "import sys; from newscrawl.state.database import Database; Database.open(sys.argv[1]).close()"
    for attempt in range(4):
        url = f"sqlite:///{tmp_path}/{attempt}.sqlite"
        command = [sys.executable, "-c", program, url]
        started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
        assert [one.communicate()[1] for one in started] == [""] * 6


OPEN_ON_A_FULL_DISK = """
import resource, sys, time
from newscrawl.errors import StateError
from newscrawl.state.database import Database
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
began = time.monotonic()
try:
    Database.open(sys.argv[1])
except StateError as error:
    print(time.monotonic() - began < 20, error)
"""


def test_a_full_disk_is_not_waited_for(tmp_path: Path) -> None:
    """It is no lock of another process, for which a minute would be right."""
    url = f"sqlite:///{tmp_path}/state.sqlite"
    command = [sys.executable, "-c", OPEN_ON_A_FULL_DISK, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("True state sqlite:///"), done.stdout


def test_older_tables_are_migrated_step_by_step(url: str) -> None:
    database = Database.open(url)
    steps: list[int] = []

    def step(connection: Connection) -> None:
        steps.append(len(steps))
        connection.execute(
            text("ALTER TABLE runs ADD COLUMN more INTEGER" if len(steps) == 1 else "SELECT 1")
        )

    with database.writing() as connection:
        migrate(connection, {SCHEMA: step, SCHEMA + 1: step}, SCHEMA + 2)
    with database.writing() as connection:
        migrate(connection, {}, SCHEMA + 2)
        connection.execute(text("SELECT more FROM runs"))
    assert steps == [0, 1]
    database.close()
    with pytest.raises(StateError, match=f"has version {SCHEMA + 2}, this newscrawl knows version {SCHEMA}"):
        Database.open(url)


def test_a_migration_that_fails_leaves_the_tables_as_they_were(url: str) -> None:
    database = Database.open(url)

    def half(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE runs ADD COLUMN more INTEGER"))
        connection.execute(text("no statement"))

    with pytest.raises(StateError), database.writing() as connection:
        migrate(connection, {SCHEMA: half}, SCHEMA + 1)
    with pytest.raises(StateError), database.reading() as connection:
        connection.execute(text("SELECT more FROM runs"))
    database.close()
    Database.open(url).close()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("nonsense", "NEWSCRAWL_STATE_URL: "),
        ("mysql://host/name", "NEWSCRAWL_STATE_URL: "),
        ("sqlite:////proc/no/state.sqlite", "cannot write /proc/no: "),
        ("postgresql://user:secret@127.0.0.1:9/name", "state postgresql+psycopg://user:"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(given: str, says: str) -> None:
    with pytest.raises(StateError) as raised:
        Database.open(given)
    assert str(raised.value).startswith(says)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StateError, match="file is not a database"):
        Database.open(f"sqlite:///{tmp_path}/state.sqlite")


@pytest.mark.parametrize(
    "url",
    [
        "kola-nut",
        "://paul:kola-nut@localhost",
        "postgresql://paul:kola-nut@127.0.0.1:x/news",
        "postgresql://paul:kola@nut:x@127.0.0.1/news",
        "postgresql://paul:kola-nut@[::1/news",
        "postgresql://paul:kola-nut@127.0.0.1:1/news?sslpassword=kola-nut",
        "postgresql://paul@127.0.0.1:1/news?password=kola-nut&unknown=1",
        f"postgresql://paul:kola-nut@{'a' * 80}/news",
        "mysql://paul:kola-nut@127.0.0.1/news",
        "sqlite://kola/nut.sqlite",
        "sqlite:///nut.sqlite?timeout=long",
        "sqlite:////proc/none/nut.sqlite",
        "sqlite:////tmp/a\x00b",
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(StateError) as caught:
        Database.open(url)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) > 20
    assert not any(secret in text for secret in ("kola-nut", "nut:x", "kola@nut"))
