"""The catalogue of an archive: an SQLite file that finds articles by their words, made from its lines.

It lies beside the outlets' folders, holds nothing that the lines do not have, and can be deleted at any time.
A row's number begins with the second of the publication, so that the newest articles come first without being
sorted and the articles of a day are a range of numbers.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, BinaryIO, NamedTuple

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX, split_lines
from newscrawl.archive.report import REPORT_SUFFIX, is_replay
from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.storage import list_stored_sizes, open_stored
from newscrawl.warc.filenames import parse_filename

CATALOGUE_NAME = ".view.sqlite"
SCHEMA_VERSION = 1
"Of the tables below; a catalogue of another version is made anew."
PLACE_BITS = 20
"Bits of a row's number behind the second: as many articles can have the same time of publication."
BATCH_ARTICLES = 2000
"Articles that are read before they are written; they are held in memory."
LOCK_SECONDS = 60
READERS = 4
"Connections that stay open for readers, each with a cache of its own."
CACHE_KIB = 8 * 1024
NOT_FROM_WIRE = ""
"`wire` of an article that says of no agency."
UNNAMED_WIRE = "?"
"`wire` of an article that was taken over from a publisher it does not name."
FACETS = ("outlet", "lang", "wire", "section")
_FACET_CHARS = 80
"A longer section is cut: it is a name that a page made up."
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TABLES = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, outlet TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    changed INTEGER NOT NULL, is_reported INTEGER NOT NULL, broken INTEGER NOT NULL, UNIQUE (outlet, name)
);
CREATE TABLE places (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, file INTEGER NOT NULL, start INTEGER NOT NULL,
    length INTEGER NOT NULL, outlet TEXT NOT NULL, page TEXT NOT NULL, fetched TEXT NOT NULL,
    version INTEGER NOT NULL, chars INTEGER NOT NULL
);
CREATE INDEX places_id ON places (id);
CREATE INDEX places_file ON places (file);
CREATE INDEX places_page ON places (outlet, page);
CREATE TABLE facets (
    number INTEGER PRIMARY KEY, is_latest INTEGER NOT NULL, outlet TEXT NOT NULL, lang TEXT NOT NULL,
    wire TEXT NOT NULL, section TEXT NOT NULL
);
CREATE INDEX facets_outlet ON facets (outlet);
CREATE VIRTUAL TABLE texts USING fts5(title, body, tokenize='unicode61 remove_diacritics 2');
"""


class Place(NamedTuple):
    """Where the line of an article is."""

    number: int
    id: str
    outlet: str
    file: str
    "Name of the file in the outlet's folder."
    start: int
    length: int
    page: str
    "`url_norm`, which all versions of a page share."
    fetched: str
    version: int


class CatalogueProgress(NamedTuple):
    """How far an update is."""

    files: int
    "Files that were read."
    files_total: int
    articles: int
    "Articles that were read."


class _Row(NamedTuple):
    """An article on its way into the tables."""

    seconds: int
    id: str
    start: int
    length: int
    page: str
    fetched: str
    version: int
    chars: int
    lang: str
    wire: str
    section: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class _FoundFile:
    """A file of lines as it is on disk."""

    outlet: str
    name: str
    size: int
    changed: int
    "Time of its last change in nanoseconds."
    is_reported: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.outlet, self.name


