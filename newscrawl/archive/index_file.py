"""The database file of an index: its tables, and connections to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from pathlib import Path

from newscrawl.archive.entries import Entry
from newscrawl.archive.surt import surt
from newscrawl.errors import ArchiveError

VERSION = 1
"Of the tables below; a file of another version is made anew."
CACHE_KIB = 16 * 1024
"Memory SQLite may use for pages, however large the file."
BATCH = 1000
"Rows in memory while a file's records are written."
WAIT_SECONDS = 60
COLUMNS = [field.name for field in fields(Entry)]
_values = attrgetter(*COLUMNS)
_TABLES = f"""
CREATE TABLE files (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, began INTEGER NOT NULL
);
CREATE TABLE records (
    file INTEGER NOT NULL, surt TEXT NOT NULL, {", ".join(COLUMNS)}
);
CREATE INDEX by_file ON records (file, sequence);
CREATE INDEX by_url ON records (surt, moment);
CREATE INDEX by_digest ON records (payload_digest) WHERE payload_digest IS NOT NULL;
PRAGMA user_version = {VERSION};
"""
_INSERT = f"INSERT INTO records VALUES ({', '.join('?' * (len(COLUMNS) + 2))})"  # noqa: S608 # no outside text


def readable(path: Path) -> sqlite3.Connection:
    """An index for reading; ArchiveError when it is none of ours."""
    try:
        db, found = _opened(path, "mode=ro")
    except sqlite3.OperationalError:
        # On a read-only disk there is no place for the files that readers share; none of them writes there.
        if Path(f"{path}-wal").exists():
            raise
        db, found = _opened(path, "mode=ro&immutable=1")
    if found != VERSION:
        db.close()
        raise ArchiveError(f"{path} has version {found}, not {VERSION}: run `newscrawl index build`")
    return db


def _opened(path: Path, options: str) -> tuple[sqlite3.Connection, int]:
    """A connection for reading, and the version of what it reads."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True, timeout=WAIT_SECONDS)
    try:
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return db, version(db)
    except sqlite3.Error:
        db.close()
        raise


def add_file(db: sqlite3.Connection, name: str, size: int, entries: Iterable[Entry]) -> None:
    """Rows of a file, a bounded number of them in memory; those of a file of that name go."""
    forget_file(db, name)
    number = db.execute("INSERT INTO files (name, size, began) VALUES (?, ?, 0)", (name, size)).lastrowid
    rows = ((number, surt(entry.url), *_values(entry)) for entry in entries)
    while batch := list(islice(rows, BATCH)):
        db.executemany(_INSERT, batch)
    began = "SELECT coalesce(min(moment), 0) FROM records WHERE file = ?1"
    db.execute(f"UPDATE files SET began = ({began}) WHERE id = ?1", (number,))  # noqa: S608 # no outside text


def forget_file(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM records WHERE file = (SELECT id FROM files WHERE name = ?)", (name,))
    db.execute("DELETE FROM files WHERE name = ?", (name,))


def writable(path: Path) -> sqlite3.Connection:
    """An index for writing: as it is, or empty when there was none, another version's, or no database."""
    if not _is_current(path):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    db = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    with transaction(db):
        # Another build may have made them while this one waited.
        if version(db) != VERSION:
            for statement in _TABLES.split(";\n"):
                db.execute(statement)
    return db


def _is_current(path: Path) -> bool:
    """Whether an index of our version stands there, or nothing that matters."""
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS)) as db:
        try:
            empty = db.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            return empty or version(db) == VERSION
        except sqlite3.OperationalError:
            raise  # locked, or not to be read: that is no fault of what it holds
        except sqlite3.DatabaseError:
            return False


def version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    with db:
        db.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ArchiveError(f"cannot use {path}: {error}") from error
