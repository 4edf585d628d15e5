"""What a body is, by its first bytes: the value of WARC-Identified-Payload-Type.

Readers such as datatrove drop pages whose type is not identified, or guess worse.
"""

from __future__ import annotations

import re
import zlib

from newscrawl.archive.http import ContentError, Message, decoded

PREFIX_BYTES = 1024
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"\x1f\x8b", "application/gzip"),
    (b"PK\x03\x04", "application/zip"),
)
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|meta|title|div|p|table|a|h1)[\s>]", re.IGNORECASE
)
_FEEDS = (
    (re.compile(rb"<rss[\s>]", re.IGNORECASE), "application/rss+xml"),
    (re.compile(rb"<feed[\s>]", re.IGNORECASE), "application/atom+xml"),
)


def identified_type(message: Message) -> str | None:
    """Media type of a response's content, or None when its first bytes do not tell."""
    try:
        start = _content_start(message)
    except ContentError:
        return None
    return media_type(start)


def media_type(start: bytes) -> str | None:
    """Media type of content that starts with these bytes."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text or b"\x00" in text:
        return None
    if text.startswith(b"<?xml"):
        return next((kind for pattern, kind in _FEEDS if pattern.search(text)), _xml_or_xhtml(text))
    if _HTML.match(text) or (text.startswith(b"<!--") and _HTML.search(text)):
        return "text/html"
    if text[:1] in b"{[":
        return "application/json"
    return next((kind for pattern, kind in _FEEDS if pattern.match(text)), "text/plain")


def _xml_or_xhtml(text: bytes) -> str:
    return "application/xhtml+xml" if _HTML.search(text) else "application/xml"


def _content_start(message: Message) -> bytes:
    """The first bytes of the content, without decoding all of it where the coding allows."""
    coding = (message.header("content-encoding") or "").lower().strip()
    if coding in ("gzip", "x-gzip"):
        start = message.entity[: 2 * PREFIX_BYTES] if message.is_chunked else message.body[: 2 * PREFIX_BYTES]
        try:
            return zlib.decompressobj(31).decompress(start, PREFIX_BYTES)
        except zlib.error as error:
            raise ContentError(str(error)) from error
    if not coding:
        return message.entity[:PREFIX_BYTES]
    return decoded(message.entity, coding)[:PREFIX_BYTES]