class Catalogue:
    """A catalogue that is open; readers of several threads share it, and one of them may update it."""

    def __init__(self, archives: Path, path: Path) -> None:
        self.archives = archives
        self.path = path
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._lock = threading.Lock()

    @classmethod
    def open(cls, archives: Path, path: Path | None = None) -> Catalogue:
        """Open a catalogue, by default that beside the outlets' folders; make it if it is missing."""
        if not archives.is_dir():
            raise ArchiveError(f"no such folder: {archives}")
        catalogue = cls(archives, path or archives / CATALOGUE_NAME)
        try:
            with catalogue._writing():
                pass
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise ArchiveError(f"cannot write {catalogue.path}: {error}") from error
            catalogue._remove()
            with catalogue._writing():
                pass
        return catalogue

    def close(self) -> None:
        while True:
            try:
                self._readers.get_nowait().close()
            except Empty:
                return

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that reads; ArchiveError if the file cannot be read."""
        try:
            connection = self._readers.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except sqlite3.Error as error:
            connection.close()
            raise ArchiveError(f"cannot read {self.path}: {error}") from error
        except BaseException:
            connection.close()
            raise
        if self._readers.qsize() < READERS:
            self._readers.put(connection)
        else:
            connection.close()

    def find(self, article_id: str) -> Place | None:
        """Where an article is; the last of several lines with the same id."""
        places = self._places("places.id = ?", article_id)
        return places[-1] if places else None

    def versions(self, place: Place) -> list[Place]:
        """Every text of a page, the first to the last."""
        return self._places("places.outlet = ? AND page = ?", place.outlet, place.page)

    def _places(self, condition: str, *parameters: object) -> list[Place]:
        columns = "number, places.id, places.outlet, files.name, start, length, page, fetched, version"
        statement = (
            f"SELECT {columns} FROM places JOIN files ON files.id = places.file "  # noqa: S608 # our own words
            f"WHERE {condition} ORDER BY fetched, version, number"
        )
        with self.reading() as connection:
            return [Place(*row) for row in connection.execute(statement, parameters)]

    def count_articles(self) -> int:
        with self.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM facets").fetchone()[0])

    def count_broken(self, outlet: str) -> int:
        """Lines of an outlet that are no articles."""
        with self.reading() as connection:
            statement = "SELECT coalesce(sum(broken), 0) FROM files WHERE outlet = ?"
            return int(connection.execute(statement, (outlet,)).fetchone()[0])

    def update(
        self,
        on_progress: Callable[[CatalogueProgress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Read the files that are new or changed, forget those that are gone; whether anything was.

        Articles that no line has any more leave nothing behind in the file. ArchiveError if lines cannot be
        read, or the file cannot be written.
        """
        try:
            with self._lock, archive_errors(f"read {self.archives}"):
                return self._update(on_progress, should_stop)
        except sqlite3.Error as error:
            raise ArchiveError(f"cannot write {self.path}: {error}") from error

    def _update(
        self, on_progress: Callable[[CatalogueProgress], None], should_stop: Callable[[], bool]
    ) -> bool:
        found = {file.key: file for file in find_line_files(self.archives)}
        with self.reading() as connection:
            columns = "outlet, name, size, changed, is_reported"
            stored = {row[:2]: row for row in connection.execute(f"SELECT {columns} FROM files")}  # noqa: S608
        changed = [file for key, file in found.items() if _differs(stored.get(key), file)]
        gone = [key for key in stored if key not in found and not self._is_in_bucket(key)]
        if not changed and not gone:
            return False
        with self._writing() as connection:
            before = self._list_ids(connection, [*gone, *(file.key for file in changed)])
            with _transaction(connection):
                pages = [page for key in gone for page in _forget_file(connection, key)]
                _choose_latest(connection, pages)
            count = 0
            for number, file in enumerate(changed, 1):
                if should_stop():
                    return True
                count += self._read_file(connection, file)
                on_progress(CatalogueProgress(number, len(changed), count))
            if any(not _has_id(connection, article_id) for article_id in before):
                # The words of deleted texts stay in the search index until its parts are merged.
                connection.execute("INSERT INTO texts (texts) VALUES ('optimize')")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    def _list_ids(self, connection: sqlite3.Connection, keys: Iterable[tuple[str, str]]) -> set[str]:
        statement = (
            "SELECT places.id FROM places JOIN files ON files.id = file WHERE files.outlet = ? AND name = ?"
        )
        return {row[0] for key in keys for row in connection.execute(statement, key)}

    def _is_in_bucket(self, key: tuple[str, str]) -> bool:
        """Whether a file only has made way in a spool: its bucket still has it."""
        return key[1] in list_stored_sizes(self.archives / key[0])

    def _read_file(self, connection: sqlite3.Connection, file: _FoundFile) -> int:
        """Replace the rows of a file by those of its lines; gives the number of its articles."""
        path = self.archives / file.outlet / file.name
        run = file.name.removesuffix(ARTICLES_SUFFIX)
        count = broken = 0
        with archive_errors(f"read {path}"), open_stored(path) as stream, _transaction(connection):
            pages = set(_forget_file(connection, file.key))
            values = (file.outlet, file.name, file.size, file.changed, file.is_reported)
            number = connection.execute(
                "INSERT INTO files (outlet, name, size, changed, is_reported, broken) "
                "VALUES (?, ?, ?, ?, ?, 0)",
                values,
            ).lastrowid
            assert number is not None
            if not is_replay(path.parent, run):
                rows: list[_Row] = []
                for row in _read_rows(stream):
                    if row is None:
                        broken += 1
                        continue
                    rows.append(row)
                    count += 1
                    if len(rows) >= BATCH_ARTICLES:
                        pages |= _insert(connection, file.outlet, number, rows)
                        rows = []
                pages |= _insert(connection, file.outlet, number, rows)
            connection.execute("UPDATE files SET broken = ? WHERE id = ?", (broken, number))
            _choose_latest(connection, pages)
        return count

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connect()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            # What a takedown removes must not stay in free pages.
            connection.execute("PRAGMA secure_delete = ON")
            if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                _make_tables(connection)
            yield connection
        finally:
            connection.close()

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(f"{self.path}{ending}").unlink(missing_ok=True)


