"""Read irregular WARC records with warcio, within bounds: warcio itself reads heads of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from warcio.archiveiterator import ArchiveIterator
from warcio.bufferedreaders import DecompressingBufferedReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParser

from newscrawl.warc.fast_reader import (
    MAX_LENGTH_DIGITS,
    MAX_RECORD_HEAD,
    READ_ERRORS,
    RECORD_START,
    BlockReader,
    BlockStream,
    MultipleRecordsInMember,
    RecordSlice,
    T,
)


def iter_slices_with_warcio(stream: BinaryIO, read_block: BlockReader[T]) -> Iterator[RecordSlice[T]]:
    """As `iter_slices`, by warcio alone, which also reads irregular records.

    Ends at a record whose head is longer than MAX_RECORD_HEAD. Raises MultipleRecordsInMember.
    """
    iterator = ArchiveIterator(stream, no_record_parse=True)
    iterator.known_format = "warc"
    iterator.reader = _BoundedLines(stream)
    iterator.loader = _RecordLoader()
    iterator.INC_RECORD = ""  # warcio would write the line that it found to stderr, whatever it holds
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


class _BoundedLines(DecompressingBufferedReader):  # type: ignore[misc] # warcio has no types
    """warcio's reader, which cuts a line that is too long for a record head."""

    def readline(self, length: int | None = None) -> bytes:
        line: bytes = super().readline(length or MAX_RECORD_HEAD)
        return line


class _RecordLoader(ArcWarcRecordLoader):  # type: ignore[misc] # likewise
    """warcio's loader with a bounded head, and without its log lines of raw headers."""

    def __init__(self) -> None:
        super().__init__()
        self.warc_parser = _BoundedHeadParser(self.WARC_TYPES)

    def _ensure_target_uri_format(self, rec_headers: StatusAndHeaders) -> str | None:
        uri: str | None = rec_headers.get_header("WARC-Target-URI")
        if uri is None:
            return None
        bare = uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri
        rec_headers.replace_header("WARC-Target-URI", bare.replace(" ", "%20"))
        return bare


class _BoundedHeadParser(StatusAndHeadersParser):  # type: ignore[misc] # likewise
    def parse(self, stream: BinaryIO, full_statusline: bytes | None = None) -> StatusAndHeaders:
        return super().parse(_HeadLines(stream), full_statusline)


class _HeadLines:
    """The lines of a head, as long as it is within MAX_RECORD_HEAD."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = MAX_RECORD_HEAD

    def readline(self) -> bytes:
        line = self._stream.readline(self._left)
        self._left -= len(line)
        if self._left <= 0:
            raise ArchiveLoadFailed("the record head is too long")
        return line
