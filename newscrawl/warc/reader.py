"""Read WARC files: all records in turn, or a page by its pointer.

Every usual form is read: WARC 0.17 to 1.1 and ARC, plain, with a gzip member per record, or as a single gzip
stream, also inside WACZ packages.
If a gzip member holds several records, `offset` and `length` count decompressed bytes from the start of the
file; `seek_record` finds such a record again by decompressing everything before it.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from newscrawl.errors import ArchiveError, PageTooLarge
from newscrawl.items import WarcPointer
from newscrawl.storage import open_stored
from newscrawl.warc.arc import PEEK_BYTES, is_arc_start, iter_arc_slices
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.fast_reader import (
    GZIP_MAGIC,
    READ_ERRORS,
    RECORD_START,
    BlockReader,
    MultipleRecordsInMember,
    RecordSlice,
    T,
    is_record_member,
    read_members_fast,
    read_plain_fast,
)
from newscrawl.warc.http import Message, frame_entity, split_message
from newscrawl.warc.packages import open_packaged, split_package_name
from newscrawl.warc.renderings import TRUNCATED_FIELD, is_rendering, page_url, rendered_message
from newscrawl.warc.writer import OPEN_SUFFIX

MAX_BLOCK_BYTES = 1 << 30
"A larger block is not read into memory."
MAX_PAGE_BYTES = 32 << 20
"A larger block is not read as a page: a crawl keeps no larger ones, and a small file may hold any size."


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
        """WARC-Date as UTC; ArchiveError if it is missing or names no moment."""
        text = self.headers.get("warc-date", "")
        if moment := parse_warc_date(text):
            return moment
        raise ArchiveError(f"{self.record_id}: {text[:50]!a} is no WARC-Date")


class WarcPart(NamedTuple):
    """Consecutive records of a WARC file, such as those of one of its runs."""

    path: Path
    start: int = 0
    end: int | None = None
    "None: the end of the file."

    @property
    def is_whole(self) -> bool:
        """Whether the file has no other records; OSError if it is gone."""
        return not self.start and self.end in (None, self.path.stat().st_size)


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


def iter_records(source: Path | str | BinaryIO, *, max_bytes: int = MAX_BLOCK_BYTES) -> Iterator[WarcRecord]:
    """Yield the records of a WARC file in file order, each with its whole block in memory.

    `source` is a path, or a seekable binary stream that is read from its current position. A truncated or
    damaged record ends the iteration without an error: only whole records come out. Records whose block is
    larger than `max_bytes` are left out. Raises ArchiveError if the file cannot be opened.

        for record in iter_records("crawl.warc.gz"):
            if record.kind == "response":
                print(record.offset, record.url, split_message(record.block).status)
    """
    if isinstance(source, (str, Path)):
        with open_warc(Path(source).parent, Path(source).name) as stream:
            yield from iter_records(stream, max_bytes=max_bytes)
        return
    yield from _keep_whole(iter_slices(source, _whole_block_reader(max_bytes)))


def _whole_block_reader(max_bytes: int) -> BlockReader[bytes | None]:
    """Reads a block, or None in place of one that is larger."""
    return lambda _kind, _headers, block: block.read(block.left) if block.left <= max_bytes else None


def _keep_whole(slices: Iterable[RecordSlice[bytes | None]]) -> Iterator[WarcRecord]:
    """The records whose block was read."""
    for part in slices:
        if part.result is not None:
            yield WarcRecord(part.kind, part.headers, part.result, part.offset, part.length)


def iter_slices(
    stream: BinaryIO,
    read_block: BlockReader[T],
    on_decompressed: Callable[[BinaryIO], None] = lambda _: None,
) -> Iterator[RecordSlice[T]]:
    """Yield each whole record with what `read_block` returns for its block, in bounded memory.

    Ends without an error at a truncated or damaged record. `read_block` may be called twice for a record with
    an irregular end. Records of ARC files come as WARC records. If a gzip member holds several records,
    `on_decompressed` gets the stream that offsets refer to from then on.
    """
    began, count = stream.tell(), 0
    is_warc = _peek(stream, len(RECORD_START)) == RECORD_START
    is_arc = not is_warc and is_arc_start(_peek(stream, PEEK_BYTES))
    try:
        iter_format = iter_arc_slices if is_arc else _iter_slices_by_format
        for part in iter_format(stream, read_block):
            count += 1
            yield part
    except MultipleRecordsInMember:
        # The start is a position in the compressed file: from the middle, offsets count from there.
        stream.seek(began)
        decompressed = cast("BinaryIO", gzip.GzipFile(fileobj=stream))
        on_decompressed(decompressed)
        iter_plain = iter_arc_slices if is_arc else _iter_plain_slices
        yield from islice(iter_plain(decompressed, read_block), count, None)


def _peek(stream: BinaryIO, size: int) -> bytes:
    """The next bytes of a stream, which stays where it is; none if they are damaged."""
    began = stream.tell()
    try:
        return stream.read(size)
    except READ_ERRORS:
        return b""
    finally:
        stream.seek(began)


def _iter_slices_by_format(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    start = _peek(stream, len(RECORD_START))
    if start == RECORD_START:
        return _iter_plain_slices(stream, read_block)
    # Nobody compresses an archive twice.
    if start.startswith(GZIP_MAGIC) and not isinstance(stream, gzip.GzipFile):
        return _iter_member_slices(stream, read_block)
    return _iter_irregular_slices(stream, read_block)


def _iter_irregular_slices(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    from newscrawl.warc.warcio_reader import iter_slices_with_warcio

    return iter_slices_with_warcio(stream, read_block)


def _iter_member_slices(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """The well-formed members, then whatever warcio reads from the first irregular member on."""
    yield from read_members_fast(stream, read_block)
    # Most files end here, and need no warcio.
    if _peek(stream, 1):
        yield from _iter_irregular_slices(stream, read_block)


def _iter_plain_slices(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """The well-formed records of a plain stream; after an irregular record, warcio reads it all again.

    warcio starts over, since the place where a damaged gzip stream breaks off depends on the read sizes.
    """
    began = stream.tell()
    for count, part in enumerate(read_plain_fast(stream, read_block)):
        if part is None:
            stream.seek(began)
            yield from islice(_iter_irregular_slices(stream, read_block), count, None)
            return
        yield part


def open_warc(folder: Path, name: str, reach: int = 0) -> BinaryIO:
    """Open a WARC by its final name, also while it is being written; ArchiveError if there is none.

    Of a file that is being continued there are two states; at least `reach` bytes are wanted. A name such as
    `crawl.wacz/archive/data.warc.gz` is that of a file in a package.
    """
    if packaged := split_package_name(name):
        return open_packaged(folder / packaged[0], packaged[1])
    # The final name comes twice, since the file may be renamed between two attempts.
    found: BinaryIO | None = None
    for candidate in (name, name + OPEN_SUFFIX, name):
        try:
            stream = (folder / candidate).open("rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArchiveError(f"cannot read {folder / candidate}: {error.strerror}") from error
        if found:
            found.close()
        if os.fstat(stream.fileno()).st_size >= reach:
            return stream
        found = stream
    if found:
        return found
    try:
        return open_stored(folder / name)
    except FileNotFoundError:
        raise ArchiveError(f"no such archive file: {folder / name}") from None
    except OSError as error:
        raise ArchiveError(f"cannot read {folder / name}: {error.strerror}") from error


def seek_record(stream: BinaryIO, offset: int) -> BinaryIO:
    """Move to the record at `offset`; return the stream to read it from, perhaps a decompressed view."""
    if offset < 0:
        raise ArchiveError(f"{getattr(stream, 'name', 'stream')}: nothing at {offset}")
    stream.seek(offset)
    start = stream.read(PEEK_BYTES)
    stream.seek(0)
    is_compressed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    stream.seek(offset)
    if not is_compressed or is_record_member(start) or is_arc_start(start):
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

    A revisit that our metadata ties to its original gets the original's body, a rendered page the head of the
    response it was made of. PageTooLarge if a block has more than MAX_PAGE_BYTES.
    """
    response, metadata = read_record(folder, pointer, MAX_PAGE_BYTES)
    if response.kind == "revisit" and "originalFile" in metadata:
        response = _restore_body(folder, response, metadata)
    elif is_rendering(response.url):
        response = _restore_response(response, metadata)
    return ArchivedPage(pointer, response, metadata)


