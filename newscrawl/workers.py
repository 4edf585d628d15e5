"""Worker processes for untrusted bytes: a worker that crashes or hangs costs no more than its task."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from typing import Literal, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.logs import TextFormatter

Result = TypeVar("Result")
Fault = Literal["timeout", "crash"]
PRELOADED = ["newscrawl.archive.reextract", "trafilatura"]
"Modules that the fork server imports once for all workers."


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
        max_workers=processes, max_tasks=tasks, context=context, initializer=_escape_log_output
    )


def _escape_log_output() -> None:
    """A worker has no log; its warnings go to the standard error of the crawl, in the same form."""
    if logging.lastResort:
        logging.lastResort.setFormatter(TextFormatter("%(name)s: %(message)s"))


def stop_pool(pool: ProcessPool) -> None:
    """End its workers, even in the middle of a task."""
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


async def run_with_timeout(pool: ProcessPool, task: Callable[[], Result], seconds: float) -> Result:
    """The task's result from a worker; WorkerFault when it takes too long or the worker dies."""
    try:
        return cast("Result", await asyncio.wrap_future(pool.schedule(task, timeout=seconds)))
    except (TimeoutError, FutureTimeout) as error:
        raise WorkerFault("timeout", f"took longer than {seconds:g} s") from error
    except (ProcessExpired, BrokenProcessPool) as error:
        raise WorkerFault("crash", str(error)) from error
