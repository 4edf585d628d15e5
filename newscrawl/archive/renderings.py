"""The renderings that a replayed archive has, by the response from which each was made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from newscrawl.archive.pages import make_pointer
from newscrawl.errors import archive_errors
from newscrawl.items import WarcPointer
from newscrawl.warc.fast_reader import BlockStream, RecordSlice
from newscrawl.warc.reader import parse_warc_fields
from newscrawl.warc.record_groups import MAX_METADATA_BYTES, group_records
from newscrawl.warc.recovery import iter_slices_recovering
from newscrawl.warc.renderings import is_rendering


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRendering:
    """What a browser made of a page when it was recorded."""

    pointer: WarcPointer
    digest: str
    "Of the document: `sha1:` and Base32; empty if the browser failed."
    outcome: str
    "`ok`, or the name and text of an error."


def find_renderings(paths: Iterable[Path]) -> dict[str, RecordedRendering]:
    """The renderings in these files, by the record id of the response; the last where there are several."""
    found: dict[str, RecordedRendering] = {}
    for path in paths:
        with archive_errors(f"read {path}"), path.open("rb") as stream:
            records = (
                record
                for record in iter_slices_recovering(stream, _read_metadata)
                if is_rendering(record.url)
            )
            for group in group_records(records):
                response_id = group[0].headers.get("warc-concurrent-to", "")
                found[response_id] = _make_rendering(path.name, group)
    return found


def _make_rendering(file: str, group: list[RecordSlice[bytes]]) -> RecordedRendering:
    first, last = group[0], group[-1]
    pointer = make_pointer(file, first)
    return RecordedRendering(
        pointer=pointer,
        digest=pointer.payload_digest or "",
        outcome=parse_warc_fields(last.result).get("outcome", ""),
    )


def _read_metadata(kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
    return block.read(MAX_METADATA_BYTES if kind == "metadata" else 0)
