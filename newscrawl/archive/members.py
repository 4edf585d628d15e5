"""Walks the gzip members of a WARC with zlib alone and tells which of them are whole records."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

RECORD_END = b"\r\n\r\n"
BLOCK_BYTES = 1 << 14
"Read at a time: it unpacks to 16 MiB at most, and what lies behind a small member is copied for each."


def whole_members(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Offset and length of each gzip member from the stream's position on that is one whole record.

    Whole: its checksum is met and it unpacks to something that ends as records do. The first that is not
    ends the walk. Memory does not grow with the file.
    """
    offset, ahead = stream.tell(), b""
    while member := _whole_member(stream, ahead):
        length, ahead = member
        yield offset, length
        offset += length


def _whole_member(stream: BinaryIO, ahead: bytes) -> tuple[int, bytes] | None:
    """Length of the member that begins with `ahead`, and what was read behind it."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    length, end = 0, b""
    while not unpacker.eof:
        data = ahead or stream.read(BLOCK_BYTES)
        if not data:
            return None
        ahead = b""
        try:
            unpacked = unpacker.decompress(data)
        except zlib.error:
            return None
        length += len(data)
        end = (end + unpacked[-len(RECORD_END) :])[-len(RECORD_END) :]
    rest = unpacker.unused_data
    return (length - len(rest), rest) if end == RECORD_END else None
