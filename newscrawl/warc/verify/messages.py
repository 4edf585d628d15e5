"""The block of one record going by: its digests made again, its HTTP message checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newscrawl.warc.http import CHUNK_SIZE, ZEROS, ContentError, Message, decoded
from newscrawl.warc.verify.headers import Declared, RecordHead, Running, declared_digest
from newscrawl.warc.verify.problems import Fault, shown

_STRICT = re.compile(rb"%b[0-9A-Fa-f]{1,16}[ \t]{0,256}(?:;[^\n]{0,4096})?\r?\n" % ZEROS)
_LONGEST_SIZE = 8192
_LONGEST_TRAILER = 1 << 16


@dataclass
class Dechunker:
    """Gives the same entity as `newscrawl.warc.http.dechunked`, whatever the pieces fed."""

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


MAX_HEAD = 1 << 17
"A longer HTTP head is not looked at."
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_HEAD_END_BYTES = 4
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? {1,8}\d{3}")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} +[^ \r\n][^\r\n]*\r?\n")
_INTERIM = re.compile(rb"HTTP/\d(?:\.\d)? {1,8}(1(?!01)\d\d)(?!\d)")
_DIGITS = re.compile(r"[0-9]{1,18}")
_OPENING = 4096
"Bytes of the entity that are tried against its content coding."
_CODINGS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})
_WITHOUT_BODY = frozenset({204, 304})


class MessageCheck:
    """Fed the block of an application/http record; tells its faults at the end."""

    def __init__(self, digest: Declared | None, is_response: bool) -> None:
        self.is_response = is_response
        self.message: Message | None = None
        self.body_bytes = 0
        self._interim = 0
        self._head = b""
        self._lost: Fault | None = None
        self._entity = Running(digest) if digest else None
        self._framed = Running(digest) if digest else None
        "The digest over chunk framing, to tell the habit of some writers from damage."
        self._chunks: Dechunker | None = None
        self._opening = b""

    def feed(self, data: bytes) -> None:
        if self.message:
            self._feed_body(data)
        elif not self._lost:
            searched = max(0, len(self._head) - _HEAD_END_BYTES)
            self._head += data
            self._read_head(searched)

    @property
    def method(self) -> str:
        """Of a request, as sent; empty when there is none."""
        if self.is_response or not self.message:
            return ""
        return self.message.head[:64].split(b" ")[0].decode("latin-1")

    @property
    def promises_a_body(self) -> bool:
        """Whether there is none though the headers tell of one: right in answers to HEAD alone."""
        if not self.is_response or not self.message or self.body_bytes or self._has_no_body:
            return False
        return self.message.is_chunked or bool(self._declared_length)

    def _read_head(self, searched: int) -> None:
        """Take the head off the block's beginning, with the interim answers before it."""
        start_line = _STATUS_LINE if self.is_response else _REQUEST_LINE
        raw, at = self._head, 0
        while end := _HEAD_END.search(raw, max(at, searched)):
            if not start_line.match(raw, at):
                self._head = raw[at : at + MAX_HEAD]
                self._lost = "http_start_line", f"the block begins with {shown(self._start)}"
                return
            if not (self.is_response and (interim := _INTERIM.match(raw, at))):
                self._head = b""
                self.message = Message(raw[at : end.end()], b"")
                self._chunks = Dechunker() if self.message.is_chunked else None
                self._feed_body(raw[end.end() :])
                return
            self._interim, at = int(interim[1]), end.end()
        self._head = raw[at:]
        if len(self._head) > MAX_HEAD:
            self._lost = "http_head_too_long", f"no blank line within {MAX_HEAD} bytes"

    def _feed_body(self, data: bytes) -> None:
        self.body_bytes += len(data)
        if self._framed and self._chunks:
            self._framed.update(data)
        for part in self._chunks.feed(data) if self._chunks else (data,):
            if self._entity:
                self._entity.update(part)
            if len(self._opening) < _OPENING:
                self._opening += part[:_OPENING]

    def faults(self, *, truncated: bool, has_payload: bool) -> Iterator[Fault]:
        """What is wrong; a block said to be truncated may end anywhere, a revisit has no payload."""
        if self._interim:
            yield "interim_in_block", f"an interim answer ({self._interim}) stands before the final one"
        if self._lost:
            yield self._lost
        elif self.message is None:
            if self._head and not truncated:
                yield self._unfinished()
        elif has_payload:
            if not truncated:
                yield from self._length_faults()
            yield from self._chunk_faults(self.message, truncated)
            yield from self._coding_faults(self.message)
            yield from self._digest_faults()

    def _unfinished(self) -> Fault:
        start_line = _STATUS_LINE if self.is_response else _REQUEST_LINE
        if start_line.match(self._head):
            return "http_head_unfinished", "no blank line ends the HTTP head"
        return "http_start_line", f"the block begins with {shown(self._start)}"

    @property
    def _start(self) -> str:
        return self._head[:60].decode("latin-1")

    @property
    def _has_no_body(self) -> bool:
        return self.message is not None and self.message.status in _WITHOUT_BODY

    @property
    def _declared_length(self) -> int | None:
        """The HTTP Content-Length, where there is one and one only."""
        assert self.message is not None
        values = {value.strip() for value in (self.message.header("content-length") or "").split(",")}
        text = values.pop() if len(values) == 1 else ""
        return int(text) if _DIGITS.fullmatch(text) else None

    def _length_faults(self) -> Iterator[Fault]:
        length = self._declared_length
        if self._chunks or length is None or self._has_no_body or self.promises_a_body:
            return
        if length != self.body_bytes:
            text = f"HTTP Content-Length is {length}, but the body has {self.body_bytes} bytes"
            yield "http_length_mismatch", text

    def _chunk_faults(self, message: Message, truncated: bool) -> Iterator[Fault]:
        chunks = self._chunks
        if not chunks or not self.body_bytes:
            return
        if not chunks.began:
            if not truncated or chunks.broken:
                opening = message.header("transfer-encoding")
                yield "http_not_chunked", f"Transfer-Encoding is {shown(opening or '')}, but the body is not"
        elif chunks.broken:
            yield "http_chunks_broken", "the chunk framing breaks off inside the body"
        elif not chunks.complete and not truncated:
            yield "http_chunks_incomplete", "the last chunk or the end of the trailer is missing"
        elif chunks.bytes_after:
            yield "http_bytes_after_body", "bytes follow the last chunk and its trailer"

    def _coding_faults(self, message: Message) -> Iterator[Fault]:
        codings = [part.strip() for part in (message.header("content-encoding") or "").lower().split(",")]
        # A range begins anywhere in the coded entity.
        if codings[-1] not in _CODINGS or not self._opening or message.status == 206:
            return
        if self._chunks and not self._chunks.began:
            return
        try:
            decoded(self._opening, codings[-1])
        except ContentError:
            yield "http_not_encoded", f"Content-Encoding is {codings[-1]}, but the body is not"

    def _digest_faults(self) -> Iterator[Fault]:
        if not self._entity or not self._framed or self._entity.agrees:
            return
        if not self._chunks or not self._framed.agrees:
            yield "payload_digest_mismatch", self._entity.difference
        elif self._chunks.began:
            yield "payload_digest_over_framing", f"{self._framed.declared.header} is of the chunked body"


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
