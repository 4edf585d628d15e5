"""Read well-formed WARC records with zlib alone, several times as fast as warcio.

Well-formed is what every common writer produces: a head of printable ASCII in CRLF lines, a block of the
declared Content-Length, then CRLFCRLF; in a gzipped file, a single member around exactly that. The functions
here stop at the first record that differs and leave it to warcio, so that both ways give the same records.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

GZIP_MAGIC = b"\x1f\x8b"
RECORD_START = b"WARC/"
RECORD_END = b"\r\n\r\n"
GZIP_WINDOW_BITS = 31
"Tells zlib to expect a gzip header and trailer."
MAX_LENGTH_DIGITS = 18
"Of a Content-Length; no file is larger."
MEMBER_READ_BYTES = 1 << 15
"Compressed bytes read at a time: zlib copies what follows a member, so that larger reads cost more."
PLAIN_READ_BYTES = 1 << 14
"As much as warcio reads: a damaged gzip stream has to break off at the same place for both readers."
MAX_DECOMPRESSED = 1 << 18
"Bytes decompressed at a time, whatever the compression ratio."
PIECE_BYTES = 1 << 16
"Bytes of a block handed on at a time."
MAX_HEAD = 1 << 16
"A longer record head is left to warcio."
MAX_RECORD_HEAD = 1 << 20
"A record with a longer head is damaged for every reader and for the verifier."
READ_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
"Raised by damaged gzip data."
_HEAD = re.compile(rb"WARC/1\.[01]\r\n(?:[A-Za-z0-9-]++: [!-~](?:[ -~]*[!-~])?\r\n)++\r\n")
_HEAD_END = b"\r\n\r\n"
_PLAIN_ENDS = (RECORD_END, RECORD_END + b"WARC/1.0\r\n", RECORD_END + b"WARC/1.1\r\n")
"What follows the block of a well-formed record in a plain file."
_FIRST_COUNTS = ("warc-type", "content-length", "warc-target-uri")
"If one of these is repeated, warcio uses the first, while the headers here hold the last."

T = TypeVar("T")


class Readable(Protocol):
    """Something that bytes can be read from."""

    def read(self, size: int, /) -> bytes: ...


class BlockStream:
    """The block of the current record, read on demand."""

    def __init__(self, stream: Readable, length: int) -> None:
        self._stream = stream
        self.left = length
        "Bytes not read yet."

    def read(self, size: int) -> bytes:
        """Read `size` bytes, or all that are left."""
        wanted, parts = min(size, self.left), list[bytes]()
        while wanted and (part := self._stream.read(wanted)):
            parts.append(part)
            wanted -= len(part)
            self.left -= len(part)
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        """Read what is left in pieces of at most PIECE_BYTES."""
        while piece := self.read(PIECE_BYTES):
            yield piece

    def drain(self) -> None:
        for _ in self.pieces():
            pass


class RecordSlice(NamedTuple, Generic[T]):
    """A record and the bytes of the file that it occupies."""

    offset: int
    "First byte of the gzip member, or of the record in a plain file."
    length: int
    "Bytes in the file, compressed if the file is."
    kind: str
    "WARC-Type."
    headers: dict[str, str]
    "By lower-case name; the last value of a repeated header."
    result: T
    "What the BlockReader returned for the block."

    @property
    def record_id(self) -> str:
        """WARC-Record-ID with its angle brackets; empty if missing."""
        return self.headers.get("warc-record-id", "")

    @property
    def url(self) -> str:
        """WARC-Target-URI without the angle brackets of WARC 1.0; empty if missing."""
        return self.headers.get("warc-target-uri", "").strip("<>")


class MultipleRecordsInMember(Exception):
    """A gzip member continues after its first record."""


BlockReader: TypeAlias = Callable[[str, dict[str, str], BlockStream], T]
"Called with the type, headers and block of a record; it may be called twice for the same record."


class StrictHead(NamedTuple):
    """The head of a well-formed record."""

    kind: str
    headers: dict[str, str]
    length: int
    "Bytes of the block."


class ByteStream:
    """A buffered view of a plain file that counts the bytes consumed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""
        self._at = self._before = 0

    @property
    def consumed(self) -> int:
        """Bytes consumed so far."""
        return self._before + self._at

    def read_more(self) -> bytes:
        """The next bytes of the underlying data; none at its end."""
        return self._stream.read(PLAIN_READ_BYTES)

    def read(self, size: int) -> bytes:
        """Consume at most `size` bytes, perhaps fewer; none at the end."""
        if self._at == len(self._buffer):
            self._grow()
        start, self._at = self._at, min(self._at + size, len(self._buffer))
        return self._buffer[start : self._at]

    def read_head(self) -> StrictHead | None:
        """Consume the head at this position; None if it is not well-formed."""
        if self._at == len(self._buffer):
            self._grow()
        while not (match := _HEAD.match(self._buffer, self._at)):
            is_complete = self._buffer.find(_HEAD_END, self._at) >= 0
            if is_complete or len(self._buffer) - self._at > MAX_HEAD or not self._grow():
                return None
        self._at = match.end()
        return parse_strict_head(match[0])

    def peek(self, size: int) -> bytes:
        """The next bytes without consuming them; fewer than `size` at the end."""
        while len(self._buffer) - self._at < size and self._grow():
            pass
        return self._buffer[self._at : self._at + size]

    def skip(self, size: int) -> None:
        """Consume bytes that `peek` returned."""
        self._at += size

    def _grow(self) -> bool:
        more = self.read_more()
        self._before += self._at
        self._buffer, self._at = self._buffer[self._at :] + more, 0
        return bool(more)


