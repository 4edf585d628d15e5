"""Pages from archives that other programs wrote, brought into the form our own have.

What recorders do to a message is undone or named at read time, so that its headers tell the truth about the
bytes that follow: a body that was decoded before it was stored no longer claims a coding, whatever renamed
headers say. Nothing on disk is changed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from newscrawl.errors import ArchiveError
from newscrawl.items import rfc3339
from newscrawl.warc.http import ContentError, Message, decoded, split_message
from newscrawl.warc.index import Capture, Index
from newscrawl.warc.index_entries import moment_of
from newscrawl.warc.media_types import PREFIX_BYTES, media_type
from newscrawl.warc.reader import ArchivedPage, WarcRecord, read_page

_Headers = list[tuple[str, str]]

KEPT_AS = "x-orig-"
"What stands before the name of a header that is true of the wire and no longer of the record."
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
"Codings that are known by their first bytes."
_DOCUMENTS = {
    "text/html",
    "application/xhtml+xml",
    "application/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/json",
}
"What is known for sure by its first bytes, and would look otherwise if it were encoded."
_LINE_BREAKS = re.compile(r"[\r\n]+[ \t]*")
_MAX_HOPS = 3
"Revisits of revisits are a fault of the writer; a few are followed."


def normalised(page: ArchivedPage) -> ArchivedPage:
    """The same page whose headers say what its bytes are; ArchiveError when it has no date or no URL."""
    record = page.response
    where = f"{page.pointer.file} at {page.pointer.offset}"
    moment = moment_of(record.headers.get("warc-date", ""))
    if moment is None:
        raise ArchiveError(f"{where}: no WARC-Date that can be read")
    if not record.url:
        raise ArchiveError(f"{where}: no WARC-Target-URI")
    block = message_bytes(_message_of(record))
    headers = {**record.headers, "warc-date": rfc3339(moment), "warc-target-uri": record.url}
    return replace(page, response=WarcRecord(record.kind, headers, block))


def page_of(folder: Path, capture: Capture, index: Index) -> ArchivedPage:
    """The page that a capture is, a revisit with the body it repeats; ArchiveError when that is missing.

    Our own revisits come out of `read_page` with their body; those of others are resolved here.
    """
    own = normalised(read_page(folder, capture.pointer))
    if own.message.body:
        return own
    found, hops = capture, 0
    while found.kind == "revisit":
        original = index.original(found) if hops < _MAX_HOPS else None
        if original is None:
            refers = capture.refers_to_url or capture.payload_digest
            raise ArchiveError(
                f"{capture.file} at {capture.offset}: {capture.url} repeats {refers}, which no index here has"
            )
        found, hops = original, hops + 1
    if found is capture:
        return own
    return with_body_of(own, normalised(read_page(index.folder, found.pointer)))


def with_body_of(revisit: ArchivedPage, original: ArchivedPage) -> ArchivedPage:
    """A revisit's own headers over the body it repeats; a 304 or an empty one says what the original said."""
    new, old = revisit.message, original.message
    if new.status in (None, 304):
        block = original.response.block
    else:
        kept = [pair for pair in new.headers if pair[0].lower() not in _FRAMING]
        coding = old.header(_CONTENT)
        kept += [("Content-Encoding", coding)] if coding else []
        block = message_bytes(Message(_head(new.head, kept), old.entity))
    return replace(revisit, response=replace(revisit.response, block=block))


def message_bytes(message: Message) -> bytes:
    """A message with an HTTP/1.1 status line and headers that are true of its body."""
    headers = _own_names([pair for pair in message.headers if pair[0] and not pair[0].startswith(":")])
    headers, body = _true_framing(headers, message.body), message.body
    headers = _true_coding(Message(_head(message.head, headers), body), headers)
    if headers == message.headers and message.head.startswith(b"HTTP/1."):
        return message.head + body
    return _head(message.head, headers) + body


