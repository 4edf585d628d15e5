"""Build WARC 1.1 records: headers in a fixed order, blocks exactly as they were on the wire.

warcio's writer is not used because it parses and rewrites HTTP headers.
https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/
"""

from __future__ import annotations

import hashlib
import mmap
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal
from urllib.parse import quote, urldefrag

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer, rfc3339
from newscrawl.warc.http import Message, head_length, is_response, iter_chunks, split_interim
from newscrawl.warc.media_types import SNIFFED_BYTES, identify_payload_type, is_incompressible

Truncated = Literal["length", "time", "disconnect", "unspecified"]
BytesLike = bytes | memoryview
"A message in memory, or mapped from a file."

BytePieces = list[BytesLike]
Headers = Sequence[tuple[str, str | None]]
"In order; a header whose value is None is left out."

SPOOL_BYTES = 1 << 20
"Larger messages are spooled to a temporary file."
MAX_MESSAGE_BYTES = 1 << 30
"A longer message is truncated, whatever the download limits are."
STORED, COMPRESSED = 0, 6
"gzip levels: for content that is compressed already, and for everything else."
_SMALL_RECORD = 4096
_STORED_BLOCK = 0xFFFF
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"Deflate, no flags, no time, unknown system."
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
"Stored, final, empty."
_FORBIDDEN = re.compile(r"[\r\n\x00]")
_LINE_ENDS = re.compile(r"[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"Everything that some reader may take for a line end."
_URI_SAFE = "/%:@!$&'()*+,;=~-._?#[]"
_TLS = re.compile(r"TLSv?(\d(?:\.\d)?)")
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
"Encoding two letters at a time is twice as fast as the standard library, and every record needs a digest."
_SHIFTS = range(150, -1, -10)
_PROFILE = "http://netpreserve.org/warc/1.1/revisit/"
_NOT_MODIFIED = 304


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginalResponse:
    """An archived response that a revisit record can refer to."""

    pointer: WarcPointer
    url: str
    date: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpExchange:
    """A request and its response as they went over the wire, with the facts that WARC headers record."""

    url: str
    started: datetime
    "When the request was sent, with time zone: the WARC-Date of all its records."
    sent: bytes
    "Request as written to the socket, less the headers that are redacted; empty without a connection."
    received: BytesLike
    "Everything read until the response ended, including interim 1xx responses; may be empty."
    ip: str | None = None
    "Address of the origin server; None through a proxy or without a connection."
    protocol: str = "http/1.1"
    "Value of WARC-Protocol."
    tls_version: str | None = None
    "In OpenSSL's spelling, such as `TLSv1.3`."
    cipher: str | None = None
    "IANA name of the cipher suite."
    truncated: Truncated | None = None
    "WARC-Truncated: why `received` is incomplete."
    original: OriginalResponse | None = None
    "The last complete response of this URL; if the payload is the same, a revisit record is written."
    omit_chunked_digest: bool = False
    "Omit the payload digest of chunked bodies, for readers that would hash the chunk framing."
    metadata: tuple[tuple[str, str], ...] = ()
    "Fields for the metadata record, in order."


class Spool:
    """Collect bytes in memory, and beyond SPOOL_BYTES in an unnamed temporary file."""

    __slots__ = ("_file", "_folder", "_parts", "limit", "received", "size")

    def __init__(self, folder: Path | None = None, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._folder = folder
        "On the archive's disk, since the system's folder for temporary files may be in memory."
        self._file: IO[bytes] | None = None
        self._parts: list[bytes] = []
        self.limit = limit
        self.size = 0
        "Bytes stored."
        self.received = 0
        "Bytes received, including those over the limit."

    def add(self, data: bytes) -> None:
        """Store what is within the limit; OSError if the disk is full."""
        self.received += len(data)
        if self.received > self.limit:
            data = data[: self.limit - self.size]
        self.size += len(data)
        if self._file is None:
            self._parts.append(data)
            if self.size > SPOOL_BYTES:
                self._roll_over()
        else:
            self._file.write(data)

    def drop_last(self, count: int) -> None:
        """Remove the last `count` received bytes."""
        self.received -= count
        if self.received >= self.size:
            return
        self.size = self.received
        if self._file is None:
            self._parts = [b"".join(self._parts)[: self.size]]

    @property
    def is_truncated(self) -> bool:
        """Whether bytes were dropped because of the limit."""
        return self.received > self.size

    def getvalue(self) -> BytesLike:
        """All stored bytes; a file is mapped, not read. The spool cannot be used afterwards."""
        if self._file is None:
            return b"".join(self._parts)
        with self._file as file:
            file.flush()
            return map_file(file, self.size)

    def close(self) -> None:
        """Discard the file."""
        if self._file is not None:
            self._file.close()

    def _roll_over(self) -> None:
        self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115 # open as long as the spool
        self._file.writelines(self._parts)
        self._parts = []


def map_file(file: IO[bytes], size: int) -> BytesLike:
    """Map the first `size` bytes of a flushed file; the mapping lasts as long as the result."""
    if not size:
        return b""
    return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


def gzip_member(pieces: BytePieces, level: int) -> BytePieces:
    """Compress the concatenated pieces to a gzip member (RFC 1952) of its own."""
    if level == STORED:
        return _stored_member(pieces)
    # For a small record, setting up a large window would cost more than everything else.
    size = sum(map(len, pieces))
    bits, memory = (12, 4) if size <= _SMALL_RECORD else (15, 8)
    compressor = zlib.compressobj(level, zlib.DEFLATED, 16 + bits, memory)
    if size > SPOOL_BYTES:
        return _compress_on_disk(pieces, compressor)
    return [*(compressor.compress(piece) for piece in pieces), compressor.flush()]


def _compress_on_disk(pieces: BytePieces, compressor: zlib._Compress) -> BytePieces:
    """Compress a large member block by block into an unnamed temporary file."""
    try:
        with TemporaryFile() as file:
            for piece in pieces:
                view = memoryview(piece)
                for start in range(0, len(view), SPOOL_BYTES):
                    file.write(compressor.compress(view[start : start + SPOOL_BYTES]))
            file.write(compressor.flush())
            file.flush()
            return [map_file(file, file.tell())]
    except OSError as error:
        raise ArchiveError(f"cannot write a temporary file: {error.strerror}") from error


def _stored_member(pieces: BytePieces) -> BytePieces:
    """Write stored blocks (RFC 1951, section 3.2.4) by hand, fifteen times faster than zlib at level 0."""
    member: BytePieces = [_GZIP_HEAD]
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


@dataclass(frozen=True, slots=True)
class SerializedRecord:
    """A record that is ready to be written."""

    kind: str
    record_id: str
    pieces: BytePieces
    "The gzip member, in pieces, so that the block of a response need not be copied."
    payload_digest: str | None = None

    @property
    def length(self) -> int:
        """Bytes of the gzip member."""
        return sum(map(len, self.pieces))


def sha1_base32(*parts: BytesLike) -> str:
    """SHA-1 of the concatenated parts as `sha1:<base32>`, the form that all WARC tools read."""
    digest = hashlib.sha1(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    number = int.from_bytes(digest.digest())
    return "sha1:" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


EMPTY_DIGEST = sha1_base32()


def target_uri(url: str) -> str:
    """Percent-encode a URL and drop its fragment (WARC 1.1, section 5.12, requires a URI)."""
    return quote(urldefrag(url).url, safe=_URI_SAFE, errors="replace")


def serialize_record(headers: Iterable[tuple[str, str]], block: BytesLike) -> BytePieces:
    """A record before compression; ValueError if a header value contains CR, LF or NUL."""
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(block)}"]
    head = "\r\n".join(lines)
    if head.count("\n") != head.count("\r") or head.count("\n") != len(lines) - 1 or "\0" in head:
        name = next((name for name, value in headers if _FORBIDDEN.search(value)), "a header")
        raise ValueError(f"{name} holds CR, LF or NUL")
    return [head.encode() + b"\r\n\r\n", block, b"\r\n\r\n"]


def make_record(
    kind: str,
    record_id: str,
    headers: Headers,
    block: BytesLike,
    *,
    level: int = COMPRESSED,
    payload_digest: str | None = None,
) -> SerializedRecord:
    """Assemble and compress a record; `headers` are those between WARC-Record-ID and Content-Length."""
    present = [(name, value) for name, value in headers if value is not None]
    pieces = serialize_record([("WARC-Type", kind), ("WARC-Record-ID", record_id), *present], block)
    return SerializedRecord(kind, record_id, gzip_member(pieces, level), payload_digest)


def format_warc_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """Format a block of application/warc-fields; line ends inside a value become spaces."""
    lines = (f"{name}: {_LINE_ENDS.sub(' ', value)}\r\n" for name, value in fields)
    return "".join(lines).encode("utf-8", "replace")


def warcinfo_record(
    record_id: str, date: str, file_name: str, fields: Iterable[tuple[str, str]]
) -> SerializedRecord:
    """The record that every file begins with."""
    block = format_warc_fields(fields)
    headers = [
        ("WARC-Date", date),
        ("WARC-Filename", file_name),
        ("Content-Type", "application/warc-fields"),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    return make_record("warcinfo", record_id, headers, block)


def exchange_records(
    exchange: HttpExchange, warcinfo_id: str, new_id: Callable[[], str]
) -> Iterator[SerializedRecord]:
    """The response or revisit record and the request record, if there are any, and a metadata record."""
    interim, final = split_interim(exchange.received)
    common = [
        ("WARC-Date", rfc3339(exchange.started)),
        ("WARC-Target-URI", target_uri(exchange.url)),
        ("WARC-Warcinfo-ID", warcinfo_id),
    ]
    concurrent_to: str | None = None
    fields = [*exchange.metadata, *(("interim", repr(head)) for head in interim)]
    if is_response(final):
        response = _ResponseBlock.parse(final)
        record = _revisit(exchange, response, common, new_id) or _response(exchange, response, common, new_id)
        if record.kind == "revisit" and exchange.original:
            original = exchange.original.pointer
            fields += [("originalFile", original.file), ("originalOffset", str(original.offset))]
            if response.message.status == _NOT_MODIFIED:
                fields.append(("notModified", repr(response.message.head)))
        concurrent_to = record.record_id
        yield record
    elif final:
        fields.append(("unparsedAnswer", repr(bytes(final[:200]))))
    if exchange.sent:
        headers = [
            *common,
            ("Content-Type", "application/http; msgtype=request"),
            *_connection_headers(exchange),
            ("WARC-Concurrent-To", concurrent_to),
            ("WARC-Block-Digest", sha1_base32(exchange.sent)),
        ]
        record = make_record("request", new_id(), headers, exchange.sent)
        concurrent_to = concurrent_to or record.record_id
        yield record
    block = format_warc_fields(fields)
    headers = [
        *common,
        ("Content-Type", "application/warc-fields"),
        ("WARC-Concurrent-To", concurrent_to),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    yield make_record("metadata", new_id(), headers, block)


@dataclass(frozen=True, slots=True)
class _ResponseBlock:
    """A response as it is stored in the block of its record."""

    block: BytesLike
    message: Message
    "The head and the first SNIFFED_BYTES of the body."
    payload_digest: str

    @classmethod
    def parse(cls, block: BytesLike) -> _ResponseBlock:
        end = head_length(block)
        body = memoryview(block)[end:]
        message = Message(bytes(block[:end]), bytes(body[:SNIFFED_BYTES]))
        digest = sha1_base32(*iter_chunks(body)) if message.is_chunked else sha1_base32(body)
        return cls(block, message, digest)


def _response(
    exchange: HttpExchange, response: _ResponseBlock, common: Headers, new_id: Callable[[], str]
) -> SerializedRecord:
    message, digest = response.message, response.payload_digest
    kind = identify_payload_type(message)
    headers = [
        *common,
        ("Content-Type", "application/http; msgtype=response"),
        *_connection_headers(exchange),
        ("WARC-Block-Digest", sha1_base32(response.block)),
        ("WARC-Payload-Digest", None if exchange.omit_chunked_digest and message.is_chunked else digest),
        ("WARC-Identified-Payload-Type", kind),
        ("WARC-Truncated", exchange.truncated),
    ]
    level = STORED if is_incompressible(message, kind) else COMPRESSED
    return make_record("response", new_id(), headers, response.block, level=level, payload_digest=digest)


def _revisit(
    exchange: HttpExchange, response: _ResponseBlock, common: Headers, new_id: Callable[[], str]
) -> SerializedRecord | None:
    """A revisit record if the archive holds this response already; None if it is new."""
    original = exchange.original
    if not original or not original.pointer.payload_digest or exchange.truncated:
        return None
    digest = original.pointer.payload_digest
    if response.message.status == _NOT_MODIFIED:
        # With an empty block, replay tools serve the old page; with any other, an empty page.
        profile, block = "server-not-modified", b""
    elif response.payload_digest == digest:
        profile, block = "identical-payload-digest", response.message.head
    else:
        return None
    headers = [
        *common,
        ("WARC-Profile", _PROFILE + profile),
        ("WARC-Refers-To", original.pointer.record_id),
        ("WARC-Refers-To-Target-URI", target_uri(original.url)),
        ("WARC-Refers-To-Date", rfc3339(original.date)),
        ("Content-Type", "application/http; msgtype=response"),
        *_connection_headers(exchange),
        ("WARC-Block-Digest", sha1_base32(block)),
        ("WARC-Payload-Digest", digest),
    ]
    return make_record("revisit", new_id(), headers, block, payload_digest=digest)


def _connection_headers(exchange: HttpExchange) -> Headers:
    """Address and protocols; WARC-Protocol is repeated (iipc/warc-specifications#42)."""
    tls: str | None = None
    if exchange.tls_version and (match := _TLS.match(exchange.tls_version)):
        tls = f"tls/{match[1]}" if "." in match[1] else f"tls/{match[1]}.0"
    return [
        ("WARC-IP-Address", exchange.ip or None),
        ("WARC-Protocol", exchange.protocol),
        ("WARC-Protocol", tls),
        ("WARC-Cipher-Suite", exchange.cipher or None),
    ]
