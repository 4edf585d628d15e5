"""Parse HTTP/1 messages (RFC 9112): head and body, transfer coding, content coding.

Parsing is lenient, since an archive holds what servers really sent. Nothing here changes what is stored.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

from newscrawl.gzip_members import inflate_members

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})(?!\d)")
# Twisted's client also accepts these: any protocol name, and any integer that Python can parse.
_NUMBER = rb"[^\S \n]{0,9}[+-]?\d{1,20}(?:_\d{1,9}){0,4}[^\S \n]{0,9}"
_ODD_STATUS_LINE = re.compile(rb"[^ /\n]{0,16384}/%b\.%b (%b)(?=[ \n]|$)".replace(b"%b", _NUMBER))
_SWITCHING_PROTOCOLS = 101
LEADING_ZEROS = rb"(?:0(?=[0-9A-Fa-f])){0,1024}+"
"Some servers pad the size of a chunk with them."
CHUNK_SIZE = re.compile(rb"[ \t]{0,1024}+%b([0-9A-Fa-f]{1,16}+)[^\n]{0,4096}+\n" % LEADING_ZEROS)
AnyBytes = TypeVar("AnyBytes", bytes, memoryview)
_LARGEST_STATUS = 999
MAX_CONTENT_BYTES = 64 * 1024 * 1024
"Decoded content is cut at this size, against decompression bombs."
MAX_HEAD_BYTES = 256 * 1024
"""Lines of a head that end behind it are not read, as in Chromium, which refuses a longer head: they can be
shorter than what each of them takes in memory."""


_GZIP_TYPES = frozenset({"application/gzip", "application/x-gzip"})
_MAGIC = ((b"\x1f\x8b\x08", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_UNDECLARED_CODINGS = 2
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_TEXT_BYTES = 1024


class ContentError(ValueError):
    """The content coding is damaged or unsupported."""


class DecodedContent(NamedTuple):
    """What is left of an entity without its content codings."""

    data: bytes
    is_mended: bool = False
    "Whether the header is wrong about the codings."


@dataclass(frozen=True)
class Message:
    """An HTTP message: `head` includes its blank line, `body` is what followed on the wire."""

    head: bytes
    body: bytes

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Names as sent and values, in order; folded lines are joined, lines without a colon left out.

        What stands behind MAX_HEAD_BYTES is left out too.
        """
        head = self.head
        if len(head) > MAX_HEAD_BYTES:
            head = head[: head.rfind(b"\n", 0, MAX_HEAD_BYTES) + 1]
        lines: list[list[bytes]] = []
        for line in head.split(b"\n")[1:]:
            if line[:1] in (b" ", b"\t") and lines:
                lines[-1].append(line.strip())
            else:
                lines.append([line.strip()])
        joined = (b" ".join(parts) for parts in lines)
        pairs = (line.decode("latin-1").partition(":") for line in joined if b":" in line)
        return [(name.strip(), value.strip()) for name, _, value in pairs]

    @cached_property
    def status(self) -> int | None:
        """Status code; None for a request or anything else."""
        code = parse_status(self.head)
        return code if code is not None and 0 <= code <= _LARGEST_STATUS else None

    @cached_property
    def by_name(self) -> dict[str, str]:
        """Values by lower-case name; repeated headers are joined with commas (RFC 9110, section 5.3)."""
        values: dict[str, list[str]] = {}
        for name, value in self.headers:
            values.setdefault(name.lower(), []).append(value)
        return {name: ", ".join(repeated) for name, repeated in values.items()}

    def header(self, name: str) -> str | None:
        """The value of a header, given its lower-case name; None if absent."""
        return self.by_name.get(name)

    @property
    def is_chunked(self) -> bool:
        """Whether the last transfer coding is chunked, or the first: Twisted's client reads no other."""
        codings = (self.header("transfer-encoding") or "").lower().split(",")
        return "chunked" in (codings[0].strip(), codings[-1].strip())

    @cached_property
    def entity(self) -> bytes:
        """The body without its transfer coding, but still content-encoded."""
        return dechunk(self.body) if self.is_chunked else self.body

    @cached_property
    def content(self) -> bytes:
        """The decoded entity, at most MAX_CONTENT_BYTES; ContentError if it cannot be decoded."""
        return self.decoded.data

    @cached_property
    def decoded(self) -> DecodedContent:
        """The content, and whether its codings are others than the header says; ContentError as above."""
        return self.decode()

    def decode(self, max_bytes: int | None = None) -> DecodedContent:
        """The same, cut at `max_bytes` once any coding was undone, and not cached."""
        is_file = is_gzip_type(self.header("content-type") or "")
        coding = self.header("content-encoding") or ""
        return decode_declared(self.entity, coding, max_bytes, is_file=is_file)


def split_message(raw: bytes) -> Message:
    """Split a message into head and body; without a blank line, everything is head."""
    end = _HEAD_END.search(raw)
    return Message(raw[: end.end()], raw[end.end() :]) if end else Message(raw, b"")


def head_length(raw: bytes | memoryview) -> int:
    """Length of the head with its blank line; of the whole message if there is no blank line."""
    end = _HEAD_END.search(raw)
    return end.end() if end else len(raw)


def split_interim(raw: bytes | memoryview) -> tuple[list[bytes], bytes | memoryview]:
    """Split the interim 1xx responses from the final response."""
    interim: list[bytes] = []
    while (code := parse_status(raw)) and 100 <= code < 200 and (end := _HEAD_END.search(raw)):
        after = raw[end.end() :]
        # What follows a 101 is not HTTP, except when the server switched without a request to.
        if code == _SWITCHING_PROTOCOLS and not is_response(after):
            break
        interim.append(bytes(raw[: end.end()]))
        raw = after
    return interim, raw


