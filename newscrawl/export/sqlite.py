"""Export to an SQLite database of flat rows with full-text search, ready for Datasette."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newscrawl.errors import Busy, NewscrawlError
from newscrawl.export.formats import replace_nul
from newscrawl.export.manifest import NOT_REPRESENTABLE, ExportCounts, JsonObject, load_counts
from newscrawl.export.partitions import Partition
from newscrawl.export.schemas import COLUMNS, flat
from newscrawl.items import Article
from newscrawl.storage import durable_rename, try_lock

DRAFT = ".part"
MAX_INTEGER = 1 << 63
SEARCHED = ("title", "lede", "text")
INDEXED = ("id", "url_norm", "source", "lang", "published", "domain", "text_sha256")
_TYPES = {"text": "TEXT", "int": "INTEGER", "float": "REAL", "bool": "INTEGER", "texts": "TEXT"}
_MAKE = f"""
CREATE TABLE IF NOT EXISTS articles (
  row INTEGER PRIMARY KEY, unit TEXT NOT NULL,
  {", ".join(f'"{name}" {_TYPES[kind]}' for name, (kind, _) in COLUMNS.items())}
);
CREATE INDEX IF NOT EXISTS articles_unit ON articles (unit);
CREATE TABLE IF NOT EXISTS export_units (unit TEXT PRIMARY KEY, inputs TEXT NOT NULL, counts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS export_options (options TEXT NOT NULL);
"""
_FINISH = "".join(f"CREATE INDEX articles_{name} ON articles ({name});\n" for name in INDEXED)
# Datasette recognises the search table by `content="articles"`, with double quotes.
_FINISH += f"""CREATE VIRTUAL TABLE articles_fts USING fts5(
  {", ".join(SEARCHED)}, content="articles", content_rowid="row", tokenize='unicode61 remove_diacritics 2'
);
"""
_FINISH += """INSERT INTO articles_fts (articles_fts) VALUES ('rebuild');
INSERT INTO articles_fts (articles_fts) VALUES ('optimize');
DROP INDEX articles_unit;
DROP TABLE export_units;
ANALYZE;
"""
_MARKS = ", ".join("?" for _ in COLUMNS)
_INSERT = f"INSERT INTO articles (unit, {', '.join(COLUMNS)}) VALUES (?, {_MARKS})"  # noqa: S608 # our own column names


@contextmanager
def _sqlite_errors() -> Iterator[None]:
    """Turn errors of SQLite and of files into NewscrawlError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise NewscrawlError(f"cannot write the database: {error}") from error


@dataclass(kw_only=True)
class SqliteSink:
    """Writes a database at `out`, a transaction per partition; it is `<out>.part` until it is complete."""

    out: Path
    options: JsonObject
    _connection: sqlite3.Connection | None = None
    _partitions: set[str] = field(default_factory=set)
    "Keys of this export's partitions: the draft may hold others too."
    _lock: int | None = None

    @property
    def draft(self) -> Path:
        return Path(f"{self.out}{DRAFT}")

    @_sqlite_errors()
    def open(self) -> None:
        """Continue a draft with the same options, else start over."""
        if self.out.is_dir():
            raise NewscrawlError(f"{self.out} is a folder; --format sqlite writes a single file")
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{self.draft}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        if not try_lock(self._lock):
            raise Busy(f"another export into {self.out} is at work")
        if not self._can_continue():
            self._discard()
        self._connection = self._connect()
        self._connection.executescript(_MAKE)
        if not self._connection.execute("SELECT 1 FROM export_options").fetchone():
            self._connection.execute("INSERT INTO export_options VALUES (?)", (_dump_options(self.options),))

    @_sqlite_errors()
    def find_counts(self, partition: Partition, inputs: str) -> ExportCounts | None:
        assert self._connection
        self._partitions.add(partition.key)
        row = self._connection.execute(
            "SELECT counts FROM export_units WHERE unit = ? AND inputs = ?", (partition.key, inputs)
        ).fetchone()
        return load_counts(json.loads(row[0])) if row else None

    @_sqlite_errors()
    def write(
        self, partition: Partition, inputs: str, articles: Iterable[Article], counts: ExportCounts
    ) -> None:
        """Write all rows of a partition, or none."""
        assert self._connection
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("DELETE FROM articles WHERE unit = ?", (partition.key,))
            self._connection.executemany(
                _INSERT, filter(None, (_row_values(partition, article, counts) for article in articles))
            )
            unit = (partition.key, inputs, json.dumps(counts.as_dict()))
            self._connection.execute("INSERT OR REPLACE INTO export_units VALUES (?, ?, ?)", unit)

    @_sqlite_errors()
    def close(self) -> Path | None:
        """Add indexes and full-text search, then give the file its final name."""
        assert self._connection
        self._remove_other_partitions()
        # In a single transaction, so that a kill leaves the draft as it was for the next export.
        self._connection.executescript(f"BEGIN;\n{_FINISH}COMMIT;")
        self._connection.close()
        self._connection = None
        durable_rename(self.draft, self.out)
        Path(f"{self.draft}.lock").unlink(missing_ok=True)
        self.abandon()
        return self.out

    def abandon(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _remove_other_partitions(self) -> None:
        """Remove what a killed export of more outlets, or of runs that are gone, left in the draft."""
        assert self._connection
        stored = {unit for (unit,) in self._connection.execute("SELECT unit FROM export_units")}
        for unit in stored - self._partitions:
            self._connection.execute("DELETE FROM articles WHERE unit = ?", (unit,))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.draft, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _can_continue(self) -> bool:
        if not self.draft.exists():
            return False
        try:
            connection = self._connect()
            try:
                # Without this table the draft is complete but for its name, and its inputs are unknown.
                connection.execute("SELECT 1 FROM export_units LIMIT 1")
                options = connection.execute("SELECT options FROM export_options").fetchone()
                return bool(options and options[0] == _dump_options(self.options))
            finally:
                connection.close()
        except sqlite3.Error:
            return False

    def _discard(self) -> None:
        for ending in ("", "-journal"):
            Path(f"{self.draft}{ending}").unlink(missing_ok=True)


def _row_values(partition: Partition, article: Article, counts: ExportCounts) -> list[Any] | None:
    """The values of a row; None for a line that is left out since SQLite cannot hold it."""
    values: list[Any] = [partition.key]
    for value in flat(article).values():
        if isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
            counts.left_out[NOT_REPRESENTABLE] += 1
            return None
        if isinstance(value, list):
            values.append(json.dumps(value, ensure_ascii=False))
        else:
            values.append(replace_nul(value, counts) if isinstance(value, str) else value)
    counts.rows += 1
    return values


def _dump_options(options: JsonObject) -> str:
    return json.dumps(options, sort_keys=True)
