"""A file read in blocks at any place, and the search for the next record in damaged data."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

BLOCK = 1 << 18
"Bytes read at a time."
GZIP = b"\x1f\x8b"
MAX_TRIES = 100_000
"Places in one file that look like the start of a member and are tried; chance makes one in 16 MB."
_MAGIC = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_OPENING = 1024
"Compressed bytes looked at to tell whether a member holds a record."


@dataclass
class Source:
    """Bytes of an open file, one block of it in memory; `advance` hears of each new byte read once."""

    fd: int
    advance: Callable[[int], None]
    _start: int = 0
    _block: bytes = b""
    _furthest: int = 0
    _tries: int = 0

    def at(self, offset: int, wanted: int) -> bytes:
        """Up to `wanted` bytes at `offset`, at least one unless the file ends there."""
        here = offset - self._start
        if not 0 <= here < len(self._block):
            self._load(offset)
            here = 0
        return self._block[here : here + wanted]

    def opening(self, offset: int, wanted: int) -> bytes:
        """Exactly `wanted` bytes at `offset` unless the file ends before."""
        found = self.at(offset, wanted)
        while 0 < len(found) < wanted and (more := self.at(offset + len(found), wanted - len(found))):
            found += more
        return found

    def _load(self, offset: int) -> None:
        self._start, self._block = offset, os.pread(self.fd, BLOCK, offset)
        end = offset + len(self._block)
        if end > self._furthest:
            self.advance(end - self._furthest)
            self._furthest = end

    def may_try(self) -> bool:
        """Whether another place may be tried; each call is one."""
        self._tries += 1
        return self._tries <= MAX_TRIES


def next_member(source: Source, offset: int) -> int | None:
    """Where the first gzip member at or after `offset` stands that begins with a WARC record."""
    places = takewhile(lambda _: source.may_try(), _magics(source, offset))
    return next((at for at in places if _holds_record(source, at)), None)


def _magics(source: Source, offset: int) -> Iterator[int]:
    overlap = 3  # one byte less than _MAGIC matches
    while len(block := source.opening(offset, BLOCK)) > overlap:
        yield from (offset + match.start() for match in _MAGIC.finditer(block))
        offset += len(block) - overlap


def _holds_record(source: Source, offset: int) -> bool:
    """Whether the gzip data at `offset` unpacks to something that begins like a WARC record."""
    unpacker = zlib.decompressobj(31)
    try:
        return unpacker.decompress(source.opening(offset, _OPENING), 16).startswith(b"WARC/")
    except zlib.error:
        return False
