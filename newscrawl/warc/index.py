"""An SQLite index of the WARC files in a folder: which record answers a request, and where it is.

Each folder has its own `index.sqlite`. This keeps outlets independent: a folder can be moved or deleted as a
whole, and updates of two outlets never wait for each other. The WARC files are authoritative: the index holds
only what they say, and can be rebuilt from them at any time.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import chain, islice, takewhile
from operator import attrgetter
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import WarcPointer
from newscrawl.storage import list_stored_sizes
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.index_entries import (
    RESPONSE_KINDS,
    RecordEntry,
    SkipReason,
    iter_entries,
    to_microseconds,
)
from newscrawl.warc.packages import ARCHIVE_SUFFIXES, PACKAGE_ERRORS, PACKAGE_SUFFIX, list_package
from newscrawl.warc.reader import open_warc
from newscrawl.warc.records import target_uri
from newscrawl.warc.surt import surt, surt_host

logger = logging.getLogger(__name__)

INDEX_NAME = "index.sqlite"
VERSION = 1
"Of the tables below; an index of another version is rebuilt."
CACHE_KIB = 16 * 1024
"Memory that SQLite may use for pages, however large the index is."
BATCH = 1000
"Rows held in memory while the records of a file are inserted."
MAX_OTHERS_BYTES = 8 << 20
"Of files of other runs that a run reads for the index when it ends, which takes it about a second."
WAIT_SECONDS = 60
"How long to wait for a lock."
RECORD_COLUMNS = [column.name for column in fields(RecordEntry)]
_values = attrgetter(*RECORD_COLUMNS)
_TABLES = f"""
CREATE TABLE files (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, began INTEGER NOT NULL
);
CREATE TABLE records (
    file INTEGER NOT NULL, surt TEXT NOT NULL, {", ".join(RECORD_COLUMNS)}
);
CREATE INDEX by_file ON records (file, sequence);
CREATE INDEX by_url ON records (surt, moment);
CREATE INDEX by_digest ON records (payload_digest) WHERE payload_digest IS NOT NULL;
PRAGMA user_version = {VERSION};
"""
_SKIPPED = (
    "CREATE TABLE IF NOT EXISTS skipped (file TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL)"
)
"Added later: readers do without it, and an index that lacks it stays valid."
_INSERT = f"INSERT INTO records VALUES ({', '.join('?' * (len(RECORD_COLUMNS) + 2))})"  # noqa: S608 # no external text
NEIGHBOURS = 200
"Rows read on each side of a URL to find similar ones."
_SELECT = (
    f"SELECT files.name, {', '.join('records.' + name for name in RECORD_COLUMNS)} "  # noqa: S608 # our own column names
    "FROM records CROSS JOIN files ON files.id = records.file"
)
_IS_CAPTURE = f"(kind IN {RESPONSE_KINDS} OR (kind = 'request' AND NOT answered))"
"Responses, and requests that never got a response."
_FILE_ORDER = "ORDER BY files.began, files.name, sequence"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexEntry(RecordEntry):
    """A record in the index, and its file."""

    file: str
    "Name of the WARC file in the folder of the index."

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
class IndexUpdate:
    """What `update_index` did."""

    added: int = 0
    "Files read."
    unchanged: int = 0
    "Files that were indexed already with this size."
    removed: int = 0
    "Files that are missing or have changed."
    records: int = 0
    "Records that the index has now."
    skipped: dict[str, dict[str, int]] = field(default_factory=dict)
    "Records that were lost, by file and reason, in all files that the index has now."


@dataclass(frozen=True, slots=True)
class Index:
    """An index that is open for reading; use it as a context manager."""

    folder: Path
    db: sqlite3.Connection

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the index of a folder; ArchiveError if there is none that can be used."""
        path = folder / INDEX_NAME
        if not path.is_file():
            raise ArchiveError(f"no index in {folder}: create it with `newscrawl index build`")
        with sqlite_errors(path):
            return cls(folder, open_for_reading(path))

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def captures(
        self, method: str, url: str, body_digest: str | None = None, run: str | None = None
    ) -> Iterator[IndexEntry]:
        """The responses to a request, in archive order; only those of `run` if it is given.

        Requests without a response are included, so that a replay fails where the crawl failed.
        """
        where = f"surt = ? AND method = ? AND body_digest IS ? AND {_IS_CAPTURE} AND (? IS NULL OR run = ?)"
        rows = self._rows(f"WHERE {where} {_FILE_ORDER}", surt(url), method.upper(), body_digest, run, run)
        wanted = request_url(url)
        return (entry for entry in rows if request_url(entry.url) == wanted)

    def nearest(
        self, url: str, date: datetime, method: str = "GET", run: str | None = None
    ) -> IndexEntry | None:
        """The response to a request for `url` with the closest date, or the earlier of two equally close."""
        moment, wanted = to_microseconds(date), request_url(url)
        where = f"WHERE surt = ? AND kind IN {RESPONSE_KINDS} AND method = ? AND (? IS NULL OR run = ?)"
        parameters = (surt(url), method.upper(), run, run, moment)
        before = self._rows(f"{where} AND moment <= ? ORDER BY moment DESC", *parameters)
        after = self._rows(f"{where} AND moment > ? ORDER BY moment", *parameters)
        sides = (next((e for e in side if request_url(e.url) == wanted), None) for side in (before, after))
        return min(filter(None, sides), key=lambda entry: abs(entry.moment - moment), default=None)

    def near(self, url: str, limit: int = 5) -> list[IndexEntry]:
        """Captures of the same site with the most similar URLs, each request once, the most similar first."""
        key = surt(url)
        site = surt_host(key)
        rows = [
            *self._rows(f"WHERE surt >= ? AND {_IS_CAPTURE} ORDER BY surt, moment LIMIT {NEIGHBOURS}", key),
            *self._rows(f"WHERE surt < ? AND {_IS_CAPTURE} ORDER BY surt DESC LIMIT {NEIGHBOURS}", key),
        ]
        by_similarity = sorted(
            (entry for entry in rows if surt_host(surt(entry.url)) == site),
            key=lambda entry: (-_common_prefix_length(key, surt(entry.url)), len(entry.url)),
        )
        requests = {(e.method, request_url(e.url), e.body_digest): e for e in reversed(by_similarity)}
        return list(islice(reversed(requests.values()), limit))

    def by_digest(self, digest: str) -> Iterator[IndexEntry]:
        """Records with this payload digest, in archive order."""
        return self._rows(f"WHERE payload_digest = ? {_FILE_ORDER}", digest)

    def revisits(self, file: str) -> Iterator[IndexEntry]:
        """The revisits of a file, in its order."""
        return self._rows("WHERE files.name = ? AND kind = 'revisit' ORDER BY sequence", file)

    def original(self, revisit: IndexEntry) -> IndexEntry | None:
        """The response whose body a revisit repeats: by URL and id or date, by digest, or by id alone."""
        dated: list[IndexEntry] = []
        if revisit.refers_to_url:
            date = parse_warc_date(revisit.refers_to_date or "")
            for entry in self._rows("WHERE surt = ? AND kind = 'response'", surt(revisit.refers_to_url)):
                if revisit.refers_to and entry.record_id == revisit.refers_to:
                    return entry
                if date is not None and entry.date.replace(microsecond=0) == date.replace(microsecond=0):
                    dated.append(entry)
        equal = (entry for entry in self.by_digest(revisit.payload_digest or "") if entry.kind == "response")
        # WARC 1.0 dates are exact to the second: of several captures, the same payload decides.
        dated_equal = (entry for entry in dated if entry.payload_digest == revisit.payload_digest)
        by_id = self._rows("WHERE record_id = ? AND kind = 'response'", revisit.refers_to or "")
        return next(chain(dated_equal, equal, dated, by_id if revisit.refers_to else ()), None)

    def by_key(self, files: Collection[str] | None = None) -> Iterator[IndexEntry]:
        """All records in the order of their SURT keys and dates; only those of `files` if given."""
        for entry in self._rows("WHERE url <> '' ORDER BY surt, moment"):
            if files is None or entry.file in files:
                yield entry

    def _rows(self, condition: str, *parameters: object) -> Iterator[IndexEntry]:
        with sqlite_errors(self.folder / INDEX_NAME):
            for file, *row in self.db.execute(f"{_SELECT} {condition}", parameters):
                values = dict(zip(RECORD_COLUMNS, row, strict=True))
                yield IndexEntry(file=file, **values | {"answered": bool(values["answered"])})