def looks_chunked(body: bytes) -> bool:
    """Whether a body begins with a chunk as RFC 9112 section 7.1 frames it; one that is cut off may."""
    match = _CHUNK.match(body)
    if not match:
        return False
    end = match.end() + int(match[1], 16)
    return end >= len(body) or body[end : end + 1] in (b"\r", b"\n")


def _message_of(record: WarcRecord) -> Message:
    """The HTTP message of a record; one made up around a document that was stored without."""
    if record.block[:5] == b"HTTP/" or record.kind == "revisit":
        return split_message(record.block)
    kind = _LINE_BREAKS.sub(" ", record.headers.get("content-type", ""))
    kind = "" if kind.startswith("application/http") else kind
    headers = [("Content-Type", kind)] if kind else []
    return Message(_head(b"HTTP/1.1 200 OK\r\n", headers), record.block)


def _head(old: bytes, headers: _Headers) -> bytes:
    """A head with these headers and the status of another; empty where that has none."""
    status = _STATUS.match(old)
    if not status:
        return b""
    lines = [b"HTTP/1.1 %s %s" % (status[1], status[2] or b"")]
    lines += [f"{name}: {value}".encode("latin-1", "replace") for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _own_names(headers: _Headers) -> _Headers:
    """Headers under the names they had on the wire; those of framing stay renamed: the body has changed."""
    present = {name.lower() for name, _ in headers}
    found: _Headers = []
    for name, value in headers:
        match = _RENAMED.fullmatch(name)
        own = match[1] if match else name
        renamed = match is not None and own.lower() not in _FRAMING and own.lower() not in present
        found.append((own if renamed else name, value))
    return found


def _true_framing(headers: _Headers, body: bytes) -> _Headers:
    """Headers whose Transfer-Encoding is there if, and only if, the body is in chunks."""
    claims = [value for name, value in headers if name.lower() == _TRANSFER]
    if claims and _last(claims[-1]) == "chunked":
        return headers if looks_chunked(body) else _set_aside(headers, _TRANSFER)
    renamed = any(_original(name) == _TRANSFER and _last(value) == "chunked" for name, value in headers)
    return [*headers, ("Transfer-Encoding", "chunked")] if renamed and looks_chunked(body) else headers


def _true_coding(message: Message, headers: _Headers) -> _Headers:
    """Headers whose Content-Encoding is there if, and only if, the body has it."""
    claimed = message.header(_CONTENT)
    if claimed is None:
        return _restored(message, headers)
    return headers if _has_coding(message.entity, claimed) else _set_aside(headers, _CONTENT)


def _restored(message: Message, headers: _Headers) -> _Headers:
    """A coding that was renamed away from a body that still has it."""
    for name, value in headers:
        coding = _last(value)
        magic = _MAGIC.get(coding) if _original(name) == _CONTENT else None
        if magic and message.entity.startswith(magic):
            return [*headers, ("Content-Encoding", coding)]
    return headers


def _has_coding(entity: bytes, claimed: str) -> bool:
    """Whether a body may be encoded as claimed: known by its first bytes, else by trying."""
    coding = _last(claimed)
    if coding in _MAGIC and entity.startswith(_MAGIC[coding]):
        return True
    if media_type(entity[:PREFIX_BYTES]) not in _DOCUMENTS:
        return True  # broken, perhaps, but nothing says that it was decoded
    try:
        decoded(entity, coding)
    except ContentError:
        return False
    return True


def _set_aside(headers: _Headers, name: str) -> _Headers:
    return [(KEPT_AS + own if own.lower() == name else own, value) for own, value in headers]


def _original(name: str) -> str | None:
    """The lower-case name a renamed header had on the wire."""
    match = _RENAMED.fullmatch(name)
    return match[1].lower() if match else None


def _last(codings: str) -> str:
    """The outermost of the codings a header lists."""
    return codings.lower().rpartition(",")[2].strip()
