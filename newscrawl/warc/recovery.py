"""A walk over an archive that goes on behind what is damaged, where a whole record can be found again."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO, TypeVar

from newscrawl.warc.fast_reader import Block, Placed
from newscrawl.warc.reader import walked

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


MAX_GAPS = 1000
"Damaged places in one file behind which the walk goes on."
MAX_TRIES = 100_000
"Places in one gap that look like the start of a member and are tried; chance makes one in 16 MB."
_MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_RECORD = re.compile(rb"(?<=\n)WARC/1\.[01]\r?\n")
_LONGEST_MATCH = 16
_OPENING = 1024
"Packed bytes looked at to tell whether a member holds a record."
_PIECE = 1 << 18

T = TypeVar("T")


def walked_past_damage(
    stream: BinaryIO, take: Callable[[str, dict[str, str], Block], T]
) -> Iterator[Placed[T]]:
    """As `walked`, but what is damaged costs itself and not all that follows.

    Nothing can be found again in a file that is one gzip stream: what follows the damage needs it to unpack.
    """
    size = stream.seek(0, os.SEEK_END)
    # A file may be damaged at its very beginning; a look at that is not enough.
    is_packed = _at(stream, 0, 5) != b"WARC/" and _next_record(stream, 0, is_packed=True) is not None
    at: int | None = 0
    for _ in range(MAX_GAPS):
        if at is None:
            return
        stream.seek(at)
        last: Placed[T] | None = None
        for place in walked(stream, take):
            if place.offset < at:
                return  # counted in unpacked bytes, of which nobody knows how many stand before
            last = place
            yield place
        behind = _end(stream, last, is_packed) if last else at + 1
        at = _next_record(stream, behind, is_packed=is_packed) if behind and behind < size else None


def _end(stream: BinaryIO, place: Placed[T], is_packed: bool) -> int | None:
    """Where a record ends in the file; None when its place counts what the file unpacks to."""
    if not is_packed:
        return place.offset + place.length
    stream.seek(place.offset)
    return next((offset + length for offset, length in whole_members(stream)), None)


def _next_record(stream: BinaryIO, offset: int, *, is_packed: bool) -> int | None:
    """Where the next record begins that a walk can start from."""
    if not is_packed:
        return next(_matches(stream, offset, _RECORD), None)
    tries = islice(_matches(stream, offset, _MEMBER), MAX_TRIES)
    return next((at for at in tries if _holds_record(stream, at)), None)


def _matches(stream: BinaryIO, offset: int, pattern: re.Pattern[bytes]) -> Iterator[int]:
    # One byte more in front, for a pattern may look behind itself.
    start = max(0, offset - 1)
    while len(piece := _at(stream, start, _PIECE)) > 1:
        ends_here = len(piece) < _PIECE
        for match in pattern.finditer(piece, offset - start):
            if ends_here or match.start() < _PIECE - _LONGEST_MATCH:
                yield start + match.start()
        if ends_here:
            return
        start += _PIECE - _LONGEST_MATCH - 1
        offset = start + 1


def _at(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def _holds_record(stream: BinaryIO, offset: int) -> bool:
    try:
        return zlib.decompressobj(31).decompress(_at(stream, offset, _OPENING), 5) == b"WARC/"
    except zlib.error:
        return False
