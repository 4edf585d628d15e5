"""An SQLite index of a folder's WARC files: which record answers a request, and where it stands.

It lies beside them as `index.sqlite`, one a folder: outlets stay independent (a folder moves or goes as a
whole, two outlets' builds never wait for each other), and file names need no folder. The WARC files are what
counts: the index is made again from them at any time, and holds nothing they do not say.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import chain, islice, takewhile
from operator import attrgetter
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.warc.index_entries import ANSWERS, Entry, entries_of, microseconds, moment_of
from newscrawl.warc.records import target_uri
from newscrawl.warc.surt import site_of, surt

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


NAME = "index.sqlite"
NEIGHBOURS = 200
"Rows looked at on each side of a URL for its nearest."
_SELECT = (
    f"SELECT files.name, {', '.join('records.' + name for name in COLUMNS)} "  # noqa: S608 # our own names
    "FROM records CROSS JOIN files ON files.id = records.file"
)
_WANTED = f"(kind IN {ANSWERS} OR (kind = 'request' AND NOT answered))"
"Answers, and requests that never got one."
_IN_ORDER = "ORDER BY files.began, files.name, sequence"


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture(Entry):
    """An entry and the file it stands in."""

    file: str

    @property
    def pointer(self) -> WarcPointer:
        return WarcPointer(
            file=self.file,
            offset=self.offset,
            length=self.length,
            record_id=self.record_id,
            payload_digest=self.payload_digest,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What a build did."""

    added: int = 0
    "Files read."
    kept: int = 0
    "Files that were known with this size."
    removed: int = 0
    "Files that are gone or have changed."
    records: int = 0
    "Records in the index now."


