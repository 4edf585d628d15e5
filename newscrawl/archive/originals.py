"""The response of an earlier run that an answer of 304 speaks of, found by the index of the folder."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from newscrawl.archive.exchange import Original
from newscrawl.archive.http import Message, split_message
from newscrawl.archive.index import NAME, Capture, Index
from newscrawl.archive.reader import WarcRecord, open_warc, positioned, records_of
from newscrawl.archive.records import sha1_base32
from newscrawl.errors import ArchiveError

MAX_LOOKED_AT = 5
"Responses of one URL that are read, the youngest first, for the one whose entity tag was asked about."


def earlier_original(folder: Path, url: str, if_none_match: str = "") -> Original | None:
    """The last whole 200 response of a URL, or the last with an entity tag that the request named.

    None when the folder has no index, or the index no such response that stands where it says;
    ArchiveError when the index cannot be read.
    """
    if not (folder / NAME).is_file():
        return None
    with Index.open(folder) as index:
        answers = (c for c in index.captures("GET", url) if c.kind == "response" and c.status == 200)
        youngest = reversed(deque(answers, MAX_LOOKED_AT))
    found = [(capture, message) for capture in youngest if (message := _whole_message(folder, capture))]
    tags = tags_of(if_none_match)
    tagged = (pair for pair in found if tags & tags_of(pair[1].header("etag") or ""))
    chosen = next(tagged, found[0] if found else None)
    return _original(*chosen) if chosen else None


def tags_of(value: str) -> set[str]:
    """Entity tags of a header, compared weakly as If-None-Match wants it (RFC 9110, 13.1.2)."""
    return {tag for part in value.split(",") if (tag := part.strip().removeprefix("W/"))}


def _whole_message(folder: Path, capture: Capture) -> Message | None:
    """What stands where the index says, if it is that record still and nothing of it was cut off."""
    record = _record(folder, capture)
    if record is None or record.record_id != capture.record_id or "warc-truncated" in record.headers:
        return None
    return split_message(record.block)


def _record(folder: Path, capture: Capture) -> WarcRecord | None:
    try:
        with open_warc(folder, capture.file) as stream:
            _, _, record = next(records_of(positioned(stream, capture.offset)), (0, 0, None))
    except ArchiveError:
        return None  # the file is gone since the index was built
    return record


def _original(capture: Capture, message: Message) -> Original:
    # Not the index's digest: where a record has none, that is of the body with its framing.
    pointer = capture.pointer.model_copy(update={"payload_digest": sha1_base32(message.entity)})
    return Original(pointer=pointer, url=capture.url, date=capture.date)
