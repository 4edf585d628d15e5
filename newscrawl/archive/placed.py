"""What a walk over an archive gives of each record: where it stands, and its block going by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

GZIP_MAGIC = b"\x1f\x8b"
PIECE = 1 << 16
"Bytes read at a time."
MAX_LENGTH_DIGITS = 18
"Of a Content-Length; no file is larger."

T = TypeVar("T")


class Readable(Protocol):
    """Something bytes come out of."""

    def read(self, size: int, /) -> bytes: ...


class Block:
    """The block of a record while it is being walked over."""

    def __init__(self, stream: Readable, length: int) -> None:
        self._stream = stream
        self.left = length

    def read(self, size: int) -> bytes:
        """As many bytes as were asked for, or all that are left."""
        wanted = min(size, self.left)
        part = self._stream.read(wanted) if wanted else b""
        self.left -= len(part)
        return part if len(part) in (0, wanted) else part + self._further(wanted - len(part))

    def _further(self, wanted: int) -> bytes:
        parts: list[bytes] = []
        while wanted and (part := self._stream.read(wanted)):
            parts.append(part)
            wanted -= len(part)
            self.left -= len(part)
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        """What is left, in pieces of bounded size."""
        while piece := self.read(PIECE):
            yield piece

    def drain(self) -> None:
        for _ in self.pieces():
            pass


class Placed(NamedTuple, Generic[T]):
    """Where a record stands, its headers with lower-case names, and what was taken of its block."""

    offset: int
    length: int
    kind: str
    headers: dict[str, str]
    taken: T


Take: TypeAlias = Callable[[str, dict[str, str], Block], T]
"What to make of a record's kind, headers and block; it may be asked twice of the same record."
