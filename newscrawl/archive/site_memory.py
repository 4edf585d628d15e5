"""Learns the site memory of an outlet from the page records of a crawl or of a whole archive."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.manifest import add_to_manifest
from newscrawl.archive.memory_files import is_memory_name, newest_memory, replace_memory, write_memory
from newscrawl.archive.pages import ArchiveFile, PageLocation
from newscrawl.archive.reextract import ExtractedPage, extract_with_record, read_page_records, run_ahead
from newscrawl.errors import ArchiveError, MachineFault, NewscrawlError, run_or_blame_machine
from newscrawl.extraction.boilerplate import (
    MAX_PAGES,
    PageRecord,
    build_memory,
    dump_records,
    group_by_story,
    latest_records,
)
from newscrawl.outlet import Outlet
from newscrawl.urls import normalize_url

logger = logging.getLogger(__name__)


class PageRecordBuffer:
    """Collects page records in any order, and holds no more than a memory can use."""

    def __init__(self) -> None:
        self._records: list[PageRecord] = []

    def add(self, record: PageRecord) -> None:
        self._records.append(record)
        if len(self._records) >= 2 * MAX_PAGES:
            self._records = latest_records(self._records)

    @property
    def records(self) -> list[PageRecord]:
        """The records a memory would use."""
        return latest_records(self._records)


def read_newest_records(folder: Path) -> list[PageRecord]:
    """The page records of a folder's newest memory; if it is unreadable, none, with a warning."""
    try:
        newest = newest_memory(folder)
        return read_page_records(newest) if newest else []
    except ArchiveError as error:
        logger.warning("%s: the memory is begun anew: %s", folder.name, error)
        return []


def write_site_memory(folder: Path, records: Iterable[PageRecord]) -> Path | None:
    """Write the memory of these pages as the folder's newest; None if there is nothing to remember."""
    latest = latest_records(records)
    if not latest:
        return None
    path, is_new = write_memory(folder, dump_records(latest))
    if is_new:
        add_to_manifest(path)
    return path


def erase_from_memories(folder: Path, urls: Iterable[str], *, is_whole_outlet: bool = False) -> list[str]:
    """Remove the records of these pages, or of all pages, from all memories of a folder.

    Returns the names of memories that cannot be read and so may still hold them.
    """
    wanted = set(map(normalize_url, urls))
    unreadable: list[str] = []
    for path in sorted(path for path in folder.glob("memory-*") if is_memory_name(path.name)):
        try:
            records = read_page_records(path)
        except ArchiveError:
            unreadable.append(path.name)
            continue
        remaining = [
            record for record in records if not is_whole_outlet and normalize_url(record.url) not in wanted
        ]
        if len(remaining) < len(records):
            replace_memory(path, dump_records(remaining))
    return unreadable


@dataclass(frozen=True, kw_only=True, slots=True)
class LearningResult:
    """What was learned from an archive."""

    memory: str | None
    "File name; None if no page holds a story."
    pages: int = 0
    stories: int = 0
    "Pages that tell the same story count once."
    recurring: int = 0
    "Texts that recur in enough stories to count as boilerplate."


def learn_from_archive(
    folder: Path,
    files: Sequence[ArchiveFile],
    rules: Mapping[Path, Outlet | None],
    *,
    pool: ProcessPool,
    seconds: float,
    ahead: int,
) -> LearningResult:
    """Learn from the newest pages of an outlet's archive files, without regard to earlier memories."""

    def schedule(page: PageLocation) -> Future[ExtractedPage]:
        extract = partial(extract_with_record, page.folder, page.pointer, rules.get(page.folder))
        task = partial(run_or_blame_machine, extract)
        return cast("Future[ExtractedPage]", pool.schedule(task, timeout=seconds))

    newest_first = (page for file in reversed(files) for page in file.pages())
    urls: set[str] = set()
    records: list[PageRecord] = []
    for page, future in run_ahead(newest_first, schedule, ahead):
        if record := _await_record(page, future):
            records.append(record)
            urls.add(record.url)
            if len(urls) >= MAX_PAGES:
                break
    path = write_site_memory(folder, records)
    if path is None:
        return LearningResult(memory=None)
    latest = latest_records(records)
    return LearningResult(
        memory=path.name,
        pages=len(latest),
        stories=len(group_by_story(latest)),
        recurring=len(build_memory(latest).recurring_blocks),
    )


def _await_record(page: PageLocation, future: Future[ExtractedPage]) -> PageRecord | None:
    """The worker's page record; a page that cannot be read teaches nothing, a machine that fails ends it."""
    try:
        return future.result().record
    except MachineFault:
        raise
    except (TimeoutError, FutureTimeout, ProcessExpired, ArchiveError) as error:
        logger.warning("%s: nothing learned: %s", page.url, error)
    except BrokenExecutor as error:
        raise NewscrawlError(f"the worker processes cannot run: {error}") from error
    except Exception:
        logger.exception("%s: nothing learned", page.url)
    return None
