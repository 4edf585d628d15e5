"""An error that a worker's process cannot hand over costs its task, not the pool."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pebble import ProcessPool

from newscrawl.errors import ArchiveError, PageTooLarge
from newscrawl.workers import GARBAGE_THRESHOLD, TaskPool


class TwoPartError(Exception):
    """Can be pickled, but not read again: its only stored argument is not all that it is made of."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")


def fail() -> None:
    raise TwoPartError("page", "odd")


class TwoPartArchiveError(ArchiveError):
    """The same of an error that says what is wrong with an archive."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")


def fail_at_the_archive() -> None:
    raise TwoPartArchiveError("a.warc.gz", "torn")


def meet_a_large_page() -> None:
    raise PageTooLarge("a.warc.gz at 7: a record of 9 bytes, the limit is 8")


def succeed() -> int:
    return 7


async def _run_both() -> int:
    pool = TaskPool(1, 50)
    try:
        with pytest.raises(RuntimeError, match="TwoPartError: page: odd"):
            await pool.run(fail, 20)
        assert (await pool.run(gc.get_threshold, 20))[0] == GARBAGE_THRESHOLD
        return await pool.run(succeed, 20)
    finally:
        pool.stop()


def test_the_event_loop_goes_on_while_the_workers_start(monkeypatch: pytest.MonkeyPatch) -> None:
    starting, turned = threading.Event(), threading.Event()
    start = ProcessPool.schedule

    def start_late(pool: ProcessPool, *args: Any, **options: Any) -> Any:
        starting.set()
        assert turned.wait(20), "the loop waits for the workers"
        return start(pool, *args, **options)

    monkeypatch.setattr(ProcessPool, "schedule", start_late)

    async def run() -> int:
        pool = TaskPool(1, 50)
        task = asyncio.create_task(pool.run(succeed, 60))
        try:
            while not starting.is_set():
                await asyncio.sleep(0.01)
            turned.set()
            return await task
        finally:
            pool.stop()

    assert asyncio.run(run()) == 7


def test_only_the_first_task_is_handed_over_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, start = [], asyncio.to_thread

    async def to_thread(*args: Any, **options: Any) -> Any:
        threads.append(args)
        return await start(*args, **options)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)

    async def run() -> None:
        pool = TaskPool(1, 50)
        try:
            assert [await pool.run(succeed, 60) for _ in range(4)] == [7] * 4
        finally:
            pool.stop()

    asyncio.run(run())
    assert len(threads) == 1


def test_the_next_task_runs_after_such_an_error() -> None:
    assert asyncio.run(_run_both()) == 7


async def _run(task: Callable[[], None]) -> None:
    pool = TaskPool(1, 50)
    try:
        await pool.run(task, 20)
    finally:
        pool.stop()


@pytest.mark.parametrize(
    ("task", "kind", "text"),
    [
        (meet_a_large_page, PageTooLarge, "a.warc.gz at 7: a record of 9 bytes, the limit is 8"),
        (fail_at_the_archive, ArchiveError, "a.warc.gz: torn"),
    ],
)
def test_an_error_of_the_archive_stays_such_an_error(
    task: Callable[[], None], kind: type[ArchiveError], text: str
) -> None:
    with pytest.raises(ArchiveError) as caught:
        asyncio.run(_run(task))
    assert (type(caught.value), str(caught.value)) == (kind, text)
