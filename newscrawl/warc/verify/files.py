"""Check whole WARC files, in any form of compression, and the indexes of folders."""

from __future__ import annotations

import hashlib
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
    ProblemCode,
    WarcProblem,
    locate_fault,
    quote_value,
)

MAX_WAITING = 200_000
"References, and responses without a body, that wait for the record that explains them."
_REFERENCES: dict[str, ProblemCode] = {
    "warc-concurrent-to": "concurrent_to_unresolved",
    "warc-warcinfo-id": "warcinfo_id_unresolved",
    "warc-refers-to": "refers_to_unresolved",
}
_BODY_MISSING: Fault = (
    "http_body_missing",
    "the HTTP headers declare a body, there is none, and the request was not HEAD",
)
_Key = bytes
"Hash of a record id."
MAX_REWINDS = 100
"Wrong lengths in a file after which blocks are no longer searched for records inside them."
MAX_PENDING = 1000
"Problems that wait until it is clear whether their gzip member is sound."
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


@dataclass
class References:
    """The record ids of a set of files and the references between them; an id takes 16 bytes in a set."""

    _ids: set[_Key] = field(default_factory=set)
    _revisits: set[_Key] = field(default_factory=set)
    _waiting: dict[_Key, list[WarcProblem]] = field(default_factory=dict)
    _count: int = 0
    _head_requests: set[_Key] = field(default_factory=set)
    _bodiless: dict[_Key, tuple[WarcProblem, tuple[_Key, ...]]] = field(default_factory=dict)

    def faults(self, head: RecordHead) -> Iterator[Fault]:
        """Problems of a record in relation to those before it."""
        record_id = head.record_id
        if not record_id:
            return
        key = _hash_id(record_id)
        if key in self._ids:
            yield "record_id_repeated", f"{quote_value(record_id)} is the id of an earlier record too"
        if head.kind == "revisit":
            self._revisits.add(key)
            target = head.first("warc-refers-to")
            if target and _hash_id(target) in self._revisits:
                yield "refers_to_revisit", f"{quote_value(target)} is itself a revisit"
        self._ids.add(key)
        self._count -= len(self._waiting.pop(key, ()))

    def follow(self, head: RecordHead, file: str, offset: int) -> None:
        """Remember the references of a record that have no target so far."""
        for name, code in _REFERENCES.items():
            for target in head.fields.get(name, ()):
                key = _hash_id(target)
                if key in self._ids or self._count >= MAX_WAITING:
                    continue
                fault = code, f"{name} {quote_value(target)} refers to no record in these files"
                problem = locate_fault(fault, file, offset, head.record_id)
                self._waiting.setdefault(key, []).append(problem)
                self._count += 1

    def add_head_request(self, head: RecordHead) -> None:
        """Note a HEAD request, whose response has no body."""
        self._head_requests.update(_exchange_keys(head))

    def add_bodiless(self, head: RecordHead, file: str, offset: int) -> None:
        """Note a response that declares a body but has none, until its request is found."""
        keys = _exchange_keys(head)
        if keys and len(self._bodiless) < MAX_WAITING and self._head_requests.isdisjoint(keys):
            self._bodiless[keys[0]] = locate_fault(_BODY_MISSING, file, offset, head.record_id), keys

    def unresolved(self) -> Iterator[WarcProblem]:
        """The problems that remain when all files have been read."""
        for problems in self._waiting.values():
            yield from problems
        for problem, keys in self._bodiless.values():
            if self._head_requests.isdisjoint(keys):
                yield problem


def _exchange_keys(head: RecordHead) -> tuple[_Key, ...]:
    """Keys of the record and of the records that it refers to as concurrent."""
    ids = ([head.record_id] if head.record_id else []) + head.fields.get("warc-concurrent-to", [])
    return tuple(map(_hash_id, ids))


def _hash_id(record_id: str) -> _Key:
    # Some writers omit the brackets in references only; a missing bracket is reported for the id itself.
    bare = record_id.strip("<>").encode("utf-8", "surrogatepass")
    return hashlib.blake2b(bare, digest_size=16).digest()


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
        try:
            yield from _verify_file(path, references, advance)
        except OSError as error:
            yield locate_fault(("file_unreadable", f"cannot be read: {error.strerror}"), path)
    yield from references.unresolved()


def _verify_file(path: Path, references: References, advance: Callable[[int], None]) -> Iterator[WarcProblem]:
    with path.open("rb") as stream:
        kind = identify_format(stream.read(FORMAT_BYTES), path.name)
        if kind == WACZ:
            yield from _verify_package(path, references)
            advance(path.stat().st_size)
        elif kind == ARC:
            yield from (locate_fault(fault, path, offset) for offset, fault in check_arc(stream))
            advance(path.stat().st_size)
        elif kind in (WARC, None) or find_member(FileBytes(stream.fileno(), lambda _: None), 0) is not None:
            yield from FileCheck(path, references).problems(FileBytes(stream.fileno(), advance))
        else:
            yield locate_fault(("not_a_warc", f"this is {kind}, not a WARC file"), path)
            advance(path.stat().st_size)


