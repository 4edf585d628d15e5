"""What `newscrawl doctor --mend` does to the files of one outlet, before state is told."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from newscrawl.archive.ended import ended_pages
from newscrawl.archive.mending import add_line, drop_repeated, set_aside
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.report import SUFFIX, read_report
from newscrawl.commands.extract import default_policy
from newscrawl.errors import ArchiveError
from newscrawl.extraction import extract_at
from newscrawl.items import Article
from newscrawl.outlet import Outlet
from newscrawl.parts import WarcPointer
from newscrawl.state.pages import PageTable
from newscrawl.state.rows import key_of
from newscrawl.text.rights import decided


class MendedFiles(NamedTuple):
    """How much of what."""

    files: int = 0
    "Left open and closed now, or missing in the manifest."
    set_aside: int = 0
    "Broken lines that are in `….jsonl.broken` now."
    repeated: int = 0
    "Lines of a version that had one already."
    extracted: int = 0
    "Lost lines made again from the archive; those of other pages come when these are fetched again."


def mended_files(
    pages: PageTable, folder: Path, runs: Callable[[], Iterable[str]], outlet: Outlet | None
) -> MendedFiles:
    """Close, sort out, and make again; ArchiveError when a file cannot be written."""
    closed = repair_folder(folder, host=socket.gethostname(), complete=True)
    known = list(runs())
    return MendedFiles(
        files=len(closed.files),
        set_aside=set_aside(folder, known),
        repeated=drop_repeated(folder, known),
        extracted=_made_again(pages, folder, known, outlet),
    )


def _made_again(pages: PageTable, folder: Path, runs: list[str], outlet: Outlet | None) -> int:
    """Lines of texts that state knows and no line holds, from the records they were made from."""
    if outlet is None:
        return 0  # without its file the line would not be what it was
    there = {
        (key_of(pages.outlet, item.url_requested), item.id)
        for run in runs
        for item in ended_pages(folder, run)
        if isinstance(item, Article)
    }
    lost = [row for row in pages.all() if row.article and (row.key, row.article) not in there]
    found = 0
    for row in lost:
        article = _extracted(row, folder, outlet) if row.article_run in runs else None
        if article:
            add_line(folder, row.article_run, article)
            found += 1
    return found


def _extracted(row: Any, folder: Path, outlet: Outlet) -> Article | None:
    """The very article that state knows; None where the archive, or today's rules, give another."""
    try:
        pointer = WarcPointer.model_validate(json.loads(row.warc)["pointer"])
        for memory in _memories(folder, row.article_run):
            item = extract_at(folder, pointer, outlet, memory)
            if isinstance(item, Article) and (item.id, item.version) == (row.article, row.version):
                made = decided(item, outlet.rights or default_policy())
                return made if isinstance(made, Article) else None
    except (ArchiveError, TypeError, ValueError, LookupError):
        return None
    return None


def _memories(folder: Path, run: str) -> Iterator[Path | None]:
    """What was known of the site in that run."""
    path = folder / f"{run}{SUFFIX}"
    name = read_report(path).memory if path.exists() else None
    if name:
        yield folder / name
    yield None
