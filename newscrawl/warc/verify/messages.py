"""Check the block of a record as it is read: its digests and its HTTP message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from newscrawl.warc.http import CHUNK_SIZE, LEADING_ZEROS, ContentError, Message, decode_content
from newscrawl.warc.verify.headers import DigestCheck, RecordHead, parse_digest
from newscrawl.warc.verify.problems import Fault, quote_value

MAX_HEAD = 1 << 17
"A longer HTTP head is not checked."
_STRICT_CHUNK_SIZE = re.compile(rb"%b[0-9A-Fa-f]{1,16}[ \t]{0,256}(?:;[^\n]{0,4096})?\r?\n" % LEADING_ZEROS)
_LONGEST_SIZE = 8192
_LONGEST_TRAILER = 1 << 16
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_HEAD_END_BYTES = 4
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? {1,8}\d{3}")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} +[^ \r\n][^\r\n]*\r?\n")
_INTERIM = re.compile(rb"HTTP/\d(?:\.\d)? {1,8}(1(?!01)\d\d)(?!\d)")
_DIGITS = re.compile(r"[0-9]{1,18}")
_ENTITY_START_BYTES = 4096
"Bytes of the entity that are decoded to test its content coding."
_CODINGS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})
_WITHOUT_BODY = frozenset({204, 304})
_TAIL_BYTES = 4
_TYPES_WITHOUT_HTTP = ("warcinfo", "resource", "metadata", "conversion", "continuation")


@dataclass
class Dechunker:
    """Decode a chunked body piece by piece, and note every error of its framing.

    The result is that of `newscrawl.warc.http.dechunk`, which needs the whole body in memory and is lenient.
    """

    has_chunk: bool = False
    "Whether the body begins with a chunk size at all."
    is_broken: bool = False
    "Whether a chunk size or the line end of a chunk is missing."
    is_done: bool = False
    "Whether the last chunk has been read."
    _left: int = 0
    _expects_line_end: bool = False
    _is_first: bool = True
    _is_lost: bool = False
    _rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The chunk data in the next bytes of the body."""
        if self.is_done:
            self._rest = (self._rest + data)[: _LONGEST_TRAILER + 1]
            return []
        if self._is_stopped:
            return []
        parts: list[bytes] = []
        data, at = self._rest + data, 0
        while (end := self._step(data, at, parts)) > at:
            at = end
            if self._is_stopped:
                break
        self._rest = data[at : at + _LONGEST_TRAILER + 1]
        return parts

    @property
    def is_complete(self) -> bool:
        """Whether the last chunk and the end of the trailer have been read."""
        return self.is_done and self._trailer_end >= 0

    @property
    def has_bytes_after(self) -> bool:
        """Whether something follows the trailer."""
        return self.is_complete and self._trailer_end < len(self._rest)

    @property
    def _is_stopped(self) -> bool:
        return self.is_done or self._is_lost

    @property
    def _trailer_end(self) -> int:
        """Length of the trailer with its blank line; -1 if it has not ended."""
        at = 0
        while (end := self._rest.find(b"\n", at)) >= 0:
            if self._rest[at:end] in (b"", b"\r"):
                return end + 1
            at = end + 1
        return -1

    def _step(self, data: bytes, at: int, parts: list[bytes]) -> int:
        """Read a size line, chunk data or its line end; return its end, or `at` if more bytes are needed."""
        if self._left:
            part = data[at : at + self._left]
            if part:
                parts.append(part)
                self._left -= len(part)
                self._expects_line_end = not self._left
            return at + len(part)
        if self._expects_line_end:
            return self._read_line_end(data, at)
        return self._read_size(data, at)

    def _read_line_end(self, data: bytes, at: int) -> int:
        if len(data) - at < 2:
            return at
        self._expects_line_end = False
        if data[at : at + 2] == b"\r\n":
            return at + 2
        self.is_broken = self.is_broken or data[at : at + 1] != b"\n"
        return at + 1

    def _read_size(self, data: bytes, at: int) -> int:
        match = CHUNK_SIZE.match(data, at)
        if not match:
            if b"\n" in data[at:] or len(data) - at > _LONGEST_SIZE:
                self.is_broken = self._is_lost = True
            return at
        strict = bool(_STRICT_CHUNK_SIZE.match(data, at))
        if self._is_first:
            self.has_chunk, self._is_first = strict, False
        self.is_broken = self.is_broken or not strict
        self._left = int(match[1], 16)
        self.is_done = self._left == 0
        return match.end()


