"""`newscrawl extract --on`: the same lines, made in units on the workers of a cluster.

A unit is a part of the files of a folder. A worker writes its lines into a file of its own beside the output.
The name that this file gets at its end says that it is complete, so that whoever starts again goes on where
the work was. What has to do with all files is left to the process that asked: the order of the lines,
duplicates within a run, and pages of several records of other programs.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console

from newscrawl.archive.following_records import (
    FollowingRecords,
    NumberedPage,
    find_numbered_pages,
    order_following_pages,
)
from newscrawl.archive.linked_records import iter_file_pages, iter_joined_pages
from newscrawl.archive.pages import ArchiveFile, PageLocation
from newscrawl.archive.reextract import ExtractedLine, extract_pages
from newscrawl.cli import ui
from newscrawl.cli.extraction_task import ArticleFilters, Memories, Rules, with_memory
from newscrawl.cli.worker_archives import WorkerArchives, mark_shared, require_shared
from newscrawl.engine import Engine
from newscrawl.errors import ArchiveError, MachineFault, NewscrawlError, archive_errors
from newscrawl.items import Rejection
from newscrawl.storage import atomic_write, durable_rename, try_lock
from newscrawl.workers import PAGES_PER_PROCESS, QUEUED_PER_PROCESS, ResidentPool

UNIT_BYTES = 64 << 20
"Of a folder's files that follow each other: minutes of work, against which the way to a worker is nothing."
SCHEMA = "newscrawl.extraction_unit/1"
FOLDER_SUFFIX = ".units"
LOCK = "lock"
_POOL = ResidentPool()
"Of this process, if it is a worker."


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtractionUnit:
    """Files whose pages a worker extracts."""

    number: int
    files: tuple[ArchiveFile, ...]
    folder: Path
    "Where its lines go; the workers share it."
    archives: WorkerArchives
    rules: Rules
    memories: Memories
    filters: ArticleFilters
    seconds: float
    "For a page."
    following: FollowingRecords = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.number:06d}.jsonl"

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def name(self) -> str:
        """For messages."""
        first, last = self.files[0], self.files[-1]
        name = str(first.path.parent / first.name)
        return name if first is last else f"{name} to {last.name}"

    def find_here(self) -> ExtractionUnit:
        """The unit with the paths of this worker, which has all files then.

        MachineFault or ArchiveError if it cannot have them.
        """
        require_shared(self.folder)
        self.archives.bring(file.path for file in self.files)
        locate = self.archives.locate
        memories = self.memories
        return replace(
            self,
            files=tuple(replace(file, path=locate(file.path)) for file in self.files),
            rules={locate(folder): rules for folder, rules in self.rules.items()},
            memories=memories and {locate(folder): name for folder, name in memories.items()},
            following={(locate(folder), id_): found for (folder, id_), found in self.following.items()},
        )


@dataclass(kw_only=True)
class LineCounts:
    """What came of the pages."""

    pages: int = 0
    articles: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


class LineJoiner:
    """Writes the lines of all units one after the other, without duplicates within a run."""

    def __init__(self, out: BinaryIO) -> None:
        self.counts = LineCounts()
        self._out = out
        self._ids: dict[str, set[str]] = defaultdict(set)
        "Ids of articles by run."

    def add_unit(self, unit: ExtractionUnit) -> None:
        """Add what a worker has made, and give the files what it found in them."""
        with archive_errors(f"read {unit.path}"), unit.path.open("rb") as stream:
            described = _read_description(stream, unit.path)
            stream.seek(0)
            for run, article_id in described["articles"]:
                self._add_line(stream.readline(), run, article_id)
        for reason, count in described["rejected"].items():
            self._reject(reason, count)
        for file, findings in zip(unit.files, described["files"], strict=True):
            file.restore(findings)

    def add_result(self, run: str, result: ExtractedLine | Rejection) -> None:
        if isinstance(result, Rejection):
            self._reject(result.reason, 1)
        else:
            self._add_line(result.line, run, result.id)

    def _add_line(self, line: bytes, run: str, article_id: str) -> None:
        if article_id in self._ids[run]:
            self._reject("duplicate", 1)
            return
        self._ids[run].add(article_id)
        self._out.write(line)
        self.counts.pages += 1
        self.counts.articles += 1

    def _reject(self, reason: str, count: int) -> None:
        self.counts.pages += count
        self.counts.rejected[reason] += count


def divide_files(files: Iterable[ArchiveFile], unit_bytes: int) -> Iterator[list[ArchiveFile]]:
    """The files in their order, in parts of a folder that have no more bytes unless it is a single file."""
    part: list[ArchiveFile] = []
    size = 0
    for file in files:
        if part and (file.path.parent != part[0].path.parent or size + file.size > unit_bytes):
            yield part
            part, size = [], 0
        part.append(file)
        size += file.size
    if part:
        yield part


def extract_on_cluster(
    engine: Engine,
    target: Path,
    files: Sequence[ArchiveFile],
    *,
    task: str,
    rules: Rules,
    memories: Memories,
    filters: ArticleFilters,
    seconds: float,
    extract_here: Callable[
        [Iterator[PageLocation]], Iterator[tuple[PageLocation, ExtractedLine | Rejection]]
    ],
) -> LineCounts:
    """Write the lines of all files to `target`; its folder and those of the files are shared by all workers.

    `task` is a digest of everything that decides the lines. `extract_here` extracts the pages that several
    records make up. NewscrawlError when units failed, which are named; what the others made is used when it
    is called again.
    """
    with _unit_folder(target, task) as folder:
        units = [
            ExtractionUnit(
                number=number,
                files=tuple(part),
                folder=folder,
                archives=WorkerArchives.find_around(part[0].path),
                rules={file.path.parent: rules[file.path.parent] for file in part},
                memories=memories and {file.path.parent: memories[file.path.parent] for file in part},
                filters=filters,
                seconds=seconds,
            )
            for number, part in enumerate(divide_files(files, UNIT_BYTES))
        ]
        total = sum(unit.size for unit in units)
        with ui.progress_bar("extracting", total, units=0) as (update, console):
            left = [unit for unit in units if not unit.path.exists()]
            update(advance=total - sum(unit.size for unit in left), units=len(units) - len(left))
            _run_units(engine, _with_following(engine, left, units), len(units), update, console)
            with atomic_write(target, ".part") as out:
                joiner = LineJoiner(out)
                for unit in units:
                    joiner.add_unit(unit)
                for page, result in extract_here(iter_joined_pages(files)):
                    joiner.add_result(page.run, result)
                if not joiner.counts.pages:
                    # The caller says so, and nothing is left behind.
                    raise NoPage
    return joiner.counts


class NoPage(NewscrawlError):
    """There is no page in the files."""


def _with_following(
    engine: Engine, left: Sequence[ExtractionUnit], units: Sequence[ExtractionUnit]
) -> Iterator[ExtractionUnit]:
    """The units that are left, with the records of following pages in any file of their folders."""
    folders = {unit.files[0].path.parent for unit in left}
    related = [unit for unit in units if unit.files[0].path.parent in folders]
    found: dict[int, list[NumberedPage]] = {}
    for result in engine.results(find_unit_pages, related):
        # The folder may have another path there.
        folder = result.unit.files[0].path.parent
        found[result.unit.number] = [replace(page, folder=folder) for page in result.get()]
    by_folder: dict[Path, FollowingRecords] = {}
    for folder in folders:
        numbers = [unit.number for unit in related if unit.files[0].path.parent == folder]
        by_folder[folder] = order_following_pages(page for number in numbers for page in found[number])
    for unit in left:
        yield replace(unit, following=by_folder[unit.files[0].path.parent])


def _run_units(
    engine: Engine,
    units: Iterable[ExtractionUnit],
    total: int,
    update: Callable[..., None],
    console: Console,
) -> None:
    failed: list[str] = []
    for count, result in enumerate(engine.results(extract_unit, list(units)), 1):
        if reason := str(result.error or result.fault or ""):
            ui.warn(f"{result.unit.name}: {reason}", console=console)
            failed.append(result.unit.name)
        update(advance=result.unit.size, units=count - len(failed))
    if failed:
        raise NewscrawlError(
            f"{len(failed)} of {total} units failed, first {failed[0]}; start it again to go on with them"
        )


def find_unit_pages(unit: ExtractionUnit) -> list[NumberedPage]:
    """The records of following pages in the files of a unit; for a worker."""
    return list(find_numbered_pages(unit.find_here().files))


def extract_unit(unit: ExtractionUnit) -> None:
    """Write the lines of a unit. For a worker, whose pool of processes stays."""
    if unit.path.exists():
        return  # A worker that died right after it had made it: the engine does not know.
    unit = unit.find_here()
    pool = _POOL.get(1, PAGES_PER_PROCESS)
    # The same unit may run on two workers, of which one counts as lost.
    draft = unit.path.with_name(
        f"{unit.path.name}.{platform.node()}-{os.getpid()}-{threading.get_ident()}.draft"
    )
    pages = (
        (with_memory(page, unit.memories), unit.rules[page.folder])
        for page in iter_file_pages(unit.files, unit.following)
    )
    articles: list[tuple[str, str]] = []
    rejected: Counter[str] = Counter()
    try:
        with archive_errors(f"write {unit.path} on {platform.node()}"):
            stream = draft.open("wb")
        with stream:
            for page, result in extract_pages(
                pages,
                pool=pool,
                seconds=unit.seconds,
                ahead=QUEUED_PER_PROCESS,
                judge=unit.filters.make_judge,
            ):
                if isinstance(result, Rejection):
                    rejected[result.reason] += 1
                else:
                    stream.write(result.line)
                    articles.append((page.run, result.id))
            stream.write(_describe_unit(unit, articles, rejected))
        with archive_errors(f"write {unit.path} on {platform.node()}"):
            durable_rename(draft, unit.path)
    except (MachineFault, NewscrawlError, OSError):
        # Perhaps it is the pool that is to blame.
        _POOL.discard(pool)
        raise
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _describe_unit(unit: ExtractionUnit, articles: list[tuple[str, str]], rejected: Counter[str]) -> bytes:
    """The last line of a unit's file: what the lines and the files cannot say."""
    described = {
        "schema": SCHEMA,
        "articles": articles,
        "rejected": rejected,
        "files": [file.findings() for file in unit.files],
    }
    return json.dumps(described).encode() + b"\n"


