"""Worker processes for untrusted bytes: a worker that crashes or hangs costs no more than its task.

A fault of the machine is another matter. It would cost every task that follows, so it ends the work instead.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from typing import Literal, TypeVar, cast

from pebble import ProcessExpired, ProcessPool
from pebble.common.types import CONSTS

from newscrawl.errors import MachineFault, find_machine_fault, run_or_blame_machine
from newscrawl.logs import escape_default_log

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Fault = Literal["timeout", "crash"]
PRELOADED = ["newscrawl.pipelines.packed_pages"]
"Imported once for all workers; trafilatura is not, which three pages in a hundred ask and which takes 0.1 s."
QUEUED_PER_PROCESS = 2
"Pages given to the pool at a time for each process: the current page and the next."
PAGES_PER_PROCESS = 2000
"A worker is replaced after this many pages, whatever its libraries have left in memory."
GARBAGE_THRESHOLD = 50_000
"""Objects made since the last search for garbage, from which a worker searches. Pages leave hardly any, and
with Python's own threshold of 700 the search takes 5 % of the work."""
CRAWL_GARBAGE_THRESHOLD = 10_000
"""The same for the process that crawls, where the search takes 10 % otherwise. Scrapy leaves some garbage for
each page, and a response may hang on it."""
LOOK_SECONDS = 0.2
"""How often a pool looks for workers that have ended or taken too long, and so how long it may take to stop.
Its own 0.1 s take 3.5 ms of CPU time a second, as much as a download, in crawls that mostly wait."""
CONSTS.sleep_unit = LOOK_SECONDS
PROBE_BYTES = 64 * 1024 * 1024
"Memory that a worker must be able to get; an ordinary page needs less."
PROBE_SECONDS = 20.0
"Time for a new worker to start and answer."


class WorkerFault(Exception):
    """A task that was not finished: it took too long, or its process ended."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


def worker_pool(processes: int, tasks: int) -> ProcessPool:
    """Workers from a fork server, each replaced after so many tasks; the reactor's process never forks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return ProcessPool(
        max_workers=processes,
        max_tasks=tasks,
        context=context,
        initializer=begin_work,
        initargs=(os.getpid(),),
    )


def default_process_count() -> int:
    """All cores but the core that crawls."""
    return max(1, (os.cpu_count() or 2) - 1)


def start_extraction_pool(processes: int) -> ProcessPool:
    """Worker processes that have the extractor loaded."""
    return worker_pool(processes, PAGES_PER_PROCESS)


class ResidentPool:
    """Workers that outlive the work they were started for; a new pool replaces one that is broken."""

    def __init__(self) -> None:
        self._pools: dict[tuple[int, int], ProcessPool] = {}
        self._lock = threading.Lock()

    def get(self, processes: int, tasks: int) -> ProcessPool:
        """The pool with so many workers, each replaced after so many tasks."""
        with self._lock:
            pool = self._pools.get((processes, tasks))
            if pool is None:
                pool = self._pools[processes, tasks] = worker_pool(processes, tasks)
            return pool

    def discard(self, broken: ProcessPool) -> None:
        """Stop a pool that has failed, so that the next piece of work gets another."""
        with self._lock:
            self._pools = {key: pool for key, pool in self._pools.items() if pool is not broken}
        stop_pool(broken)


