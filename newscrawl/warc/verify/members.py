"""Find the gzip members of a WARC file, whatever its state, and give a view of their decompressed content.

The reader's own walk is not used here, so that the checker finds what the reader would overlook.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import ClassVar

from newscrawl.warc.fast_reader import (
    GZIP_MAGIC,
    GZIP_WINDOW_BITS,
    RECORD_START,
    is_record_member,
)
from newscrawl.warc.recovery import MAX_ATTEMPTS, MEMBER_START, MEMBER_START_BYTES, iter_matches
from newscrawl.warc.verify.problems import Fault, FileCode

READ_BYTES = 1 << 18
"Bytes read from the file at a time."
PIECE_BYTES = 1 << 18
"Decompressed bytes handed on at a time."
FIRST_STEP, LARGEST_STEP = 1 << 12, 1 << 16
"Compressed bytes fed at a time: few at first, since zlib copies what follows the member."
MAX_BROKEN = 1000
"Damaged places in a file after which the checker gives up on it."
MAX_BROKEN_BYTES = 1 << 34
"Compressed bytes in damaged members after which the checker gives up."
VERSION_LINE = re.compile(rb"WARC/\d\.\d{1,2}\r?\n")
USUAL_HEAD_BYTES = 1 << 14
"Hardly any record head is longer."
_CHECKSUM_ERRORS = ("incorrect data check", "incorrect length check")
"zlib's messages if everything could be decompressed, but is not what was compressed."
_OVERLAP = 16
"More bytes than VERSION_LINE can match."


@dataclass
class FileBytes:
    """Random access to an open file, with a block in memory; `advance` gets the number of new bytes read."""

    fd: int
    advance: Callable[[int], None]
    _start: int = 0
    _block: bytes = b""
    _furthest: int = 0
    _attempts: int = 0

    def read_some(self, offset: int, wanted: int) -> bytes:
        """Up to `wanted` bytes at `offset`, empty only at the end of the file."""
        start = offset - self._start
        if not 0 <= start < len(self._block):
            self._load(offset)
            start = 0
        return self._block[start : start + wanted]

    def read(self, offset: int, wanted: int) -> bytes:
        """Exactly `wanted` bytes at `offset`, unless the file ends before."""
        data = self.read_some(offset, wanted)
        while 0 < len(data) < wanted and (more := self.read_some(offset + len(data), wanted - len(data))):
            data += more
        return data

    def _load(self, offset: int) -> None:
        self._start, self._block = offset, os.pread(self.fd, READ_BYTES, offset)
        end = offset + len(self._block)
        if end > self._furthest:
            self.advance(end - self._furthest)
            self._furthest = end

    def count_attempt(self) -> bool:
        """Count an examined position; whether the limit for this file still allows it."""
        self._attempts += 1
        return self._attempts <= MAX_ATTEMPTS


@dataclass
class Member:
    """A run of bytes that should contain whole records: a file without compression, or the rest of it."""

    source: FileBytes
    offset: int
    is_gzip: ClassVar[bool] = False
    fault: str | None = field(default=None, init=False)
    "What is wrong with it, once it has been read that far."
    _read: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Go back to the first byte."""
        self._read = self.offset

    def pull(self) -> bytes:
        """The next decompressed bytes; empty at the end or at a fault."""
        data = self.source.read_some(self._read, PIECE_BYTES)
        self._read += len(data)
        return data


@dataclass
class GzipMember(Member):
    """A gzip member; bytes from `stop` on are not part of it."""

    is_gzip = True
    stop: int | None = None
    is_cut: bool = False
    "Whether the fault is that it ends too early."

    def restart(self) -> None:
        super().restart()
        self._decompressor = zlib.decompressobj(GZIP_WINDOW_BITS)
        self._step = FIRST_STEP
        self.fault, self.is_cut = None, False

    @property
    def bytes_read(self) -> int:
        """Compressed bytes read so far."""
        return self._read - self.offset

    @property
    def end(self) -> int:
        """First byte after the member, once it has been read to its end."""
        return self._read - len(self._decompressor.unused_data)

    def pull(self) -> bytes:
        while not self._decompressor.eof and not self.fault:
            data = self._decompressor.unconsumed_tail or self._read_more()
            if not data:
                self.fault, self.is_cut = "its bytes end too early", True
                break
            try:
                if piece := self._decompressor.decompress(data, PIECE_BYTES):
                    return piece
            except zlib.error as error:
                self.fault = str(error).rpartition(": ")[2]
        return b""

    def _read_more(self) -> bytes:
        room = self._step if self.stop is None else min(self._step, self.stop - self._read)
        data = self.source.read_some(self._read, room) if room else b""
        self._read += len(data)
        self._step = min(self._step * 4, LARGEST_STEP)
        return data

    def drain(self) -> None:
        """Read the rest."""
        while self.pull():
            pass


