"""What an index notes of every record of a WARC, and which answer belongs to which request."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from newscrawl.warc.fast_reader import Block, Placed
from newscrawl.warc.http import Message, split_message
from newscrawl.warc.reader import fields_of
from newscrawl.warc.recovery import walked_past_damage

ANSWERS = ("response", "revisit", "resource")
"Kinds of records that hold what came back."
MAX_HEAD_BYTES = 1 << 18
"Of a block at most this much is kept while it is read; HTTP heads are far smaller."
WINDOW = 64
"Records within which those of one exchange stand together."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTIAL_DATE = re.compile(r"\d{4}(?:-\d\d)?")
_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,20}) ")
_AFTER_TYPE = re.compile(r"[;\s]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One record as the index knows it."""

    kind: str
    url: str
    "WARC-Target-URI without brackets; empty for a warcinfo record."
    method: str = "GET"
    "Of the request that belongs to it; GET where the archive kept no request."
    body_digest: str | None = None
    "sha256 of that request's body in hex; None without a body."
    moment: int
    "WARC-Date as microseconds since 1970."
    sequence: int
    "Place in the file's order of records, from 0."
    status: int | None = None
    record_id: str
    concurrent_to: str | None = None
    offset: int
    length: int
    payload_digest: str | None = None
    "As the record says, or else SHA-1 of what follows the HTTP head."
    refers_to: str | None = None
    refers_to_url: str | None = None
    refers_to_date: str | None = None
    run: str | None = None
    "What the file's warcinfo record calls the run."
    media_type: str | None = None
    "Of the HTTP message; of the record where it is no exchange; `warc/revisit` for a revisit."
    answered: bool = False
    "For a request: whether the archive holds what came back."

    @property
    def date(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.moment)


@dataclass(frozen=True, slots=True)
class _Glance:
    """What is kept of a block."""

    start: bytes
    body_digest: str | None = None
    payload_digest: str | None = None


def entries_of(stream: BinaryIO) -> Iterator[Entry]:
    """An entry for each whole record that has a date, in the order of the file; damage costs itself alone."""
    return _paired(_entries(stream))


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(text: str) -> datetime | None:
    """A WARC-Date, also one told to the month or year alone; None when it is none."""
    try:
        if _PARTIAL_DATE.fullmatch(text):
            text += "-01-01"[len(text) - 4 :]
        moment = datetime.fromisoformat(text)
        # A date near the first or last year may leave the calendar with its zone.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _entries(stream: BinaryIO) -> Iterator[Entry]:
    run: str | None = None
    for sequence, place in enumerate(walked_past_damage(stream, _glance)):
        if place.kind == "warcinfo":
            run = fields_of(place.taken.start).get("run") or None
        moment = moment_of(place.headers.get("warc-date", ""))
        if moment is not None:
            yield _entry(place, sequence, microseconds(moment), run)


def _entry(place: Placed[_Glance], sequence: int, moment: int, run: str | None) -> Entry:
    headers, taken = place.headers, place.taken
    message = _message(headers, taken.start)
    asked = _REQUEST_LINE.match(taken.start) if place.kind == "request" else None
    return Entry(
        kind=place.kind,
        url=_bare(headers.get("warc-target-uri", "")),
        method=asked[1].decode("ascii").upper() if asked else "GET",
        body_digest=taken.body_digest,
        moment=moment,
        sequence=sequence,
        status=message.status if message and place.kind in ANSWERS else None,
        record_id=headers.get("warc-record-id", ""),
        concurrent_to=headers.get("warc-concurrent-to"),
        offset=place.offset,
        length=place.length,
        payload_digest=headers.get("warc-payload-digest") or taken.payload_digest,
        refers_to=headers.get("warc-refers-to"),
        refers_to_url=_bare(headers.get("warc-refers-to-target-uri", "")) or None,
        refers_to_date=headers.get("warc-refers-to-date"),
        run=run,
        media_type=_media_type(place.kind, headers, message),
    )


def _bare(uri: str) -> str:
    """WARC 1.0 puts URIs in angle brackets."""
    return uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri


def _message(headers: dict[str, str], start: bytes) -> Message | None:
    return split_message(start) if headers.get("content-type", "").startswith("application/http") else None


def _media_type(kind: str, headers: dict[str, str], message: Message | None) -> str | None:
    if kind == "revisit":
        return "warc/revisit"
    if message is None:
        value = None if kind in ("response", "request") else headers.get("content-type")
    else:
        value = next((value for name, value in message.headers if name.lower() == "content-type"), None)
    return _AFTER_TYPE.split(value, maxsplit=1)[0] if value else value


def _glance(kind: str, headers: dict[str, str], block: Block) -> _Glance:
    """The start of a block, and digests of all that follows its head."""
    start = block.read(MAX_HEAD_BYTES)
    if kind == "warcinfo" or (kind != "request" and "warc-payload-digest" in headers):
        return _Glance(start)
    message = _message(headers, start)
    body = message.body if message else start
    if kind == "request":
        if not body and not block.left:
            return _Glance(start)
        return _Glance(start, body_digest=_hashed(hashlib.sha256(), body, block).hexdigest())
    digest = _hashed(hashlib.sha1(usedforsecurity=False), body, block).digest()
    return _Glance(start, payload_digest="sha1:" + base64.b32encode(digest).decode("ascii"))


def _hashed(digest: hashlib._Hash, body: bytes, block: Block) -> hashlib._Hash:
    digest.update(body)
    for piece in block.pieces():
        digest.update(piece)
    return digest


def _paired(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same entries, answers and notes with the method and body of their request."""
    window = _Window()
    for entry in entries:
        partner = window.partner(entry)
        window.add(entry)
        if partner is not None:
            window.pair(entry, partner)
        if len(window.entries) > WINDOW:
            yield window.pop()
    yield from window.entries.values()


class _Window:
    """The last records of a file by sequence, and which of them is or names which id."""

    def __init__(self) -> None:
        self.entries: OrderedDict[int, Entry] = OrderedDict()
        self._ids: dict[str, int] = {}
        self._named: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        self.entries[entry.sequence] = entry
        self._ids[entry.record_id] = entry.sequence
        if entry.concurrent_to is not None:
            self._named[entry.concurrent_to] = entry.sequence

    def pop(self) -> Entry:
        _, done = self.entries.popitem(last=False)
        self._ids.pop(done.record_id, None)
        self._named.pop(done.concurrent_to or "", None)
        return done

    def partner(self, entry: Entry) -> Entry | None:
        """The record of the same exchange that came before `entry`."""
        for sequence in (self._ids.get(entry.concurrent_to or ""), self._named.get(entry.record_id)):
            if sequence is not None and (tied := self.entries.get(sequence)):
                return tied
        # Some recorders tie nothing together: an answer and a request side by side, of one URL, are a pair.
        before = self.entries.get(entry.sequence - 1)
        if before is None or before.url != entry.url or before.answered:
            return None
        loose = before.concurrent_to is None and entry.concurrent_to is None
        sides = {entry.kind, before.kind}
        return before if loose and "request" in sides and sides & set(ANSWERS) else None

    def pair(self, entry: Entry, partner: Entry) -> None:
        request, other = (entry, partner) if entry.kind == "request" else (partner, entry)
        if request.kind == "request" and other.kind in ANSWERS:
            self.entries[request.sequence] = replace(request, answered=True)
        if (other.method, other.body_digest) != (request.method, request.body_digest):
            asked = {"method": request.method, "body_digest": request.body_digest}
            self.entries[other.sequence] = replace(other, **asked)  # type: ignore[arg-type]
