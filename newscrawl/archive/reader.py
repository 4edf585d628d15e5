"""Reading archives with warcio: one exchange by its pointer, or a whole file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from newscrawl.archive.http import Message, split_message
from newscrawl.archive.writer import OPEN
from newscrawl.errors import ArchiveError
from newscrawl.parts import WarcPointer

MAX_BLOCK_BYTES = 1 << 30
"A larger block is not read into memory."


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
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    iterator = ArchiveIterator(stream, no_record_parse=True)
    try:
        for record in iterator:
            headers = {name.lower(): value for name, value in record.rec_headers.headers}
            length = headers.get("content-length", "")
            if not length.isdigit() or int(length) > MAX_BLOCK_BYTES:
                continue
            block = record.raw_stream.read(int(length))
            place = iterator.get_record_offset(), iterator.get_record_length()
            # A gzip member is whole when its checksum has been met.
            if len(block) < int(length) or not getattr(iterator.reader.decompressor, "eof", True):
                return
            yield *place, WarcRecord(record.rec_type, headers, block)
    except (ArchiveLoadFailed, EOFError):
        return


def read_page(folder: Path, pointer: WarcPointer) -> ArchivedPage:
    """The response at `pointer` with its metadata; ArchiveError when another record stands there."""
    with open_warc(folder, pointer.file) as stream:
        stream.seek(pointer.offset)
        records = records_of(stream)
        _, _, response = next(records, (0, 0, None))
        if response is None or response.record_id != pointer.record_id:
            raise ArchiveError(f"{folder / pointer.file}: no record {pointer.record_id} at {pointer.offset}")
        return ArchivedPage(pointer, response, _notes_of(response, records))


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
    for line in block.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found
