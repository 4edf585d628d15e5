"""The block of one record going by: its digests made again, its HTTP message checked."""

from __future__ import annotations

from collections.abc import Iterator

from newscrawl.archive.verify.digests import Declared, Running, declared_digest
from newscrawl.archive.verify.headers import RecordHead
from newscrawl.archive.verify.message import MessageCheck
from newscrawl.archive.verify.problem import Fault

_TAIL = 4
_WHOLE_PAYLOAD = ("warcinfo", "resource", "metadata", "conversion", "continuation")


class BlockCheck:
    """Fed a block in pieces; tells its faults at the end."""

    def __init__(self, head: RecordHead) -> None:
        self._faults: list[Fault] = []
        self._head = head
        self.tail = b""
        "The last bytes fed."
        block = self._declared("WARC-Block-Digest")
        payload = self._declared("WARC-Payload-Digest")
        self._block = Running(block) if block else None
        self._payload: Running | None = None
        self.message: MessageCheck | None = None
        if _is_http(head):
            self.message = MessageCheck(None if head.is_segment else payload, head.kind != "request")
        elif payload and head.kind != "revisit" and not head.is_segment:
            self._payload = Running(payload)

    def feed(self, piece: bytes) -> None:
        self.tail = (self.tail + piece[-_TAIL:])[-_TAIL:]
        for taker in (self._block, self._payload):
            if taker:
                taker.update(piece)
        if self.message:
            self.message.feed(piece)

    @property
    def block_agrees(self) -> bool:
        """Whether the block is surely the one its digest was made of."""
        return bool(self._block and self._block.agrees)

    @property
    def block_differs(self) -> bool:
        """Whether the block is not the one its digest was made of."""
        return bool(self._block and not self._block.agrees)

    def faults(self) -> Iterator[Fault]:
        """Everything wrong with the block, once all of it has been fed."""
        yield from self._faults
        if self._block and not self._block.agrees:
            yield "block_digest_mismatch", self._block.difference
        if self._payload and not self._payload.agrees:
            yield "payload_digest_mismatch", self._payload.difference
        if self.message:
            truncated = bool(self._head.one("warc-truncated")) or self._head.is_segment
            yield from self.message.faults(truncated=truncated, has_payload=self._head.kind != "revisit")

    def _declared(self, header: str) -> Declared | None:
        text = self._head.one(header.lower())
        if not text:
            return None
        found = declared_digest(header, text)
        if isinstance(found, Declared):
            return found
        self._faults.append(found)
        return None


def _is_http(head: RecordHead) -> bool:
    """Whether the block is an HTTP message: the other kinds may hold one, but as their payload."""
    media_type = (head.one("content-type") or "").lower().partition(";")[0].strip()
    if not media_type:
        return head.kind in ("response", "request")
    return media_type == "application/http" and head.kind not in _WHOLE_PAYLOAD