def _verify_package(path: Path, references: References) -> Iterator[WarcProblem]:
    """Check a WACZ, then the archive files in it, each under a name such as `x.wacz/archive/data.warc.gz`."""
    damaged: set[str] = set()
    for name, fault in check_package(path):
        if fault[0] == "package_damaged":
            damaged.add(name)
        yield locate_fault(fault, path / name if name else path)
    for member in [] if "" in damaged else list_package(path):
        if member.name in damaged:
            continue
        inside = path / member.name
        with TemporaryFile() as copy, open_packaged(path, member.name) as source:
            copyfileobj(source, copy)
            copy.flush()
            copy.seek(0)
            if identify_format(copy.read(FORMAT_BYTES)) == ARC:
                arc_faults = check_arc(cast("BinaryIO", copy))
                yield from (locate_fault(fault, inside, offset) for offset, fault in arc_faults)
            else:
                yield from FileCheck(inside, references).problems(FileBytes(copy.fileno(), lambda _: None))


@dataclass
class FileCheck:
    """The check of a file."""

    path: Path
    references: References
    records: int = 0
    version: str = ""
    "Of the first record."
    rewinds: int = field(default=0)

    def problems(self, source: FileBytes) -> Iterator[WarcProblem]:
        is_empty = True
        for part in iter_members(source):
            is_empty = False
            if isinstance(part, Gap):
                yield self._problem(part.offset, part.fault)
            else:
                yield from self._check_member(part)
        if is_empty:
            yield self._problem(0, ("file_empty", "the file is empty"))

    def _check_member(self, member: Member) -> Iterator[WarcProblem]:
        """Problems of a member's records, except those after the last whole record of a damaged member."""
        pending: list[WarcProblem] = []
        for problem in self._check_records(member):
            if problem:
                pending.append(problem)
            if problem is None or len(pending) > MAX_PENDING:
                yield from pending
                pending.clear()
        if not member.fault:
            yield from pending

    def _check_records(self, member: Member) -> Iterator[WarcProblem | None]:
        """Problems in record order; None after each record that ends where it should."""
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

    def _check_record(self, window: MemberWindow, offset: int) -> Iterator[WarcProblem | None]:
        raw = window.read_until(HEAD_END, MAX_RECORD_HEAD)
        if raw is None:
            window.skip_searched()
            window.skip_to_record()
            yield self._problem(offset, ("header_unfinished", "no blank line ends the record head"))
            return
        head = parse_head(raw)
        for fault in (*check_head(head), *self._check_context(head), *self.references.faults(head)):
            yield self._problem(offset, fault, head)
        self.references.follow(head, str(self.path), offset)
        if head.length is None:
            window.skip_to_record()
            return
        faults, is_whole = self._check_block(window, head, head.length, offset)
        for fault in faults:
            yield self._problem(offset, fault, head)
        if is_whole:
            yield None

    def _check_block(
        self, window: MemberWindow, head: RecordHead, length: int, offset: int
    ) -> tuple[list[Fault], bool]:
        """Problems of the block and its end, and whether the record ends where it should."""
        start, check = window.position, BlockCheck(head)
        for piece in window.read_pieces(length):
            check.feed(piece)
        available = window.position - start
        following = window.peek(_PEEKED)
        newlines = following[: len(following) - len(following.lstrip(b"\r\n"))]
        faults: list[Fault] = []
        if available < length or (newlines != following and not _may_end_before(following[len(newlines) :])):
            if available < length or not (following.startswith(RECORD_END) and check.block_matches):
                return [self._wrong_length(window, start, length, available)], False
            newlines = RECORD_END  # the caller reports the bytes that follow
        window.skip(len(newlines))
        if newlines != RECORD_END:
            if fault := _includes_record_end(check, newlines):
                return [fault], False
            text = f"{quote_value(newlines.decode('latin-1'))} is in the place of CRLFCRLF"
            faults.append(("record_end_missing", text))
        self._note_exchange(check, head, offset)
        return [*faults, *check.faults()], newlines == RECORD_END

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

    def _note_exchange(self, check: BlockCheck, head: RecordHead, offset: int) -> None:
        if not check.message:
            return
        if check.message.method == "HEAD":
            self.references.add_head_request(head)
        if head.kind == "response" and check.message.lacks_declared_body and not head.first("warc-truncated"):
            self.references.add_bodiless(head, str(self.path), offset)

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
