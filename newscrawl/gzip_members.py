"""Inflates gzip data of any number of members (RFC 1952, 2.2) in linear time."""

from __future__ import annotations

import zlib
from typing import NamedTuple

GZIP_MAGIC = b"\x1f\x8b"
_WINDOW_BITS = 31
"zlib's code for a gzip header and trailer."
_FIRST_PIECE, _LARGEST_PIECE = 512, 1 << 20
"zlib copies what follows a member, so that small members must be given in small pieces."


class Inflated(NamedTuple):
    """What gzip data holds."""

    data: bytes
    used: int
    "Compressed bytes that were read."
    is_whole: bool
    "Whether the last member that was read ends."
    is_damaged: bool = False
    "Whether the first member breaks off because its data is wrong, not because there is no more of it."


def inflate_members(body: bytes, room: int) -> Inflated:
    """Inflate up to `room` bytes; what follows the last member is ignored, as gzip does.

    zlib.error when there is not a single byte to be had.
    """
    view, parts = memoryview(body), list[bytes]()
    at, is_whole = 0, False
    while room > 0 and (at == 0 or view[at : at + 2] == GZIP_MAGIC):
        member, size = zlib.decompressobj(_WINDOW_BITS), _FIRST_PIECE
        while room > 0 and at < len(view) and not member.eof:
            piece = view[at : at + size]
            try:
                part = member.decompress(piece, room)
            except zlib.error:
                if not parts:
                    raise
                return Inflated(b"".join(parts), at, is_whole=False, is_damaged=not is_whole)
            at += len(piece) - len(member.unused_data) - len(member.unconsumed_tail)
            parts.append(part)
            room -= len(part)
            size = min(2 * size, _LARGEST_PIECE)
        is_whole = member.eof
        if not is_whole:
            break
    return Inflated(b"".join(parts), at, is_whole)
