"""Sound records read with zlib alone, several times as fast as warcio.

Sound is a record as every usual writer leaves it: a head of printable ASCII in CRLF lines, the length it
tells of, CRLFCRLF, and in a packed file one whole gzip member around exactly that. Whatever is otherwise ends
the walk before it is given, and is left to warcio.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

GZIP_MAGIC = b"\x1f\x8b"
PIECE = 1 << 16
"Bytes read at a time."
MAX_LENGTH_DIGITS = 18
"Of a Content-Length; no file is larger."

T = TypeVar("T")


class Readable(Protocol):
    """Something bytes come out of."""

    def read(self, size: int, /) -> bytes: ...


class Block:
    """The block of a record while it is being walked over."""

    def __init__(self, stream: Readable, length: int) -> None:
        self._stream = stream
        self.left = length

    def read(self, size: int) -> bytes:
        """As many bytes as were asked for, or all that are left."""
        wanted = min(size, self.left)
        part = self._stream.read(wanted) if wanted else b""
        self.left -= len(part)
        return part if len(part) in (0, wanted) else part + self._further(wanted - len(part))

    def _further(self, wanted: int) -> bytes:
        parts: list[bytes] = []
        while wanted and (part := self._stream.read(wanted)):
            parts.append(part)
            wanted -= len(part)
            self.left -= len(part)
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        """What is left, in pieces of bounded size."""
        while piece := self.read(PIECE):
            yield piece

    def drain(self) -> None:
        for _ in self.pieces():
            pass


class Placed(NamedTuple, Generic[T]):
    """Where a record stands, its headers with lower-case names, and what was taken of its block."""

    offset: int
    length: int
    kind: str
    headers: dict[str, str]
    taken: T


Take: TypeAlias = Callable[[str, dict[str, str], Block], T]
"What to make of a record's kind, headers and block; it may be asked twice of the same record."


MEMBER_PIECE = 1 << 15
"Packed bytes read at a time: zlib copies what stands behind a member, so more would cost more."
PLAIN_PIECE = 1 << 14
"As much as warcio reads: a damaged stream that unpacks must break off at the same place for both."
MAX_UNPACKED = 1 << 18
"Bytes unpacked at a time, however well they were packed."
MAX_HEAD = 1 << 16
_HEAD = re.compile(rb"WARC/1\.[01]\r\n(?:[A-Za-z0-9-]++: [!-~](?:[ -~]*[!-~])?\r\n)++\r\n")
_HEAD_END = _RECORD_END = b"\r\n\r\n"
_ENDS = (_RECORD_END, _RECORD_END + b"WARC/1.0\r\n", _RECORD_END + b"WARC/1.1\r\n")
"What follows the block of a sound record in a plain file."
_FIRST_COUNTS = ("warc-type", "content-length", "warc-target-uri")
"warcio goes by the first of these, though the last of a repeated header is what we keep."
READ_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
"What a stream of packed bytes raises where it is damaged."


class Head(NamedTuple):
    """The head of a sound record."""

    kind: str
    headers: dict[str, str]
    length: int
    "Bytes of the block."


class Feed:
    """Bytes of a plain file in pieces, counted as they are used."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ready = b""
        self._at = self._before = 0

    @property
    def used(self) -> int:
        """Bytes used up so far."""
        return self._before + self._at

    def more(self) -> bytes:
        """The next bytes; none at the end."""
        return self._stream.read(PLAIN_PIECE)

    def read(self, size: int) -> bytes:
        """Some bytes, at most so many; none at the end."""
        if self._at == len(self._ready):
            self._grow()
        start, self._at = self._at, min(self._at + size, len(self._ready))
        return self._ready[start : self._at]

    def head(self) -> Head | None:
        """The head that stands here, used up; None where none is sound."""
        if self._at == len(self._ready):
            self._grow()
        while not (found := _HEAD.match(self._ready, self._at)):
            whole = self._ready.find(_HEAD_END, self._at) >= 0
            if whole or len(self._ready) - self._at > MAX_HEAD or not self._grow():
                return None
        self._at = found.end()
        return head_of(found[0])

    def opening(self, size: int) -> bytes:
        """The next bytes without using them up; fewer at the end."""
        while len(self._ready) - self._at < size and self._grow():
            pass
        return self._ready[self._at : self._at + size]

    def skip(self, size: int) -> None:
        """Use up bytes that `opening` gave."""
        self._at += size

    def _grow(self) -> bool:
        more = self.more()
        self._before += self._at
        self._ready, self._at = self._ready[self._at :] + more, 0
        return bool(more)


