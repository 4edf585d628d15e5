"""The members of a WARC file, one after the other, and a window on what one unpacks to."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Protocol

from newscrawl.warc.verify.problems import Fault, FileCode

BLOCK = 1 << 18
"Bytes read at a time."
GZIP = b"\x1f\x8b"
MAX_TRIES = 100_000
"Places in one file that look like the start of a member and are tried; chance makes one in 16 MB."
_MAGIC = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_OPENING = 1024
"Compressed bytes looked at to tell whether a member holds a record."


@dataclass
class Source:
    """Bytes of an open file, one block of it in memory; `advance` hears of each new byte read once."""

    fd: int
    advance: Callable[[int], None]
    _start: int = 0
    _block: bytes = b""
    _furthest: int = 0
    _tries: int = 0

    def at(self, offset: int, wanted: int) -> bytes:
        """Up to `wanted` bytes at `offset`, at least one unless the file ends there."""
        here = offset - self._start
        if not 0 <= here < len(self._block):
            self._load(offset)
            here = 0
        return self._block[here : here + wanted]

    def opening(self, offset: int, wanted: int) -> bytes:
        """Exactly `wanted` bytes at `offset` unless the file ends before."""
        found = self.at(offset, wanted)
        while 0 < len(found) < wanted and (more := self.at(offset + len(found), wanted - len(found))):
            found += more
        return found

    def _load(self, offset: int) -> None:
        self._start, self._block = offset, os.pread(self.fd, BLOCK, offset)
        end = offset + len(self._block)
        if end > self._furthest:
            self.advance(end - self._furthest)
            self._furthest = end

    def may_try(self) -> bool:
        """Whether another place may be tried; each call is one."""
        self._tries += 1
        return self._tries <= MAX_TRIES


def next_member(source: Source, offset: int) -> int | None:
    """Where the first gzip member at or after `offset` stands that begins with a WARC record."""
    places = takewhile(lambda _: source.may_try(), _magics(source, offset))
    return next((at for at in places if _holds_record(source, at)), None)


def _magics(source: Source, offset: int) -> Iterator[int]:
    overlap = 3  # one byte less than _MAGIC matches
    while len(block := source.opening(offset, BLOCK)) > overlap:
        yield from (offset + match.start() for match in _MAGIC.finditer(block))
        offset += len(block) - overlap


def _holds_record(source: Source, offset: int) -> bool:
    """Whether the gzip data at `offset` unpacks to something that begins like a WARC record."""
    unpacker = zlib.decompressobj(31)
    try:
        return unpacker.decompress(source.opening(offset, _OPENING), 16).startswith(b"WARC/")
    except zlib.error:
        return False


PIECE = 1 << 18
"Unpacked bytes handed on at a time."
FIRST_STEP, LARGEST_STEP = 1 << 12, 1 << 16
"Packed bytes fed at a time: few at first, since what lies behind the member is copied."
MAX_BROKEN = 1000
"Broken places in one file after which the checker gives up on it."
MAX_BROKEN_BYTES = 1 << 34
"Packed bytes read in vain, after which likewise."
RECORD_START = re.compile(rb"WARC/\d\.\d{1,2}\r?\n")
START = b"WARC/"
USUAL_HEAD = 1 << 14
"Bytes of a record head, seldom more."
_CHECKSUMS = ("incorrect data check", "incorrect length check")
"What zlib says when everything could be unpacked, but is not what was packed."
_OVERLAP = 16
"More than RECORD_START can match."


class Member(Protocol):
    """A run of bytes that should hold whole records."""

    offset: int
    packed: bool
    fault: str | None
    "What broke it, once it has been read that far."

    def pull(self) -> bytes:
        """The next unpacked bytes; empty at the end or at a fault."""

    def restart(self) -> None:
        """Go back to the first byte."""


@dataclass
class GzipMember:
    """One gzip member; only bytes before `stop` count as its own."""

    source: Source
    offset: int
    stop: int | None = None
    packed: bool = True
    fault: str | None = None
    cut: bool = False
    "Whether the fault is that its bytes end."

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._unpacker = zlib.decompressobj(31)
        self._read, self._step = self.offset, FIRST_STEP
        self.fault, self.cut = None, False

    @property
    def taken(self) -> int:
        """Packed bytes read so far."""
        return self._read - self.offset

    @property
    def end(self) -> int:
        """First byte behind the member, once it has been read to its end."""
        return self._read - len(self._unpacker.unused_data)

    def pull(self) -> bytes:
        while not self._unpacker.eof and not self.fault:
            data = self._unpacker.unconsumed_tail or self._more()
            if not data:
                self.fault, self.cut = "its bytes end too early", True
                break
            try:
                if unpacked := self._unpacker.decompress(data, PIECE):
                    return unpacked
            except zlib.error as error:
                self.fault = str(error).rpartition(": ")[2]
        return b""

    def _more(self) -> bytes:
        room = self._step if self.stop is None else min(self._step, self.stop - self._read)
        data = self.source.at(self._read, room) if room else b""
        self._read += len(data)
        self._step = min(self._step * 4, LARGEST_STEP)
        return data

    def drain(self) -> None:
        """Read what is left."""
        while self.pull():
            pass


@dataclass
class PlainMember:
    """A file, or the rest of one, that is not compressed."""

    source: Source
    offset: int
    packed: bool = False
    fault: str | None = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._read = self.offset

    def pull(self) -> bytes:
        data = self.source.at(self._read, PIECE)
        self._read += len(data)
        return data


@dataclass(frozen=True)
class Gap:
    """A place between members, or a broken member, and what is to say of it."""

    offset: int
    fault: Fault


def members_of(source: Source) -> Iterator[Member | Gap]:
    """Every member that can be found; whoever takes one reads it before asking for the next."""
    offset, broken, in_vain = 0, 0, 0
    while opening := source.opening(offset, 16):
        if broken >= MAX_BROKEN or in_vain > MAX_BROKEN_BYTES:
            yield Gap(offset, ("file_given_up", f"{broken} broken places; the rest was not looked at"))
            return
        if not opening.startswith(GZIP):
            if opening.startswith(START):
                yield PlainMember(source, offset)
                return
            broken += 1
            after = next_member(source, offset)
            yield Gap(offset, _garbage(offset, after))
        else:
            member = GzipMember(source, offset)
            yield member
            member.drain()
            after = member.end
            if member.fault:
                broken += 1
                in_vain += member.taken
                after = next_member(source, offset + 1)
                yield Gap(offset, _broken(member, after))
        if after is None:
            return
        offset = after


def _garbage(offset: int, after: int | None) -> Fault:
    if after is None:
        end: FileCode = "garbage_at_end" if offset else "not_a_warc"
        return end, f"neither a record nor gzip data of one from byte {offset} to the end"
    code: FileCode = "garbage_between_members" if offset else "garbage_at_start"
    return code, f"{after - offset} bytes are neither a record nor gzip data of one"


def _broken(member: GzipMember, after: int | None) -> Fault:
    """What broke a member, given where good data goes on."""
    if after is not None:
        member = GzipMember(member.source, member.offset, stop=after)
        member.drain()
        if member.cut:
            return "member_torn", f"the gzip member breaks off; whole data goes on at {after}"
    if member.cut:
        return "member_truncated", "the last gzip member is cut off"
    if member.fault in _CHECKSUMS:
        return "member_checksum", f"the gzip member is not what was packed: {member.fault}"
    return "member_corrupt", f"the gzip member cannot be unpacked: {member.fault}"


@dataclass
class Window:
    """A moving view of what a member unpacks to; a few pieces of it are in memory."""

    member: Member
    passed: int = 0
    "Unpacked bytes gone by."
    _data: bytes = b""
    _at: int = 0
    _rewound: int = field(default=0)

    def peek(self, wanted: int) -> bytes:
        """Up to `wanted` bytes that come next."""
        while len(self._data) - self._at < wanted and self._grow():
            pass
        return self._data[self._at : self._at + wanted]

    def skip(self, count: int) -> None:
        """Go past bytes that have been peeked at."""
        self._at += count
        self.passed += count

    def until(self, end: re.Pattern[bytes], limit: int) -> bytes | None:
        """Everything up to the end of the match; None (and nowhere gone) when it lies beyond `limit`."""
        start = 0
        while not (match := end.search(self._data, self._at + start)):
            start = max(0, len(self._data) - self._at - _OVERLAP)
            if start > limit or not self._grow():
                return None
        found = self._data[self._at : match.end()]
        self.skip(len(found))
        return found

    def give_up_head(self) -> None:
        """Leave what `until` has searched in vain, but for its end: else noise is searched over and over."""
        self.skip(max(1, len(self._data) - self._at - USUAL_HEAD))

    def take(self, count: int) -> Iterator[bytes]:
        """The next `count` bytes in pieces; fewer when the member ends."""
        while count and (self._at < len(self._data) or self._grow()):
            whole = self._at == 0 and len(self._data) <= count
            piece = self._data if whole else self._data[self._at : self._at + count]
            self.skip(len(piece))
            count -= len(piece)
            yield piece

    def skip_to_record(self) -> bool:
        """Go to where a record begins, or to the end: False."""
        while not (match := RECORD_START.search(self._data, self._at)):
            self.skip(max(0, len(self._data) - self._at - _OVERLAP))
            if not self._grow():
                self.skip(len(self._data) - self._at)
                return False
        self.skip(match.start() - self._at)
        return True

    def rewind(self, position: int) -> None:
        """Go back to an earlier position by unpacking again."""
        self.member.restart()
        self._data, self._at, self.passed = b"", 0, 0
        for _ in self.take(position):
            pass

    def _grow(self) -> bool:
        piece = self.member.pull()
        self._data, self._at = self._data[self._at :] + piece, 0
        return bool(piece)
