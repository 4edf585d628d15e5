"""Flat rows as one SQLite database with full-text search, ready for Datasette."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from newscrawl.errors import Busy, NewscrawlError
from newscrawl.export.manifest import Note
from newscrawl.export.scan import Unit
from newscrawl.export.schemas import COLUMNS, flat
from newscrawl.export.tally import Tally, tally_of
from newscrawl.export.values import without_nul
from newscrawl.items import Article
from newscrawl.warc.filenames import lock
from newscrawl.warc.writer import sync_folder

P = ParamSpec("P")
T = TypeVar("T")
DRAFT = ".part"
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
# Datasette finds the search by `content="articles"` with double quotes.
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
_INSERT = f"INSERT INTO articles (unit, {', '.join(COLUMNS)}) VALUES (?, {_MARKS})"  # noqa: S608 # our names


def _told(method: Callable[P, T]) -> Callable[P, T]:
    """Errors of the database as one sentence."""

    @wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except (sqlite3.Error, OSError) as error:
            raise NewscrawlError(f"cannot write the database: {error}") from error

    return guarded


@dataclass(kw_only=True)
class SqliteSink:
    """A database at `out`; until it is whole at `<out>.part`, one transaction a unit."""

    out: Path
    options: Note
    _base: sqlite3.Connection | None = None
    _asked: set[str] = field(default_factory=set)
    "Units of this export: a draft may hold others too."
    _lock: int | None = None

    @property
    def draft(self) -> Path:
        return Path(f"{self.out}{DRAFT}")

    @_told
    def open(self) -> None:
        """Go on with a draft of the same options, else begin anew."""
        if self.out.is_dir():
            raise NewscrawlError(f"{self.out} is a folder; --format sqlite writes one file")
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{self.draft}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        if not lock(self._lock):
            raise Busy(f"another export into {self.out} is at work")
        if not self._fits():
            self._discard()
        self._base = self._connected()
        self._base.executescript(_MAKE)
        if not self._base.execute("SELECT 1 FROM export_options").fetchone():
            self._base.execute("INSERT INTO export_options VALUES (?)", (_noted(self.options),))

    @_told
    def finished(self, unit: Unit, inputs: str) -> Tally | None:
        assert self._base
        self._asked.add(unit.key)
        found = self._base.execute(
            "SELECT counts FROM export_units WHERE unit = ? AND inputs = ?", (unit.key, inputs)
        ).fetchone()
        return tally_of(json.loads(found[0])) if found else None

    @_told
    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None:
        """All rows of a unit, or none."""
        assert self._base
        with self._base:
            self._base.execute("BEGIN")
            self._base.execute("DELETE FROM articles WHERE unit = ?", (unit.key,))
            self._base.executemany(_INSERT, (_values(unit, article, tally) for article in articles))
            note = (unit.key, inputs, json.dumps(tally.noted()))
            self._base.execute("INSERT OR REPLACE INTO export_units VALUES (?, ?, ?)", note)

    @_told
    def close(self) -> Path | None:
        """Indexes and full-text search, then the final name."""
        assert self._base
        self._forget_others()
        # In one transaction: a kill leaves the draft as it was, to be finished by the next export.
        self._base.executescript(f"BEGIN;\n{_FINISH}COMMIT;")
        self._base.close()
        self._base = None
        with self.draft.open("rb") as stream:
            os.fsync(stream.fileno())
        self.draft.rename(self.out)
        sync_folder(self.out.parent)
        Path(f"{self.draft}.lock").unlink(missing_ok=True)
        self.abandon()
        return self.out

    def abandon(self) -> None:
        if self._base:
            self._base.close()
            self._base = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _forget_others(self) -> None:
        """Take out what a killed export of more outlets, or of runs now gone, left in the draft."""
        assert self._base
        known = [unit for (unit,) in self._base.execute("SELECT unit FROM export_units")]
        for unit in set(known) - self._asked:
            self._base.execute("DELETE FROM articles WHERE unit = ?", (unit,))

    def _connected(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.draft, isolation_level=None)
        base.execute("PRAGMA synchronous = NORMAL")
        return base

    def _fits(self) -> bool:
        if not self.draft.exists():
            return False
        try:
            base = self._connected()
            try:
                # Without this table it is whole but for its name, and does not tell what it was made from.
                base.execute("SELECT 1 FROM export_units LIMIT 1")
                noted = base.execute("SELECT options FROM export_options").fetchone()
                return bool(noted and noted[0] == _noted(self.options))
            finally:
                base.close()
        except sqlite3.Error:
            return False

    def _discard(self) -> None:
        for ending in ("", "-journal"):
            Path(f"{self.draft}{ending}").unlink(missing_ok=True)


def _values(unit: Unit, article: Article, tally: Tally) -> list[Any]:
    tally.rows += 1
    values: list[Any] = [unit.key]
    for value in flat(article).values():
        if isinstance(value, list):
            values.append(json.dumps(value, ensure_ascii=False))
        else:
            values.append(without_nul(value, tally) if isinstance(value, str) else value)
    return values


def _noted(options: Note) -> str:
    return json.dumps(options, sort_keys=True)
