"""Processes that work on bytes from outside: whatever befalls one costs the task it was given."""

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

Given = TypeVar("Given")
Fault = Literal["timeout", "crash"]
PRELOADED = ["newscrawl.archive.reextract", "trafilatura"]
"What the fork server has loaded for every worker: it is one for the whole process."


class WorkerFault(Exception):
    """A task that was not done: its time was up, or its process ended."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


def worker_pool(processes: int, tasks: int) -> ProcessPool:
    """Workers from a fork server, each replaced after so many tasks; never a fork of the reactor."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return ProcessPool(
        max_workers=processes, max_tasks=tasks, context=context, initializer=_escape_what_is_logged
    )


def _escape_what_is_logged() -> None:
    """A worker has no log of its own: its warnings go to the crawl's standard error, in the same form."""
    if logging.lastResort:
        logging.lastResort.setFormatter(TextFormatter("%(name)s: %(message)s"))


def stop_pool(pool: ProcessPool) -> None:
    """End its workers, whatever they are at."""
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


async def done_within(pool: ProcessPool, task: Callable[[], Given], seconds: float) -> Given:
    """What a worker makes of the task; WorkerFault when its time is up or it dies, else what it raised."""
    try:
        return cast("Given", await asyncio.wrap_future(pool.schedule(task, timeout=seconds)))
    except (TimeoutError, FutureTimeout) as error:
        raise WorkerFault("timeout", f"took longer than {seconds:g} s") from error
    except (ProcessExpired, BrokenProcessPool) as error:
        raise WorkerFault("crash", str(error)) from error