def update_index(folder: Path) -> IndexUpdate:
    """Index the finished WARC files of a folder that are new or changed, and forget those that are gone."""
    path = folder / INDEX_NAME
    if not folder.is_dir():
        raise ArchiveError(f"no such folder: {folder}")
    with sqlite_errors(path), closing(open_for_writing(path)) as db:
        sizes = archive_sizes(folder)
        indexed: dict[str, int] = dict(db.execute("SELECT name, size FROM files"))
        stale = [name for name, size in indexed.items() if sizes.get(name) != size]
        with transaction(db):
            for name in stale:
                forget_file(db, name)
        new = [name for name, size in sizes.items() if indexed.get(name) != size]
        for name in new:
            with transaction(db):
                _index_file(db, folder, name, sizes[name])
        (records,) = db.execute("SELECT count(*) FROM records").fetchone()
        skipped = _read_skipped(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return IndexUpdate(
        added=len(new),
        unchanged=len(sizes) - len(new),
        removed=len(stale),
        records=records,
        skipped=skipped,
    )


def index_new_files(folder: Path, run_files: Collection[str]) -> bool:
    """Add the WARC files of a run to the index at its end; whether the index has all finished ones here now.

    Files of other runs that it lacks are added too where they are small: a folder's whole history may take
    hours to read. For the same reason no index is made where other files are, and one that is damaged or of
    another version is left alone. `newscrawl index build` takes care of all this.
    """
    path, own = folder / INDEX_NAME, set(run_files)
    with sqlite_errors(path):
        is_usable = _is_current(path) if path.is_file() else own.issuperset(archive_sizes(folder))
        if not is_usable:
            return False
        sizes = _read_sizes(warc_files(folder))
        if not sizes:
            return True
        with closing(open_for_writing(path)) as db:
            indexed: dict[str, int] = dict(db.execute("SELECT name, size FROM files"))
            missing = [name for name, size in sizes.items() if indexed.get(name) != size]
            takes_others = sum(sizes[name] for name in missing if name not in own) <= MAX_OTHERS_BYTES
            # Those of the run come first, so that no fault of another file keeps them out.
            for name in sorted(missing, key=lambda name: name not in own):
                # It may be gone by now: other processes move files to a bucket.
                if (takes_others or name in own) and (folder / name).is_file():
                    with transaction(db):
                        _index_file(db, folder, name, sizes[name])
    return takes_others


def index_if_indexed(folder: Path, new_files: Collection[str]) -> None:
    """Add new files to an index that exists; a failure is logged, and `newscrawl index build` mends it."""
    if not (folder / INDEX_NAME).is_file():
        return
    try:
        index_new_files(folder, new_files)
    except (OSError, NewscrawlError) as error:
        logger.warning("new files are not in the index: %s", error)


def warc_files(folder: Path) -> list[Path]:
    """The finished WARC files of a folder, by name, without open files and WET files."""
    names = (*folder.glob("*.warc.gz"), *folder.glob("*.warc"))
    return sorted(path for path in names if path.is_file())


def request_url(url: str) -> str:
    """A URL as it is sent in a request: ASCII, without a fragment, with a path."""
    try:
        parts = urlsplit(target_uri(url))
    except ValueError:
        return url
    if not parts.netloc:
        return urlunsplit(parts)
    return urlunsplit(parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/"))


def archive_sizes(folder: Path) -> dict[str, int]:
    """The files of a folder that an index covers, by name: WARC, ARC, and those in WACZ packages."""
    sizes = _read_sizes([*warc_files(folder), *sorted((*folder.glob("*.arc.gz"), *folder.glob("*.arc")))])
    # Files of a spool that are only in its bucket; `open_warc` finds them there.
    stored = list_stored_sizes(folder)
    sizes = {name: size for name, size in stored.items() if name.endswith(ARCHIVE_SUFFIXES)} | sizes
    for path in sorted(folder.glob(f"*{PACKAGE_SUFFIX}")):
        try:
            sizes |= {f"{path.name}/{member.name}": member.size for member in list_package(path)}
        except ArchiveError:
            sizes |= _read_sizes([path])  # read like a WARC, it is damage from its first byte on
    return sizes


def _read_sizes(paths: Iterable[Path]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for path in paths:
        with suppress(FileNotFoundError):  # deleted since the listing
            sizes[path.name] = path.stat().st_size
    return sizes


def _common_prefix_length(first: str, second: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _index_file(db: sqlite3.Connection, folder: Path, name: str, size: int) -> None:
    skipped = Counter[SkipReason]()
    try:
        with open_warc(folder, name) as stream:
            add_file(db, name, size, iter_entries(stream, skipped))
    except PACKAGE_ERRORS as error:
        raise ArchiveError(f"cannot read {folder / name}: {error}") from error
    db.executemany("INSERT INTO skipped VALUES (?, ?, ?)", ((name, *pair) for pair in skipped.items()))


def _read_skipped(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    skipped: dict[str, dict[str, int]] = {}
    for name, reason, count in db.execute("SELECT file, reason, count FROM skipped ORDER BY file, reason"):
        skipped.setdefault(name, {})[reason] = count
    return skipped


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an index for reading; ArchiveError if it has another version."""
    try:
        db, actual = _connect(path, "mode=ro")
    except sqlite3.OperationalError:
        # On a read-only disk, SQLite cannot create the files that readers share, but nobody writes there.
        if Path(f"{path}-wal").exists():
            raise
        db, actual = _connect(path, "mode=ro&immutable=1")
    if actual != VERSION:
        db.close()
        raise ArchiveError(f"{path} has version {actual}, not {VERSION}: run `newscrawl index build`")
    return db


def _connect(path: Path, options: str) -> tuple[sqlite3.Connection, int]:
    """Open a connection for reading; return it with the version of the database."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True, timeout=WAIT_SECONDS)
    try:
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return db, read_version(db)
    except sqlite3.Error:
        db.close()
        raise


def add_file(db: sqlite3.Connection, name: str, size: int, entries: Iterable[RecordEntry]) -> None:
    """Insert the records of a file, in batches, in place of those that the index has under its name."""
    forget_file(db, name)
    number = db.execute("INSERT INTO files (name, size, began) VALUES (?, ?, 0)", (name, size)).lastrowid
    rows = ((number, surt(entry.url), *_values(entry)) for entry in entries)
    while batch := list(islice(rows, BATCH)):
        db.executemany(_INSERT, batch)
    began = "SELECT coalesce(min(moment), 0) FROM records WHERE file = ?1"
    db.execute(f"UPDATE files SET began = ({began}) WHERE id = ?1", (number,))  # noqa: S608 # no external text


def forget_file(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM records WHERE file = (SELECT id FROM files WHERE name = ?)", (name,))
    db.execute("DELETE FROM files WHERE name = ?", (name,))
    db.execute("DELETE FROM skipped WHERE file = ?", (name,))


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open an index for writing; create it if there is none, or if it is damaged or of another version."""
    if not _is_current(path):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    db = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    with transaction(db):
        # Another update may have created the tables while this process waited.
        if read_version(db) != VERSION:
            for statement in _TABLES.split(";\n"):
                db.execute(statement)
        db.execute(_SKIPPED)
    return db


def _is_current(path: Path) -> bool:
    """Whether the file is an index of this version, or empty."""
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS)) as db:
        try:
            is_empty = db.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            return is_empty or read_version(db) == VERSION
        except sqlite3.OperationalError:
            raise  # locked or not readable: its content may be sound
        except sqlite3.DatabaseError:
            return False


def read_version(db: sqlite3.Connection) -> int:
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
