"""Read WARC files: all records in turn, or a page by its pointer.

Every usual form is read: WARC 1.0 and 1.1, plain, with a gzip member per record, or as a single gzip stream.
If a gzip member holds several records, `offset` and `length` count decompressed bytes from the start of the
file; `seek_record` finds such a record again by decompressing everything before it.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.warc.fast_reader import (
    GZIP_MAGIC,
    MAX_LENGTH_DIGITS,
    READ_ERRORS,
    RECORD_START,
    BlockReader,
    BlockStream,
    RecordSlice,
    T,
    is_record_member,
    read_members_fast,
    read_plain_fast,
)
from newscrawl.warc.http import Message, frame_entity, split_message
from newscrawl.warc.writer import OPEN_SUFFIX

MAX_BLOCK_BYTES = 1 << 30
"A larger block is not read into memory."
_PEEK_BYTES = 512


@dataclass(frozen=True)
class WarcRecord:
    """A record with its whole block in memory."""

    kind: str
    "WARC-Type, such as `response` (ISO 28500, section 6)."
    headers: dict[str, str]
    "WARC headers by lower-case name; the last value of a repeated header."
    block: bytes
    "As stored: for a response, the HTTP head and body with their transfer and content codings."
    offset: int = field(default=0, compare=False)
    "First byte of its gzip member, or of the record itself in a file without compression."
    length: int = field(default=0, compare=False)
    "Bytes that it occupies in the file, compressed if the file is."

    @property
    def record_id(self) -> str:
        """WARC-Record-ID with its angle brackets; empty if missing."""
        return self.headers.get("warc-record-id", "")

    @property
    def url(self) -> str:
        """WARC-Target-URI without the angle brackets of WARC 1.0; empty if missing."""
        return self.headers.get("warc-target-uri", "").strip("<>")

    @property
    def date(self) -> datetime:
        """WARC-Date with its time zone; KeyError or ValueError if missing or malformed."""
        return datetime.fromisoformat(self.headers["warc-date"])


@dataclass(frozen=True)
class ArchivedPage:
    """A response and the fields of its metadata record."""

    pointer: WarcPointer
    response: WarcRecord
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> Message:
        """The HTTP response, parsed anew on each access."""
        return split_message(self.response.block)


class MultipleRecordsInMember(Exception):
    """A gzip member continues after its first record."""


def iter_records(source: Path | str | BinaryIO) -> Iterator[WarcRecord]:
    """Yield the records of a WARC file in file order, each with its whole block in memory.

    `source` is a path, or a seekable binary stream that is read from its current position. A truncated or
    damaged record ends the iteration without an error: only whole records come out. Records whose block is
    larger than MAX_BLOCK_BYTES are left out. Raises ArchiveError if the file cannot be opened.

        for record in iter_records("crawl.warc.gz"):
            if record.kind == "response":
                print(record.offset, record.url, split_message(record.block).status)
    """
    if isinstance(source, (str, Path)):
        with open_warc(Path(source).parent, Path(source).name) as stream:
            yield from iter_records(stream)
        return
    for part in iter_slices(source, _read_whole_block):
        if part.result is not None:
            yield WarcRecord(part.kind, part.headers, part.result, part.offset, part.length)


def _read_whole_block(_kind: str, _headers: dict[str, str], block: BlockStream) -> bytes | None:
    return block.read(block.left) if block.left <= MAX_BLOCK_BYTES else None


def iter_slices(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """Yield each whole record with what `read_block` returns for its block, in bounded memory.

    Ends without an error at a truncated or damaged record. `read_block` may be called twice for a record with
    an irregular end.
    """
    began, count = stream.tell(), 0
    try:
        for part in _iter_slices_by_format(stream, read_block):
            count += 1
            yield part
    except MultipleRecordsInMember:
        # The start is a position in the compressed file: from the middle, offsets count from there.
        stream.seek(began)
        decompressed = cast("BinaryIO", gzip.GzipFile(fileobj=stream))
        yield from islice(_iter_plain_slices(decompressed, read_block), count, None)


def _iter_slices_by_format(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    began = stream.tell()
    try:
        start = stream.read(len(RECORD_START))
    except READ_ERRORS:
        start = b""
    finally:
        stream.seek(began)
    if start == RECORD_START:
        return _iter_plain_slices(stream, read_block)
    # Nobody compresses an archive twice.
    if start.startswith(GZIP_MAGIC) and not isinstance(stream, gzip.GzipFile):
        return _iter_member_slices(stream, read_block)
    return iter_slices_with_warcio(stream, read_block)


def _iter_member_slices(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """The well-formed members, then whatever warcio reads from the first irregular member on."""
    is_continued = False
    for part in read_members_fast(stream, read_block):
        is_continued = True
        yield part
    yield from iter_slices_with_warcio(stream, read_block, is_continued=is_continued)


def _iter_plain_slices(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """The well-formed records of a plain stream; after an irregular record, warcio reads it all again.

    warcio starts over, since the place where a damaged gzip stream breaks off depends on the read sizes.
    """
    began = stream.tell()
    for count, part in enumerate(read_plain_fast(stream, read_block)):
        if part is None:
            stream.seek(began)
            yield from islice(iter_slices_with_warcio(stream, read_block), count, None)
            return
        yield part


def iter_slices_with_warcio(
    stream: BinaryIO, read_block: BlockReader[T], *, is_continued: bool = False
) -> Iterator[RecordSlice[T]]:
    """As `iter_slices`, by warcio alone, which also reads irregular records.

    `is_continued` says that records came before these: what follows is a WARC record, never an ARC record.
    Raises MultipleRecordsInMember.
    """
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    iterator = ArchiveIterator(stream, no_record_parse=True)
    iterator.known_format = "warc" if is_continued else None
    try:
        for record in iterator:
            headers = {name.lower(): value for name, value in record.rec_headers.headers}
            length = headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()) or len(length) > MAX_LENGTH_DIGITS:
                continue
            block = BlockStream(record.raw_stream, int(length))
            result = read_block(record.rec_type, headers, block)
            block.drain()
            offset, size = iterator.get_record_offset(), iterator.get_record_length()
            decompressor, following = iterator.reader.decompressor, iterator.next_line or b""
            if decompressor and following.startswith(RECORD_START):
                raise MultipleRecordsInMember
            # A gzip member is whole once its checksum has been verified.
            if block.left or not getattr(decompressor, "eof", True):
                return
            yield RecordSlice(offset, size, record.rec_type, headers, result)
    except (ArchiveLoadFailed, *READ_ERRORS):
        return


def open_warc(folder: Path, name: str) -> BinaryIO:
    """Open a WARC by its final name, also while it is being written; ArchiveError if there is none."""
    # The final name comes twice, since the file may be renamed between two attempts.
    for candidate in (name, name + OPEN_SUFFIX, name):
        try:
            return (folder / candidate).open("rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArchiveError(f"cannot read {folder / candidate}: {error.strerror}") from error
    raise ArchiveError(f"no such archive file: {folder / name}")


def seek_record(stream: BinaryIO, offset: int) -> BinaryIO:
    """Move to the record at `offset`; return the stream to read it from, perhaps a decompressed view."""
    if offset < 0:
        raise ArchiveError(f"{getattr(stream, 'name', 'stream')}: nothing at {offset}")
    stream.seek(offset)
    start = stream.read(_PEEK_BYTES)
    stream.seek(0)
    is_compressed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    stream.seek(offset)
    if not is_compressed or is_record_member(start):
        return stream
    stream.seek(0)
    decompressed = gzip.GzipFile(fileobj=stream)
    try:
        decompressed.seek(offset)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{getattr(stream, 'name', 'stream')}: nothing at {offset}: {error}") from error
    return cast("BinaryIO", decompressed)


def read_page(folder: Path, pointer: WarcPointer) -> ArchivedPage:
    """Read the response at `pointer` with its metadata; ArchiveError if another record stands there.

    A revisit that our metadata ties to its original gets the original's body.
    """
    response, metadata = read_record(folder, pointer)
    if response.kind == "revisit" and "originalFile" in metadata:
        response = _restore_body(folder, response, metadata)
    return ArchivedPage(pointer, response, metadata)


def read_record(folder: Path, pointer: WarcPointer) -> tuple[WarcRecord, dict[str, str]]:
    """Read the record at `pointer` and its metadata; ArchiveError if another record stands there."""
    with open_warc(folder, pointer.file) as stream:
        records = iter_records(seek_record(stream, pointer.offset))
        record = next(records, None)
        if record is None or record.record_id != pointer.record_id:
            raise ArchiveError(f"{folder / pointer.file}: no record {pointer.record_id} at {pointer.offset}")
        return record, _read_metadata(record, records)


def _restore_body(folder: Path, revisit: WarcRecord, metadata: dict[str, str]) -> WarcRecord:
    """A revisit with the body of the response it refers to, which its metadata locates."""
    name, offset = metadata["originalFile"], metadata.get("originalOffset", "")
    with open_warc(folder, name) as stream:
        position = int(offset) if offset.isdecimal() else 0
        original = next(iter_records(seek_record(stream, position)), None)
    if original is None or original.record_id != revisit.headers.get("warc-refers-to"):
        raise ArchiveError(f"{folder / name}: no original of {revisit.record_id} at {offset}")
    head = split_message(revisit.block).head or split_message(original.block).head
    return replace(revisit, block=frame_entity(head, split_message(original.block).entity))


def _read_metadata(response: WarcRecord, following: Iterator[WarcRecord]) -> dict[str, str]:
    """Fields of the metadata record of `response`, if it follows before the records of another exchange.

    Reads no further than that record: the next may be a response of any size.
    """
    for record in following:
        if record.headers.get("warc-concurrent-to") != response.record_id:
            return {}
        if record.kind == "metadata":
            return parse_warc_fields(record.block)
    return {}


def parse_warc_fields(block: bytes) -> dict[str, str]:
    """Parse a block of application/warc-fields; a repeated name has its first value."""
    fields: dict[str, str] = {}
    # splitlines() would also split at separators that stand inside a value.
    for line in block.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields
