"""Chunked transfer coding (RFC 9112, section 7.1) undone piece by piece, and how sound it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newscrawl.archive.http import CHUNK_SIZE, ZEROS

_STRICT = re.compile(rb"%b[0-9A-Fa-f]{1,16}[ \t]{0,256}(?:;[^\n]{0,4096})?\r?\n" % ZEROS)
_LONGEST_SIZE = 8192
_LONGEST_TRAILER = 1 << 16


@dataclass
class Dechunker:
    """Gives the same entity as `newscrawl.archive.http.dechunked`, whatever the pieces fed."""

    began: bool = False
    "Whether the body opens with a chunk size at all."
    broken: bool = False
    "Whether something stands where a chunk size or its line end should."
    done: bool = False
    "Whether the last chunk has been met."
    _left: int = 0
    _in_gap: bool = False
    _first: bool = True
    _lost: bool = False
    _rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The chunk data that is in the next bytes of the body."""
        if self.done:
            self._rest = (self._rest + data)[: _LONGEST_TRAILER + 1]
            return []
        if self._stopped:
            return []
        found: list[bytes] = []
        data, at = self._rest + data, 0
        while (after := self._step(data, at, found)) > at:
            at = after
            if self._stopped:
                break
        self._rest = data[at : at + _LONGEST_TRAILER + 1]
        return found

    @property
    def complete(self) -> bool:
        """Whether the last chunk and the trailer's end have been met."""
        return self.done and self._trailer_end >= 0

    @property
    def bytes_after(self) -> bool:
        """Whether something follows the trailer's end."""
        return self.complete and self._trailer_end < len(self._rest)

    @property
    def _stopped(self) -> bool:
        return self.done or self._lost

    @property
    def _trailer_end(self) -> int:
        """Length of the trailer with its blank line; -1 without one."""
        at = 0
        while (end := self._rest.find(b"\n", at)) >= 0:
            if self._rest[at:end] in (b"", b"\r"):
                return end + 1
            at = end + 1
        return -1

    def _step(self, data: bytes, at: int, found: list[bytes]) -> int:
        """One size line, run of data or line end behind it; `at` itself when more bytes are needed."""
        if self._left:
            part = data[at : at + self._left]
            if part:
                found.append(part)
                self._left -= len(part)
                self._in_gap = not self._left
            return at + len(part)
        if self._in_gap:
            return self._gap(data, at)
        return self._size(data, at)

    def _gap(self, data: bytes, at: int) -> int:
        if len(data) - at < 2:
            return at
        self._in_gap = False
        if data[at : at + 2] == b"\r\n":
            return at + 2
        self.broken = self.broken or data[at : at + 1] != b"\n"
        return at + 1

    def _size(self, data: bytes, at: int) -> int:
        match = CHUNK_SIZE.match(data, at)
        if not match:
            if b"\n" in data[at:] or len(data) - at > _LONGEST_SIZE:
                self.broken = self._lost = True
            return at
        strict = bool(_STRICT.match(data, at))
        if self._first:
            self.began, self._first = strict, False
        self.broken = self.broken or not strict
        self._left = int(match[1], 16)
        self.done = self._left == 0
        return match.end()