class MessageCheck:
    """Check the HTTP message in a block; feed it the whole block, then read its faults."""

    def __init__(self, digest: DigestCheck | None, is_response: bool) -> None:
        self.is_response = is_response
        self.message: Message | None = None
        self.body_bytes = 0
        self._interim = 0
        self._head = b""
        self._head_fault: Fault | None = None
        self._entity_digest = digest
        self._framed_digest = replace(digest) if digest else None
        "The digest with the chunk framing: some writers compute that, and it is no damage."
        self._chunks: Dechunker | None = None
        self._entity_start = b""

    def feed(self, data: bytes) -> None:
        if self.message:
            self._feed_body(data)
        elif not self._head_fault:
            searched = max(0, len(self._head) - _HEAD_END_BYTES)
            self._head += data
            self._read_head(searched)

    @property
    def method(self) -> str:
        """Method of a request as sent; empty for a response or without a message."""
        if self.is_response or not self.message:
            return ""
        return self.message.head[:64].split(b" ")[0].decode("latin-1")

    @property
    def lacks_declared_body(self) -> bool:
        """Whether the headers declare a body but there is none, which is right only in response to HEAD."""
        if not self.is_response or not self.message or self.body_bytes or self._has_no_body:
            return False
        return self.message.is_chunked or bool(self._declared_length)

    def _read_head(self, searched: int) -> None:
        """Remove the head from the beginning of the block, and the interim responses before it."""
        start_line = _STATUS_LINE if self.is_response else _REQUEST_LINE
        raw, at = self._head, 0
        while end := _HEAD_END.search(raw, max(at, searched)):
            if not start_line.match(raw, at):
                self._head = raw[at : at + MAX_HEAD]
                self._head_fault = "http_start_line", f"the block begins with {quote_value(self._head_start)}"
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
            self._head_fault = "http_head_too_long", f"no blank line within {MAX_HEAD} bytes"

    def _feed_body(self, data: bytes) -> None:
        self.body_bytes += len(data)
        if self._framed_digest and self._chunks:
            self._framed_digest.update(data)
        for part in self._chunks.feed(data) if self._chunks else (data,):
            if self._entity_digest:
                self._entity_digest.update(part)
            if len(self._entity_start) < _ENTITY_START_BYTES:
                self._entity_start += part[:_ENTITY_START_BYTES]

    def faults(self, *, truncated: bool, has_payload: bool) -> Iterator[Fault]:
        """Problems of the message; a truncated block may end anywhere, and a revisit has no payload."""
        if self._interim:
            yield "interim_in_block", f"an interim response ({self._interim}) precedes the final response"
        if self._head_fault:
            yield self._head_fault
        elif self.message is None:
            if self._head and not truncated:
                yield self._unfinished_head()
            if not self._head and has_payload and not truncated:
                yield from self._digest_faults()
        elif has_payload:
            if not truncated:
                yield from self._length_faults()
            yield from self._chunk_faults(self.message, truncated)
            yield from self._coding_faults(self.message)
            yield from self._digest_faults()

    def _unfinished_head(self) -> Fault:
        start_line = _STATUS_LINE if self.is_response else _REQUEST_LINE
        if start_line.match(self._head):
            return "http_head_unfinished", "no blank line ends the HTTP head"
        return "http_start_line", f"the block begins with {quote_value(self._head_start)}"

    @property
    def _head_start(self) -> str:
        return self._head[:60].decode("latin-1")

    @property
    def _has_no_body(self) -> bool:
        return self.message is not None and self.message.status in _WITHOUT_BODY

    @property
    def _declared_length(self) -> int | None:
        """The HTTP Content-Length; None if it is missing or ambiguous."""
        assert self.message is not None
        values = {value.strip() for value in (self.message.header("content-length") or "").split(",")}
        text = values.pop() if len(values) == 1 else ""
        return int(text) if _DIGITS.fullmatch(text) else None

    def _length_faults(self) -> Iterator[Fault]:
        length = self._declared_length
        if self._chunks or length is None or self._has_no_body or self.lacks_declared_body:
            return
        if length != self.body_bytes:
            text = f"HTTP Content-Length is {length}, but the body has {self.body_bytes} bytes"
            yield "http_length_mismatch", text

    def _chunk_faults(self, message: Message, truncated: bool) -> Iterator[Fault]:
        chunks = self._chunks
        if not chunks or not self.body_bytes:
            return
        if not chunks.has_chunk:
            if not truncated or chunks.is_broken:
                coding = quote_value(message.header("transfer-encoding") or "")
                yield "http_not_chunked", f"Transfer-Encoding is {coding}, but the body is not"
        elif chunks.is_broken:
            yield "http_chunks_broken", "the chunk framing is broken inside the body"
        elif not chunks.is_complete and not truncated:
            yield "http_chunks_incomplete", "the last chunk or the end of the trailer is missing"
        elif chunks.has_bytes_after:
            yield "http_bytes_after_body", "bytes follow the last chunk and its trailer"

    def _coding_faults(self, message: Message) -> Iterator[Fault]:
        codings = [part.strip() for part in (message.header("content-encoding") or "").lower().split(",")]
        # A partial response begins anywhere in the encoded entity.
        if codings[-1] not in _CODINGS or not self._entity_start or message.status == 206:
            return
        if self._chunks and not self._chunks.has_chunk:
            return
        try:
            decode_content(self._entity_start, codings[-1])
        except ContentError:
            yield "http_not_encoded", f"Content-Encoding is {codings[-1]}, but the body is not"

    def _digest_faults(self) -> Iterator[Fault]:
        if not self._entity_digest or not self._framed_digest or self._entity_digest.matches:
            return
        if not self._chunks or not self._framed_digest.matches:
            yield "payload_digest_mismatch", self._entity_digest.difference
        elif self._chunks.has_chunk:
            text = f"{self._framed_digest.header} was computed over the chunked body"
            yield "payload_digest_over_framing", text


