"""HTTP/1 messages as bytes: where the head ends, what the framing hides, what the coding hides.

Tolerant on purpose: an archive holds what servers really sent. Nothing here changes what is stored.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cached_property

_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d[ \r\n]")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/(\d(?:\.\d)?) +(\d{3})(?: ([^\r\n]*))?")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[^\n]{0,4096}\n")
MAX_CONTENT_BYTES = 64 * 1024 * 1024
"Content-decoded bytes kept at most; a bomb ends there."


class ContentError(ValueError):
    """The content coding is broken or unknown."""


@dataclass(frozen=True)
class Message:
    """One HTTP message: `head` ends with its blank line, `body` is what followed on the wire."""

    head: bytes
    body: bytes

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Header lines in order, names as sent; folded lines joined, lines without a colon left out."""
        lines: list[bytes] = []
        for line in self.head.split(b"\n")[1:]:
            if line[:1] in (b" ", b"\t") and lines:
                lines[-1] += b" " + line.strip()
            else:
                lines.append(line.strip())
        pairs = (line.decode("latin-1").partition(":") for line in lines if b":" in line)
        return [(name.strip(), value.strip()) for name, _, value in pairs]

    @cached_property
    def status(self) -> int | None:
        """Status code, None for a request or garbage."""
        match = _STATUS_LINE.match(self.head)
        return int(match[2]) if match else None

    @cached_property
    def by_name(self) -> dict[str, str]:
        """Values by lower-case name; those of a repeated one joined by comma and space (RFC 9110, 5.3)."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return found

    def header(self, name: str) -> str | None:
        """The value of a header, named in lower case."""
        return self.by_name.get(name)

    @property
    def is_chunked(self) -> bool:
        return (self.header("transfer-encoding") or "").lower().rpartition(",")[2].strip() == "chunked"

    @cached_property
    def entity(self) -> bytes:
        """The body without its transfer coding, still content-encoded."""
        return dechunked(self.body) if self.is_chunked else self.body

    @cached_property
    def content(self) -> bytes:
        """The entity without its content coding, at most MAX_CONTENT_BYTES; ContentError if broken."""
        data = self.entity
        codings = (self.header("content-encoding") or "").lower().split(",")
        for coding in reversed([c.strip() for c in codings if c.strip()]):
            data = decoded(data, coding)
        return data


def split_message(raw: bytes) -> Message:
    """Head and body of a message; a message without a blank line is all head."""
    end = _HEAD_END.search(raw)
    return Message(raw[: end.end()], raw[end.end() :]) if end else Message(raw, b"")


def split_interim(raw: bytes) -> tuple[list[bytes], bytes]:
    """The 1xx answers before the final one, and the final one."""
    interim: list[bytes] = []
    while _INTERIM.match(raw) and not raw.startswith(b"HTTP/1.1 101"):
        end = _HEAD_END.search(raw)
        if not end:
            break
        interim.append(raw[: end.end()])
        raw = raw[end.end() :]
    return interim, raw


def is_response(raw: bytes) -> bool:
    """Whether the bytes start like an HTTP/1 answer."""
    return _STATUS_LINE.match(raw) is not None


def dechunked(body: bytes) -> bytes:
    """Chunk data joined (RFC 9112 section 7.1); stops quietly where the framing breaks off."""
    parts: list[bytes] = []
    at = 0
    while match := _CHUNK_SIZE.match(body, at):
        size = int(match[1], 16)
        if size == 0:
            break
        parts.append(body[match.end() : match.end() + size])
        at = match.end() + size
        at += 2 if body[at : at + 2] == b"\r\n" else 1
    return b"".join(parts)


def decoded(data: bytes, coding: str) -> bytes:
    """`data` without one content coding; a cut-off stream gives what is there."""
    if coding in ("identity", "") or not data:
        return data
    if coding in ("gzip", "x-gzip"):
        return _inflated(data, 31)
    if coding == "deflate":
        # zlib-wrapped by RFC 9110, raw by the habit of some servers
        return _inflated(data, 15 if (data[0] & 0x0F) == 8 and data[0] < 0x80 else -15)
    if coding == "br":
        return _unbrotlied(data)
    if coding == "zstd":
        return _unzstded(data)
    raise ContentError(f"unknown content coding {coding!r}")


def _inflated(data: bytes, window_bits: int) -> bytes:
    parts: list[bytes] = []
    room = MAX_CONTENT_BYTES
    while data and room > 0:
        inflater = zlib.decompressobj(window_bits)
        try:
            part = inflater.decompress(data, room)
        except zlib.error as error:
            if parts:
                break  # rubbish after the last gzip member
            raise ContentError(str(error)) from error
        parts.append(part)
        room -= len(part)
        data = inflater.unused_data if window_bits == 31 else b""
    return b"".join(parts)


def _unbrotlied(data: bytes) -> bytes:
    import brotli

    unpacker = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    try:
        part = unpacker.process(data, output_buffer_limit=MAX_CONTENT_BYTES)
        while part or not unpacker.can_accept_more_data():
            parts.append(part)
            size += len(part)
            if size >= MAX_CONTENT_BYTES:
                break
            part = unpacker.process(b"", output_buffer_limit=MAX_CONTENT_BYTES - size)
    except brotli.error as error:
        raise ContentError(str(error)) from error
    return b"".join(parts)[:MAX_CONTENT_BYTES]


def _unzstded(data: bytes) -> bytes:
    from backports import zstd

    unpacker = zstd.ZstdDecompressor()
    try:
        return unpacker.decompress(data, max_length=MAX_CONTENT_BYTES)
    except zstd.ZstdError as error:
        raise ContentError(str(error)) from error
