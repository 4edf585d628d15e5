"""Group the records of each HTTP exchange by WARC-Concurrent-To, whatever order they were written in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar

from newscrawl.warc.fast_reader import BlockStream, RecordSlice
from newscrawl.warc.http import split_message
from newscrawl.warc.reader import WarcRecord, parse_warc_fields
from newscrawl.warc.recovery import iter_slices_recovering
from newscrawl.warc.renderings import SUBRESOURCE_FIELD

MAX_HEAD_BYTES = 64 * 1024
"Of a response, no more is read: only its head matters, for the Vary header."
MAX_REQUEST_BYTES = 16 * 1024 * 1024
MAX_METADATA_BYTES = 1024 * 1024
_BLOCK_LIMITS = {
    "response": MAX_HEAD_BYTES,
    "revisit": MAX_HEAD_BYTES,
    "request": MAX_REQUEST_BYTES,
    "metadata": MAX_METADATA_BYTES,
}
_PRECEDENCE = ("response", "revisit", "request", "metadata")
_FIRST_KINDS = frozenset({"response", "revisit", "resource"})
"Two of these are never of one exchange: a rendered page refers to its response, but has metadata of its own."

R = TypeVar("R", RecordSlice[bytes], WarcRecord)


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """What an archive holds of an exchange; blocks are cut at the limits above."""

    records: list[RecordSlice[bytes]] = field(default_factory=list)

    @property
    def first(self) -> RecordSlice[bytes]:
        """The record that pointers lead to: the response, or the best substitute."""
        return min(self.records, key=lambda record: _PRECEDENCE.index(record.kind))

    @property
    def is_remnant(self) -> bool:
        """Whether the response is missing although another record refers to it."""
        target = self.first.headers.get("warc-concurrent-to", "")
        has_response = self.first.kind in ("response", "revisit")
        is_found = target in {record.record_id for record in self.records}
        return bool(target) and not has_response and not is_found

    @property
    def url(self) -> str:
        return self.first.url

    @property
    def request(self) -> bytes:
        return self._block("request")

    @property
    def metadata(self) -> dict[str, str]:
        """Fields of the metadata record."""
        return parse_warc_fields(self._block("metadata"))

    @property
    def page(self) -> str:
        """URL of the link that was followed, or whose page sent the request; empty if unknown."""
        return read_link_url(self.metadata)

    @property
    def varies(self) -> list[str]:
        """Lower-case names of the request headers that the response depends on (RFC 9110, section 12.5.5)."""
        head = split_message(self._block("response") or self._block("revisit")).header("vary") or ""
        return [name.strip().lower() for name in head.split(",") if name.strip() not in ("", "*")]

    def _block(self, kind: str) -> bytes:
        return next((record.result for record in self.records if record.kind == kind), b"")


def iter_exchanges(stream: BinaryIO) -> Iterator[RecordedExchange]:
    """The exchanges of a WARC file; damage costs only those it hits, and other record types are skipped."""
    records = (part for part in iter_slices_recovering(stream, _read_limited) if part.kind in _BLOCK_LIMITS)
    exchanges = map(RecordedExchange, group_records(records))
    return (exchange for exchange in exchanges if not exchange.is_remnant)


def _read_limited(kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
    return block.read(_BLOCK_LIMITS.get(kind, 0))


def group_records(records: Iterable[R]) -> Iterator[list[R]]:
    """Group neighbouring records of different types of which each refers to another, or is referred to."""
    group: list[R] = []
    for record in records:
        if group and not _belongs_to(group, record):
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def read_link_url(metadata: Mapping[str, str]) -> str:
    """URL of the link that a metadata record notes, or whose page sent the request; else empty."""
    if SUBRESOURCE_FIELD in metadata:
        return metadata[SUBRESOURCE_FIELD]
    try:
        discovery = json.loads(metadata.get("discovery", "null"))
    except (ValueError, RecursionError):
        return ""
    url = discovery.get("url") if isinstance(discovery, dict) else None
    return url if isinstance(url, str) else ""


def _belongs_to(group: list[R], record: R) -> bool:
    kinds = {member.kind for member in group}
    if record.kind in kinds or (record.kind in _FIRST_KINDS and kinds & _FIRST_KINDS):
        return False
    ids = {member.record_id for member in group}
    targets = {member.headers.get("warc-concurrent-to", "") for member in group}
    return record.headers.get("warc-concurrent-to", "") in ids or record.record_id in targets - {""}
