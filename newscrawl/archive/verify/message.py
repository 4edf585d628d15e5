"""An HTTP message going by: its framing against its own headers, and the digest of its payload."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newscrawl.archive.http import ContentError, Message, decoded
from newscrawl.archive.verify.chunks import Dechunker
from newscrawl.archive.verify.digests import Declared, Running
from newscrawl.archive.verify.problem import Fault, shown

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
