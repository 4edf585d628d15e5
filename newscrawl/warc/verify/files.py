"""WARC files read from end to end: packed by record, packed whole, or not packed at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from newscrawl.errors import ArchiveError
from newscrawl.warc.index import COLUMNS, NAME, Index, sqlite_errors, warc_files
from newscrawl.warc.index_entries import Entry, entries_of
from newscrawl.warc.surt import surt
from newscrawl.warc.verify.headers import HEAD_END, MAX_HEAD, RecordHead, faults_of_head, read_head
from newscrawl.warc.verify.members import START, Gap, Member, Source, Window, members_of
from newscrawl.warc.verify.messages import BlockCheck
from newscrawl.warc.verify.problems import Code, Fault, IndexCode, Problem, shown

MAX_WAITING = 200_000
"References (and answers) that are remembered until what they need turns up."
_FIELDS: dict[str, Code] = {
    "warc-concurrent-to": "concurrent_to_unresolved",
    "warc-warcinfo-id": "warcinfo_id_unresolved",
    "warc-refers-to": "refers_to_unresolved",
}
_Key = bytes


@dataclass
class References:
    """Of a whole set of files; an id costs 16 bytes and their place in a set."""

    _seen: set[_Key] = field(default_factory=set)
    _revisits: set[_Key] = field(default_factory=set)
    _waiting: dict[_Key, list[Problem]] = field(default_factory=dict)
    _count: int = 0
    _asked_by_head: set[_Key] = field(default_factory=set)
    _bodiless: dict[_Key, tuple[Problem, tuple[_Key, ...]]] = field(default_factory=dict)

    def faults(self, head: RecordHead) -> Iterator[Fault]:
        """What is wrong with a record in the light of those before it."""
        record_id = head.record_id
        if not record_id:
            return
        key = _key(record_id)
        if key in self._seen:
            yield "record_id_repeated", f"{shown(record_id)} names an earlier record too"
        if head.kind == "revisit":
            self._revisits.add(key)
            target = head.one("warc-refers-to")
            if target and _key(target) in self._revisits:
                yield "refers_to_revisit", f"{shown(target)} is itself a revisit"
        self._seen.add(key)
        self._count -= len(self._waiting.pop(key, ()))

    def follow(self, head: RecordHead, file: str, offset: int) -> None:
        """Remember the references of a record that lead to nothing seen so far."""
        for name, code in _FIELDS.items():
            for target in head.fields.get(name, ()):
                key = _key(target)
                if key in self._seen or self._count >= MAX_WAITING:
                    continue
                text = f"{name} {shown(target)} leads to no record of these files"
                found = Problem(file=file, offset=offset, record_id=head.record_id, code=code, message=text)
                self._waiting.setdefault(key, []).append(found)
                self._count += 1

    def asked_by_head(self, head: RecordHead) -> None:
        """Note a HEAD request, whose answer has no body."""
        self._asked_by_head.update(_exchange_keys(head))

    def without_body(self, head: RecordHead, file: str, offset: int) -> None:
        """Note a response that promises a body and has none, until its request is known."""
        keys = _exchange_keys(head)
        if keys and len(self._bodiless) < MAX_WAITING and self._asked_by_head.isdisjoint(keys):
            found = Problem(
                file=file,
                offset=offset,
                record_id=head.record_id,
                code="http_body_missing",
                message="the HTTP headers tell of a body, none is there, and no HEAD request asked",
            )
            self._bodiless[keys[0]] = found, keys

    def unresolved(self) -> Iterator[Problem]:
        """What is still open when all files have been read."""
        for problems in self._waiting.values():
            yield from problems
        for problem, keys in self._bodiless.values():
            if self._asked_by_head.isdisjoint(keys):
                yield problem


def _exchange_keys(head: RecordHead) -> tuple[_Key, ...]:
    """The record itself and those it says it belongs with."""
    names = ([head.record_id] if head.record_id else []) + head.fields.get("warc-concurrent-to", [])
    return tuple(map(_key, names))


def _key(record_id: str) -> _Key:
    # Brackets are left out by some writers in references alone; that is told where the id itself stands.
    bare = record_id.strip("<>").encode("utf-8", "surrogatepass")
    return hashlib.blake2b(bare, digest_size=16).digest()


MAX_REWINDS = 100
"Wrong lengths in one file after which blocks are no longer searched for the records they swallowed."
MAX_HELD = 1000
"Problems kept back until it is known that the gzip member they come from is sound."
_RECORD_END = b"\r\n\r\n"
_FOLLOWING = 16
"Bytes looked at behind a block: its end and the beginning of what comes next."


def verify_warc(path: Path) -> Iterator[Problem]:
    """Everything wrong with one file; its references must lead to records within it."""
    return verify_warcs([path])


def verify_warcs(paths: Iterable[Path], advance: Callable[[int], None] = lambda _: None) -> Iterator[Problem]:
    """Everything wrong with a set of files, as they are read; references that lead nowhere come last.

    `advance` is told the bytes read. No bytes raise: what cannot be read is a problem too.
    """
    references = References()
    for path in paths:
        yield from _problems_of(path, references, advance)
    yield from references.unresolved()


def _problems_of(path: Path, references: References, advance: Callable[[int], None]) -> Iterator[Problem]:
    try:
        with path.open("rb", buffering=0) as stream:
            yield from FileCheck(path, references).problems(Source(stream.fileno(), advance))
    except OSError as error:
        yield Problem(
            file=str(path),
            offset=0,
            record_id=None,
            code="file_unreadable",
            message=f"cannot be read: {error.strerror}",
        )


@dataclass
class FileCheck:
    """One file on its way through the checker."""

    path: Path
    references: References
    records: int = 0
    version: str = ""
    "Of the first record."
    rewinds: int = field(default=0)

    def problems(self, source: Source) -> Iterator[Problem]:
        found_any = False
        for found in members_of(source):
            found_any = True
            if isinstance(found, Gap):
                yield self._problem(found.offset, found.fault)
            else:
                yield from self._of_member(found)
        if not found_any:
            yield self._problem(0, ("file_empty", "there is nothing in it"))

    def _of_member(self, member: Member) -> Iterator[Problem]:
        """Problems of a member's records; what a broken one says behind its last whole record is noise."""
        held: list[Problem] = []
        for found in self._in_member(member):
            if found:
                held.append(found)
            if found is None or len(held) > MAX_HELD:
                yield from held
                held.clear()
        if not member.fault:
            yield from held

    def _in_member(self, member: Member) -> Iterator[Problem | None]:
        """Problems in the order of the records; None behind each record that ends where it should."""
        window, count = Window(member), 0
        while opening := window.peek(_FOLLOWING):
            offset = member.offset if member.packed else member.offset + window.passed
            if not opening.startswith(START):
                yield self._problem(offset, _no_record(opening, count))
                window.skip_to_record()
                continue
            count += 1
            if count == 2 and member.packed:
                text = "one gzip member holds several records: none but the first can be sought"
                yield self._problem(offset, ("member_holds_many_records", text))
            yield from self._of_record(window, offset)
        if not window.passed:
            yield self._problem(member.offset, ("member_without_record", "the gzip member is empty"))

    def _of_record(self, window: Window, offset: int) -> Iterator[Problem | None]:
        raw = window.until(HEAD_END, MAX_HEAD)
        if raw is None:
            window.give_up_head()
            window.skip_to_record()
            yield self._problem(offset, ("header_unfinished", "no blank line ends the record head"))
            return
        head = read_head(raw)
        for fault in (*faults_of_head(head), *self._in_context(head), *self.references.faults(head)):
            yield self._problem(offset, fault, head)
        self.references.follow(head, str(self.path), offset)
        if head.length is None:
            window.skip_to_record()
            return
        faults, whole = self._block_faults(window, head, head.length, offset)
        for fault in faults:
            yield self._problem(offset, fault, head)
        if whole:
            yield None

    def _block_faults(
        self, window: Window, head: RecordHead, length: int, offset: int
    ) -> tuple[list[Fault], bool]:
        """What is wrong with the block and its end, and whether the record ends where it should."""
        start, check = window.passed, BlockCheck(head)
        for piece in window.take(length):
            check.feed(piece)
        there = window.passed - start
        following = window.peek(_FOLLOWING)
        newlines = following[: len(following) - len(following.lstrip(b"\r\n"))]
        faults: list[Fault] = []
        if there < length or (newlines != following and not _is_next(following[len(newlines) :])):
            if there < length or not (following.startswith(_RECORD_END) and check.block_agrees):
                return [self._wrong_length(window, start, length, there)], False
            newlines = _RECORD_END  # what follows is nobody's, and is told of by the caller
        window.skip(len(newlines))
        if newlines != _RECORD_END:
            if taken_in := _end_taken_in(check, newlines):
                return [taken_in], False
            text = f"{shown(newlines.decode('latin-1'))} stands where CRLFCRLF should"
            faults.append(("record_end_missing", text))
        self._note_exchange(check, head, offset)
        return [*faults, *check.faults()], newlines == _RECORD_END

    def _wrong_length(self, window: Window, start: int, length: int, there: int) -> Fault:
        """Which way Content-Length is wrong; the window goes on where the next record begins."""
        if self.rewinds < MAX_REWINDS:
            self.rewinds += 1
            window.rewind(start)
        at_record = window.skip_to_record()
        if there < length:
            return "content_length_too_long", f"Content-Length is {length}, but {there} bytes are left"
        if at_record and window.passed < start + length:
            return "content_length_too_long", f"Content-Length is {length} and runs into the next record"
        return "content_length_too_short", f"Content-Length is {length}, but the block goes on behind it"

    def _note_exchange(self, check: BlockCheck, head: RecordHead, offset: int) -> None:
        if not check.message:
            return
        if check.message.method == "HEAD":
            self.references.asked_by_head(head)
        if head.kind == "response" and check.message.promises_a_body and not head.one("warc-truncated"):
            self.references.without_body(head, str(self.path), offset)

    def _in_context(self, head: RecordHead) -> Iterator[Fault]:
        """What is wrong with a record at its place in this file."""
        self.records += 1
        if self.records == 1:
            self.version = head.version
            if head.kind != "warcinfo":
                yield "warcinfo_not_first", f"the file begins with a record of type {shown(head.kind)}"
        if head.version != self.version:
            yield "versions_mixed", f"{shown(head.version)} in a file that began with {shown(self.version)}"
        name = head.one("warc-filename")
        if head.kind == "warcinfo" and name and name != self.path.name:
            yield "filename_differs", f"warc-filename {shown(name)} is not the file's name"

    def _problem(self, offset: int, fault: Fault, head: RecordHead | None = None) -> Problem:
        code, message = fault
        record_id = head.record_id if head else None
        return Problem(file=str(self.path), offset=offset, record_id=record_id, code=code, message=message)


def _is_next(following: bytes) -> bool:
    """Whether a record may end here: nothing follows, or another begins."""
    return not following or START.startswith(following[: len(START)])


def _no_record(opening: bytes, before: int) -> Fault:
    start = shown(opening.decode("latin-1"))
    if before:
        return "bytes_between_records", f"{start} … is neither the end of a record nor the start of one"
    return "member_without_record", f"{start} … is not the start of a record"


def _end_taken_in(check: BlockCheck, newlines: bytes) -> Fault | None:
    """Whether Content-Length counts some of the CRLFCRLF that `newlines` are left of."""
    missing = len(_RECORD_END) - len(newlines)
    if missing > 0 and check.block_differs and check.tail.endswith(_RECORD_END[:missing]):
        return "content_length_too_long", f"Content-Length takes in {missing} bytes of the record's end"
    return None


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
