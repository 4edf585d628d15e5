"""Pages that were met already, in little memory."""

from __future__ import annotations

from hashlib import blake2b

DRAWERS = 1 << 14
DIGEST_BYTES = 16
REST_BYTES = 14
"Of a digest of 16 bytes, behind the two that name its drawer."


def page_digest(name: bytes) -> bytes:
    """What a page is known by."""
    return blake2b(name, digest_size=DIGEST_BYTES).digest()


class SeenPages:
    """A set of digests: 14 bytes a page, however many there are.

    A set of Python objects takes seven times as much, and an outlet may have millions of pages.
    """

    def __init__(self) -> None:
        self._drawers: list[bytearray | None] = [None] * DRAWERS
        self.count = 0

    def add(self, digest: bytes) -> bool:
        """Whether it is new."""
        number, rest = int.from_bytes(digest[:2], "big") % DRAWERS, digest[2:]
        drawer = self._drawers[number]
        if drawer is None:
            drawer = self._drawers[number] = bytearray()
        if _holds(drawer, rest):
            return False
        drawer += rest
        self.count += 1
        return True


def _holds(drawer: bytearray, rest: bytes) -> bool:
    at = drawer.find(rest)
    while at >= 0 and at % REST_BYTES:
        at = drawer.find(rest, at + 1)
    return at >= 0
