"""What a body is, by its first bytes: the value of WARC-Identified-Payload-Type.

Readers such as datatrove drop pages whose type is not identified, or guess worse.
"""

from __future__ import annotations

import re

from newscrawl.archive.http import ContentError, Message, dechunked, decoded

PREFIX_BYTES = 1024
ENOUGH_BYTES = 160 * 1024
"Of a body, encoded and framed, to show the first bytes of its content: a block of zstd is as large."
_LITTLE_BYTES = 2 * PREFIX_BYTES
_MAGIC = (
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"\x1f\x8b"), "application/gzip"),
    (re.compile(rb"PK\x03\x04"), "application/zip"),
)
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|meta|title|div|p|table|a|h1)[\s>]", re.IGNORECASE
)
_FEEDS = (
    (re.compile(rb"<rss[\s>]", re.IGNORECASE), "application/rss+xml"),
    (re.compile(rb"<feed[\s>]", re.IGNORECASE), "application/atom+xml"),
)


def identified_type(message: Message) -> str | None:
    """Media type of a response's content, or None when its first bytes do not tell.

    No more than the first ENOUGH_BYTES of the body are looked at.
    """
    try:
        start = _content_start(message)
    except ContentError:
        return None
    return media_type(start)


def media_type(start: bytes) -> str | None:
    """Media type of content that starts with these bytes."""
    for magic, kind in _MAGIC:
        if magic.match(start):
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
    """The first bytes of the content; several codings at once are not looked through."""
    coding = (message.header("content-encoding") or "").lower().strip()
    start = message.body[: ENOUGH_BYTES if coding in ("br", "zstd") else _LITTLE_BYTES]
    if message.is_chunked:
        start = dechunked(start)
    return decoded(start, coding, PREFIX_BYTES)[:PREFIX_BYTES]
