"""The state database: SQLite in WAL mode, or PostgreSQL; opened, migrated, with errors that name it."""

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
from newscrawl.state.migrations import migrate

STATE_FILE = "state.sqlite"
"Its name beside the outlets' folders."
BUSY_MILLISECONDS = 60_000
"How long a write waits for the writes of other crawls."
_RETRY_SECONDS = 0.02
_READ_ONLY = "newscrawl_reads"


class Database:
    """Short transactions that are committed whole or not at all; StateError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read_engine = engine.execution_options(**{_READ_ONLY: True})
        self.name = engine.url.render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at this URL, with the tables of this version."""
        try:
            database = cls(_create_engine(url))
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
        with self._raising_state_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries; it never waits for writers."""
        with self._raising_state_errors(), self._read_engine.connect() as connection:
            yield connection

    def insert(self, table: Table) -> Any:
        """An INSERT that supports ON CONFLICT."""
        is_postgresql = self._engine.dialect.name == "postgresql"
        return postgresql.insert(table) if is_postgresql else sqlite.insert(table)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _raising_state_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StateError(f"state {self.name}: {' '.join(str(error.orig).split())}") from error
        except SQLAlchemyError as error:
            raise StateError(f"state {self.name}: {error}") from error


def database_url(url: str, archives: Path) -> str:
    """The URL that NEWSCRAWL_STATE_URL stands for: if empty, the file beside the outlets' folders."""
    return url or f"sqlite:///{archives / STATE_FILE}"


def _create_engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite":
        raise ArgumentError(f"{parsed.get_backend_name()!r} is neither sqlite nor postgresql")
    if parsed.database:
        folder = Path(parsed.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"cannot write {folder}: {error.strerror}") from error
        engine = create_engine(parsed)
    else:
        engine = create_engine(parsed, poolclass=StaticPool)
    event.listen(engine, "connect", _configure_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _configure_connection(connection: Any, _: object) -> None:
    # `_begin` starts transactions: with the driver's own way two of them could deadlock.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    _use_wal(connection)
    # A killed process loses nothing that it committed. A machine that loses power may lose the last
    # commits; the next run restores them from the files.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA cache_size=-32768")
    # Content that is taken down must not survive in free pages; not every build of SQLite ensures that.
    connection.execute("PRAGMA secure_delete=ON")


def _use_wal(connection: Any) -> None:
    """Turn on write-ahead logging.

    Two processes that open a new file at once both request it, and SQLite makes neither of them wait.
    """
    deadline = time.monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] in ("wal", "memory"):
                return
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READ_ONLY):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
