"""WARC 1.1 records as bytes: headers in a fixed order, one gzip member a record.

Written by hand because warcio's writer parses and rewrites HTTP headers; blocks here are the bytes
that were on the wire. https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, urldefrag

from newscrawl.archive.exchange import Exchange
from newscrawl.archive.http import is_response, split_interim, split_message
from newscrawl.archive.sniff import identified_type
from newscrawl.items import rfc3339

Headers = list[tuple[str, str]]

STORED, PACKED = 0, 6
"gzip levels: bodies that are content-encoded do not shrink again, everything else does."
SMALL = 4096
_STORED_BLOCK = 0xFFFF
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"Deflate, no flags, no time, unknown system."
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
"Stored, final, empty."
_FORBIDDEN = re.compile(r"[\r\n\x00]")
_URI_SAFE = "/%:@!$&'()*+,;=~-._?#[]"
_TLS = re.compile(r"TLSv?(\d(?:\.\d)?)")


Pieces = list[bytes | memoryview]


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


def sha1_base32(data: bytes) -> str:
    """The digest form every WARC tool reads."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode("ascii")


def target_uri(url: str) -> str:
    """Percent-encoded ASCII without fragment (WARC 1.1 section 5.12 wants a URI)."""
    return quote(urldefrag(url).url, safe=_URI_SAFE)


def record_pieces(headers: Headers, block: bytes) -> Pieces:
    """A record before compression; ValueError if a header could break out of its line."""
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(block)}"]
    head = "\r\n".join(lines)
    if head.count("\n") != head.count("\r") or head.count("\n") != len(lines) - 1 or "\0" in head:
        name = next((name for name, value in headers if _FORBIDDEN.search(value)), "a header")
        raise ValueError(f"{name} holds CR, LF or NUL")
    return [head.encode() + b"\r\n\r\n", block, b"\r\n\r\n"]


def gzip_member(pieces: Pieces, level: int) -> Pieces:
    """One gzip member (RFC 1952) of what the pieces hold together."""
    if level == STORED:
        return _stored_member(pieces)
    # A small window for what is small: setting up a large one costs more than all the rest.
    window, memory = (12, 4) if sum(map(len, pieces)) <= SMALL else (15, 8)
    packer = zlib.compressobj(level, zlib.DEFLATED, 16 + window, memory)
    return [*(packer.compress(piece) for piece in pieces), packer.flush()]


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


def fields_block(fields: Iterable[tuple[str, str]]) -> bytes:
    """A block of application/warc-fields; line ends inside a value become spaces."""
    return b"".join(f"{name}: {_FORBIDDEN.sub(' ', value)}\r\n".encode() for name, value in fields)


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
    """response, request, metadata, as far as there is something to write; metadata always."""
    interim, final = split_interim(exchange.received)
    common = [("WARC-Date", rfc3339(exchange.started)), ("WARC-Target-URI", target_uri(exchange.url))]
    concurrent: str | None = None
    if is_response(final):
        record = _response(exchange, final, common, warcinfo_id, new_id())
        concurrent = record.record_id
        yield record
    if exchange.sent:
        record = _request(exchange, common, warcinfo_id, new_id(), concurrent)
        concurrent = concurrent or record.record_id
        yield record
    unparsed = [] if is_response(final) or not final else [("unparsedAnswer", repr(final[:200]))]
    notes = [*exchange.notes, *(("interim", repr(head)) for head in interim), *unparsed]
    yield _metadata(notes, common, warcinfo_id, new_id(), concurrent)


def _response(exchange: Exchange, block: bytes, common: Headers, warcinfo_id: str, record_id: str) -> Record:
    message = split_message(block)
    payload_digest = sha1_base32(message.entity)
    kind = identified_type(message)
    headers = [
        ("WARC-Type", "response"),
        ("WARC-Record-ID", record_id),
        *common,
        ("WARC-Warcinfo-ID", warcinfo_id),
        ("Content-Type", "application/http; msgtype=response"),
        *_connection(exchange),
        ("WARC-Block-Digest", sha1_base32(block)),
        ("WARC-Payload-Digest", payload_digest),
        *([("WARC-Identified-Payload-Type", kind)] if kind else []),
        *([("WARC-Truncated", exchange.truncated)] if exchange.truncated else []),
    ]
    level = STORED if message.header("content-encoding") else PACKED
    return Record("response", record_id, gzip_member(record_pieces(headers, block), level), payload_digest)


def _request(
    exchange: Exchange, common: Headers, warcinfo_id: str, record_id: str, concurrent: str | None
) -> Record:
    headers = [
        ("WARC-Type", "request"),
        ("WARC-Record-ID", record_id),
        *common,
        ("WARC-Warcinfo-ID", warcinfo_id),
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
    warcinfo_id: str,
    record_id: str,
    concurrent: str | None,
) -> Record:
    block = fields_block(notes)
    headers = [
        ("WARC-Type", "metadata"),
        ("WARC-Record-ID", record_id),
        *common,
        ("WARC-Warcinfo-ID", warcinfo_id),
        ("Content-Type", "application/warc-fields"),
        *([("WARC-Concurrent-To", concurrent)] if concurrent else []),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    return Record("metadata", record_id, gzip_member(record_pieces(headers, block), PACKED))


def _connection(exchange: Exchange) -> Headers:
    """Peer and protocol; WARC-Protocol repeats (iipc/warc-specifications#42)."""
    headers: Headers = [("WARC-IP-Address", exchange.ip)] if exchange.ip else []
    headers.append(("WARC-Protocol", "http/1.1"))
    if exchange.tls_version and (match := _TLS.match(exchange.tls_version)):
        version = match[1] if "." in match[1] else f"{match[1]}.0"
        headers.append(("WARC-Protocol", f"tls/{version}"))
    if exchange.cipher:
        headers.append(("WARC-Cipher-Suite", exchange.cipher))
    return headers
