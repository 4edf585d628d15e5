"""The memory of an outlet: learned from the notes of pages, those of a crawl or of a whole archive."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.manifest import note_finished
from newscrawl.archive.memory_files import newest_memory, write_memory
from newscrawl.archive.pages import ArchiveFile, Place
from newscrawl.archive.reextract import Noted, noted_at, notes_at
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extraction.boilerplate import (
    MAX_PAGES,
    PageNote,
    memory_of,
    notes_to_json,
    remembered,
    stories_of,
)
from newscrawl.outlet import Outlet

logger = logging.getLogger(__name__)


class Notes:
    """Notes of pages as they come, in any order; no more are held than can be remembered."""

    def __init__(self) -> None:
        self._held: list[PageNote] = []

    def add(self, note: PageNote) -> None:
        self._held.append(note)
        if len(self._held) >= 2 * MAX_PAGES:
            self._held = remembered(self._held)

    @property
    def held(self) -> list[PageNote]:
        """Those worth remembering."""
        return remembered(self._held)


def known_notes(folder: Path) -> list[PageNote]:
    """What an outlet's folder remembers; a memory that cannot be read is begun anew, with a warning."""
    try:
        newest = newest_memory(folder)
        return notes_at(newest) if newest else []
    except ArchiveError as error:
        logger.warning("%s: the memory is begun anew: %s", folder.name, error)
        return []


def learn(folder: Path, notes: Iterable[PageNote]) -> Path | None:
    """Write the memory of these pages as the folder's newest; None where there is nothing to remember."""
    kept = remembered(notes)
    if not kept:
        return None
    path, new = write_memory(folder, notes_to_json(kept))
    if new:
        note_finished(path)
    return path


@dataclass(frozen=True, kw_only=True, slots=True)
class Learnt:
    """What was learned from an archive."""

    memory: str | None
    "File name; None where no page held a story."
    pages: int = 0
    stories: int = 0
    "Pages that tell the same story count once."
    recurring: int = 0
    "Texts that stand with enough stories to be known."


def learnt_from(  # how the pool is used
    folder: Path,
    files: Sequence[ArchiveFile],
    rules: Mapping[Path, Outlet | None],
    *,
    pool: ProcessPool,
    seconds: float,
    ahead: int,
) -> Learnt:
    """Learn from the newest pages of an outlet's archive files, whatever was known before."""
    newest_first = (place for file in reversed(files) for place in file.places())
    urls: set[str] = set()
    notes: list[PageNote] = []
    for noted in _noted(newest_first, rules, pool=pool, seconds=seconds, ahead=ahead):
        notes.append(noted)
        urls.add(noted.url)
        if len(urls) >= MAX_PAGES:
            break
    path = learn(folder, notes)
    if path is None:
        return Learnt(memory=None)
    kept = remembered(notes)
    recurring = len(memory_of(kept).known)
    return Learnt(memory=path.name, pages=len(kept), stories=len(stories_of(kept)), recurring=recurring)


def _noted(
    places: Iterable[Place],
    rules: Mapping[Path, Outlet | None],
    *,
    pool: ProcessPool,
    seconds: float,
    ahead: int,
) -> Iterator[PageNote]:
    """Notes of the pages that hold a story, in their order."""
    waiting: deque[tuple[Place, Future[Noted]]] = deque()
    for place in places:
        task = (noted_at, [place.folder, place.pointer, rules.get(place.folder)])
        waiting.append((place, cast("Future[Noted]", pool.schedule(*task, timeout=seconds))))
        if len(waiting) >= ahead:
            yield from _answer(*waiting.popleft())
    while waiting:
        yield from _answer(*waiting.popleft())


def _answer(place: Place, future: Future[Noted]) -> Iterator[PageNote]:
    """The worker's note; a page that cannot be read teaches nothing."""
    try:
        note = future.result().note
    except (TimeoutError, FutureTimeout, ProcessExpired, ArchiveError) as error:
        logger.warning("%s: nothing learned: %s", place.url, error)
    except BrokenExecutor as error:
        raise NewscrawlError(f"the worker processes cannot run: {error}") from error
    except Exception:
        logger.exception("%s: nothing learned", place.url)
    else:
        if note:
            yield note