class BlockCheck:
    """Check a block; feed it all pieces, then read its faults."""

    def __init__(self, head: RecordHead) -> None:
        self._faults: list[Fault] = []
        self._head = head
        self.tail = b""
        "The last bytes of the block so far."
        self._block = self._parse_digest("WARC-Block-Digest")
        payload = self._parse_digest("WARC-Payload-Digest")
        self._payload: DigestCheck | None = None
        self.message: MessageCheck | None = None
        if _is_http(head):
            self.message = MessageCheck(None if head.is_segment else payload, head.kind != "request")
        elif payload and head.kind != "revisit" and not head.is_segment:
            self._payload = payload

    def feed(self, piece: bytes) -> None:
        self.tail = (self.tail + piece[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        for digest in (self._block, self._payload):
            if digest:
                digest.update(piece)
        if self.message:
            self.message.feed(piece)

    @property
    def block_matches(self) -> bool:
        """Whether the block has a digest and matches it."""
        return bool(self._block and self._block.matches)

    @property
    def block_differs(self) -> bool:
        """Whether the block has a digest and does not match it."""
        return bool(self._block and not self._block.matches)

    def faults(self) -> Iterator[Fault]:
        """All problems of the block, once it has been fed completely."""
        yield from self._faults
        if self._block and not self._block.matches:
            yield "block_digest_mismatch", self._block.difference
        if self._payload and not self._payload.matches:
            yield "payload_digest_mismatch", self._payload.difference
        if self.message:
            truncated = bool(self._head.first("warc-truncated")) or self._head.is_segment
            yield from self.message.faults(truncated=truncated, has_payload=self._head.kind != "revisit")

    def _parse_digest(self, header: str) -> DigestCheck | None:
        text = self._head.first(header.lower())
        if not text:
            return None
        result = parse_digest(header, text)
        if isinstance(result, DigestCheck):
            return result
        self._faults.append(result)
        return None


def _is_http(head: RecordHead) -> bool:
    """Whether the block is an HTTP message; in records of other types, a message would be the payload."""
    media_type = (head.first("content-type") or "").lower().partition(";")[0].strip()
    if not media_type:
        return head.kind in ("response", "request")
    return media_type == "application/http" and head.kind not in _TYPES_WITHOUT_HTTP