def update_catalogue(archives: Path) -> None:
    """Bring the catalogue beside the outlets' folders up to date, if there is one."""
    if not (archives / CATALOGUE_NAME).is_file():
        return
    catalogue = Catalogue.open(archives)
    try:
        catalogue.update()
    finally:
        catalogue.close()


def find_line_files(archives: Path) -> Iterator[_FoundFile]:
    """The finished files of articles in the outlets' folders."""
    for folder in sorted(archives.iterdir()):
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        names = {path.name: path for path in folder.iterdir()}
        for name in sorted(names):
            if not name.endswith(ARTICLES_SUFFIX) or name.endswith(REJECTED_SUFFIX):
                continue
            if not parse_filename(name):
                continue
            try:
                status = names[name].stat()
            except FileNotFoundError:
                continue
            # A run that repeats another is known by its report, which comes after the lines.
            is_reported = name.removesuffix(ARTICLES_SUFFIX) + REPORT_SUFFIX in names
            yield _FoundFile(folder.name, name, status.st_size, status.st_mtime_ns, is_reported)


def _differs(stored: tuple[Any, ...] | None, file: _FoundFile) -> bool:
    return stored is None or tuple(stored[2:]) != (file.size, file.changed, int(file.is_reported))


def _read_rows(stream: BinaryIO) -> Iterator[_Row | None]:
    """The articles among the lines; None for a line that is none."""
    for line in split_lines(stream):
        data = line.fields
        yield make_row(data, line.start, len(line.raw)) if data and "text_sha256" in data else None


def make_row(data: Mapping[str, Any], start: int, length: int) -> _Row | None:
    """What the catalogue holds of an article's line; None if the line has no id."""
    article_id = data.get("id")
    if not isinstance(article_id, str) or not article_id:
        return None
    text, lede = _clean(data.get("text")), _clean(data.get("lede"))
    fetched = _clean(data.get("fetched"))
    syndication = data.get("syndication")
    return _Row(
        seconds=_publication_second(data.get("published"), fetched),
        id=article_id,
        start=start,
        length=length,
        page=str(data.get("url_norm") or data.get("url") or ""),
        fetched=fetched,
        version=_number(data.get("version")),
        chars=_number(data.get("char_count")) or len(text),
        lang="mixed" if data.get("is_mixed") is True else _clean(data.get("lang"))[:_FACET_CHARS],
        wire=_wire(syndication if isinstance(syndication, dict) else {}),
        section=_clean(data.get("section")).strip()[:_FACET_CHARS],
        title=_clean(data.get("title")),
        body=f"{lede}\n\n{text}" if lede else text,
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else 0


def _wire(syndication: Mapping[str, Any]) -> str:
    agency = _clean(syndication.get("agency")).strip()[:_FACET_CHARS]
    return agency or (UNNAMED_WIRE if syndication.get("is_syndicated") is True else NOT_FROM_WIRE)


def _clean(value: object) -> str:
    """A text that SQLite can hold, without the characters that mark what was found."""
    text = value if isinstance(value, str) else ""
    return _CONTROLS.sub("\ufffd", text).encode("utf-8", "replace").decode()


def _publication_second(published: object, fetched: str) -> int:
    """When an article came out, never after it was fetched; 0 where neither time can be read."""
    seconds = [found for text in (published, fetched) if (found := parse_second(text)) is not None]
    return min(seconds, default=0)


def parse_second(text: object) -> int | None:
    """The second of an RFC 3339 time or of the beginning of a day; None for anything else."""
    try:
        moment = datetime.fromisoformat(text if isinstance(text, str) else "")
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, int(aware.timestamp()))
    except (ValueError, OverflowError):
        return None