class MemberFeed(Feed):
    """What one gzip member unpacks to."""

    def __init__(self, stream: BinaryIO, packed: bytes) -> None:
        super().__init__(stream)
        self._packed = packed
        self._read = len(packed)
        self._unpacker = zlib.decompressobj(31)

    @property
    def behind(self) -> bytes:
        """Bytes that were read, but stand behind the member."""
        return self._unpacker.unused_data

    @property
    def length(self) -> int:
        """Packed bytes of the member, once it has ended."""
        return self._read - len(self._unpacker.unused_data)

    def ends(self) -> bool:
        """Whether nothing but the end of a record follows, and the checksum is that of what was unpacked."""
        while len(self._ready) - self._at <= len(_RECORD_END) and not self._unpacker.eof and self._grow():
            pass
        return self._ready[self._at :] == _RECORD_END and self._unpacker.eof

    def more(self) -> bytes:
        while not self._unpacker.eof:
            packed = self._packed or self._read_on()
            if not packed:
                break
            unpacked = self._unpacker.decompress(packed, MAX_UNPACKED)
            self._packed = self._unpacker.unconsumed_tail
            if unpacked:
                return unpacked
        return b""

    def _read_on(self) -> bytes:
        packed = self._stream.read(MEMBER_PIECE)
        self._read += len(packed)
        return packed


def head_of(raw: bytes) -> Head | None:
    """A head of printable lines read; None where two readers might differ over it."""
    _, *lines = raw[: -len(_HEAD_END)].decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in [line.partition(": ") for line in lines]}
    if len(headers) < len(lines) and any(_is_repeated(name, lines) for name in _FIRST_COUNTS):
        return None
    kind, length = headers.get("warc-type"), headers.get("content-length", "")
    if kind is None or not length.isdigit() or len(length) > MAX_LENGTH_DIGITS:
        return None
    uri = headers.get("warc-target-uri", "")
    if " " in uri:
        return None
    if uri.startswith("<") and uri.endswith(">"):
        headers["warc-target-uri"] = uri[1:-1]
    return Head(kind, headers, int(length))


def _is_repeated(name: str, lines: list[str]) -> bool:
    return sum(line.lower().startswith(name + ": ") for line in lines) > 1


def sound_members(stream: BinaryIO, take: Take[T]) -> Iterator[Placed[T]]:
    """The sound records of a packed file; the stream is left at the first that is none, or at its end."""
    offset, packed = stream.tell(), b""
    while packed or (packed := stream.read(MEMBER_PIECE)):
        feed = MemberFeed(stream, packed)
        try:
            found = _met(feed, take)
            if not found or not feed.ends():
                break
        except zlib.error:
            break
        length, packed = feed.length, feed.behind
        yield Placed(offset, length, *found)
        offset += length
    stream.seek(offset)


def sound_plain(stream: BinaryIO, take: Take[T]) -> Iterator[Placed[T] | None]:
    """The sound records of a plain file; a last None says that something else follows them."""
    feed, began = Feed(stream), stream.tell()
    while True:
        start = feed.used
        try:
            if not feed.opening(1):
                return
            found = _met(feed, take)
            length = feed.used - start
            end = feed.opening(len(_ENDS[-1]))
        except READ_ERRORS:
            break
        if not found or end not in _ENDS:
            break
        feed.skip(len(_RECORD_END))
        yield Placed(began + start, length, *found)
    yield None


def _met(feed: Feed, take: Take[T]) -> tuple[str, dict[str, str], T] | None:
    """Kind, headers and what was taken of the record that stands here; None if it is odd or not all there."""
    head = feed.head()
    if head is None:
        return None
    block = Block(feed, head.length)
    taken = take(head.kind, head.headers, block)
    if block.left:
        block.drain()
    return None if block.left else (head.kind, head.headers, taken)