class GzipMemberStream(ByteStream):
    """The decompressed content of a single gzip member."""

    def __init__(self, stream: BinaryIO, compressed: bytes) -> None:
        super().__init__(stream)
        self._compressed = compressed
        "Bytes of the member that were read from the stream already."
        self._compressed_read = len(compressed)
        self._decompressor = zlib.decompressobj(GZIP_WINDOW_BITS)

    @property
    def is_complete(self) -> bool:
        """Whether the end of the member was reached and its checksum is right."""
        return self._decompressor.eof

    @property
    def following(self) -> bytes:
        """Bytes that were read from the stream but follow the member."""
        return self._decompressor.unused_data

    @property
    def length(self) -> int:
        """Compressed bytes of the member, once it is complete."""
        return self._compressed_read - len(self._decompressor.unused_data)

    def is_at_record_end(self) -> bool:
        """Whether only CRLFCRLF follows, and then the member ends with the right checksum."""
        while len(self._buffer) - self._at <= len(RECORD_END) and not self.is_complete and self._grow():
            pass
        return self._buffer[self._at :] == RECORD_END and self.is_complete

    def read_more(self) -> bytes:
        while not self._decompressor.eof:
            compressed = self._compressed
            if not compressed:
                compressed = self._stream.read(MEMBER_READ_BYTES)
                self._compressed_read += len(compressed)
            if not compressed:
                break
            data = self._decompressor.decompress(compressed, MAX_DECOMPRESSED)
            self._compressed = self._decompressor.unconsumed_tail
            if data:
                return data
        return b""


def parse_strict_head(raw: bytes) -> StrictHead | None:
    """Parse a head of printable lines; None if two readers might disagree about it."""
    _, *lines = raw[: -len(_HEAD_END)].decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in [line.partition(": ") for line in lines]}
    if len(headers) < len(lines):
        names = [line.partition(":")[0].lower() for line in lines]
        if any(names.count(name) > 1 for name in _FIRST_COUNTS):
            return None
    kind, length = headers.get("warc-type"), headers.get("content-length", "")
    if kind is None or not length.isdigit() or len(length) > MAX_LENGTH_DIGITS:
        return None
    uri = headers.get("warc-target-uri", "")
    if " " in uri:
        return None
    if uri.startswith("<") and uri.endswith(">"):
        headers["warc-target-uri"] = uri[1:-1]
    return StrictHead(kind, headers, int(length))


def is_record_member(compressed: bytes) -> bool:
    """Whether gzip data decompresses to something that begins like a WARC record."""
    try:
        return zlib.decompressobj(GZIP_WINDOW_BITS).decompress(compressed, 16).startswith(RECORD_START)
    except zlib.error:
        return False


def read_members_fast(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """The well-formed records of a gzipped file; leaves the stream at the first other record or the end."""
    offset, compressed = stream.tell(), b""
    while compressed or (compressed := stream.read(MEMBER_READ_BYTES)):
        member = GzipMemberStream(stream, compressed)
        try:
            record = _read_record(member, read_block)
            if not record or not member.is_at_record_end():
                break
        except zlib.error:
            break
        length, compressed = member.length, member.following
        yield RecordSlice(offset, length, *record)
        offset += length
    stream.seek(offset)


def read_plain_fast(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T] | None]:
    """The well-formed records of a plain file, then None if anything else follows them."""
    source, began = ByteStream(stream), stream.tell()
    while True:
        start = source.consumed
        try:
            if not source.peek(1):
                return
            record = _read_record(source, read_block)
            length = source.consumed - start
            end = source.peek(len(_PLAIN_ENDS[-1]))
        except READ_ERRORS:
            break
        if not record or end not in _PLAIN_ENDS:
            break
        source.skip(len(RECORD_END))
        yield RecordSlice(began + start, length, *record)
    yield None


def _read_record(source: ByteStream, read_block: BlockReader[T]) -> tuple[str, dict[str, str], T] | None:
    """Type, headers and result of the record at this position; None if it is odd or incomplete."""
    head = source.read_head()
    if head is None:
        return None
    block = BlockStream(source, head.length)
    result = read_block(head.kind, head.headers, block)
    if block.left:
        block.drain()
    return None if block.left else (head.kind, head.headers, result)