def _insert(connection: sqlite3.Connection, outlet: str, file: int, rows: list[_Row]) -> set[tuple[str, str]]:
    """Insert articles; gives their outlet and pages."""
    # The search index takes ascending numbers together, and any other order piece by piece.
    rows.sort(key=lambda row: row.seconds)
    last = -1
    for row in rows:
        first = row.seconds << PLACE_BITS
        highest = "SELECT max(number) FROM facets WHERE number BETWEEN ? AND ?"
        (used,) = connection.execute(highest, (first, first + (1 << PLACE_BITS) - 1)).fetchone()
        last = max(last + 1 if last >= first else first, first if used is None else used + 1)
        connection.execute(
            "INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(last, row.id, file, row.start, row.length),
                *(outlet, row.page, row.fetched, row.version, row.chars),
            ),
        )
        connection.execute(
            "INSERT INTO facets VALUES (?, 1, ?, ?, ?, ?)", (last, outlet, row.lang, row.wire, row.section)
        )
        connection.execute(
            "INSERT INTO texts (rowid, title, body) VALUES (?, ?, ?)", (last, row.title, row.body)
        )
    return {(outlet, row.page) for row in rows}


def _forget_file(connection: sqlite3.Connection, key: tuple[str, str]) -> list[tuple[str, str]]:
    """Delete the rows of a file; gives the outlet and the pages of its articles."""
    found = connection.execute("SELECT id FROM files WHERE outlet = ? AND name = ?", key).fetchone()
    if found is None:
        return []
    rows = connection.execute("SELECT number, outlet, page FROM places WHERE file = ?", found).fetchall()
    numbers = [(number,) for number, *_ in rows]
    for table, column in (("texts", "rowid"), ("facets", "number"), ("places", "number")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", numbers)  # noqa: S608 # our own words
    connection.execute("DELETE FROM files WHERE id = ?", found)
    return [(outlet, page) for _, outlet, page in rows]


def _choose_latest(connection: sqlite3.Connection, pages: Iterable[tuple[str, str]]) -> None:
    """Mark the last text of each of these pages."""
    statement = "SELECT number FROM places WHERE outlet = ? AND page = ? ORDER BY fetched, version, number"
    for page in set(pages):
        numbers = [number for (number,) in connection.execute(statement, page)]
        for place, number in enumerate(reversed(numbers) if len(numbers) > 1 else ()):
            connection.execute("UPDATE facets SET is_latest = ? WHERE number = ?", (place == 0, number))
        if len(numbers) == 1:
            connection.execute("UPDATE facets SET is_latest = 1 WHERE number = ?", numbers)


def _has_id(connection: sqlite3.Connection, article_id: str) -> bool:
    return connection.execute("SELECT 1 FROM places WHERE id = ?", (article_id,)).fetchone() is not None


def _make_tables(connection: sqlite3.Connection) -> None:
    with _transaction(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
            return  # another process has made them meanwhile
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            if name in {"files", "places", "facets", "texts"}:
                connection.execute(f"DROP TABLE {name}")
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
