"""Normalize pages from the archives of other programs, so that their headers describe the stored bytes.

Some recorders decode a body before they store it, or rename headers. This is undone or marked while reading:
a decoded body no longer claims a coding. Nothing on disk changes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from newscrawl.errors import ArchiveError
from newscrawl.items import rfc3339
from newscrawl.warc.dates import parse_warc_date
from newscrawl.warc.http import ContentError, Message, decode_content, split_message
from newscrawl.warc.index import Index, IndexEntry
from newscrawl.warc.media_types import PREFIX_BYTES, sniff_media_type
from newscrawl.warc.reader import ArchivedPage, WarcRecord, read_page

_Headers = list[tuple[str, str]]

ORIGINAL_PREFIX = "x-orig-"
"Marks a header that was true on the wire but is not true of the record."
_RENAMED = re.compile(r"(?:x-orig-|x-crawler-|x-archive-orig-)(.+)", re.IGNORECASE)
_CONTENT, _TRANSFER = "content-encoding", "transfer-encoding"
_FRAMING = {_CONTENT, _TRANSFER, "content-length"}
_STATUS = re.compile(rb"HTTP/\d{1,2}(?:\.\d{1,2})? +(\d{3})(?: +([^\r\n]{0,1000}))?[ \t]*\r?\n?")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_MAGIC = {
    "gzip": (b"\x1f\x8b",),
    "x-gzip": (b"\x1f\x8b",),
    "zstd": (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"),
}
"Codings that can be recognised by their first bytes."
_DOCUMENTS = {
    "text/html",
    "application/xhtml+xml",
    "application/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/json",
}
"Types whose first bytes are characteristic, so that a body of this type is certainly not encoded."
_LINE_BREAKS = re.compile(r"[\r\n]+[ \t]*")
_MAX_HOPS = 3
"A revisit should not refer to a revisit; a few such steps are followed."


def normalize_page(page: ArchivedPage) -> ArchivedPage:
    """The same page with headers that describe its bytes; ArchiveError if it has no date or no URL."""
    record = page.response
    where = f"{page.pointer.file} at {page.pointer.offset}"
    moment = parse_warc_date(record.headers.get("warc-date", ""))
    if moment is None:
        raise ArchiveError(f"{where}: no valid WARC-Date")
    if not record.url:
        raise ArchiveError(f"{where}: no WARC-Target-URI")
    block = normalize_message(_parse_response(record))
    headers = {**record.headers, "warc-date": rfc3339(moment), "warc-target-uri": record.url}
    return replace(page, response=replace(record, headers=headers, block=block))


def read_indexed_page(folder: Path, entry: IndexEntry, index: Index) -> ArchivedPage:
    """Read the page of an index entry, a revisit with the body of its original.

    `read_page` resolves our own revisits; those of other programs are resolved here. Raises ArchiveError if
    the original is missing.
    """
    page = normalize_page(read_page(folder, entry.pointer))
    if page.message.body:
        return page
    target, hops = entry, 0
    while target.kind == "revisit":
        original = index.original(target) if hops < _MAX_HOPS else None
        if original is None:
            reference = entry.refers_to_url or entry.payload_digest
            where = f"{entry.file} at {entry.offset}"
            raise ArchiveError(f"{where}: {entry.url} repeats {reference}, which the index does not have")
        target, hops = original, hops + 1
    if target is entry:
        return page
    return merge_revisit(page, normalize_page(read_page(index.folder, target.pointer)))


def merge_revisit(revisit: ArchivedPage, original: ArchivedPage) -> ArchivedPage:
    """The revisit's headers with the body of the original; a 304 or an empty revisit becomes the original."""
    new, old = revisit.message, original.message
    if new.status in (None, 304):
        block = original.response.block
    else:
        headers = [pair for pair in new.headers if pair[0].lower() not in _FRAMING]
        coding = old.header(_CONTENT)
        headers += [("Content-Encoding", coding)] if coding else []
        block = normalize_message(Message(_make_head(new.head, headers), old.entity))
    return replace(revisit, response=replace(revisit.response, block=block))


