"""The database of state: SQLite in WAL mode, or PostgreSQL; opened, migrated, its errors named."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from newscrawl.errors import StateError
from newscrawl.state.schema import migrate

FILE = "state.sqlite"
"Its name beside the outlets' folders."
BUSY_MILLISECONDS = 60_000
"How long a write waits for those of other crawls."
_PAUSE = 0.02
_READS = "newscrawl_reads"


class Database:
    """Short transactions, each of them whole or not at all; StateError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reads = engine.execution_options(**{_READS: True})
        self.name = engine.url.render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at this URL, with the tables of this version."""
        try:
            database = cls(_engine(url))
        except (SQLAlchemyError, ImportError) as error:
            raise StateError(f"NEWSCRAWL_STATE_URL: {error}") from error
        try:
            with database.writing() as connection:
                migrate(connection)
        except StateError:
            database.close()
            raise
        return database

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed when the block ends."""
        with self._named_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for looking things up; it never waits for writers."""
        with self._named_errors(), self._reads.connect() as connection:
            yield connection

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT."""
        of_dialect = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        return of_dialect(table)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StateError(f"state {self.name}: {' '.join(str(error.orig).split())}") from error
        except SQLAlchemyError as error:
            raise StateError(f"state {self.name}: {error}") from error


def database_url(url: str, archives: Path) -> str:
    """What NEWSCRAWL_STATE_URL means: empty is the file beside the outlets' folders."""
    return url or f"sqlite:///{archives / FILE}"


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite":
        raise ArgumentError(f"{parsed.get_backend_name()!r} is neither sqlite nor postgresql")
    if not parsed.database:
        return _sqlite(create_engine(parsed, poolclass=StaticPool))
    folder = Path(parsed.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"cannot write {folder}: {error.strerror}") from error
    return _sqlite(create_engine(parsed))


def _sqlite(engine: Engine) -> Engine:
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _: object) -> None:
    # Transactions are begun by `_begin`: the driver's own way would let two of them deadlock.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    _use_wal(connection)
    # A killed process loses nothing that it committed; a lost machine may lose the last commits, which
    # the next run finds again in the files.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA cache_size=-32768")
    # What is taken down must not stand on in free pages; not every build of SQLite sees to that by itself.
    connection.execute("PRAGMA secure_delete=ON")


def _use_wal(connection: Any) -> None:
    """Write-ahead logging; two processes that meet a new file at once both ask for it, and neither waits."""
    give_up = time.monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] in ("wal", "memory"):
                return
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(_PAUSE)


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READS):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
