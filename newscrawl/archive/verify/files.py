"""WARC files read from end to end: packed by record, packed whole, or not packed at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from newscrawl.archive.verify.block import BlockCheck
from newscrawl.archive.verify.headers import HEAD_END, MAX_HEAD, RecordHead, faults_of_head, read_head
from newscrawl.archive.verify.members import START, Gap, Member, Window, members_of
from newscrawl.archive.verify.problem import Fault, Problem, shown
from newscrawl.archive.verify.references import References
from newscrawl.archive.verify.source import Source

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