def _read_description(stream: BinaryIO, path: Path) -> dict[str, Any]:
    """The last line of a file."""
    block = b""
    end = stream.seek(0, os.SEEK_END)
    while b"\n" not in block[:-1] and end > 0:
        start = max(0, end - (1 << 20))
        stream.seek(start)
        block = stream.read(end - start) + block
        end = start
    try:
        described: dict[str, Any] = json.loads(block[block.rfind(b"\n", 0, -1) + 1 :])
        if described["schema"] != SCHEMA:
            raise ValueError(described["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{path} is damaged: remove it to extract its unit again") from error
    return described


@contextmanager
def _unit_folder(target: Path, task: str) -> Iterator[Path]:
    """The folder for the units of a task, which is removed once the block ends well."""
    if not target.parent.is_dir():
        raise ArchiveError(f"cannot write {target}: there is no such folder")
    whole = Path(f"{target.absolute()}{FOLDER_SUFFIX}")
    folder = whole / task[:16]
    with archive_errors(f"write {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(whole / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        if not try_lock(lock):
            raise NewscrawlError(f"another process is writing {target}")
        for other in whole.iterdir():
            # Of other archives, rules or versions: of no use any more.
            if other.is_dir() and other != folder:
                shutil.rmtree(other, ignore_errors=True)
        mark_shared(folder)
        try:
            yield folder
        except NoPage:
            shutil.rmtree(whole, ignore_errors=True)
            raise
        shutil.rmtree(whole, ignore_errors=True)
    finally:
        os.close(lock)
