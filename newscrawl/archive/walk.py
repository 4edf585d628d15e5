"""A walk over the records of an archive: sound ones with zlib alone, whatever else with warcio."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, cast

from newscrawl.archive.placed import GZIP_MAGIC, MAX_LENGTH_DIGITS, Block, Placed, T, Take
from newscrawl.archive.sound import READ_ERRORS, sound_members, sound_plain

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
