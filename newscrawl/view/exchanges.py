"""The archived exchange of an article: what was sent and received, and the page as a frame may show it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from newscrawl.archive.pages import read_any_page
from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.view.stories import NotFound
from newscrawl.warc.http import ContentError, split_message
from newscrawl.warc.reader import (
    MAX_PAGE_BYTES,
    WarcRecord,
    iter_records,
    open_warc,
    parse_warc_fields,
    seek_record,
)
from newscrawl.warc.record_groups import group_records

MAX_SHOWN_BYTES = 8 << 20
"A longer page is cut: browsers take long over it."
MAX_SHOWN_HEADERS = 200
_INERT_TAGS = {
    "link": "meta",
    "a": "u",
    **dict.fromkeys(("area", "iframe", "frame", "object", "embed"), "span"),
}
"""Elements for which browsers open connections whatever a page's policy says, for `preconnect` or before a
navigation that the policy then refuses; and what stands in their place."""
_CONNECTING_TAG = re.compile(rf"<(/?)({'|'.join(_INERT_TAGS)})(?=[\s/>])", re.IGNORECASE)
_SHOWN_NOTES = (
    "outcome",
    "via",
    "redirectedFrom",
    "retryTimes",
    "fetchTimeMs",
    "fidelity",
    "rendering",
    "redacted",
)


def read_exchange(folder: Path, pointer: WarcPointer) -> list[WarcRecord]:
    """The records of an exchange, the one at the pointer first; NotFound if it is not there."""
    with open_warc(folder, pointer.file, pointer.offset + pointer.length) as stream:
        records = iter_records(seek_record(stream, pointer.offset), max_bytes=MAX_PAGE_BYTES)
        group = next(group_records(records), [])
    if not group or group[0].record_id != pointer.record_id:
        raise NotFound(f"{folder / pointer.file}: no record {pointer.record_id} at {pointer.offset}")
    return group


def describe_exchange(folder: Path, pointer: WarcPointer) -> dict[str, Any]:
    """Requests and answers of an exchange as data; ArchiveError if its records cannot be read."""
    records = read_exchange(folder, pointer)
    by_kind = {record.kind: record for record in records}
    answer = by_kind.get("response") or by_kind.get("revisit")
    notes = parse_warc_fields(by_kind["metadata"].block) if "metadata" in by_kind else {}
    return {
        "records": [
            {"kind": record.kind, "id": record.record_id, "offset": record.offset, "length": record.length}
            for record in records
        ],
        "file": pointer.file,
        "date": records[0].headers.get("warc-date"),
        "ip": records[0].headers.get("warc-ip-address"),
        "protocol": records[0].headers.get("warc-protocol"),
        "payload_digest": records[0].headers.get("warc-payload-digest"),
        "block_digest": records[0].headers.get("warc-block-digest"),
        "truncated": records[0].headers.get("warc-truncated"),
        "request": _describe_message(by_kind.get("request")),
        "response": _describe_message(answer),
        "notes": {name: notes[name] for name in _SHOWN_NOTES if name in notes},
    }


def _describe_message(record: WarcRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    message = split_message(record.block)
    first = message.head.partition(b"\n")[0].strip().decode("latin-1")
    return {"first_line": first, "headers": [list(pair) for pair in message.headers[:MAX_SHOWN_HEADERS]]}


def read_record_bytes(folder: Path, pointer: WarcPointer) -> bytes:
    """The records of an exchange as they are in the file: a small WARC file of its own."""
    records = read_exchange(folder, pointer)
    size = sum(record.length for record in records)
    with open_warc(folder, pointer.file, pointer.offset + size) as stream:
        stream.seek(pointer.offset)
        return stream.read(size)


def read_original(folder: Path, pointer: WarcPointer) -> bytes:
    """The archived page as UTF-8 for a frame without scripts and network: links and frames in it are inert.

    ArchiveError if it cannot be read.
    """
    # Here, since a viewer starts in half the time without extraction.
    from newscrawl.extraction.parse import decode_html

    message = read_any_page(folder, pointer).message
    try:
        content = message.decode(MAX_SHOWN_BYTES).data
    except ContentError as error:
        raise ArchiveError(f"{pointer.file} at {pointer.offset}: {error}") from error
    text, *_ = decode_html(content, message.header("content-type"))
    return _CONNECTING_TAG.sub(_make_inert, text).encode("utf-8", "replace")


def _make_inert(tag: re.Match[str]) -> str:
    return f"<{tag[1]}{_INERT_TAGS.get(tag[2].lower(), 'span')}"
