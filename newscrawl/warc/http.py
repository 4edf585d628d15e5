"""HTTP/1 messages as bytes: where the head ends, what the framing hides, what the coding hides.

Tolerant on purpose: an archive holds what servers really sent. Nothing here changes what is stored.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})(?!\d)")
# What Twisted's client also takes for one: any protocol, and whatever Python reads as whole numbers.
_NUMBER = rb"[^\S \n]{0,9}[+-]?\d{1,20}(?:_\d{1,9}){0,4}[^\S \n]{0,9}"
_ODD_STATUS_LINE = re.compile(rb"[^ /\n]{0,16384}/%b\.%b (%b)(?=[ \n]|$)".replace(b"%b", _NUMBER))
_SWITCHING_PROTOCOLS = 101
ZEROS = rb"(?:0(?=[0-9A-Fa-f])){0,1024}+"
"Some servers fill up the size of a chunk with them."
CHUNK_SIZE = re.compile(rb"[ \t]{0,1024}+%b([0-9A-Fa-f]{1,16}+)[^\n]{0,4096}+\n" % ZEROS)
AnyBytes = TypeVar("AnyBytes", bytes, memoryview)
_LARGEST_STATUS = 999
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
        code = status_of(self.head)
        return code if code is not None and 0 <= code <= _LARGEST_STATUS else None

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
        """Whether the last transfer coding says so, or the first: Twisted's client reads no other."""
        codings = (self.header("transfer-encoding") or "").lower().split(",")
        return "chunked" in (codings[0].strip(), codings[-1].strip())

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


def head_length(raw: bytes | memoryview) -> int:
    """Bytes of the head with its blank line; all of them where there is none."""
    end = _HEAD_END.search(raw)
    return end.end() if end else len(raw)


def split_interim(raw: bytes | memoryview) -> tuple[list[bytes], bytes | memoryview]:
    """The 1xx answers before the final one, and the final one."""
    interim: list[bytes] = []
    while (code := status_of(raw)) and 100 <= code < 200 and (end := _HEAD_END.search(raw)):
        after = raw[end.end() :]
        # What a server goes on with after 101 is no HTTP, unless nobody had asked it to switch.
        if code == _SWITCHING_PROTOCOLS and not is_response(after):
            break
        interim.append(bytes(raw[: end.end()]))
        raw = after
    return interim, raw


def is_response(raw: bytes | memoryview) -> bool:
    """Whether the bytes start like an HTTP/1 answer."""
    return status_of(raw) is not None


def status_of(raw: bytes | memoryview) -> int | None:
    """The number an answer starts with, as a client reads it: perhaps no status code there is."""
    match = _STATUS_LINE.match(raw) or _ODD_STATUS_LINE.match(raw)
    return int(match[1]) if match else None


def dechunked(body: bytes) -> bytes:
    """Chunk data joined; stops quietly where the framing breaks off."""
    return b"".join(chunks(body))


def chunks(body: AnyBytes) -> Iterator[AnyBytes]:
    """The data of each chunk (RFC 9112 section 7.1), as far as the framing holds."""
    at = 0
    while match := CHUNK_SIZE.match(body, at):
        size = int(match[1], 16)
        if size == 0:
            return
        if size > len(body) - match.end():
            yield body[match.end() :]
            return
        yield body[match.end() : match.end() + size]
        at = match.end() + size
        at += 2 if body[at : at + 2] == b"\r\n" else 1


def with_entity(head: bytes, entity: bytes) -> bytes:
    """The message of this head whose entity this is, framed as the head says."""
    if not Message(head, b"").is_chunked:
        return head + entity
    return head + (b"%X\r\n%s\r\n" % (len(entity), entity) if entity else b"") + b"0\r\n\r\n"


def without_headers(raw: bytes, names: Container[str]) -> tuple[bytes, list[str]]:
    """A message without the headers of these lower-case names, and the names, as sent, of what is gone."""
    end = head_length(raw)
    kept: list[bytes] = []
    gone: list[str] = []
    is_gone = False
    for number, line in enumerate(raw[:end].splitlines(keepends=True)):
        if number and line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].decode("latin-1").strip()
            is_gone = name.lower() in names
            if is_gone:
                gone.append(name)
        if not is_gone:
            kept.append(line)
    return (b"".join(kept) + raw[end:], gone) if gone else (raw, gone)


def decoded(data: bytes, coding: str, most: int | None = None) -> bytes:
    """`data` without one content coding, at most `most` bytes; a cut-off stream gives what is there."""
    most = MAX_CONTENT_BYTES if most is None else most
    if coding in ("identity", "") or not data:
        return data
    if coding in ("gzip", "x-gzip"):
        return _inflated(data, 31, most)
    if coding == "deflate":
        # zlib-wrapped by RFC 9110, raw by the habit of some servers
        return _inflated(data, 15 if (data[0] & 0x0F) == 8 and data[0] < 0x80 else -15, most)
    if coding == "br":
        return _unbrotlied(data, most)
    if coding == "zstd":
        return _unzstded(data, most)
    raise ContentError(f"unknown content coding {coding!r}")


def _inflated(data: bytes, window_bits: int, room: int) -> bytes:
    parts: list[bytes] = []
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


def _unbrotlied(data: bytes, most: int) -> bytes:
    import brotli

    unpacker = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    try:
        part = unpacker.process(data, output_buffer_limit=most)
        while part or not unpacker.can_accept_more_data():
            parts.append(part)
            size += len(part)
            if size >= most:
                break
            part = unpacker.process(b"", output_buffer_limit=most - size)
    except brotli.error as error:
        raise ContentError(str(error)) from error
    return b"".join(parts)[:most]


def _unzstded(data: bytes, most: int) -> bytes:
    from backports import zstd

    unpacker = zstd.ZstdDecompressor()
    try:
        return unpacker.decompress(data, max_length=most)
    except zstd.ZstdError as error:
        raise ContentError(str(error)) from error
