"""WARC 1.1 records as bytes: headers in a fixed order, blocks as they were on the wire.

Written by hand because warcio's writer parses and rewrites HTTP headers.
https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/
"""

from __future__ import annotations

import hashlib
import mmap
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal
from urllib.parse import quote, urldefrag

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer, rfc3339
from newscrawl.warc.http import Message, chunks, head_length, is_response, split_interim
from newscrawl.warc.media_types import ENOUGH_BYTES, identified_type, is_incompressible

Truncated = Literal["length", "time", "disconnect", "unspecified"]
Bytes = bytes | memoryview
"A message: whole in memory, or seen through a window on a file."

SPOOL_BYTES = 1 << 20
"More than this waits in a file."
MAX_MESSAGE_BYTES = 1 << 30
"More than this of one message is not kept, whatever the limits of the download."


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """A response that is in the archive already, for revisits to refer to."""

    pointer: WarcPointer
    url: str
    date: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """The bytes of one request and of whatever came back."""

    url: str
    started: datetime
    "When the request was sent, with zone: the WARC-Date of all its records."
    sent: bytes
    "Request as written to the socket, without what is redacted; empty when no connection came about."
    received: Bytes
    "Everything read until the message ended, interim 1xx answers included; may be empty."
    ip: str | None = None
    "Peer address of the origin; None through a proxy or without a connection."
    protocol: str = "http/1.1"
    "Value of WARC-Protocol."
    tls_version: str | None = None
    "As OpenSSL names it, such as `TLSv1.3`."
    cipher: str | None = None
    "IANA name of the cipher suite."
    truncated: Truncated | None = None
    "Why `received` is not the whole answer."
    original: Original | None = None
    "The last whole response of the same URL; a revisit is written when the payload is the same."
    omit_chunked_digest: bool = False
    "Leave the payload digest out where the body is chunked, for readers that hash the framing."
    notes: tuple[tuple[str, str], ...] = ()
    "Fields for the metadata record, in order."


class Spool:
    """Bytes as they arrive: in memory, and from SPOOL_BYTES on in a file that has no name."""

    __slots__ = ("_file", "_folder", "_parts", "limit", "seen", "size")

    def __init__(self, folder: Path | None = None, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._folder = folder
        "Where the file lies: the archive's own disk, for a system's folder may be memory."
        self._file: IO[bytes] | None = None
        self._parts: list[bytes] = []
        self.limit = limit
        self.size = 0
        "Bytes kept."
        self.seen = 0
        "Bytes that came, those over the limit too."

    def add(self, data: bytes) -> None:
        """Keep what is within the limit; OSError when the disk is full."""
        self.seen += len(data)
        if self.seen > self.limit:
            data = data[: self.limit - self.size]
        self.size += len(data)
        if self._file is None:
            self._parts.append(data)
            if self.size > SPOOL_BYTES:
                self._roll_over()
        else:
            self._file.write(data)

    def drop_last(self, count: int) -> None:
        """Forget the last `count` of the bytes that came."""
        self.seen -= count
        if self.seen >= self.size:
            return
        self.size = self.seen
        if self._file is None:
            self._parts = [b"".join(self._parts)[: self.size]]

    @property
    def is_cut(self) -> bool:
        """Whether the limit kept bytes out."""
        return self.seen > self.size

    def whole(self) -> Bytes:
        """All bytes kept, the last that is asked of a spool; a file is shown through a window, not read."""
        if self._file is None:
            return b"".join(self._parts)
        with self._file as file:
            file.flush()
            return window(file, self.size)

    def close(self) -> None:
        """Let the file go unread."""
        if self._file is not None:
            self._file.close()

    def _roll_over(self) -> None:
        self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115 # lives as long as the spool
        self._file.writelines(self._parts)
        self._parts = []


def window(file: IO[bytes], size: int) -> Bytes:
    """The first `size` bytes of a flushed file, mapped; the map goes with its last user."""
    if not size:
        return b""
    return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


Pieces = list[Bytes]

STORED, PACKED = 0, 6
"gzip levels: for what is compressed already, and for everything else."
SMALL = 4096
_STORED_BLOCK = 0xFFFF
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"Deflate, no flags, no time, unknown system."
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
"Stored, final, empty."


def gzip_member(pieces: Pieces, level: int) -> Pieces:
    """One gzip member (RFC 1952) of what the pieces hold together."""
    if level == STORED:
        return _stored_member(pieces)
    # A small window for what is small: setting up a large one costs more than all the rest.
    size = sum(map(len, pieces))
    bits, memory = (12, 4) if size <= SMALL else (15, 8)
    packer = zlib.compressobj(level, zlib.DEFLATED, 16 + bits, memory)
    if size > SPOOL_BYTES:
        return _packed_on_disk(pieces, packer)
    return [*(packer.compress(piece) for piece in pieces), packer.flush()]


def _packed_on_disk(pieces: Pieces, packer: zlib._Compress) -> Pieces:
    """A large member, packed block by block into a file that has no name."""
    try:
        with TemporaryFile() as packed:
            for piece in pieces:
                view = memoryview(piece)
                for start in range(0, len(view), SPOOL_BYTES):
                    packed.write(packer.compress(view[start : start + SPOOL_BYTES]))
            packed.write(packer.flush())
            packed.flush()
            return [window(packed, packed.tell())]
    except OSError as error:
        raise ArchiveError(f"cannot write a temporary file: {error.strerror}") from error


def _stored_member(pieces: Pieces) -> Pieces:
    """Stored blocks (RFC 1951 section 3.2.4), fifteen times cheaper by hand than zlib's level 0."""
    member: Pieces = [_GZIP_HEAD]
    checksum = size = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
        size += len(piece)
        view = memoryview(piece)
        for start in range(0, len(piece), _STORED_BLOCK):
            part = view[start : start + _STORED_BLOCK]
            member += (struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF), part)
    member.append(_LAST_BLOCK + struct.pack("<II", checksum, size & 0xFFFFFFFF))
    return member


