"""Reading archives: one exchange by its pointer, or a whole file.

Any WARC is read, 1.0 or 1.1, plain, with a gzip member a record or as one gzip stream. Where a member holds
several records, `offset` and `length` count unpacked bytes from the beginning of the file; `positioned` finds
them again, at the price of unpacking all that stands before.
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
    Block,
    Placed,
    T,
    Take,
    sound_members,
    sound_plain,
)
from newscrawl.warc.http import Message, split_message, with_entity
from newscrawl.warc.writer import OPEN

_START = b"WARC/"


class SeveralInMember(Exception):
    """A gzip member goes on after its first record."""


def walked(stream: BinaryIO, take: Take[T]) -> Iterator[Placed[T]]:
    """Each whole record, with what `take` makes of its kind, headers and block, however large that is.

    Ends quietly at a torn tail. `take` may be asked twice of a record whose end turns out to be odd.
    """
    began, met = stream.tell(), 0
    try:
        for place in _of_file(stream, take):
            met += 1
            yield place
    except SeveralInMember:
        # `seek` is that of the packed file: a walk from its middle has offsets that count from there.
        stream.seek(began)
        unpacked = cast("BinaryIO", gzip.GzipFile(fileobj=stream))
        yield from islice(_of_plain(unpacked, take), met, None)


def walked_by_warcio(stream: BinaryIO, take: Take[T], *, inside: bool = False) -> Iterator[Placed[T]]:
    """The same with warcio alone, which reads odd records too; SeveralInMember where one member holds them.

    `inside` says that records were met before: what follows is a WARC record or nothing, never an ARC one.
    """
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    iterator = ArchiveIterator(stream, no_record_parse=True)
    iterator.known_format = "warc" if inside else None
    try:
        for record in iterator:
            headers = {name.lower(): value for name, value in record.rec_headers.headers}
            length = headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()) or len(length) > MAX_LENGTH_DIGITS:
                continue
            block = Block(record.raw_stream, int(length))
            taken = take(record.rec_type, headers, block)
            block.drain()
            offset, size = iterator.get_record_offset(), iterator.get_record_length()
            unzipper, following = iterator.reader.decompressor, iterator.next_line or b""
            if unzipper and following.startswith(_START):
                raise SeveralInMember
            # A gzip member is whole when its checksum has been met.
            if block.left or not getattr(unzipper, "eof", True):
                return
            yield Placed(offset, size, record.rec_type, headers, taken)
    except (ArchiveLoadFailed, *READ_ERRORS):
        return


def _of_file(stream: BinaryIO, take: Take[T]) -> Iterator[Placed[T]]:
    began = stream.tell()
    opening = _opening(stream, began)
    if opening == _START:
        return _of_plain(stream, take)
    # What unpacks to packed bytes once more is nobody's archive.
    if opening.startswith(GZIP_MAGIC) and not isinstance(stream, gzip.GzipFile):
        return _of_members(stream, take)
    return walked_by_warcio(stream, take)


def _opening(stream: BinaryIO, began: int) -> bytes:
    try:
        return stream.read(len(_START))
    except READ_ERRORS:
        return b""
    finally:
        stream.seek(began)


def _of_members(stream: BinaryIO, take: Take[T]) -> Iterator[Placed[T]]:
    """Sound members, and by warcio all from the first odd one on."""
    inside = False
    for place in sound_members(stream, take):
        inside = True
        yield place
    yield from walked_by_warcio(stream, take, inside=inside)


def _of_plain(stream: BinaryIO, take: Take[T]) -> Iterator[Placed[T]]:
    """Sound records of what is not packed; all over again by warcio once one is odd.

    Not from the odd one on: where a stream that unpacks breaks off depends on the pieces it is read in.
    """
    began = stream.tell()
    for met, place in enumerate(sound_plain(stream, take)):
        if place is None:
            stream.seek(began)
            yield from islice(walked_by_warcio(stream, take), met, None)
            return
        yield place


MAX_BLOCK_BYTES = 1 << 30
"A larger block is not read into memory."
_PEEK_BYTES = 512


@dataclass(frozen=True)
class WarcRecord:
    """One record: headers with lower-case names (the last of a repeated one), and its raw block."""

    kind: str
    headers: dict[str, str]
    block: bytes

    @property
    def record_id(self) -> str:
        return self.headers.get("warc-record-id", "")

    @property
    def url(self) -> str:
        return self.headers.get("warc-target-uri", "").strip("<>")

    @property
    def date(self) -> datetime:
        """WARC-Date, aware."""
        return datetime.fromisoformat(self.headers["warc-date"])


@dataclass(frozen=True)
class ArchivedPage:
    """A response and what its metadata record notes of it."""

    pointer: WarcPointer
    response: WarcRecord
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> Message:
        return split_message(self.response.block)


def open_warc(folder: Path, name: str) -> BinaryIO:
    """A WARC by its final name, also while it is being written; ArchiveError if there is none."""
    # Tried in this order twice over: the file may be renamed between two tries.
    for candidate in (name, name + OPEN, name):
        try:
            return (folder / candidate).open("rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArchiveError(f"cannot read {folder / candidate}: {error.strerror}") from error
    raise ArchiveError(f"no such archive file: {folder / name}")


def records_of(stream: BinaryIO) -> Iterator[tuple[int, int, WarcRecord]]:
    """Each whole record from the stream's position on: offset, length of its member, record.

    Ends quietly at a torn tail: what is whole comes out, nothing is made up.
    """
    for place in walked(stream, _whole_block):
        if place.taken is not None:
            yield place.offset, place.length, WarcRecord(place.kind, place.headers, place.taken)


def positioned(stream: BinaryIO, offset: int) -> BinaryIO:
    """The stream, or what it unpacks to, standing at the record whose place says `offset`."""
    if offset < 0:
        raise ArchiveError(f"{getattr(stream, 'name', 'stream')}: nothing at {offset}")
    stream.seek(offset)
    start = stream.read(_PEEK_BYTES)
    stream.seek(0)
    packed_file = stream.read(2) == GZIP_MAGIC
    stream.seek(offset)
    if not packed_file or _begins_record(start):
        return stream
    stream.seek(0)
    unpacked = gzip.GzipFile(fileobj=stream)
    try:
        unpacked.seek(offset)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{getattr(stream, 'name', 'stream')}: nothing at {offset}: {error}") from error
    return cast("BinaryIO", unpacked)


def _begins_record(start: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(start, 5) == b"WARC/"
    except zlib.error:
        return False


def _whole_block(_kind: str, _headers: dict[str, str], block: Block) -> bytes | None:
    return block.read(block.left) if block.left <= MAX_BLOCK_BYTES else None


def read_page(folder: Path, pointer: WarcPointer) -> ArchivedPage:
    """The response at `pointer` with its metadata; ArchiveError when another record stands there."""
    with open_warc(folder, pointer.file) as stream:
        records = records_of(positioned(stream, pointer.offset))
        _, _, response = next(records, (0, 0, None))
        if response is None or response.record_id != pointer.record_id:
            raise ArchiveError(f"{folder / pointer.file}: no record {pointer.record_id} at {pointer.offset}")
        notes = _notes_of(response, records)
    if response.kind == "revisit" and "originalFile" in notes:
        response = _with_body_of_original(folder, response, notes)
    return ArchivedPage(pointer, response, notes)


def _with_body_of_original(folder: Path, revisit: WarcRecord, notes: dict[str, str]) -> WarcRecord:
    """A revisit with the body of the response it refers to, whose place its notes tell."""
    name, offset = notes["originalFile"], notes.get("originalOffset", "")
    with open_warc(folder, name) as stream:
        place = int(offset) if offset.isdecimal() else 0
        _, _, original = next(records_of(positioned(stream, place)), (0, 0, None))
    if original is None or original.record_id != revisit.headers.get("warc-refers-to"):
        raise ArchiveError(f"{folder / name}: no original of {revisit.record_id} at {offset}")
    head = split_message(revisit.block).head or split_message(original.block).head
    return replace(revisit, block=with_entity(head, split_message(original.block).entity))


def _notes_of(response: WarcRecord, following: Iterator[tuple[int, int, WarcRecord]]) -> dict[str, str]:
    """Fields of the metadata record that belongs to `response`, if one follows it closely."""
    for _, _, record in following:
        if record.headers.get("warc-concurrent-to") != response.record_id:
            return {}
        if record.kind == "metadata":
            return fields_of(record.block)
    return {}


def fields_of(block: bytes) -> dict[str, str]:
    """An application/warc-fields block as a dict; a repeated name keeps its first value."""
    found: dict[str, str] = {}
    # Not splitlines(): it also divides at separators that stand within a value.
    for line in block.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found