def begin_work(crawl: int) -> None:
    """Let a worker's warnings go to the standard error of the crawl, in the same form: it has no log.

    The process that forked the worker may serve other crawls too, and have another standard error.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    escape_default_log()
    error = f"/proc/{crawl}/fd/2"
    # Where there is no /proc, no process serves several crawls.
    with suppress(OSError):
        log = os.stat(error)  # noqa: PTH116 # no path of the file system
        # Only a file can be opened a second time. Its descriptor in the crawl appends too.
        if stat.S_ISREG(log.st_mode) and not os.path.samestat(log, os.fstat(2)):
            descriptor = os.open(error, os.O_WRONLY | os.O_APPEND)
            os.dup2(descriptor, 2)
            os.close(descriptor)


def stop_pool(pool: ProcessPool) -> None:
    """End its workers, even in the middle of a task."""
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


class TaskPool:
    """Runs tasks in worker processes, which it renews once before it blames the machine."""

    def __init__(self, processes: int, tasks: int) -> None:
        self._new_pool = partial(worker_pool, processes, tasks)
        self._pool = self._new_pool()
        self._has_worked = True
        "Whether a task of the present pool has come back; the first pool gets the benefit of the doubt."
        self._started: ProcessPool | None = None
        "The pool whose workers are known to have started."
        self._renewing = asyncio.Lock()

    async def run(self, task: Callable[[], Result], seconds: float) -> Result:
        """The task's result; WorkerFault or its own error if the task is to blame, else MachineFault.

        A task that fails in a way that the machine may have caused is run once more.
        """
        try:
            return await self._run_once(task, seconds)
        except (MachineFault, WorkerFault, MemoryError) as error:
            if isinstance(error, WorkerFault) and error.fault == "timeout":
                raise
        try:
            return await self._run_once(task, seconds)
        except (WorkerFault, MemoryError) as error:
            if not await self._is_sound():
                raise MachineFault(f"the worker processes cannot run: {error}") from error
            raise

    async def _run_once(self, task: Callable[[], Result], seconds: float) -> Result:
        pool = self._pool
        try:
            guarded, is_new = partial(run_or_blame_machine, task), pool is not self._started
            result = await run_with_timeout(pool, guarded, seconds, is_new=is_new)
        except MachineFault as fault:
            await self._renew(pool, fault)
            raise
        self._started, self._has_worked = pool, True
        return result

    async def _renew(self, failed: ProcessPool, fault: MachineFault) -> None:
        """Replace a pool that failed, unless that has just been done and did not help."""
        async with self._renewing:
            if failed is not self._pool or not self._has_worked:
                return
            logger.warning("the worker processes are renewed: %s", fault)
            # Its other tasks end first, off the loop.
            await asyncio.to_thread(finish_pool, failed)
            self._pool, self._has_worked = self._new_pool(), False

    async def _is_sound(self) -> bool:
        """Whether a worker can do what every task needs."""
        try:
            await run_with_timeout(self._pool, probe_machine, PROBE_SECONDS)
        except (MachineFault, WorkerFault, MemoryError, OSError):
            return False
        return True

    def stop(self) -> None:
        """End the workers, even in the middle of a task."""
        stop_pool(self._pool)


def finish_pool(pool: ProcessPool) -> None:
    """End a pool once its tasks are done; a broken pool has none."""
    pool.close()  # type: ignore[no-untyped-call]
    pool.join()


def probe_machine() -> None:
    """Take a descriptor and some memory, and give them back."""
    os.close(os.open(os.devnull, os.O_RDONLY))
    bytearray(PROBE_BYTES)


async def run_with_timeout(
    pool: ProcessPool, task: Callable[[], Result], seconds: float, *, is_new: bool = True
) -> Result:
    """The task's result; WorkerFault if it takes too long or its worker dies, MachineFault without a pool."""
    schedule = partial(pool.schedule, task, timeout=seconds)
    try:
        # The first task starts the workers, which may take seconds: downloads must not wait for that.
        future = await asyncio.to_thread(schedule) if is_new else schedule()
    except (OSError, RuntimeError) as error:
        # The pool could not start, or has stopped.
        cause = find_machine_fault(error)
        raise cause or MachineFault(f"the worker processes cannot run: {error}") from error
    try:
        return cast("Result", await asyncio.wrap_future(future))
    except (TimeoutError, FutureTimeout) as error:
        raise WorkerFault("timeout", f"took longer than {seconds:g} s") from error
    except ProcessExpired as error:
        raise WorkerFault("crash", str(error)) from error
    except BrokenProcessPool as error:
        raise MachineFault(f"the worker processes cannot run: {error}") from error
