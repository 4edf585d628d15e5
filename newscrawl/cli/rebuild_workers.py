"""The processes and files of `newscrawl dedup --rebuild`, of which none outlive it, however it ends.

With --on the workers of a cluster do its tasks, and share the folder of its files.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from newscrawl.cli.worker_archives import mark_shared, require_shared
from newscrawl.dedup.bulk import TaskRunner
from newscrawl.engine import ClusterLost, Engine
from newscrawl.engine.cluster import connect
from newscrawl.errors import MachineFault, NewscrawlError, run_or_blame_machine

Task = TypeVar("Task")
Result = TypeVar("Result")
FOLDER_PREFIX = "newscrawl-dedup-"
STARTING_SECONDS = 60
"Age of a folder that may have no lock yet."
DEAD_PARENT = 1
"Exit code of a worker whose rebuild has been killed."
_LOCK = fcntl.LOCK_EX | fcntl.LOCK_NB


@contextmanager
def running_tasks(
    processes: int, *, on: str = "", scratch: Path | None = None
) -> Iterator[tuple[TaskRunner, Path]]:
    """Runs the tasks of a rebuild in so many processes, one: in this; and the folder for its files.

    `on`: the workers of the cluster at this address run them. `scratch`: where that folder is made; None: in
    the system's folder for such files. NewscrawlError when a process is killed, when the cluster is lost, or
    if files cannot be written: the database is as it was.
    """
    try:
        with _ending_at_sigterm(), _scratch_folder(scratch) as folder:
            if on:
                mark_shared(folder)
                with connect(on) as engine:
                    yield _EngineRunner(engine, folder), folder
                return
            if processes == 1:
                yield map, folder
                return
            with _process_pool(processes) as pool:
                yield _PoolRunner(pool), folder
    except (ProcessExpired, BrokenProcessPool) as error:
        raise NewscrawlError(f"--rebuild changed nothing, a process of it was killed: {error}") from error
    except ClusterLost as error:
        raise NewscrawlError(f"--rebuild changed nothing: {error}") from error
    except OSError as error:
        place = f"{scratch}, --scratch" if scratch else f"{gettempdir()}, TMPDIR"
        raise NewscrawlError(
            f"--rebuild changed nothing: {error}; its files are in {place} names another"
        ) from error


class _PoolRunner:
    """A TaskRunner that uses the processes of a pool."""

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool

    def __call__(self, task: Callable[[Task], Result], values: Iterable[Task], /) -> Iterable[Result]:
        found: Iterable[Result] = self._pool.map(task, values).result()
        return found


@dataclass(frozen=True, slots=True)
class RebuildUnit:
    """A task of a rebuild for a worker."""

    number: int
    folder: Path
    "The files of the rebuild."
    task: Callable[[Any], Any]
    value: Any


def run_rebuild_unit(unit: RebuildUnit) -> Any:
    """The result of the task; MachineFault where this worker cannot read or write the files. For a worker."""
    require_shared(unit.folder)
    try:
        return run_or_blame_machine(partial(unit.task, unit.value))
    except OSError as error:
        raise MachineFault(f"cannot work in {unit.folder}: {error.strerror or error}") from error


class _EngineRunner:
    """A TaskRunner that uses the workers of a cluster."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder

    def __call__(self, task: Callable[[Task], Result], values: Iterable[Task], /) -> Iterable[Result]:
        units = (RebuildUnit(number, self._folder, task, value) for number, value in enumerate(values))
        found: dict[int, Result] = {
            result.unit.number: result.get() for result in self._engine.results(run_rebuild_unit, units)
        }
        return [found[number] for number in range(len(found))]


@contextmanager
def _process_pool(processes: int) -> Iterator[ProcessPool]:
    """A pool whose tasks are cut off when the block fails, so that none writes files any more."""
    context = multiprocessing.get_context("forkserver")
    pool = ProcessPool(max_workers=processes, context=context, initializer=end_with_parent)
    try:
        yield pool
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def end_with_parent() -> None:
    """End this worker process, even in the middle of a task, as soon as the one that started it has ended."""
    threading.Thread(target=_wait_for_end_of_parent, daemon=True).start()


def _wait_for_end_of_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(DEAD_PARENT)


@contextmanager
def _ending_at_sigterm() -> Iterator[None]:
    """SIGTERM ends the block as an exception does, so that it cleans up."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _scratch_folder(parent: Path | None) -> Iterator[Path]:
    """A folder that is removed at the end; also removes those of rebuilds that were killed."""
    _remove_abandoned_folders(parent or Path(gettempdir()))
    folder = Path(mkdtemp(prefix=FOLDER_PREFIX, dir=parent))
    lock = os.open(folder, os.O_RDONLY)
    try:
        # Where the file system has no locks, the folder is never taken for an abandoned one.
        with suppress(OSError):
            fcntl.flock(lock, _LOCK)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned_folders(parent: Path) -> None:
    """Remove the folders that no process has locked; those of other users stay."""
    for path in parent.glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                stat = os.fstat(folder)
                if stat.st_uid == os.geteuid() and time.time() - stat.st_mtime > STARTING_SECONDS:
                    fcntl.flock(folder, _LOCK)
                    shutil.rmtree(path)
            finally:
                os.close(folder)
