"""What a body is, by its first bytes: the value of WARC-Identified-Payload-Type.

Readers such as datatrove drop pages whose type is not identified, or guess worse.
"""

from __future__ import annotations

import re

from newscrawl.warc.http import ContentError, Message, dechunked, decoded

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
"Office documents: zip files of XML."
_PLAIN_MEDIA = re.compile(
    r"audio/(?:basic|l\d+|midi|(?:x-|vnd\.)?wave?|x-aiff|aiff|x-midi)"
    r"|font/(?:collection|otf|sfnt|ttf)"
    r"|image/(?:bmp|tiff|svg\+xml|vnd\.microsoft\.icon|x-(?:bmp|icon|ms-bmp|portable-\w+|xbitmap|xpixmap))"
    r"|[a-z]+/[\w.-]*mpegurl"
)
"Samples, outlines, pixels and playlists as they are: these shrink."
_TEXTS = re.compile(r"text/html|application/(?:\w+\+)?xml|application/json")
"What is found under a medium's name when a server has an error to tell."

_UNTOLD = ("", "application/octet-stream")


def is_incompressible(message: Message, identified: str | None) -> bool:
    """Whether a response is stored as it is, going by its headers and by what its first bytes are."""
    if _is_encoded(message):
        return True
    if identified and _TEXTS.fullmatch(identified):
        return False
    declared = (message.header("content-type") or "").partition(";")[0].strip().lower()
    return _is_compressed((identified or "") if declared in _UNTOLD else declared)


def _is_encoded(message: Message) -> bool:
    codings = (message.header("content-encoding") or "").lower().split(",")
    return any(coding.strip() in _CODINGS for coding in codings)


def _is_compressed(media_type: str) -> bool:
    if _MEDIA.match(media_type):
        return not _PLAIN_MEDIA.fullmatch(media_type)
    return media_type in _COMPRESSED or media_type.startswith(_COMPRESSED_FAMILIES)
