"""Pages of other programs' archives that are spread over several records: revisits and segmented records.

A revisit repeats the payload of an earlier response (ISO 28500:2017, 6.7); a record that is too long for its
file goes on in `continuation` records (clause 7). Both may refer to any other file, so they are joined once
all files were read. Nothing is written beside the archives: the index of originals is a temporary file.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from newscrawl.archive.following_records import FollowingRecords, find_following_records
from newscrawl.archive.pages import (
    REVISIT_UNRESOLVED,
    SEGMENT_MISSING,
    SEGMENT_NUMBER,
    ArchiveFile,
    PageLocation,
    Segment,
    find_foreign_skip_reason,
    find_loss,
    read_block_start,
)
from newscrawl.items import WarcPointer
from newscrawl.warc.fast_reader import RecordSlice
from newscrawl.warc.http import split_message
from newscrawl.warc.index import (
    INDEX_NAME,
    Index,
    IndexEntry,
    add_file,
    open_for_writing,
    sqlite_errors,
    transaction,
)
from newscrawl.warc.index_entries import iter_entries
from newscrawl.warc.reader import iter_slices, open_warc, seek_record

START_BYTES = 1 << 16
"Bytes of a joined block that show what it is."
SILENT_STATUSES = (None, 304)
"Statuses of a revisit that say nothing of the payload: it is what its original is."

ForeignSegment = tuple[ArchiveFile, Segment]


def iter_pages(files: Sequence[ArchiveFile]) -> Iterator[PageLocation]:
    """The pages of all files in their order, then those that several records make up together.

    Afterwards the files' counts hold the records that are no page or are lost, these records included.
    """
    yield from iter_file_pages(files, find_following_records(files))
    yield from iter_joined_pages(files)


def iter_file_pages(files: Iterable[ArchiveFile], following: FollowingRecords) -> Iterator[PageLocation]:
    """The pages of these files that begin in them, each with the records of its following pages."""
    for file in files:
        for page in file.pages():
            parts = following.get((page.folder, page.pointer.record_id))
            yield replace(page, parts=parts) if parts else page


def iter_joined_pages(files: Sequence[ArchiveFile]) -> Iterator[PageLocation]:
    """The pages that several records make up together; the pages of each file have been asked for."""
    yield from _join_segments(files)
    yield from _resolve_revisits(files)


def _join_segments(files: Sequence[ArchiveFile]) -> Iterator[PageLocation]:
    """The segmented pages of which every segment is there."""
    origins: dict[str, dict[int, ForeignSegment]] = defaultdict(dict)
    for file in files:
        for segment in file.segments:
            origins[segment.origin].setdefault(segment.number, (file, segment))
    for by_number in origins.values():
        # A segment whose number cannot be read is none, unless there is nothing else.
        ordered = [by_number[number] for number in sorted(by_number) if number or len(by_number) == 1]
        file = ordered[0][0]
        pointers = [_absolute_pointer(holder, segment.pointer) for holder, segment in ordered]
        record = _read_start(pointers) if 1 in by_number else None
        reason = _find_reason(file, record) if record else SEGMENT_MISSING
        if reason or not record or not _is_complete([segment for _, segment in ordered]):
            file.skipped[reason or SEGMENT_MISSING] += 1
            continue
        pointer = ordered[0][1].pointer
        yield _page_at(file, pointer, record.url, pointers[1:])


def _is_complete(segments: Sequence[Segment]) -> bool:
    """Whether no number is missing, and the sizes add up to the total that the last segment states."""
    is_gapless = [segment.number for segment in segments] == list(range(1, len(segments) + 1))
    return is_gapless and segments[-1].total == sum(segment.size for segment in segments)


def _resolve_revisits(files: Sequence[ArchiveFile]) -> Iterator[PageLocation]:
    """The revisits whose original is a page in one of the files."""
    if not any(file.revisits for file in files):
        return
    with _open_temporary_index(files) as index:
        for file in files:
            # Both follow the file, which may have revisits of newscrawl too: they need no index.
            offsets = iter(file.revisits)
            offset = next(offsets, None)
            for entry in index.revisits(_absolute_name(file)) if file.revisits else ():
                if entry.offset != offset:
                    continue
                offset = next(offsets, None)
                original = index.original(entry)
                reason = _find_revisit_reason(file, entry, original)
                if reason or not original:
                    file.skipped[reason or REVISIT_UNRESOLVED] += 1
                    continue
                pointer = entry.pointer.model_copy(update={"file": file.name})
                yield _page_at(file, pointer, entry.url, [original.pointer])


def _find_revisit_reason(file: ArchiveFile, entry: IndexEntry, original: IndexEntry | None) -> str | None:
    """Why a revisit is no page, or is lost; None for a page."""
    if entry.status not in (*SILENT_STATUSES, 200):
        return f"status_{entry.status}"
    if file.is_blocked(entry.url):
        return "taken_down"
    record = _read_start([original.pointer]) if original else None
    if record is None or SEGMENT_NUMBER in record.headers:
        return REVISIT_UNRESOLVED
    return find_foreign_skip_reason(record, split_message(record.result))


def _find_reason(file: ArchiveFile, record: RecordSlice[bytes]) -> str | None:
    reason = find_foreign_skip_reason(record, split_message(record.result)) or find_loss(record)
    return reason or ("taken_down" if file.is_blocked(record.url) else None)


def _read_start(pointers: Iterable[WarcPointer]) -> RecordSlice[bytes] | None:
    """The first record with the start of the block that all of them make up; None if it cannot be read."""
    first: RecordSlice[bytes] | None = None
    start = b""
    for pointer in pointers:
        with open_warc(Path(), pointer.file) as stream:
            record = next(iter_slices(seek_record(stream, pointer.offset), read_block_start), None)
        if record is None:
            break
        first, start = first or record, start + record.result
        if len(start) >= START_BYTES:
            break
    return first and first._replace(result=start)


def _page_at(file: ArchiveFile, pointer: WarcPointer, url: str, parts: Sequence[WarcPointer]) -> PageLocation:
    return PageLocation(folder=file.path.parent, pointer=pointer, url=url, run="", parts=tuple(parts))


def _absolute_name(file: ArchiveFile) -> str:
    return str(file.path.parent / file.name)


def _absolute_pointer(file: ArchiveFile, pointer: WarcPointer) -> WarcPointer:
    return pointer.model_copy(update={"file": _absolute_name(file)})


@contextmanager
def _open_temporary_index(files: Sequence[ArchiveFile]) -> Iterator[Index]:
    """An index of all files under their absolute names, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="newscrawl-index-") as name:
        folder = Path(name)
        path = folder / INDEX_NAME
        with sqlite_errors(path), closing(open_for_writing(path)) as db:
            db.execute("CREATE INDEX by_id ON records (record_id)")
            for file in files:
                with transaction(db), open_warc(file.path.parent, file.name) as stream:
                    add_file(db, _absolute_name(file), file.size, iter_entries(stream))
        with Index.open(folder) as index:
            yield index
