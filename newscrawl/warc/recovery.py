"""Read damaged WARC files: find the next whole record behind each damaged place and continue there."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import BinaryIO

from newscrawl.warc.arc import is_arc_start
from newscrawl.warc.fast_reader import (
    READ_ERRORS,
    RECORD_END,
    RECORD_START,
    BlockReader,
    GzipMemberStream,
    RecordSlice,
    T,
    is_record_member,
)
from newscrawl.warc.reader import iter_slices

MAX_GAPS = 1000
"Damaged places in a file behind which reading continues."
SEPARATOR_BYTES = 8
"Bytes between two records that belong to neither, in files without compression."
MAX_ATTEMPTS = 100_000
"Possible member starts that are examined in a gap; random data has such a start every 16 MB."
MEMBER_START = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
MEMBER_START_BYTES = 1024
"Compressed bytes that are enough to see whether a member holds a record."
_PLAIN_RECORD_START = re.compile(rb"(?<=\n)WARC/(?:1\.[01]|0\.1[78])\r?\n")
_LONGEST_MATCH = 16
_SEARCH_BYTES = 1 << 18
ReadAt = Callable[[int, int], bytes]
"Returns the bytes at an offset, as many as the second argument says unless the file ends before."


def iter_whole_members(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Offset and length of each gzip member, from the stream's position on, that is a whole record.

    Whole means that its checksum is right and its content ends as records do; the first member that is not
    whole ends the iteration. Memory does not grow with the size of a member.
    """
    offset, compressed = stream.tell(), b""
    while True:
        member, end = GzipMemberStream(stream, compressed), b""
        try:
            while data := member.read_more():
                end = (end + data[-len(RECORD_END) :])[-len(RECORD_END) :]
        except zlib.error:
            return
        if not member.is_complete or end != RECORD_END:
            return
        yield offset, member.length
        offset += member.length
        compressed = member.following


def iter_slices_recovering(
    stream: BinaryIO, read_block: BlockReader[T], on_gap: Callable[[int], None] = lambda _: None
) -> Iterator[RecordSlice[T]]:
    """As `iter_slices`, but damage costs only the records it hits; `on_gap` gets where each damage begins.

    In a file that is a single gzip stream, everything behind the damage is lost: it cannot be decompressed.
    """
    end, streams, decompressed = 0, 0, list[BinaryIO]()
    for part in _iter_slices_behind_gaps(stream, read_block, decompressed.append):
        # Where offsets begin to count decompressed bytes, they cannot be compared with those before.
        if len(decompressed) == streams and part.offset - end > SEPARATOR_BYTES:
            on_gap(end)
        end, streams = part.offset + part.length, len(decompressed)
        yield part
    if _has_rest(decompressed[0]) if decompressed else stream.seek(0, os.SEEK_END) - end > SEPARATOR_BYTES:
        on_gap(end)


def _has_rest(decompressed: BinaryIO) -> bool:
    """Whether a gzip stream that was read as far as possible is damaged, or goes on with something else."""
    try:
        return bool(decompressed.read(1))
    except READ_ERRORS:
        return True


def _iter_slices_behind_gaps(
    stream: BinaryIO, read_block: BlockReader[T], on_decompressed: Callable[[BinaryIO], None]
) -> Iterator[RecordSlice[T]]:
    size, read_at = stream.seek(0, os.SEEK_END), partial(_read_at, stream)
    # The damage may be at the very beginning, so the first bytes alone cannot tell the format.
    is_compressed = read_at(0, len(RECORD_START)) != RECORD_START and (
        _find_record(read_at, 0, is_compressed=True) is not None
    )
    start: int | None = 0
    for _ in range(MAX_GAPS):
        if start is None:
            return
        stream.seek(start)
        last: RecordSlice[T] | None = None
        decompressed: list[BinaryIO] = []

        def note_stream(content: BinaryIO, streams: list[BinaryIO] = decompressed) -> None:
            streams.append(content)
            on_decompressed(content)

        for part in iter_slices(stream, read_block, note_stream):
            if decompressed and start:
                return  # it counts decompressed bytes, and nobody knows how many came before
            last = part
            yield part
        if decompressed:
            return
        behind = last.offset + last.length if last else start + 1
        start = _find_record(read_at, behind, is_compressed=is_compressed) if behind < size else None


def _find_record(read_at: ReadAt, offset: int, *, is_compressed: bool) -> int | None:
    """Where the next record begins that reading can start from."""
    if not is_compressed:
        return next(iter_matches(read_at, offset, _PLAIN_RECORD_START), None)
    starts = islice(iter_matches(read_at, offset, MEMBER_START), MAX_ATTEMPTS)
    return next((start for start in starts if _begins_record(read_at(start, MEMBER_START_BYTES))), None)


def _begins_record(compressed: bytes) -> bool:
    return is_record_member(compressed) or is_arc_start(compressed)


def iter_matches(read_at: ReadAt, offset: int, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Where a pattern of at most 16 bytes matches at or after `offset`; it may look a byte behind itself."""
    start = max(0, offset - 1)
    while len(data := read_at(start, _SEARCH_BYTES)) > 1:
        is_last = len(data) < _SEARCH_BYTES
        for match in pattern.finditer(data, offset - start):
            if is_last or match.start() < _SEARCH_BYTES - _LONGEST_MATCH:
                yield start + match.start()
        if is_last:
            return
        start += _SEARCH_BYTES - _LONGEST_MATCH - 1
        offset = start + 1


def _read_at(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)
