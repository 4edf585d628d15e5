"""Finds the records of a story's following pages.

The first page is written before them and cannot name them, so the metadata of each names the first page. One
pass over the files therefore comes before the pages of any of them are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from newscrawl.archive.pages import ArchiveFile, has_arrived, is_gone, iter_responses, make_pointer
from newscrawl.items import WarcPointer
from newscrawl.warc.fast_reader import BlockStream
from newscrawl.warc.reader import open_warc
from newscrawl.warc.recovery import iter_slices_recovering
from newscrawl.warc.story_parts import PART_FIELD, read_story_part

HEAD_BYTES = 1 << 12
"Of a response, only its status is read."
_BLOCK_BYTES = {"response": HEAD_BYTES, "revisit": HEAD_BYTES, "metadata": 1 << 20, "warcinfo": 1 << 16}
FollowingRecords = dict[tuple[Path, str], tuple[WarcPointer, ...]]
"""The records of following pages, by folder and by the record id of the first page; in the order of pages.
Those that say that a page does not exist are among them: other failures may pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberedPage:
    """The record of a page of a story, and which page it is."""

    folder: Path
    first_id: str
    "Record id of the story's first page."
    number: int
    pointer: WarcPointer
    has_arrived: bool
    "Whether it holds the page; else that there is none."


def find_following_records(files: Iterable[ArchiveFile]) -> FollowingRecords:
    """All following pages in these files; of several records for a page, the last that answered it."""
    return order_following_pages(find_numbered_pages(files))


def order_following_pages(found: Iterable[NumberedPage]) -> FollowingRecords:
    """The records among these for each page, which are in the order of the files."""
    pages: dict[tuple[Path, str], dict[int, NumberedPage]] = {}
    for page in found:
        numbered = pages.setdefault((page.folder, page.first_id), {})
        before = numbered.get(page.number)
        if page.has_arrived or not (before and before.has_arrived):
            numbered[page.number] = page
    return {
        key: tuple(numbered[number].pointer for number in sorted(numbered)) for key, numbered in pages.items()
    }


def find_numbered_pages(files: Iterable[ArchiveFile]) -> Iterator[NumberedPage]:
    """The records of following pages in these files, in their order."""
    for file in files:
        with open_warc(file.path.parent, file.name) as stream:
            for response in iter_responses(iter_slices_recovering(stream, read_start)):
                part = read_story_part(response.metadata) if PART_FIELD in response.metadata else None
                arrived = has_arrived(response)
                if part and (arrived or is_gone(response)):
                    yield NumberedPage(
                        folder=file.path.parent,
                        first_id=part.first_id,
                        number=part.number,
                        pointer=make_pointer(file.name, response.record),
                        has_arrived=arrived,
                    )


def read_start(kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
    """As much of a block as shows which page of which story it is, and whether that arrived."""
    return block.read(_BLOCK_BYTES.get(kind, 0))
