"""Whether the index of a folder is in step with its WARC files: every record has its entry, and no other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

from newscrawl.archive.entries import Entry, entries_of
from newscrawl.archive.index import NAME, Index, warc_files
from newscrawl.archive.index_file import COLUMNS, sqlite_errors
from newscrawl.archive.surt import surt
from newscrawl.archive.verify.problem import Fault, IndexCode, Problem, shown
from newscrawl.errors import ArchiveError

_values = attrgetter(*COLUMNS)
_COMPARED = ("surt", *COLUMNS)
_OFFSET, _RECORD_ID = _COMPARED.index("offset"), _COMPARED.index("record_id")
_ROWS = f"SELECT {', '.join(_COMPARED)} FROM records"  # noqa: S608 # our own names
_OF_FILE = f"{_ROWS} WHERE file = ? ORDER BY offset, sequence"
_OF_NO_FILE = f"{_ROWS} WHERE file NOT IN (SELECT id FROM files) ORDER BY offset"  # noqa: S608 # likewise
_MEND = "run `newscrawl index build`"
_REMAKE = f"delete the index and {_MEND}"
"A build leaves files alone whose size it knows."
_Row = tuple[object, ...]
_Found = tuple[int, str | None, Fault]
"Where a record stands in its WARC, its id, and what is wrong with its entry."


def verify_index(folder: Path, names: Collection[str] | None = None) -> Iterator[Problem]:
    """Everything wrong with the index of a folder, or of the files named in it; nothing without one.

    Places are those of the records in the WARC file that the message names.
    """
    path = folder / NAME
    if not path.is_file():
        return
    try:
        with sqlite_errors(path), Index.open(folder) as index:
            for offset, record_id, (code, message) in _faults(index, names):
                yield Problem(file=str(path), offset=offset, record_id=record_id, code=code, message=message)
    except ArchiveError as error:
        yield Problem(file=str(path), offset=0, record_id=None, code="index_unreadable", message=str(error))


def _faults(index: Index, names: Collection[str] | None) -> Iterator[_Found]:
    there = {path.name: path for path in warc_files(index.folder)}
    known = {
        name: (number, size) for number, name, size in index.db.execute("SELECT id, name, size FROM files")
    }
    for name in sorted(there.keys() | known.keys() if names is None else there.keys() & set(names)):
        if name not in known:
            yield _of_file("index_file_missing", f"{shown(name)} is not in it: {_MEND}")
        elif name not in there:
            yield _of_file("index_file_gone", f"{shown(name)} is in it, but not in the folder: {_MEND}")
        else:
            with suppress(OSError):  # the file is checked too, which tells that it cannot be read
                yield from _of_known(index, there[name], *known[name])
    if names is None:
        for row in index.db.execute(_OF_NO_FILE):
            yield _of_entry("index_entry_unfounded", row, "belongs to no file")


def _of_known(index: Index, path: Path, number: int, size: int) -> Iterator[_Found]:
    """Faults of the entries of a file that is there."""
    found = path.stat().st_size
    if found != size:
        text = f"{shown(path.name)} had {size} bytes when it was indexed and has {found}: {_MEND}"
        yield _of_file("index_file_changed", text)
        return
    with path.open("rb") as stream:
        made = (_row(entry) for entry in entries_of(stream))
        yield from _compared(path.name, made, index.db.execute(_OF_FILE, (number,)))


def _compared(name: str, made: Iterator[_Row], stored: Iterator[_Row]) -> Iterator[_Found]:
    """Entries made again held against those stored, both in the order of their places."""
    theirs = next(stored, None)
    for ours in made:
        while theirs and _place(theirs) < _place(ours):
            yield _of_entry("index_entry_unfounded", theirs, f"leads into {shown(name)} to no record")
            theirs = next(stored, None)
        if not theirs or _place(theirs) > _place(ours) or theirs[_RECORD_ID] != ours[_RECORD_ID]:
            yield _of_entry("index_entry_missing", ours, f"of {shown(name)} is not there")
            continue
        if theirs != ours:
            yield _of_entry(
                "index_entry_differs", ours, f"of {shown(name)} has other {_differing(theirs, ours)}"
            )
        theirs = next(stored, None)
    while theirs:
        yield _of_entry("index_entry_unfounded", theirs, f"leads into {shown(name)} to no record")
        theirs = next(stored, None)


def _row(entry: Entry) -> _Row:
    return (surt(entry.url), *_values(entry))


def _place(row: _Row) -> int:
    place = row[_OFFSET]
    return place if isinstance(place, int) else -1


def _differing(one: _Row, other: _Row) -> str:
    return ", ".join(name for name, a, b in zip(_COMPARED, one, other, strict=True) if a != b)


def _of_file(code: IndexCode, message: str) -> _Found:
    return 0, None, (code, message)


def _of_entry(code: IndexCode, row: _Row, what: str) -> _Found:
    offset, record_id = _place(row), row[_RECORD_ID]
    message = f"the entry at {offset} {what}: {_REMAKE}"
    return offset, str(record_id) if record_id else None, (code, message)
