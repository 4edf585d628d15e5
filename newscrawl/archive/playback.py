"""A replay's place in its archive: which capture answers the next request, and with which bytes."""

from __future__ import annotations

import ast
import asyncio
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from newscrawl.archive.captures import Capture, Key, Recorded, page_of
from newscrawl.archive.http import ContentError, Message, split_message
from newscrawl.archive.reader import ArchivedPage, WarcRecord, fields_of, open_warc, positioned, records_of
from newscrawl.archive.records import sha1_base32
from newscrawl.errors import ArchiveError
from newscrawl.parts import WarcPointer
from newscrawl.urls import host_of

NEAR = 3
_NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n\r\n"
_OTHER_VERSION = re.compile(rb"HTTP/[23](?:\.0)? ")
_FRAMING = re.compile(rb"(?im)^(?:transfer-encoding|content-length|content-encoding):[^\n]*\n")
_CHUNK = re.compile(rb"[ \t]*[0-9A-Fa-f]{1,16}[ \t]*[;\r\n]")


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of a capture as they went over the wire, and what its metadata record notes."""

    page: ArchivedPage
    received: bytes


@dataclass
class Playback:
    """Hands out captures: each once in the order of the run, or the nearest at or before a time."""

    recorded: Recorded
    at: datetime | None = None
    missed: int = 0
    served: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    "Held while a request is answered, so that answers come in the order of requests."
    _used: set[str] = field(default_factory=set)
    "Record ids handed out."

    def take(
        self, key: Key, page: str = "", headers: Mapping[str, str] | None = None, redirected: bool = False
    ) -> Capture | None:
        """The capture that answers a request, or None.

        `page` is the link's URL the request is made for: where several pages lead to one URL, each gets the
        capture it led to, whatever the order of requests. A page that the recorded run asked for by another
        spelling of its URL (with a tracking parameter, say) gets that one.
        """
        captures = self.recorded.captures(key)
        if self.at:
            before = [capture for capture in captures if capture.date <= self.at]
            chosen = max(_fitting(before, headers or {}), key=lambda capture: capture.date, default=None)
        else:
            chosen = self._next(_fitting(captures, headers or {}), key, page, redirected)
        if chosen:
            self._used.add(chosen.pointer.record_id)
            self.served += 1
        else:
            self.missed += 1
        return chosen

    def near(self, key: Key) -> list[str]:
        """URLs of the same host the archive holds, those with the likest paths first."""
        by_path = {_path(url): url for url in self.recorded.urls(host_of(key.url))}
        return [by_path[path] for path in difflib.get_close_matches(_path(key.url), by_path, n=NEAR)]

    def _next(self, captures: Sequence[Capture], key: Key, page: str, redirected: bool) -> Capture | None:
        unused = self._unused(captures)
        own = [capture for capture in unused if page_of(capture.page) == page_of(page)]
        if not own and page and not redirected:
            own = self._unused(self._spelled_otherwise(key, page))
        return next(iter(own or unused), None)

    def _unused(self, captures: Sequence[Capture]) -> list[Capture]:
        return [capture for capture in captures if capture.pointer.record_id not in self._used]

    def _spelled_otherwise(self, key: Key, page: str) -> list[Capture]:
        identity = page_of(page)
        found = self.recorded.pages(identity)
        return [c for c in found if c.key.method == key.method and page_of(c.key.url) == identity]


def _path(url: str) -> str:
    return url.split("/", 3)[-1]


def _fitting(captures: Sequence[Capture], headers: Mapping[str, str]) -> Sequence[Capture]:
    """Those whose answer was for these request headers, where captures differ in that; else all."""
    if len({capture.varied for capture in captures}) < 2:
        return captures
    fitting = [c for c in captures if all(headers.get(name, "") == value for name, value in c.varied)]
    return fitting or captures


def answer_of(recorded: Recorded, capture: Capture) -> Answer:
    """What was received; ArchiveError when a record that is needed is not there."""
    pointer = capture.pointer
    record, notes = _read(recorded, pointer)
    received = b""
    if capture.kind == "revisit":
        received = _revisited(recorded, capture, record, notes)
    elif capture.kind == "response":
        received = playable(record.block)
        if pointer.payload_digest is None:
            # Left out of the record by a setting, not of the pointer that was given out.
            digest = sha1_base32(split_message(record.block).entity)
            pointer = pointer.model_copy(update={"payload_digest": digest})
    return Answer(ArchivedPage(pointer, record, notes), received)


def playable(block: bytes) -> bytes:
    """A response as an HTTP/1 parser takes it: others keep bodies decoded, and HTTP/2 status lines."""
    message = split_message(_OTHER_VERSION.sub(b"HTTP/1.1 ", block, count=1))
    if not _is_decoded(message):
        return message.head + message.body
    head = _FRAMING.sub(b"", message.head)
    start, blank = head.rstrip(b"\r\n"), b"\r\n\r\n"
    return start + b"\r\nContent-Length: %d" % len(message.body) + blank + message.body


def _is_decoded(message: Message) -> bool:
    if message.is_chunked:
        return bool(message.body) and not _CHUNK.match(message.body)
    if message.header("content-encoding") and message.body:
        try:
            return not message.content
        except ContentError:
            return message.header("x-crawler-content-encoding") is not None
    return False


def _revisited(recorded: Recorded, capture: Capture, record: WarcRecord, notes: Mapping[str, str]) -> bytes:
    if not record.block or split_message(record.block).status == 304:
        return record.block or _noted_head(notes) or _NOT_MODIFIED
    place = recorded.response(capture.refers_to) if capture.refers_to else None
    if not place:
        raise ArchiveError(
            f"{capture.pointer.file}: revisit {capture.pointer.record_id} of {capture.key.url} refers to "
            f"{capture.refers_to or 'no record'}, which is not in the archive"
        )
    original, _ = _read(recorded, place)
    message = split_message(record.block)
    entity = split_message(original.block).entity
    if message.is_chunked:
        framed = b"%X\r\n%s\r\n" % (len(entity), entity) if entity else b""
        return message.head + framed + b"0\r\n\r\n"
    return message.head + entity


def _noted_head(notes: Mapping[str, str]) -> bytes:
    """The head of a 304 as its metadata record keeps it."""
    try:
        head = ast.literal_eval(notes.get("notModified", "b''"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return b""
    return head if isinstance(head, bytes) else b""


def _read(recorded: Recorded, pointer: WarcPointer) -> tuple[WarcRecord, dict[str, str]]:
    """A record and the notes on its exchange."""
    with open_warc(recorded.folder, pointer.file) as stream:
        records = records_of(positioned(stream, pointer.offset))
        _, _, first = next(records, (0, 0, None))
        if first is None or first.record_id != pointer.record_id:
            raise ArchiveError(
                f"{recorded.folder / pointer.file}: no record {pointer.record_id} at {pointer.offset}"
            )
        if first.kind == "metadata":
            return first, fields_of(first.block)
        for _, _, record in records:
            if record.headers.get("warc-concurrent-to") != first.record_id:
                break
            if record.kind == "metadata":
                return first, fields_of(record.block)
    return first, {}
