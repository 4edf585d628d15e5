"""Which bodies packing makes no smaller: what is content-encoded, and media that are compressed already."""

from __future__ import annotations

import re

from newscrawl.archive.http import Message

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