@dataclass(frozen=True)
class Gap:
    """Garbage between members, or a damaged member."""

    offset: int
    fault: Fault


def iter_members(source: FileBytes) -> Iterator[Member | Gap]:
    """Every member that can be found; read each before asking for the next."""
    offset, broken, bytes_in_vain = 0, 0, 0
    while start := source.read(offset, 16):
        if broken >= MAX_BROKEN or bytes_in_vain > MAX_BROKEN_BYTES:
            yield Gap(offset, ("file_given_up", f"{broken} damaged places; the rest was not checked"))
            return
        if not start.startswith(GZIP_MAGIC):
            if start.startswith(RECORD_START):
                yield Member(source, offset)
                return
            broken += 1
            next_offset = find_member(source, offset)
            yield Gap(offset, _describe_garbage(offset, next_offset))
        else:
            member = GzipMember(source, offset)
            yield member
            member.drain()
            next_offset = member.end
            if member.fault:
                broken += 1
                bytes_in_vain += member.bytes_read
                next_offset = find_member(source, offset + 1)
                yield Gap(offset, _describe_damage(member, next_offset))
        if next_offset is None:
            return
        offset = next_offset


def find_member(source: FileBytes, offset: int) -> int | None:
    """Where the first gzip member at or after `offset` begins that holds a record."""
    starts = takewhile(lambda _: source.count_attempt(), iter_matches(source.read, offset, MEMBER_START))
    return next((start for start in starts if is_record_member(source.read(start, MEMBER_START_BYTES))), None)


def _describe_garbage(offset: int, next_offset: int | None) -> Fault:
    if next_offset is None:
        end: FileCode = "garbage_at_end" if offset else "not_a_warc"
        return end, f"neither a record nor gzip data of a record from byte {offset} to the end"
    code: FileCode = "garbage_between_members" if offset else "garbage_at_start"
    return code, f"{next_offset - offset} bytes are neither a record nor gzip data of a record"


def _describe_damage(member: GzipMember, next_offset: int | None) -> Fault:
    """What is wrong with a member, given where sound data continues."""
    if next_offset is not None:
        member = GzipMember(member.source, member.offset, stop=next_offset)
        member.drain()
        if member.is_cut:
            return "member_torn", f"the gzip member is truncated; sound data continues at {next_offset}"
    if member.is_cut:
        return "member_truncated", "the last gzip member is truncated"
    if member.fault in _CHECKSUM_ERRORS:
        return "member_checksum", f"the gzip member fails its checksum: {member.fault}"
    return "member_corrupt", f"the gzip member cannot be decompressed: {member.fault}"


@dataclass
class MemberWindow:
    """A moving view of a member's decompressed content with a few pieces in memory."""

    member: Member
    position: int = 0
    "Decompressed bytes before the view."
    _data: bytes = b""
    _at: int = 0

    def peek(self, wanted: int) -> bytes:
        """Up to `wanted` bytes that come next."""
        while len(self._data) - self._at < wanted and self._grow():
            pass
        return self._data[self._at : self._at + wanted]

    def skip(self, count: int) -> None:
        """Move past bytes that `peek` returned."""
        self._at += count
        self.position += count

    def read_until(self, end: re.Pattern[bytes], limit: int) -> bytes | None:
        """Read to the end of a match; None, without moving, if there is none within `limit` bytes."""
        start = 0
        while not (match := end.search(self._data, self._at + start)):
            start = max(0, len(self._data) - self._at - _OVERLAP)
            if start > limit or not self._grow():
                return None
        data = self._data[self._at : match.end()]
        self.skip(len(data))
        return data

    def skip_searched(self) -> None:
        """Move past most of what `read_until` searched in vain, so that garbage is not searched again."""
        self.skip(max(1, len(self._data) - self._at - USUAL_HEAD_BYTES))

    def read_pieces(self, count: int) -> Iterator[bytes]:
        """Read `count` bytes in pieces; fewer if the member ends."""
        while count and (self._at < len(self._data) or self._grow()):
            is_whole = self._at == 0 and len(self._data) <= count
            piece = self._data if is_whole else self._data[self._at : self._at + count]
            self.skip(len(piece))
            count -= len(piece)
            yield piece

    def skip_to_record(self) -> bool:
        """Move to the next record; False, at the end of the member, if there is none."""
        while not (match := VERSION_LINE.search(self._data, self._at)):
            self.skip(max(0, len(self._data) - self._at - _OVERLAP))
            if not self._grow():
                self.skip(len(self._data) - self._at)
                return False
        self.skip(match.start() - self._at)
        return True

    def rewind(self, position: int) -> None:
        """Go back to an earlier position by decompressing the member again."""
        self.member.restart()
        self._data, self._at, self.position = b"", 0, 0
        for _ in self.read_pieces(position):
            pass

    def _grow(self) -> bool:
        piece = self.member.pull()
        self._data, self._at = self._data[self._at :] + piece, 0
        return bool(piece)