@dataclass(frozen=True, slots=True)
class Index:
    """An index that is open for reading."""

    folder: Path
    db: sqlite3.Connection

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The index of a folder; ArchiveError when there is none that can be used."""
        path = folder / NAME
        if not path.is_file():
            raise ArchiveError(f"no index in {folder}: make it with `newscrawl index build`")
        with sqlite_errors(path):
            return cls(folder, readable(path))

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def captures(
        self, method: str, url: str, body_digest: str | None = None, run: str | None = None
    ) -> Iterator[Capture]:
        """What came back for a request, in the order of the archive; of one run, if named.

        A request without an answer is among them, since a replay fails where the crawl failed.
        """
        where = f"surt = ? AND method = ? AND body_digest IS ? AND {_WANTED} AND (? IS NULL OR run = ?)"
        rows = self._rows(f"WHERE {where} {_IN_ORDER}", surt(url), method.upper(), body_digest, run, run)
        same = key_url(url)
        return (capture for capture in rows if key_url(capture.url) == same)

    def nearest(
        self, url: str, date: datetime, method: str = "GET", run: str | None = None
    ) -> Capture | None:
        """The answer to a request for `url` whose date is closest; the earlier of two as close."""
        at, same = microseconds(date), key_url(url)
        where = f"WHERE surt = ? AND kind IN {ANSWERS} AND method = ? AND (? IS NULL OR run = ?)"
        asked = (surt(url), method.upper(), run, run, at)
        before = self._rows(f"{where} AND moment <= ? ORDER BY moment DESC", *asked)
        after = self._rows(f"{where} AND moment > ? ORDER BY moment", *asked)
        sides = (next((c for c in side if key_url(c.url) == same), None) for side in (before, after))
        return min(filter(None, sides), key=lambda capture: abs(capture.moment - at), default=None)

    def near(self, url: str, limit: int = 5) -> list[Capture]:
        """Answers of the same site whose URLs are most like `url`, one of each request, the likest first."""
        key = surt(url)
        site = site_of(key)
        rows = [
            *self._rows(f"WHERE surt >= ? AND {_WANTED} ORDER BY surt, moment LIMIT {NEIGHBOURS}", key),
            *self._rows(f"WHERE surt < ? AND {_WANTED} ORDER BY surt DESC LIMIT {NEIGHBOURS}", key),
        ]
        likest = sorted(
            (capture for capture in rows if site_of(surt(capture.url)) == site),
            key=lambda capture: (-_alike(key, surt(capture.url)), len(capture.url)),
        )
        requests = {(c.method, key_url(c.url), c.body_digest): c for c in reversed(likest)}
        return list(islice(reversed(requests.values()), limit))

    def by_digest(self, digest: str) -> Iterator[Capture]:
        """Records with this payload digest, in the order of the archive."""
        return self._rows(f"WHERE payload_digest = ? {_IN_ORDER}", digest)

    def original(self, revisit: Capture) -> Capture | None:
        """The response whose body a revisit repeats: as it refers to it, or else by digest."""
        dated: list[Capture] = []
        if revisit.refers_to_url:
            date = moment_of(revisit.refers_to_date or "")
            for capture in self._rows("WHERE surt = ? AND kind = 'response'", surt(revisit.refers_to_url)):
                if revisit.refers_to and capture.record_id == revisit.refers_to:
                    return capture
                if date is not None and capture.date.replace(microsecond=0) == date.replace(microsecond=0):
                    dated.append(capture)
        equal = (c for c in self.by_digest(revisit.payload_digest or "") if c.kind == "response")
        # WARC 1.0 dates tell the second alone: of several captures the one with the same payload is meant.
        same = (c for c in dated if c.payload_digest == revisit.payload_digest)
        return next(chain(same, equal, dated), None)

    def by_key(self, files: Collection[str] | None = None) -> Iterator[Capture]:
        """All records in the order of their keys and dates; of these files alone, if named."""
        for capture in self._rows("WHERE url <> '' ORDER BY surt, moment"):
            if files is None or capture.file in files:
                yield capture

    def _rows(self, rest: str, *given: object) -> Iterator[Capture]:
        with sqlite_errors(self.folder / NAME):
            for file, *row in self.db.execute(f"{_SELECT} {rest}", given):
                values = dict(zip(COLUMNS, row, strict=True))
                yield Capture(file=file, **values | {"answered": bool(values["answered"])})


def build(folder: Path) -> Built:
    """Bring the index of a folder into step with its finished WARC files."""
    path = folder / NAME
    if not folder.is_dir():
        raise ArchiveError(f"no such folder: {folder}")
    with sqlite_errors(path), closing(writable(path)) as db:
        found = _sizes(folder)
        known: dict[str, int] = dict(db.execute("SELECT name, size FROM files"))
        stale = [name for name, size in known.items() if found.get(name) != size]
        with transaction(db):
            for name in stale:
                forget_file(db, name)
        new = [name for name, size in found.items() if known.get(name) != size]
        for name in new:
            with transaction(db):
                _add(db, folder / name, found[name])
        (records,) = db.execute("SELECT count(*) FROM records").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Built(added=len(new), kept=len(found) - len(new), removed=len(stale), records=records)


def warc_files(folder: Path) -> list[Path]:
    """The finished WARC files of a folder, by name: none still open, none of text."""
    names = (*folder.glob("*.warc.gz"), *folder.glob("*.warc"))
    return sorted(path for path in names if path.is_file())


def key_url(url: str) -> str:
    """A URL as it goes over the wire, whoever wrote it down: ASCII, without fragment, with a path."""
    try:
        parts = urlsplit(target_uri(url))
    except ValueError:
        return url
    if not parts.netloc:
        return urlunsplit(parts)
    return urlunsplit(parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/"))


def _sizes(folder: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for path in warc_files(folder):
        with suppress(FileNotFoundError):  # gone since it was listed
            sizes[path.name] = path.stat().st_size
    return sizes


def _alike(one: str, other: str) -> int:
    """Characters two keys begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _add(db: sqlite3.Connection, path: Path, size: int) -> None:
    try:
        with path.open("rb") as stream:
            add_file(db, path.name, size, entries_of(stream))
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error