Headers = list[tuple[str, str]]

_FORBIDDEN = re.compile(r"[\r\n\x00]")
_LINE_ENDS = re.compile(r"[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"All that any reader may take for the end of a line."
_URI_SAFE = "/%:@!$&'()*+,;=~-._?#[]"
_TLS = re.compile(r"TLSv?(\d(?:\.\d)?)")
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
"Two letters at a time are twice as fast as the standard library, and every record needs a digest."
_SHIFTS = range(150, -1, -10)
_PROFILE = "http://netpreserve.org/warc/1.1/revisit/"
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Record:
    """One record ready to be written."""

    kind: str
    record_id: str
    pieces: Pieces
    "The gzip member, in pieces: the block of a response is not copied to be written."
    payload_digest: str | None = None

    @property
    def length(self) -> int:
        """Bytes of the member."""
        return sum(map(len, self.pieces))


def sha1_base32(*parts: Bytes) -> str:
    """Digest of the parts together, in the form every WARC tool reads."""
    digest = hashlib.sha1(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    number = int.from_bytes(digest.digest())
    return "sha1:" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


EMPTY_DIGEST = sha1_base32()


def target_uri(url: str) -> str:
    """Percent-encoded ASCII without fragment (WARC 1.1 section 5.12 wants a URI)."""
    return quote(urldefrag(url).url, safe=_URI_SAFE, errors="replace")


def record_pieces(headers: Headers, block: Bytes) -> Pieces:
    """A record before compression; ValueError if a header could break out of its line."""
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(block)}"]
    head = "\r\n".join(lines)
    if head.count("\n") != head.count("\r") or head.count("\n") != len(lines) - 1 or "\0" in head:
        name = next((name for name, value in headers if _FORBIDDEN.search(value)), "a header")
        raise ValueError(f"{name} holds CR, LF or NUL")
    return [head.encode() + b"\r\n\r\n", block, b"\r\n\r\n"]


def fields_block(fields: Iterable[tuple[str, str]]) -> bytes:
    """A block of application/warc-fields; line ends inside a value become spaces."""
    lines = (f"{name}: {_LINE_ENDS.sub(' ', value)}\r\n" for name, value in fields)
    return "".join(lines).encode("utf-8", "replace")


def warcinfo_record(record_id: str, date: str, file_name: str, fields: Iterable[tuple[str, str]]) -> Record:
    """The record every file begins with."""
    block = fields_block(fields)
    headers = [
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", record_id),
        ("WARC-Date", date),
        ("WARC-Filename", file_name),
        ("Content-Type", "application/warc-fields"),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    return Record("warcinfo", record_id, gzip_member(record_pieces(headers, block), PACKED))


def exchange_records(exchange: Exchange, warcinfo_id: str, new_id: Callable[[], str]) -> Iterator[Record]:
    """response or revisit, request, metadata, as far as there is something to write; metadata always."""
    interim, final = split_interim(exchange.received)
    common = [
        ("WARC-Date", rfc3339(exchange.started)),
        ("WARC-Target-URI", target_uri(exchange.url)),
        ("WARC-Warcinfo-ID", warcinfo_id),
    ]
    concurrent: str | None = None
    notes = [*exchange.notes, *(("interim", repr(head)) for head in interim)]
    if is_response(final):
        answer = _Answer.of(final)
        record = _revisit(exchange, answer, common, new_id) or _response(exchange, answer, common, new_id())
        notes += _revisit_notes(exchange, answer) if record.kind == "revisit" else []
        concurrent = record.record_id
        yield record
    elif final:
        notes.append(("unparsedAnswer", repr(bytes(final[:200]))))
    if exchange.sent:
        record = _request(exchange, common, new_id(), concurrent)
        concurrent = concurrent or record.record_id
        yield record
    yield _metadata(notes, common, new_id(), concurrent)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response as it will stand in its block."""

    block: Bytes
    head: bytes
    message: Message
    "Its head and the start of its body."
    payload_digest: str

    @classmethod
    def of(cls, block: Bytes) -> _Answer:
        end = head_length(block)
        body = memoryview(block)[end:]
        message = Message(bytes(block[:end]), bytes(body[:ENOUGH_BYTES]))
        digest = sha1_base32(*chunks(body)) if message.is_chunked else sha1_base32(body)
        return cls(block, message.head, message, digest)


def _response(exchange: Exchange, answer: _Answer, common: Headers, record_id: str) -> Record:
    message = answer.message
    kind = identified_type(message)
    omitted = exchange.omit_chunked_digest and message.is_chunked
    headers = [
        ("WARC-Type", "response"),
        ("WARC-Record-ID", record_id),
        *common,
        ("Content-Type", "application/http; msgtype=response"),
        *_connection(exchange),
        ("WARC-Block-Digest", sha1_base32(answer.block)),
        *([] if omitted else [("WARC-Payload-Digest", answer.payload_digest)]),
        *([("WARC-Identified-Payload-Type", kind)] if kind else []),
        *([("WARC-Truncated", exchange.truncated)] if exchange.truncated else []),
    ]
    level = STORED if is_incompressible(message, kind) else PACKED
    pieces = gzip_member(record_pieces(headers, answer.block), level)
    return Record("response", record_id, pieces, answer.payload_digest)


def _revisit(
    exchange: Exchange, answer: _Answer, common: Headers, new_id: Callable[[], str]
) -> Record | None:
    """The record of an answer that the archive holds already, None for a new one."""
    original = exchange.original
    if not original or not original.pointer.payload_digest or exchange.truncated:
        return None
    if answer.message.status == _NOT_MODIFIED:
        # Readers serve the old page from an empty block, and an empty page from any other.
        return _revisit_record(exchange, "server-not-modified", b"", common, new_id())
    if answer.payload_digest == original.pointer.payload_digest:
        return _revisit_record(exchange, "identical-payload-digest", answer.head, common, new_id())
    return None


def _revisit_record(
    exchange: Exchange, profile: str, block: bytes, common: Headers, record_id: str
) -> Record:
    original = exchange.original
    assert original
    digest = original.pointer.payload_digest or EMPTY_DIGEST
    headers = [
        ("WARC-Type", "revisit"),
        ("WARC-Record-ID", record_id),
        *common,
        ("WARC-Profile", _PROFILE + profile),
        ("WARC-Refers-To", original.pointer.record_id),
        ("WARC-Refers-To-Target-URI", target_uri(original.url)),
        ("WARC-Refers-To-Date", rfc3339(original.date)),
        ("Content-Type", "application/http; msgtype=response"),
        *_connection(exchange),
        ("WARC-Block-Digest", sha1_base32(block)),
        ("WARC-Payload-Digest", digest),
    ]
    return Record("revisit", record_id, gzip_member(record_pieces(headers, block), PACKED), digest)


def _revisit_notes(exchange: Exchange, answer: _Answer) -> list[tuple[str, str]]:
    """Where the original stands, and the head that an empty block has no room for."""
    assert exchange.original
    pointer = exchange.original.pointer
    notes = [("originalFile", pointer.file), ("originalOffset", str(pointer.offset))]
    if answer.message.status == _NOT_MODIFIED:
        notes.append(("notModified", repr(answer.head)))
    return notes


def _request(exchange: Exchange, common: Headers, record_id: str, concurrent: str | None) -> Record:
    headers = [
        ("WARC-Type", "request"),
        ("WARC-Record-ID", record_id),
        *common,
        ("Content-Type", "application/http; msgtype=request"),
        *_connection(exchange),
        *([("WARC-Concurrent-To", concurrent)] if concurrent else []),
        ("WARC-Block-Digest", sha1_base32(exchange.sent)),
    ]
    pieces = gzip_member(record_pieces(headers, exchange.sent), PACKED)
    return Record("request", record_id, pieces)


def _metadata(
    notes: list[tuple[str, str]],
    common: Headers,
    record_id: str,
    concurrent: str | None,
) -> Record:
    block = fields_block(notes)
    headers = [
        ("WARC-Type", "metadata"),
        ("WARC-Record-ID", record_id),
        *common,
        ("Content-Type", "application/warc-fields"),
        *([("WARC-Concurrent-To", concurrent)] if concurrent else []),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    return Record("metadata", record_id, gzip_member(record_pieces(headers, block), PACKED))


def _connection(exchange: Exchange) -> Headers:
    """Peer and protocol; WARC-Protocol repeats (iipc/warc-specifications#42)."""
    headers: Headers = [("WARC-IP-Address", exchange.ip)] if exchange.ip else []
    headers.append(("WARC-Protocol", exchange.protocol))
    if exchange.tls_version and (match := _TLS.match(exchange.tls_version)):
        version = match[1] if "." in match[1] else f"{match[1]}.0"
        headers.append(("WARC-Protocol", f"tls/{version}"))
    if exchange.cipher:
        headers.append(("WARC-Cipher-Suite", exchange.cipher))
    return headers
