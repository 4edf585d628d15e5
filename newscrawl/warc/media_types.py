"""Identify the media type of a body by its first bytes, for WARC-Identified-Payload-Type.

Readers such as datatrove drop pages without this header, or make a worse guess.
"""

from __future__ import annotations

import re

from newscrawl.warc.http import ContentError, Message, dechunk, decode_content

PREFIX_BYTES = 1024
SNIFFED_BYTES = 160 * 1024
"Bytes of a body, with its codings, that are enough to decode the start: a zstd block is as large."
_SMALL_START_BYTES = 2 * PREFIX_BYTES
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
_CODINGS = frozenset({"gzip", "x-gzip", "compress", "x-compress", "deflate", "br", "zstd"})
_MEDIA = re.compile(r"(?:audio|font|image|video)/.")
_COMPRESSED = frozenset(
    {
        "application/epub+zip",
        "application/font-woff",
        "application/gzip",
        "application/java-archive",
        "application/pdf",
        "application/vnd.android.package-archive",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-font-woff",
        "application/x-gzip",
        "application/x-rar-compressed",
        "application/x-xz",
        "application/x-zip-compressed",
        "application/zip",
        "application/zstd",
    }
)
_COMPRESSED_FAMILIES = ("application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.")
"Office documents, which are zip files of XML."
_PLAIN_MEDIA = re.compile(
    r"audio/(?:basic|l\d+|midi|(?:x-|vnd\.)?wave?|x-aiff|aiff|x-midi)"
    r"|font/(?:collection|otf|sfnt|ttf)"
    r"|image/(?:bmp|tiff|svg\+xml|vnd\.microsoft\.icon|x-(?:bmp|icon|ms-bmp|portable-\w+|xbitmap|xpixmap))"
    r"|[a-z]+/[\w.-]*mpegurl"
)
"Uncompressed samples, outlines, pixels and playlists: gzip makes these smaller."
_TEXTS = re.compile(r"text/html|application/(?:\w+\+)?xml|application/json")
"What servers send under a media file's type when they report an error."
_UNSPECIFIED = ("", "application/octet-stream")


def identify_payload_type(message: Message) -> str | None:
    """Media type of a response's content; None if its first bytes are not characteristic.

    Reads only the first SNIFFED_BYTES of the body.
    """
    try:
        return sniff_media_type(_decode_start(message))
    except ContentError:
        return None


def sniff_media_type(start: bytes) -> str | None:
    """Media type of content that begins with these bytes; None if it is not recognised."""
    for magic, kind in _MAGIC:
        if magic.match(start):
            return kind
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text or b"\x00" in text:
        return None
    if text.startswith(b"<?xml"):
        kind = "application/xhtml+xml" if _HTML.search(text) else "application/xml"
        return next((feed for pattern, feed in _FEEDS if pattern.search(text)), kind)
    if _HTML.match(text) or (text.startswith(b"<!--") and _HTML.search(text)):
        return "text/html"
    if text[:1] in b"{[":
        return "application/json"
    return next((kind for pattern, kind in _FEEDS if pattern.match(text)), "text/plain")


def _decode_start(message: Message) -> bytes:
    """The first bytes of the decoded content; several content codings at once are not supported."""
    coding = (message.header("content-encoding") or "").lower().strip()
    start = message.body[: SNIFFED_BYTES if coding in ("br", "zstd") else _SMALL_START_BYTES]
    if message.is_chunked:
        start = dechunk(start)
    return decode_content(start, coding, PREFIX_BYTES)[:PREFIX_BYTES]


def is_incompressible(message: Message, identified: str | None) -> bool:
    """Whether gzip would not shrink a response, judging by its headers and its identified type."""
    codings = (message.header("content-encoding") or "").lower().split(",")
    if any(coding.strip() in _CODINGS for coding in codings):
        return True
    if identified and _TEXTS.fullmatch(identified):
        return False
    declared = (message.header("content-type") or "").partition(";")[0].strip().lower()
    media_type = (identified or "") if declared in _UNSPECIFIED else declared
    if _MEDIA.match(media_type):
        return not _PLAIN_MEDIA.fullmatch(media_type)
    return media_type in _COMPRESSED or media_type.startswith(_COMPRESSED_FAMILIES)
