"""Describe the records of a WARC for an index, and tie each response to its request."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Literal

from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.fast_reader import BlockStream, RecordSlice
from newscrawl.warc.http import MAX_HEAD_BYTES, Message, split_message
from newscrawl.warc.reader import parse_warc_fields
from newscrawl.warc.recovery import iter_slices_recovering

RESPONSE_KINDS = ("response", "revisit", "resource")
"Types of records that hold a response."
WINDOW = 64
"Records within which the request and the response of an exchange are found."
SkipReason = Literal["damaged", "date_missing", "date_form"]
"Why a record has no entry: a damaged place, or the problem of its date as `newscrawl verify` names it."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,20}) ")
_AFTER_TYPE = re.compile(r"[;\s]")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordEntry:
    """A record as an index describes it; the fields are columns of its table."""

    kind: str
    url: str
    "WARC-Target-URI without angle brackets; empty for a warcinfo record."
    method: str = "GET"
    "Of the request that belongs to it; GET if the archive has no request."
    body_digest: str | None = None
    "Hex SHA-256 of that request's body; None without a body."
    moment: int
    "WARC-Date as microseconds since 1970."
    sequence: int
    "Number of the record in its file, from 0."
    status: int | None = None
    record_id: str
    concurrent_to: str | None = None
    offset: int
    length: int
    payload_digest: str | None = None
    "WARC-Payload-Digest, or else the SHA-1 of what follows the HTTP head."
    refers_to: str | None = None
    refers_to_url: str | None = None
    refers_to_date: str | None = None
    run: str | None = None
    "Id of the run, from the warcinfo record."
    media_type: str | None = None
    "Of the HTTP message, or of the record if it has none; `warc/revisit` for a revisit."
    answered: bool = False
    "For a request: whether the archive has the response."

    @property
    def date(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.moment)


@dataclass(frozen=True, slots=True)
class _BlockSummary:
    """The part of a block that an entry needs."""

    start: bytes
    body_digest: str | None = None
    payload_digest: str | None = None


def iter_entries(stream: BinaryIO, skipped: Counter[SkipReason] | None = None) -> Iterator[RecordEntry]:
    """An entry for each whole record with a date, in file order; damage costs only the records it hits.

    `skipped` counts the records that have no entry, by reason.
    """
    return _pair_requests(_read_entries(stream, Counter() if skipped is None else skipped))


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _read_entries(stream: BinaryIO, skipped: Counter[SkipReason]) -> Iterator[RecordEntry]:
    def count_gap(_offset: int) -> None:
        skipped["damaged"] += 1

    run: str | None = None
    for sequence, record in enumerate(iter_slices_recovering(stream, _summarize_block, count_gap)):
        if record.kind == "warcinfo":
            run = parse_warc_fields(record.result.start).get("run") or None
        moment = parse_warc_date(date := record.headers.get("warc-date", ""))
        if moment is None:
            skipped["date_form" if date else "date_missing"] += 1
        else:
            yield _make_entry(record, sequence, to_microseconds(moment), run)


def _make_entry(
    record: RecordSlice[_BlockSummary], sequence: int, moment: int, run: str | None
) -> RecordEntry:
    headers, block = record.headers, record.result
    message = _http_message(headers, block.start)
    request_line = _REQUEST_LINE.match(block.start) if record.kind == "request" else None
    return RecordEntry(
        kind=record.kind,
        url=_strip_brackets(headers.get("warc-target-uri", "")),
        method=request_line[1].decode("ascii").upper() if request_line else "GET",
        body_digest=block.body_digest,
        moment=moment,
        sequence=sequence,
        status=message.status if message and record.kind in RESPONSE_KINDS else None,
        record_id=headers.get("warc-record-id", ""),
        concurrent_to=headers.get("warc-concurrent-to"),
        offset=record.offset,
        length=record.length,
        payload_digest=headers.get("warc-payload-digest") or block.payload_digest,
        refers_to=headers.get("warc-refers-to"),
        refers_to_url=_strip_brackets(headers.get("warc-refers-to-target-uri", "")) or None,
        refers_to_date=headers.get("warc-refers-to-date"),
        run=run,
        media_type=_media_type(record.kind, headers, message),
    )


def _strip_brackets(uri: str) -> str:
    """A URI without the angle brackets of WARC 1.0."""
    return uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri


def _http_message(headers: dict[str, str], start: bytes) -> Message | None:
    return split_message(start) if headers.get("content-type", "").startswith("application/http") else None


def _media_type(kind: str, headers: dict[str, str], message: Message | None) -> str | None:
    if kind == "revisit":
        return "warc/revisit"
    if message is None:
        value = None if kind in ("response", "request") else headers.get("content-type")
    else:
        value = next((value for name, value in message.headers if name.lower() == "content-type"), None)
    return _AFTER_TYPE.split(value, maxsplit=1)[0] if value else value


def _summarize_block(kind: str, headers: dict[str, str], block: BlockStream) -> _BlockSummary:
    """Read the start of a block, and hash everything after its HTTP head."""
    start = block.read(MAX_HEAD_BYTES)
    if kind == "warcinfo" or (kind != "request" and "warc-payload-digest" in headers):
        return _BlockSummary(start)
    message = _http_message(headers, start)
    body = message.body if message else start
    if kind == "request":
        if not body and not block.left:
            return _BlockSummary(start)
        return _BlockSummary(start, body_digest=_hash_body(hashlib.sha256(), body, block).hexdigest())
    digest = _hash_body(hashlib.sha1(usedforsecurity=False), body, block).digest()
    return _BlockSummary(start, payload_digest="sha1:" + base64.b32encode(digest).decode("ascii"))


def _hash_body(digest: hashlib._Hash, body: bytes, block: BlockStream) -> hashlib._Hash:
    digest.update(body)
    for piece in block.pieces():
        digest.update(piece)
    return digest


def _pair_requests(entries: Iterable[RecordEntry]) -> Iterator[RecordEntry]:
    """The same entries; those of responses and metadata get the method and body of their request."""
    window = _PairingWindow()
    for entry in entries:
        partner = window.partner(entry)
        window.add(entry)
        if partner is not None:
            window.pair(entry, partner)
        if len(window.entries) > WINDOW:
            yield window.pop()
    yield from window.entries.values()


class _PairingWindow:
    """The last entries of a file by sequence, and their record ids and references."""

    def __init__(self) -> None:
        self.entries: OrderedDict[int, RecordEntry] = OrderedDict()
        self._by_id: dict[str, int] = {}
        self._by_target: dict[str, int] = {}

    def add(self, entry: RecordEntry) -> None:
        self.entries[entry.sequence] = entry
        self._by_id[entry.record_id] = entry.sequence
        if entry.concurrent_to is not None:
            self._by_target[entry.concurrent_to] = entry.sequence

    def pop(self) -> RecordEntry:
        _, oldest = self.entries.popitem(last=False)
        self._by_id.pop(oldest.record_id, None)
        self._by_target.pop(oldest.concurrent_to or "", None)
        return oldest

    def partner(self, entry: RecordEntry) -> RecordEntry | None:
        """An earlier record of the same exchange."""
        for sequence in (self._by_id.get(entry.concurrent_to or ""), self._by_target.get(entry.record_id)):
            if sequence is not None and (partner := self.entries.get(sequence)):
                return partner
        # Some recorders write no references: then neighbouring requests and responses of a URL are a pair.
        before = self.entries.get(entry.sequence - 1)
        if before is None or before.url != entry.url or before.answered:
            return None
        if before.concurrent_to is not None or entry.concurrent_to is not None:
            return None
        kinds = {entry.kind, before.kind}
        return before if "request" in kinds and kinds & set(RESPONSE_KINDS) else None

    def pair(self, entry: RecordEntry, partner: RecordEntry) -> None:
        request, other = (entry, partner) if entry.kind == "request" else (partner, entry)
        if request.kind == "request" and other.kind in RESPONSE_KINDS:
            self.entries[request.sequence] = replace(request, answered=True)
        if (other.method, other.body_digest) != (request.method, request.body_digest):
            self.entries[other.sequence] = replace(
                other, method=request.method, body_digest=request.body_digest
            )