def normalize_message(message: Message) -> bytes:
    """A message with an HTTP/1.1 status line and headers that describe its body."""
    headers = _restore_names([pair for pair in message.headers if pair[0] and not pair[0].startswith(":")])
    headers, body = _correct_framing(headers, message.body), message.body
    headers = _correct_coding(Message(_make_head(message.head, headers), body), headers)
    if headers == message.headers and message.head.startswith(b"HTTP/1."):
        return message.head + body
    return _make_head(message.head, headers) + body


def looks_chunked(body: bytes) -> bool:
    """Whether a body begins with a chunk (RFC 9112, section 7.1), even if the chunk is truncated."""
    match = _CHUNK.match(body)
    if not match:
        return False
    end = match.end() + int(match[1], 16)
    return end >= len(body) or body[end : end + 1] in (b"\r", b"\n")


def _parse_response(record: WarcRecord) -> Message:
    """The HTTP response in a record; a document stored without HTTP headers gets a head."""
    if record.block[:5] == b"HTTP/" or record.kind == "revisit":
        return split_message(record.block)
    kind = _LINE_BREAKS.sub(" ", record.headers.get("content-type", ""))
    kind = "" if kind.startswith("application/http") else kind
    headers = [("Content-Type", kind)] if kind else []
    return Message(_make_head(b"HTTP/1.1 200 OK\r\n", headers), record.block)


def _make_head(old: bytes, headers: _Headers) -> bytes:
    """A head with these headers and the status of `old`; empty if that has none."""
    status = _STATUS.match(old)
    if not status:
        return b""
    lines = [b"HTTP/1.1 %s %s" % (status[1], status[2] or b"")]
    lines += [f"{name}: {value}".encode("latin-1", "replace") for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _restore_names(headers: _Headers) -> _Headers:
    """Undo renamings, except of framing headers, which no longer describe the stored body."""
    present = {name.lower() for name, _ in headers}
    restored: _Headers = []
    for name, value in headers:
        match = _RENAMED.fullmatch(name)
        original = match[1] if match else name
        is_renamed = original.lower() not in _FRAMING and original.lower() not in present
        restored.append((original if is_renamed else name, value))
    return restored


def _correct_framing(headers: _Headers, body: bytes) -> _Headers:
    """Headers with Transfer-Encoding if, and only if, the body is chunked."""
    claims = [value for name, value in headers if name.lower() == _TRANSFER]
    if claims and _last_coding(claims[-1]) == "chunked":
        return headers if looks_chunked(body) else _mark_original(headers, _TRANSFER)
    renamed = any(
        _wire_name(name) == _TRANSFER and _last_coding(value) == "chunked" for name, value in headers
    )
    return [*headers, ("Transfer-Encoding", "chunked")] if renamed and looks_chunked(body) else headers


def _correct_coding(message: Message, headers: _Headers) -> _Headers:
    """Headers with Content-Encoding if, and only if, the body is encoded."""
    claimed = message.header(_CONTENT)
    if claimed is None:
        return _restore_coding(message, headers)
    return headers if _has_coding(message.entity, claimed) else _mark_original(headers, _CONTENT)


def _restore_coding(message: Message, headers: _Headers) -> _Headers:
    """Restore a renamed Content-Encoding if the body still has it."""
    for name, value in headers:
        coding = _last_coding(value)
        magic = _MAGIC.get(coding) if _wire_name(name) == _CONTENT else None
        if magic and message.entity.startswith(magic):
            return [*headers, ("Content-Encoding", coding)]
    return headers


def _has_coding(entity: bytes, claimed: str) -> bool:
    """Whether a body may be encoded as claimed, judging by its first bytes or else by decoding it."""
    coding = _last_coding(claimed)
    if coding in _MAGIC and entity.startswith(_MAGIC[coding]):
        return True
    if sniff_media_type(entity[:PREFIX_BYTES]) not in _DOCUMENTS:
        return True  # it may be damaged, but nothing shows that it was decoded
    try:
        decode_content(entity, coding)
    except ContentError:
        return False
    return True


def _mark_original(headers: _Headers, name: str) -> _Headers:
    return [(ORIGINAL_PREFIX + key if key.lower() == name else key, value) for key, value in headers]


def _wire_name(name: str) -> str | None:
    """The lower-case name that a renamed header had on the wire; None if it was not renamed."""
    match = _RENAMED.fullmatch(name)
    return match[1].lower() if match else None


def _last_coding(codings: str) -> str:
    """The outermost of the codings that a header lists."""
    return codings.lower().rpartition(",")[2].strip()
