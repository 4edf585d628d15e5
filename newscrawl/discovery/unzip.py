"""Sources out of gzip, within a limit."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

Fault = Literal["cut", "too_large", "bomb"]

_GZIP = b"\x1f\x8b"
_MEMBERS = 100
"Each member costs a copy of the rest; real files hold one or two."
_BOMB_RATIO = 200
"XML of real sites shrinks ten to fifty times, zeros a thousand times."


@dataclass(frozen=True, kw_only=True, slots=True)
class Unzipped:
    """Bytes out of gzip, or as they were."""

    data: bytes
    fault: Fault | None = None
    "`cut`: it ends early or is damaged; None when the data is whole."


def is_gzip(body: bytes) -> bool:
    """Whether it wears a coat of gzip, below which it may be far larger."""
    return body.startswith(_GZIP)


def unzipped(body: bytes, limit: int) -> Unzipped:
    """`body` without its gzip coat if it has one, never more than `limit` bytes."""
    if not is_gzip(body):
        return Unzipped(data=body[:limit], fault="too_large" if len(body) > limit else None)
    data, rest = b"", body
    for _ in range(_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            data += member.decompress(rest, limit + 1 - len(data))
        except zlib.error:
            return Unzipped(data=data, fault="cut")
        if len(data) > limit:
            used = len(body) - len(member.unconsumed_tail) - len(member.unused_data)
            return Unzipped(data=data[:limit], fault="bomb" if limit > used * _BOMB_RATIO else "too_large")
        rest = member.unused_data
        if not rest.startswith(_GZIP):
            return Unzipped(data=data, fault=None if member.eof else "cut")
    return Unzipped(data=data, fault="cut")
