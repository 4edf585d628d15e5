"""Finds the record of another form of a single page's story, for commands that are about that page alone."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from newscrawl.archive.following_records import read_start
from newscrawl.archive.pages import has_arrived, iter_responses, make_pointer
from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.warc.index import warc_files
from newscrawl.warc.reader import open_warc
from newscrawl.warc.recovery import iter_slices_recovering
from newscrawl.warc.story_parts import read_story_part

MAX_FILES = 2
"The form is asked for right after its page: it is in the same file, or in the one that was begun then."


def find_form_records(folder: Path, first: WarcPointer) -> list[WarcPointer]:
    """The records of other forms of the story on a page; none of a page in a package."""
    names = [path.name for path in warc_files(folder)]
    if first.file not in names:
        return []
    start = names.index(first.file)
    return [
        pointer
        for name in islice(names, start, start + MAX_FILES)
        for pointer in _find_in_file(folder, name, first.record_id)
    ]


def _find_in_file(folder: Path, name: str, first_id: str) -> list[WarcPointer]:
    found: list[WarcPointer] = []
    try:
        with open_warc(folder, name) as stream:
            for response in iter_responses(iter_slices_recovering(stream, read_start)):
                part = read_story_part(response.metadata)
                if part and part.form and part.first_id == first_id and has_arrived(response):
                    found.append(make_pointer(name, response.record))
    except ArchiveError:
        return []
    return found
