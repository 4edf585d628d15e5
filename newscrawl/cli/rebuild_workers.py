"""The processes and files of `newscrawl dedup --rebuild`, of which none outlive it, however it ends."""

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
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from newscrawl.dedup.bulk import TaskRunner
from newscrawl.errors import NewscrawlError

Task = TypeVar("Task")
Result = TypeVar("Result")
FOLDER_PREFIX = "newscrawl-dedup-"
STARTING_SECONDS = 60
"Age of a folder that may have no lock yet."
DEAD_PARENT = 1
"Exit code of a worker whose rebuild has been killed."
_LOCK = fcntl.LOCK_EX | fcntl.LOCK_NB


@contextmanager
def running_tasks(processes: int) -> Iterator[tuple[TaskRunner, Path]]:
    """Runs the tasks of a rebuild in so many processes, one: in this; and the folder for its files.

    NewscrawlError when one of them is killed or cannot write its files: the database is as it was.
    """
    try:
        with _ending_at_sigterm(), _scratch_folder() as folder:
            if processes == 1:
                yield map, folder
                return
            with _process_pool(processes) as pool:
                yield _PoolRunner(pool), folder
    except (ProcessExpired, BrokenProcessPool) as error:
        raise NewscrawlError(f"--rebuild changed nothing, a process of it was killed: {error}") from error
    except OSError as error:
        raise NewscrawlError(
            f"--rebuild changed nothing: {error}; its files are in {gettempdir()}, TMPDIR names another"
        ) from error


class _PoolRunner:
    """A TaskRunner that uses the processes of a pool."""

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool

    def __call__(self, task: Callable[[Task], Result], values: Iterable[Task], /) -> Iterable[Result]:
        found: Iterable[Result] = self._pool.map(task, values).result()
        return found


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
def _scratch_folder() -> Iterator[Path]:
    """A folder that is removed at the end; also removes those of rebuilds that were killed."""
    _remove_abandoned_folders()
    folder = Path(mkdtemp(prefix=FOLDER_PREFIX))
    lock = os.open(folder, os.O_RDONLY)
    try:
        # Where the file system has no locks, the folder is never taken for an abandoned one.
        with suppress(OSError):
            fcntl.flock(lock, _LOCK)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned_folders() -> None:
    """Remove the folders that no process has locked; those of other users stay."""
    for path in Path(gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                stat = os.fstat(folder)
                if stat.st_uid == os.geteuid() and time.time() - stat.st_mtime > STARTING_SECONDS:
                    fcntl.flock(folder, _LOCK)
                    shutil.rmtree(path)
            finally:
                os.close(folder)
