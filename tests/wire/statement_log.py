"""The statements that a PostgreSQL server has executed, of all connections, as its own log names them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from newscrawl.state.schema import metadata
from wire.postgres import Cluster, stoppable_cluster

_EXECUTED = re.compile(r"^.*LOG:  (?:statement|execute [^:]+): (.*(?:\n\t.*)*)", re.MULTILINE)
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN|COPY)\s+(?:ONLY\s+)?\"?(\w+)")
_TABLES = {*metadata.tables}
_WAIT_SECONDS = 10.0


class StatementLog:
    """The log of a server whose every statement is logged."""

    def __init__(self, cluster: Cluster) -> None:
        self.url = cluster.url
        self._path: Path = cluster.folder / "log"
        self._offset = 0
        self._marks = 0
        self._engine = create_engine(
            cluster.url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        # Connections that are made from now on.
        self.execute("ALTER ROLE postgres SET log_statement = 'all'")
        self._engine.dispose()
        self.take()

    def execute(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))

    def take(self) -> list[str]:
        """The statements since it was asked last, each on one line."""
        self._marks += 1
        mark = f"mark {self._marks} of the log"
        self.execute(f"SELECT '{mark}'")
        deadline = time.monotonic() + _WAIT_SECONDS
        while mark not in (found := self._read()):
            assert time.monotonic() < deadline, "the server has logged nothing"
            time.sleep(0.01)
        self._offset += len(found.encode())
        statements = [" ".join(match[1].split()) for match in _EXECUTED.finditer(found)]
        own = next(at for at, statement in enumerate(statements) if mark in statement)
        # What SQLAlchemy and this connection ask on their own account comes right before and after.
        return [statement for statement in statements[:own] if not statement.startswith("SELECT 'mark ")]

    def _read(self) -> str:
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            return stream.read().decode("utf-8", "replace")

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def logging_cluster() -> Iterator[StatementLog]:
    """A server of its own, as in `wire.postgres`."""
    with stoppable_cluster() as cluster:
        log = StatementLog(cluster)
        try:
            yield log
        finally:
            log.close()


def count_statements(statements: list[str]) -> Counter[str]:
    """Statements by kind and the first of our tables that they name, such as `SELECT urls`."""
    counts: Counter[str] = Counter()
    for statement in statements:
        kind = statement.partition(" ")[0].rstrip(";").upper() or "empty"
        table = next((name for name in _TABLE.findall(statement) if name in _TABLES), "")
        if not table and kind == "SELECT":
            table = statement[7:60]
        counts[f"{kind} {table}".rstrip()] += 1
    return counts
