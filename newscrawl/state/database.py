"""The state database: SQLite in WAL mode, or PostgreSQL; opened, migrated, with errors that name it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    any_,
    create_engine,
    event,
    literal,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import StaticPool

from newscrawl.errors import DatabaseAway, StateError
from newscrawl.state.migrations import is_current, migrate
from newscrawl.state.schema import use_postgresql

logger = logging.getLogger(__name__)

STATE_FILE = "state.sqlite"
"Its name beside the outlets' folders."
BUSY_MILLISECONDS = 60_000
"How long a write waits for the writes of other crawls."
AWAY_SECONDS = 90
"How long a crawl waits for a database that is away, as while a standby takes over."
_RECONNECT_SECONDS = 0.5
_RETRY_SECONDS = 0.02
_AWAY_STATES = frozenset({"57P01", "57P02", "57P03", "25006", "53300", "40P01"})
"""SQLSTATE of a server that shuts down or starts up, takes no writes, has no connection left, or has ended a
transaction because it and another waited for each other."""
_POSTGRESQL_TIMEOUTS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"Of libpq, so that a machine that falls silent counts as away; the URL may name others."
_PING_SECONDS = 15
"A connection to PostgreSQL that was idle for so long is tried before it is used: it may have been closed."
T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., Any])
_READ_ONLY = "newscrawl_reads"


class Database:
    """Short transactions that are committed whole or not at all; StateError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._is_postgresql = engine.dialect.name == "postgresql"
        if self._is_postgresql:
            use_postgresql()
        # Connections to PostgreSQL commit each statement by itself, unless a transaction is asked for.
        options = {"isolation_level": "READ COMMITTED"} if self._is_postgresql else {}
        self._engine = engine
        self._write_engine = engine.execution_options(**options)
        self._read_engine = engine.execution_options(**{_READ_ONLY: True})
        # Parameters may hold a password too.
        self.name = engine.url.set(query={}).render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at this URL, with the tables of this version."""
        try:
            database = cls(_create_engine(url))
        except (SQLAlchemyError, ImportError, ValueError, TypeError) as error:
            raise StateError(f"NEWSCRAWL_STATE_URL: {' '.join(str(error).split())}") from error
        try:
            with database.reading() as connection:
                is_migrated = is_current(connection)
            if not is_migrated:
                with database.writing() as connection:
                    migrate(connection)
        except StateError:
            database.close()
            raise
        except (ValueError, TypeError) as error:
            # Of drivers, which read a host, a path or a parameter only when they connect.
            database.close()
            raise StateError(f"state {database.name}: {error}") from error
        return database

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed when the block ends."""
        with self._raising_state_errors(), self._write_engine.begin() as connection:
            yield connection

    @contextmanager
    def committing(self) -> Iterator[Connection]:
        """A connection whose every statement is a transaction of its own, without BEGIN and COMMIT.

        In SQLite, which does all of this within the process, the block is one transaction.
        """
        if self._is_postgresql:
            with self._raising_state_errors(), self._engine.connect() as connection:
                yield connection
        else:
            with self.writing() as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries, without a transaction around them; it never waits for writers."""
        with self._raising_state_errors(), self._read_engine.connect() as connection:
            yield connection

    def insert(self, table: Table) -> Any:
        """An INSERT that supports ON CONFLICT."""
        if not self._is_postgresql:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def is_among(self, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Whether a column has one of the values, which PostgreSQL gets as one."""
        if self._is_postgresql:
            from sqlalchemy.dialects.postgresql import ARRAY

            return column == any_(literal(list(values), ARRAY(column.type)))
        return column.in_(values)

    def close(self) -> None:
        self._engine.dispose()

    def repeat_while_away(self, step: Callable[[], T]) -> T:
        """Take a step again until the database is back, for at most AWAY_SECONDS.

        Its transactions may be repeated, also one that was committed without an answer: it must store the
        same values again.
        """
        deadline = time.monotonic() + AWAY_SECONDS
        is_reported = False
        while True:
            try:
                return step()
            except DatabaseAway as error:
                if time.monotonic() > deadline:
                    raise
                if not is_reported:
                    logger.warning("%s: waiting for it", error)
                    is_reported = True
                time.sleep(_RECONNECT_SECONDS)

    @contextmanager
    def _raising_state_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            kind = DatabaseAway if _is_away(error) else StateError
            raise kind(f"state {self.name}: {' '.join(str(error.orig).split())}") from error
        except SQLAlchemyError as error:
            raise StateError(f"state {self.name}: {error}") from error


def reconnecting(method: Method) -> Method:
    """A method of a table that waits for its `_database`; see `Database.repeat_while_away`."""

    @wraps(method)
    def repeat(table: Any, *args: Any, **kwargs: Any) -> Any:
        database: Database = table._database
        return database.repeat_while_away(lambda: method(table, *args, **kwargs))

    return cast("Method", repeat)


def _is_away(error: DBAPIError) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _is_locked(cause)
    sqlstate = getattr(cause, "sqlstate", None)
    # Without a state the server was not reached.
    is_lost = sqlstate is None and isinstance(error, OperationalError | InterfaceError)
    return error.connection_invalidated or is_lost or sqlstate in _AWAY_STATES


def _is_locked(error: sqlite3.Error) -> bool:
    """Whether another process is in the way, and not the disk."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def database_url(url: str, archives: Path) -> str:
    """The URL that NEWSCRAWL_STATE_URL stands for: if empty, the file beside the outlets' folders."""
    return url or f"sqlite:///{archives / STATE_FILE}"


def _create_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # Without the error's text, which may quote a part of a password.
        raise StateError(
            "NEWSCRAWL_STATE_URL: no URL of a database: write sqlite:////folder/state.sqlite or "
            "postgresql://user:password@host:5432/database, with %40 for @ and %3A for : in a password"
        ) from error
    if parsed.get_backend_name() == "postgresql":
        timeouts = {name: value for name, value in _POSTGRESQL_TIMEOUTS.items() if name not in parsed.query}
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            connect_args=timeouts,
            isolation_level="AUTOCOMMIT",
            # Each connection would begin by asking for a type that no table here has.
            use_native_hstore=False,
        )
        _try_idle_connections(engine)
        return engine
    if parsed.get_backend_name() != "sqlite":
        raise ArgumentError(f"{parsed.get_backend_name()!r} is neither sqlite nor postgresql")
    if parsed.database:
        folder = Path(parsed.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise StateError(f"cannot write {folder}: {getattr(error, 'strerror', None) or error}") from error
        engine = create_engine(parsed)
    else:
        engine = create_engine(parsed, poolclass=StaticPool)
    event.listen(engine, "connect", _configure_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _try_idle_connections(engine: Engine) -> None:
    """Have connections tried that were idle for a while; SQLAlchemy replaces those that are dead."""
    errors = engine.dialect.loaded_dbapi.Error

    def note_use(_: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    def try_connection(connection: Any, record: Any, _: Any) -> None:
        now = time.monotonic()
        if now - record.info.get("used_at", now) < _PING_SECONDS:
            return
        try:
            connection.execute("")
        except errors as error:
            raise DisconnectionError from error

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", try_connection)


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
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READ_ONLY):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
