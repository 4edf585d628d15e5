"""Check whole WARC files, in any form of compression, and the indexes of folders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from newscrawl.errors import ArchiveError
from newscrawl.warc.fast_reader import MAX_RECORD_HEAD, RECORD_END, RECORD_START
from newscrawl.warc.index import INDEX_NAME, RECORD_COLUMNS, Index, archive_sizes, sqlite_errors
from newscrawl.warc.index_entries import iter_entries
from newscrawl.warc.packages import list_package, open_packaged
from newscrawl.warc.reader import open_warc
from newscrawl.warc.surt import surt
from newscrawl.warc.verify.formats import (
    ARC,
    FORMAT_BYTES,
    WACZ,
    WARC,
    check_arc,
    check_package,
    identify_format,
)
from newscrawl.warc.verify.headers import HEAD_END, RecordHead, check_head, parse_head
from newscrawl.warc.verify.members import FileBytes, Gap, Member, MemberWindow, find_member, iter_members
from newscrawl.warc.verify.messages import BlockCheck
from newscrawl.warc.verify.problems import (
    Fault,
    IndexCode,
    WarcProblem,
    locate_fault,
    quote_value,
)
from newscrawl.warc.verify.references import (
    BodilessResponse,
    Event,
    HeadRequest,
    RecordReferences,
    References,
    reduce_head,
)

MAX_REWINDS = 100
"Wrong lengths in a file after which blocks are no longer searched for records inside them."
_PEEKED = 16
"Bytes after a block that are examined: the record end and the start of the next record."
_values = attrgetter(*RECORD_COLUMNS)
_COMPARED = ("surt", *RECORD_COLUMNS)
_OFFSET, _RECORD_ID = _COMPARED.index("offset"), _COMPARED.index("record_id")
_ROWS = f"SELECT {', '.join(_COMPARED)} FROM records"  # noqa: S608 # our own names
_OF_FILE = f"{_ROWS} WHERE file = ? ORDER BY offset, sequence"
_OF_NO_FILE = f"{_ROWS} WHERE file NOT IN (SELECT id FROM files) ORDER BY offset"  # noqa: S608 # likewise
_UPDATE = "run `newscrawl index build`"
_REBUILD = f"delete the index and {_UPDATE}"
"An update skips files whose size has not changed."
_Row = tuple[object, ...]
_IndexFault = tuple[int, str | None, Fault]
"Offset of a record in its WARC, its id, and the fault of its entry."


def verify_warc(path: Path) -> Iterator[WarcProblem]:
    """Check a file; its references must lead to records within it."""
    return verify_warcs([path])


def verify_warcs(
    paths: Iterable[Path], advance: Callable[[int], None] = lambda _: None
) -> Iterator[WarcProblem]:
    """Check a set of files and yield problems as they are found; unresolved references come last.

    `advance` is called with the number of bytes read. No content raises an error, and a file that cannot be
    read is a problem too.
    """
    references = References()
    for path in paths:
        yield from references.apply(iter_events(path, advance=advance))
    yield from references.unresolved()


def iter_events(
    path: Path, shown: Path | None = None, *, advance: Callable[[int], None] = lambda _: None
) -> Iterator[Event]:
    """What is found in a file, for `References.apply`; `shown` is its path in problems, if it has another."""
    try:
        yield from _check_file(path, shown or path, advance)
    except OSError as error:
        yield "damaged"
        yield locate_fault(("file_unreadable", f"cannot be read: {error.strerror}"), shown or path)


def _check_file(path: Path, shown: Path, advance: Callable[[int], None]) -> Iterator[Event]:
    with path.open("rb") as stream:
        kind = identify_format(stream.read(FORMAT_BYTES), path.name)
        if kind == WACZ:
            yield from _check_package(path, shown)
            advance(path.stat().st_size)
        elif kind == ARC:
            yield from _check_arc(stream, shown)
            advance(path.stat().st_size)
        elif kind in (WARC, None) or find_member(FileBytes(stream.fileno(), lambda _: None), 0) is not None:
            yield from FileCheck(shown).events(FileBytes(stream.fileno(), advance))
        else:
            yield locate_fault(("not_a_warc", f"this is {kind}, not a WARC file"), shown)
            yield "sound"
            advance(path.stat().st_size)


def _check_arc(stream: BinaryIO, shown: Path) -> Iterator[Event]:
    """The faults of an ARC file, which count whatever is damaged after it."""
    for offset, fault in check_arc(stream):
        yield locate_fault(fault, shown, offset)
        yield "sound"


def _check_package(path: Path, shown: Path) -> Iterator[Event]:
    """Check a WACZ, then the archive files in it, each under a name such as `x.wacz/archive/data.warc.gz`."""
    damaged: set[str] = set()
    for name, fault in check_package(path):
        if fault[0] == "package_damaged":
            damaged.add(name)
        yield locate_fault(fault, shown / name if name else shown)
        yield "sound"
    for member in [] if "" in damaged else list_package(path):
        if member.name in damaged:
            continue
        inside = shown / member.name
        with TemporaryFile() as copy, open_packaged(path, member.name) as source:
            copyfileobj(source, copy)
            copy.flush()
            copy.seek(0)
            if identify_format(copy.read(FORMAT_BYTES)) == ARC:
                yield from _check_arc(cast("BinaryIO", copy), inside)
            else:
                yield from FileCheck(inside).events(FileBytes(copy.fileno(), lambda _: None))


@dataclass
class FileCheck:
    """The check of a file."""

    path: Path
    "As problems name it."
    records: int = 0
    version: str = ""
    "Of the first record."
    rewinds: int = field(default=0)
    _name: str = ""

    def __post_init__(self) -> None:
        self._name = str(self.path)

    def events(self, source: FileBytes) -> Iterator[Event]:
        is_empty = True
        for part in iter_members(source):
            is_empty = False
            if isinstance(part, Gap):
                yield self._problem(part.offset, part.fault)
                yield "sound"
            else:
                yield from self._check_records(part)
                yield "damaged" if part.fault else "sound"
        if is_empty:
            yield self._problem(0, ("file_empty", "the file is empty"))
            yield "sound"

    def _check_records(self, member: Member) -> Iterator[Event]:
        """In record order; `sound` after each record that ends where it should."""
        window, count = MemberWindow(member), 0
        while start := window.peek(_PEEKED):
            offset = member.offset if member.is_gzip else member.offset + window.position
            if not start.startswith(RECORD_START):
                yield self._problem(offset, _describe_non_record(start, count))
                window.skip_to_record()
                continue
            count += 1
            if count == 2 and member.is_gzip:
                text = "the gzip member holds several records: only the first can be read directly"
                yield self._problem(offset, ("member_holds_many_records", text))
            yield from self._check_record(window, offset)
        if not window.position:
            yield self._problem(member.offset, ("member_without_record", "the gzip member is empty"))

    def _check_record(self, window: MemberWindow, offset: int) -> Iterator[Event]:
        raw = window.read_until(HEAD_END, MAX_RECORD_HEAD)
        if raw is None:
            window.skip_searched()
            window.skip_to_record()
            yield self._problem(offset, ("header_unfinished", "no blank line ends the record head"))
            return
        head = parse_head(raw)
        for fault in (*check_head(head), *self._check_context(head)):
            yield self._problem(offset, fault, head)
        reduced = reduce_head(head)
        yield RecordReferences(reduced, self._name, offset)
        if head.length is None:
            window.skip_to_record()
            return
        check, faults, is_whole = self._check_block(window, head, head.length)
        if check and (kind := _exchange_kind(check, head)):
            yield kind(reduced, self._name, offset)
        for fault in faults:
            yield self._problem(offset, fault, head)
        if is_whole:
            yield "sound"

    def _check_block(
        self, window: MemberWindow, head: RecordHead, length: int
    ) -> tuple[BlockCheck | None, list[Fault], bool]:
        """The block (None: its length is wrong), its problems, and whether the record ends as it should."""
        start, check = window.position, BlockCheck(head)
        for piece in window.read_pieces(length):
            check.feed(piece)
        available = window.position - start
        following = window.peek(_PEEKED)
        newlines = following[: len(following) - len(following.lstrip(b"\r\n"))]
        faults: list[Fault] = []
        if available < length or (newlines != following and not _may_end_before(following[len(newlines) :])):
            if available < length or not (following.startswith(RECORD_END) and check.block_matches):
                return None, [self._wrong_length(window, start, length, available)], False
            newlines = RECORD_END  # the caller reports the bytes that follow
        window.skip(len(newlines))
        if newlines != RECORD_END:
            if fault := _includes_record_end(check, newlines):
                return None, [fault], False
            text = f"{quote_value(newlines.decode('latin-1'))} is in the place of CRLFCRLF"
            faults.append(("record_end_missing", text))
        return check, [*faults, *check.faults()], newlines == RECORD_END

    def _wrong_length(self, window: MemberWindow, start: int, length: int, available: int) -> Fault:
        """How Content-Length is wrong; moves the window to the next record."""
        if self.rewinds < MAX_REWINDS:
            self.rewinds += 1
            window.rewind(start)
        is_at_record = window.skip_to_record()
        if available < length:
            return "content_length_too_long", f"Content-Length is {length}, but {available} bytes are left"
        if is_at_record and window.position < start + length:
            return "content_length_too_long", f"Content-Length is {length} and runs into the next record"
        return "content_length_too_short", f"Content-Length is {length}, but the block is longer"

    def _check_context(self, head: RecordHead) -> Iterator[Fault]:
        """Problems of a record at its position in this file."""
        self.records += 1
        if self.records == 1:
            self.version = head.version
            if head.kind != "warcinfo":
                yield "warcinfo_not_first", f"the file begins with a record of type {quote_value(head.kind)}"
        if head.version != self.version:
            versions = quote_value(head.version), quote_value(self.version)
            yield "versions_mixed", "{} in a file that begins with {}".format(*versions)
        name = head.first("warc-filename")
        if head.kind == "warcinfo" and name and name != self.path.name:
            yield "filename_differs", f"warc-filename {quote_value(name)} is not the name of the file"

    def _problem(self, offset: int, fault: Fault, head: RecordHead | None = None) -> WarcProblem:
        return locate_fault(fault, self.path, offset, head.record_id if head else None)


def _exchange_kind(check: BlockCheck, head: RecordHead) -> type[RecordReferences] | None:
    """The event by which a request or a response is known to records that belong to it."""
    if not check.message:
        return None
    if check.message.method == "HEAD":
        return HeadRequest
    if head.kind == "response" and check.message.lacks_declared_body and not head.first("warc-truncated"):
        return BodilessResponse
    return None


def _may_end_before(following: bytes) -> bool:
    """Whether a record may end before these bytes: there are none, or another record begins."""
    return not following or RECORD_START.startswith(following[: len(RECORD_START)])


def _describe_non_record(data: bytes, records_before: int) -> Fault:
    start = quote_value(data.decode("latin-1"))
    if records_before:
        return "bytes_between_records", f"{start} … neither ends a record nor begins another"
    return "member_without_record", f"{start} … is not the start of a record"


def _includes_record_end(check: BlockCheck, newlines: bytes) -> Fault | None:
    """A fault if Content-Length includes a part of CRLFCRLF, so that only `newlines` are left of it."""
    missing = len(RECORD_END) - len(newlines)
    if missing > 0 and check.block_differs and check.tail.endswith(RECORD_END[:missing]):
        return "content_length_too_long", f"Content-Length includes {missing} bytes of the record end"
    return None


def verify_index(folder: Path, names: Collection[str] | None = None) -> Iterator[WarcProblem]:
    """Check the index of a folder, or its entries for `names`; a folder without an index has no problems.

    Offsets are those of the records in the WARC file that the message names.
    """
    path = folder / INDEX_NAME
    if not path.is_file():
        return
    try:
        with sqlite_errors(path), Index.open(folder) as index:
            for offset, record_id, fault in _check_index(index, names):
                yield locate_fault(fault, path, offset, record_id)
    except ArchiveError as error:
        yield locate_fault(("index_unreadable", str(error)), path)


def _check_index(index: Index, names: Collection[str] | None) -> Iterator[_IndexFault]:
    files = archive_sizes(index.folder)
    indexed = {
        name: (number, size) for number, name, size in index.db.execute("SELECT id, name, size FROM files")
    }
    for name in sorted(files.keys() | indexed.keys() if names is None else files.keys() & set(names)):
        if name not in indexed:
            yield _file_fault("index_file_missing", f"{quote_value(name)} is not in the index: {_UPDATE}")
        elif name not in files:
            yield _file_fault("index_file_gone", f"{quote_value(name)} is not in the folder: {_UPDATE}")
        else:
            with suppress(OSError):  # checking the file itself reports that it cannot be read
                yield from _check_entries(index, name, files[name], *indexed[name])
    if names is None:
        for row in index.db.execute(_OF_NO_FILE):
            yield _entry_fault("index_entry_unfounded", row, "belongs to no file")


def _check_entries(index: Index, name: str, actual: int, number: int, size: int) -> Iterator[_IndexFault]:
    """Compare the entries of an existing file with its records."""
    if actual != size:
        text = f"{quote_value(name)} had {size} bytes when it was indexed and has {actual}: {_UPDATE}"
        yield _file_fault("index_file_changed", text)
        return
    with open_warc(index.folder, name) as stream:
        expected = ((surt(entry.url), *_values(entry)) for entry in iter_entries(stream))
        yield from _compare_index_rows(name, expected, index.db.execute(_OF_FILE, (number,)))


def _compare_index_rows(name: str, expected: Iterator[_Row], stored: Iterator[_Row]) -> Iterator[_IndexFault]:
    """Compare newly made rows with the stored ones, both in the order of their offsets."""
    file, old = quote_value(name), next(stored, None)
    for new in expected:
        while old and _row_offset(old) < _row_offset(new):
            yield _entry_fault("index_entry_unfounded", old, f"leads to no record in {file}")
            old = next(stored, None)
        if not old or _row_offset(old) > _row_offset(new) or old[_RECORD_ID] != new[_RECORD_ID]:
            yield _entry_fault("index_entry_missing", new, f"of {file} is missing")
            continue
        if old != new:
            differences = ", ".join(c for c, a, b in zip(_COMPARED, old, new, strict=True) if a != b)
            yield _entry_fault("index_entry_differs", new, f"of {file} has other {differences}")
        old = next(stored, None)
    while old:
        yield _entry_fault("index_entry_unfounded", old, f"leads to no record in {file}")
        old = next(stored, None)


def _row_offset(row: _Row) -> int:
    offset = row[_OFFSET]
    return offset if isinstance(offset, int) else -1


def _file_fault(code: IndexCode, message: str) -> _IndexFault:
    return 0, None, (code, message)


def _entry_fault(code: IndexCode, row: _Row, predicate: str) -> _IndexFault:
    offset, record_id = _row_offset(row), row[_RECORD_ID]
    message = f"the entry at {offset} {predicate}: {_REBUILD}"
    return offset, str(record_id) if record_id else None, (code, message)
