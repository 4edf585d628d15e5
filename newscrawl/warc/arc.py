"""Read ARC files, the predecessor of WARC, as WARC records.

https://archive.org/web/researcher/ArcFileFormat.php

A record is a line of URL, IP address, date, media type, perhaps more (version 2), and length, then its bytes.
The line of the file itself, `filedesc://`, becomes a warcinfo record, an HTTP response a `response` record,
and anything else a `resource` record. Record ids are made from the line, so that they stay the same.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO
from uuid import NAMESPACE_URL, uuid5

from newscrawl.warc.fast_reader import (
    GZIP_MAGIC,
    MAX_LENGTH_DIGITS,
    MEMBER_READ_BYTES,
    READ_ERRORS,
    BlockReader,
    BlockStream,
    ByteStream,
    GzipMemberStream,
    MultipleRecordsInMember,
    RecordSlice,
    T,
)

MAX_ARC_LINE = 1 << 16
"A longer line begins no record."
FILEDESC = b"filedesc:"
PEEK_BYTES = 1 << 12
"Bytes from which an ARC file is recognised, compressed or not."
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]{1,20}:")
_IP = re.compile(rb"[0-9A-Fa-f.:]{2,45}|-")
_DATE = re.compile(rb"\d{12}(?:\d\d(?:\d{3})?)?")
_LINE_START = re.compile(rb"(?<=\n)[A-Za-z][A-Za-z0-9+.-]{1,20}:")
_NEWLINES = b"\r\n"
_MAX_NEWLINES = 16
"Line ends that may separate two records."


@dataclass(frozen=True, slots=True)
class ArcHead:
    """The line that begins a record."""

    url: str
    ip: str
    date: str
    "14 digits."
    media_type: str
    length: int

    @property
    def is_file_description(self) -> bool:
        return self.url.startswith(FILEDESC.decode())

    def warc_headers(self, kind: str) -> dict[str, str]:
        """The same facts as WARC headers, by lower-case name."""
        name = f"{self.url} {self.date} {self.length}"
        day, time = self.date[:8], self.date[8:]
        types = {"warcinfo": "application/warc-fields", "response": "application/http; msgtype=response"}
        headers = {
            "warc-type": kind,
            "warc-record-id": f"<urn:uuid:{uuid5(NAMESPACE_URL, name)}>",
            "warc-date": f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z",
            "content-type": types.get(kind, self.media_type),
            "content-length": str(self.length),
        }
        if kind == "warcinfo":
            return headers
        return {**headers, "warc-target-uri": self.url, "warc-ip-address": self.ip}


def parse_arc_line(line: bytes) -> ArcHead | None:
    """Parse the line that begins a record of version 1 or 2; None for any other line."""
    parts = line.rstrip(_NEWLINES).split(b" ")
    length = parts[-1]
    if not line.endswith(b"\n") or not length.isdigit() or len(length) > MAX_LENGTH_DIGITS:
        return None
    # Some URLs hold spaces: the first address that a date follows ends them.
    for at in range(1, len(parts) - 2):
        if _IP.fullmatch(parts[at]) and _DATE.fullmatch(parts[at + 1]):
            break
    else:
        return None
    url, ip, date, *others = (
        part.decode("utf-8", "replace") for part in (b" ".join(parts[:at]), *parts[at:])
    )
    if not _SCHEME.match(parts[0]):
        return None
    media_type = others[0] if len(others) > 1 else ""
    return ArcHead(url, ip, date[:14].ljust(14, "0"), media_type, int(length))


def is_arc_start(data: bytes) -> bool:
    """Whether the first bytes of a file or of a record, perhaps compressed, are those of an ARC record."""
    if data.startswith(GZIP_MAGIC):
        try:
            data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, PEEK_BYTES)
        except zlib.error:
            return False
    if not _SCHEME.match(data):
        return False
    line, newline, _ = data.partition(b"\n")
    return parse_arc_line(line + newline) is not None


def iter_arc_slices(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """The records of an ARC file from the stream's position on, in bounded memory.

    Ends at damaged gzip data; in a plain file, damage costs only the records that it hits. Raises
    MultipleRecordsInMember.
    """
    began = stream.tell()
    start = stream.read(len(GZIP_MAGIC))
    stream.seek(began)
    try:
        if start == GZIP_MAGIC and not isinstance(stream, gzip.GzipFile):
            yield from _iter_members(stream, read_block)
        else:
            yield from _iter_plain(ByteStream(stream), began, read_block)
    except READ_ERRORS:
        return


def _iter_members(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    offset, compressed = stream.tell(), b""
    while compressed or (compressed := stream.read(MEMBER_READ_BYTES)):
        member = GzipMemberStream(stream, compressed)
        record = _read_arc_record(member, read_block)
        _skip_newlines(member)
        if record and _read_line(member):
            raise MultipleRecordsInMember
        while member.read(MEMBER_READ_BYTES):
            pass
        if not member.is_complete:
            return
        if record:
            yield RecordSlice(offset, member.length, *record)
        offset, compressed = offset + member.length, member.following


def _iter_plain(source: ByteStream, began: int, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    _skip_newlines(source)
    while source.peek(1):
        start = source.consumed
        if record := _read_arc_record(source, read_block):
            yield RecordSlice(began + start, source.consumed - start, *record)
            _skip_newlines(source)
        if not _read_line(source):
            _skip_to_line(source)


def _read_arc_record(source: ByteStream, read_block: BlockReader[T]) -> tuple[str, dict[str, str], T] | None:
    """Type, WARC headers and result of the record at this position; None if it is incomplete."""
    line = _read_line(source)
    if not line:
        return None
    head = parse_arc_line(line)
    assert head
    source.skip(len(line))
    if head.is_file_description:
        head = _with_real_length(source, head)
    is_http = source.peek(5) == b"HTTP/" and head.length >= len(b"HTTP/")
    kind = "warcinfo" if head.is_file_description else "response" if is_http else "resource"
    headers, block = head.warc_headers(kind), BlockStream(source, head.length)
    result = read_block(kind, headers, block)
    block.drain()
    return None if block.left else (kind, headers, result)


def _with_real_length(source: ByteStream, head: ArcHead) -> ArcHead:
    """The head of the file, whose length some writers copied from an example: its block ends at a record."""
    data = source.peek(min(head.length, MAX_ARC_LINE) + PEEK_BYTES)
    if len(data) < head.length <= MAX_ARC_LINE:
        return replace(head, length=len(data.rstrip(_NEWLINES)))
    behind = data[head.length :].lstrip(_NEWLINES)
    if not behind or is_arc_start(behind):
        return head
    for match in _LINE_START.finditer(data):
        if is_arc_start(data[match.start() :]):
            return replace(head, length=len(data[: match.start()].rstrip(_NEWLINES)))
    return head


def _read_line(source: ByteStream) -> bytes:
    """The line that begins a record here, without consuming it; empty if there is none."""
    size = PEEK_BYTES
    while True:
        data = source.peek(size)
        line, newline, _ = data.partition(b"\n")
        if newline or len(data) < size or size >= MAX_ARC_LINE:
            break
        size *= 4
    return line + newline if newline and parse_arc_line(line + newline) else b""


def _skip_newlines(source: ByteStream) -> None:
    data = source.peek(_MAX_NEWLINES)
    source.skip(len(data) - len(data.lstrip(_NEWLINES)))


def _skip_to_line(source: ByteStream) -> None:
    """Move to the next line that begins a record, or to the end."""
    while data := source.peek(MAX_ARC_LINE):
        for match in _LINE_START.finditer(data, 1):
            end = data.find(b"\n", match.end())
            if end < 0 and match.start() > len(data) // 2:
                source.skip(match.start() - 1)
                break
            if end >= 0 and parse_arc_line(data[match.start() : end + 1]):
                source.skip(match.start())
                return
        else:
            source.skip(len(data) - 1 if len(data) == MAX_ARC_LINE else len(data))
