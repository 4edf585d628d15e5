"""Records that belong to one exchange, found by what they refer to, in whichever order they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from newscrawl.warc.fast_reader import Block, Placed
from newscrawl.warc.http import split_message
from newscrawl.warc.reader import fields_of
from newscrawl.warc.recovery import walked_past_damage

MAX_HEAD_BYTES = 64 * 1024
"Of a response no more than this is looked at: its head says what it varies by."
MAX_REQUEST_BYTES = 16 * 1024 * 1024
MAX_NOTES_BYTES = 1024 * 1024
_LIMITS = {
    "response": MAX_HEAD_BYTES,
    "revisit": MAX_HEAD_BYTES,
    "request": MAX_REQUEST_BYTES,
    "metadata": MAX_NOTES_BYTES,
}
_ORDER = ("response", "revisit", "request", "metadata")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an archive says of one exchange; blocks are cut at the limits above."""

    records: list[Placed[bytes]] = field(default_factory=list)

    @property
    def first(self) -> Placed[bytes]:
        """The record a pointer is to: the response, or what there is instead."""
        return min(self.records, key=lambda record: _ORDER.index(record.kind))

    @property
    def is_remnant(self) -> bool:
        """Whether the record to point to is missing: what there is names one that stands nowhere near."""
        named = self.first.headers.get("warc-concurrent-to", "")
        is_answer = self.first.kind in ("response", "revisit")
        return not is_answer and bool(named) and named not in {_id(record) for record in self.records}

    @property
    def url(self) -> str:
        return self.first.headers.get("warc-target-uri", "").strip("<>")

    @property
    def request(self) -> bytes:
        return self._block("request")

    @property
    def notes(self) -> dict[str, str]:
        return fields_of(self._block("metadata"))

    @property
    def page(self) -> str:
        """URL of the link that was followed, as noted; empty when it is not."""
        try:
            noted = json.loads(self.notes.get("discovery", "null"))
        except (ValueError, RecursionError):
            return ""
        url = noted.get("url") if isinstance(noted, dict) else None
        return url if isinstance(url, str) else ""

    @property
    def varies(self) -> list[str]:
        """Names of the request headers the answer depends on, lower-case."""
        head = split_message(self._block("response") or self._block("revisit")).header("vary") or ""
        return [name.strip().lower() for name in head.split(",") if name.strip() not in ("", "*")]

    def _block(self, kind: str) -> bytes:
        return next((record.taken for record in self.records if record.kind == kind), b"")


def exchanged(stream: BinaryIO) -> Iterator[Exchanged]:
    """The exchanges of a WARC file; damage costs those it hits, and other records are passed over."""
    return (exchange for exchange in map(Exchanged, _groups(stream)) if not exchange.is_remnant)


def _groups(stream: BinaryIO) -> Iterator[list[Placed[bytes]]]:
    group: list[Placed[bytes]] = []
    for record in walked_past_damage(stream, _start):
        if record.kind not in _LIMITS:
            continue
        if group and not _together(group, record):
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def _start(kind: str, _headers: dict[str, str], block: Block) -> bytes:
    return block.read(_LIMITS.get(kind, 0))


def _together(group: list[Placed[bytes]], record: Placed[bytes]) -> bool:
    if record.kind in {held.kind for held in group}:
        return False
    ids = {_id(held) for held in group}
    named = {held.headers.get("warc-concurrent-to", "") for held in group}
    return record.headers.get("warc-concurrent-to", "") in ids or _id(record) in named - {""}


def _id(record: Placed[bytes]) -> str:
    return record.headers.get("warc-record-id", "")