def read_record(
    folder: Path, pointer: WarcPointer, max_bytes: int = MAX_BLOCK_BYTES
) -> tuple[WarcRecord, dict[str, str]]:
    """Read the record at `pointer` and its metadata; ArchiveError if another record stands there.

    PageTooLarge if its block has more than `max_bytes`.
    """
    with open_warc(folder, pointer.file, pointer.offset + pointer.length) as stream:
        slices = iter_slices(seek_record(stream, pointer.offset), _whole_block_reader(max_bytes))
        part = next(slices, None)
        if part is None or part.record_id != pointer.record_id:
            raise ArchiveError(f"{folder / pointer.file}: no record {pointer.record_id} at {pointer.offset}")
        if part.result is None:
            raise PageTooLarge(
                f"{folder / pointer.file} at {pointer.offset}: a record of "
                f"{part.headers.get('content-length')} bytes, the limit is {max_bytes}"
            )
        record = WarcRecord(part.kind, part.headers, part.result, part.offset, part.length)
        return record, _read_metadata(record, _keep_whole(slices))


def _restore_body(folder: Path, revisit: WarcRecord, metadata: dict[str, str]) -> WarcRecord:
    """A revisit with the body of the response it refers to, which its metadata locates."""
    name, offset = metadata["originalFile"], metadata.get("originalOffset", "")
    position = int(offset) if offset.isdecimal() else 0
    with open_warc(folder, name, position + 1) as stream:
        original = next(iter_records(seek_record(stream, position), max_bytes=MAX_PAGE_BYTES), None)
    if original is None or original.record_id != revisit.headers.get("warc-refers-to"):
        raise ArchiveError(f"{folder / name}: no original of {revisit.record_id} at {offset}")
    head = split_message(revisit.block).head or split_message(original.block).head
    return replace(revisit, block=frame_entity(head, split_message(original.block).entity))


def _restore_response(rendering: WarcRecord, metadata: dict[str, str]) -> WarcRecord:
    """A rendered page as the response that the server would have sent, had it sent the document itself."""
    headers = {**rendering.headers, "warc-target-uri": page_url(rendering.url)}
    if TRUNCATED_FIELD in metadata:
        headers["warc-truncated"] = metadata[TRUNCATED_FIELD]
    return replace(rendering, headers=headers, block=rendered_message(rendering.block, metadata))


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
