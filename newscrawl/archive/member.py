"""Gzip members: one for each record, so that every record can be read by itself."""

from __future__ import annotations

import struct
import zlib
from tempfile import TemporaryFile

from newscrawl.archive.exchange import SPOOL_BYTES, Bytes, window
from newscrawl.errors import ArchiveError

Pieces = list[Bytes]

STORED, PACKED = 0, 6
"gzip levels: for what is compressed already, and for everything else."
SMALL = 4096
_STORED_BLOCK = 0xFFFF
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"Deflate, no flags, no time, unknown system."
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
"Stored, final, empty."


def gzip_member(pieces: Pieces, level: int) -> Pieces:
    """One gzip member (RFC 1952) of what the pieces hold together."""
    if level == STORED:
        return _stored_member(pieces)
    # A small window for what is small: setting up a large one costs more than all the rest.
    size = sum(map(len, pieces))
    bits, memory = (12, 4) if size <= SMALL else (15, 8)
    packer = zlib.compressobj(level, zlib.DEFLATED, 16 + bits, memory)
    if size > SPOOL_BYTES:
        return _packed_on_disk(pieces, packer)
    return [*(packer.compress(piece) for piece in pieces), packer.flush()]


def _packed_on_disk(pieces: Pieces, packer: zlib._Compress) -> Pieces:
    """A large member, packed block by block into a file that has no name."""
    try:
        with TemporaryFile() as packed:
            for piece in pieces:
                view = memoryview(piece)
                for start in range(0, len(view), SPOOL_BYTES):
                    packed.write(packer.compress(view[start : start + SPOOL_BYTES]))
            packed.write(packer.flush())
            packed.flush()
            return [window(packed, packed.tell())]
    except OSError as error:
        raise ArchiveError(f"cannot write a temporary file: {error.strerror}") from error


def _stored_member(pieces: Pieces) -> Pieces:
    """Stored blocks (RFC 1951 section 3.2.4), fifteen times cheaper by hand than zlib's level 0."""
    member: Pieces = [_GZIP_HEAD]
    checksum = size = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
        size += len(piece)
        view = memoryview(piece)
        for start in range(0, len(piece), _STORED_BLOCK):
            part = view[start : start + _STORED_BLOCK]
            member += (struct.pack("<BHH", 0, len(part), len(part) ^ 0xFFFF), part)
    member.append(_LAST_BLOCK + struct.pack("<II", checksum, size & 0xFFFFFFFF))
    return member