def is_response(raw: bytes | memoryview) -> bool:
    """Whether the bytes begin like an HTTP/1 response."""
    return parse_status(raw) is not None


def parse_status(raw: bytes | memoryview) -> int | None:
    """The number in the status line, as a client reads it: not always a valid status code."""
    match = _STATUS_LINE.match(raw) or _ODD_STATUS_LINE.match(raw)
    return int(match[1]) if match else None


def dechunk(body: bytes) -> bytes:
    """Remove the chunked coding; stops without an error where the framing is broken."""
    # Not a list of chunks: each of them may be a single byte.
    entity = bytearray()
    for chunk in iter_chunks(body):
        entity += chunk
    return bytes(entity)


def iter_chunks(body: AnyBytes) -> Iterator[AnyBytes]:
    """The data of each chunk (RFC 9112, section 7.1), as far as the framing is intact."""
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


def frame_entity(head: bytes, entity: bytes) -> bytes:
    """Build a message from a head and an entity, with the transfer coding that the head declares."""
    if not Message(head, b"").is_chunked:
        return head + entity
    return head + (b"%X\r\n%s\r\n" % (len(entity), entity) if entity else b"") + b"0\r\n\r\n"


def strip_headers(raw: bytes, names: Container[str]) -> tuple[bytes, list[str]]:
    """Remove headers, given their lower-case names; return the message and the removed names as sent."""
    end = head_length(raw)
    lines: list[bytes] = []
    removed: list[str] = []
    is_removed = False
    for number, line in enumerate(raw[:end].splitlines(keepends=True)):
        if number and line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].decode("latin-1").strip()
            is_removed = name.lower() in names
            if is_removed:
                removed.append(name)
        if not is_removed:
            lines.append(line)
    return (b"".join(lines) + raw[end:], removed) if removed else (raw, removed)


def decode_content(data: bytes, coding: str, max_bytes: int | None = None) -> bytes:
    """Undo a single content coding; a truncated stream gives what is there. Raises ContentError."""
    max_bytes = MAX_CONTENT_BYTES if max_bytes is None else max_bytes
    if coding in ("identity", "") or not data:
        return data
    if coding in ("gzip", "x-gzip"):
        return _gunzip(data, max_bytes)
    if coding == "deflate":
        # RFC 9110 means the zlib format, but some servers send raw deflate data.
        return _inflate(data, 15 if (data[0] & 0x0F) == 8 and data[0] < 0x80 else -15, max_bytes)
    if coding == "br":
        return _decode_brotli(data, max_bytes)
    if coding == "zstd":
        return _decode_zstd(data, max_bytes)
    raise ContentError(f"unknown content coding {coding!r}")


def decode_declared(
    data: bytes, declared: str, max_bytes: int | None = None, *, is_file: bool = False
) -> DecodedContent:
    """Undo the content codings of a Content-Encoding header, and believe the bytes where it is wrong.

    `is_file`: gzip data that no coding explains is what was asked for. ContentError if the content is
    damaged, or has a coding that can be neither undone nor recognised.
    """
    is_mended = False
    codings = [name for part in declared.lower().split(",") if (name := part.strip())]
    for coding in reversed(codings):
        found = _sniff_coding(data)
        if found and found != coding.removeprefix("x-"):
            is_mended = True  # Brotli might take the first bytes for an empty stream
            continue
        try:
            data = decode_content(data, coding, max_bytes)
        except ContentError:
            if found or not _is_text(data):
                raise
            is_mended = True
    for _ in range(_UNDECLARED_CODINGS):
        if is_file or not (found := _sniff_coding(data)):
            break
        data, is_mended = decode_content(data, found, max_bytes), True
    return DecodedContent(data, is_mended)


def is_gzip_type(content_type: str) -> bool:
    """Whether a Content-Type is that of a gzip file."""
    return content_type.partition(";")[0].strip().lower() in _GZIP_TYPES


def _sniff_coding(data: bytes) -> str | None:
    """The coding that the first bytes show; `br` and `deflate` cannot be told."""
    return next((coding for magic, coding in _MAGIC if data.startswith(magic)), None)


def _is_text(data: bytes) -> bool:
    head = data[:_TEXT_BYTES]
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or not _BINARY.search(head)


def _gunzip(data: bytes, room: int) -> bytes:
    try:
        found = inflate_members(data, room)
    except zlib.error as error:
        raise ContentError(str(error)) from error
    if found.is_damaged:
        raise ContentError("gzip data that is damaged")
    return found.data


def _inflate(data: bytes, window_bits: int, room: int) -> bytes:
    try:
        return zlib.decompressobj(window_bits).decompress(data, room)
    except zlib.error as error:
        raise ContentError(str(error)) from error


def _decode_brotli(data: bytes, max_bytes: int) -> bytes:
    import brotli

    decompressor = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    try:
        part = decompressor.process(data, output_buffer_limit=max_bytes)
        while part or not decompressor.can_accept_more_data():
            parts.append(part)
            size += len(part)
            if size >= max_bytes:
                break
            part = decompressor.process(b"", output_buffer_limit=max_bytes - size)
    except brotli.error as error:
        raise ContentError(str(error)) from error
    return b"".join(parts)[:max_bytes]


def _decode_zstd(data: bytes, max_bytes: int) -> bytes:
    from backports import zstd

    decompressor = zstd.ZstdDecompressor()
    try:
        return decompressor.decompress(data, max_length=max_bytes)
    except zstd.ZstdError as error:
        raise ContentError(str(error)) from error
