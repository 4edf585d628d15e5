"""Extraction off the reactor: a page costs at most itself, whatever its worker does."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attacks.readers import dies
from scrapy.settings import Settings
from wire.fake_extractors import extract_packed_by_name

from newscrawl.errors import ArchiveError, MachineFault
from newscrawl.items import Link, Page, Rejection, WarcPointer
from newscrawl.pipelines import extract
from newscrawl.pipelines.extract import ExtractPipeline
from newscrawl.workers import QUEUED_PER_PROCESS


def a_page(file: str) -> Page:
    pointer = WarcPointer(file=file, offset=0, length=1, record_id="<urn:uuid:1>")
    return Page(
        link=Link(url=f"http://a/{file}", via="list"), url=f"http://a/{file}", status=200, warc=pointer
    )


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ExtractPipeline]:
    monkeypatch.setattr(extract, "extract_packed", extract_packed_by_name)
    settings = Settings({"NEWSCRAWL_EXTRACT_SECONDS": 1.5, "NEWSCRAWL_EXTRACT_PROCESSES": 1})
    run = SimpleNamespace(source=tmp_path, memory=None, replay_index=None, failure=None)

    def stop(error: ArchiveError) -> None:
        run.failure = run.failure or error

    spider = SimpleNamespace(name="echo", run=run, outlet=None, stop_on_archive_error=stop)
    made = ExtractPipeline.from_crawler(SimpleNamespace(settings=settings, spider=spider))  # type: ignore[arg-type]
    made.open_spider()
    yield made
    made.close_spider()


def outcomes(pipeline: ExtractPipeline, files: list[str]) -> list[str]:
    async def all_of_them() -> list[str]:
        items = await asyncio.gather(*(pipeline.process_item(a_page(file)) for file in files))
        return [item.reason for item in items if isinstance(item, Rejection)]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("hangs", "extract_timeout"),
        ("dies", "extractor_crash"),
        ("raises", "extractor_error"),
        ("unreadable", "archive_unreadable"),
        ("dies_once", "fine"),
        ("no_memory", "extractor_error"),
    ],
)
def test_what_befalls_a_worker_costs_one_page(pipeline: ExtractPipeline, file: str, reason: str) -> None:
    assert outcomes(pipeline, ["good", file, "good", "good"]) == ["fine", reason, "fine", "fine"]


def test_a_machine_without_descriptors_is_no_fault_of_its_pages(pipeline: ExtractPipeline) -> None:
    """The pool is renewed once; then the crawl ends, and whatever else waits keeps its turn."""
    pool = pipeline.pool
    assert pool
    first = pool._pool
    reasons = outcomes(pipeline, ["good", "no_descriptors", "good", "good", "good", "good"])
    assert pool._pool is not first
    assert reasons[:2] == ["fine", "machine_fault"]
    assert set(reasons) == {"fine", "machine_fault"}
    assert isinstance(pipeline.spider.run.failure, MachineFault)
    assert outcomes(pipeline, ["good"]) == ["machine_fault"]


@pytest.mark.parametrize("file", ["dies", "no_memory"])
def test_workers_that_can_do_nothing_are_a_fault_of_the_machine(
    pipeline: ExtractPipeline, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setattr("newscrawl.workers.PROBE_BYTES", 1 << 62)
    monkeypatch.setattr("newscrawl.workers.probe_machine", dies)
    assert outcomes(pipeline, [file]) == ["machine_fault"]


def test_a_pool_that_cannot_start_is_renewed_once(
    pipeline: ExtractPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    pool = pipeline.pool
    assert pool
    with monkeypatch.context() as patch:
        patch.setattr(pool._pool, "schedule", refuse)
        assert outcomes(pipeline, ["good"]) == ["fine"], "the renewed pool can"
        patch.setattr("pebble.ProcessPool.schedule", refuse)
        assert outcomes(pipeline, ["good"]) == ["machine_fault"]


def test_a_rejection_passes_untouched(pipeline: ExtractPipeline) -> None:
    given = Rejection(url="http://a/", url_requested="http://a/", step="fetch", reason="http_404")
    assert asyncio.run(pipeline.process_item(given)) is given


def test_the_pool_is_handed_a_bounded_number_of_pages(pipeline: ExtractPipeline) -> None:
    """Further pages wait where Scrapy sees them, and it holds its downloads back."""
    handed: list[int] = []
    waiting = 0

    class Counting:
        async def run(self, task: Any, seconds: float) -> Any:
            nonlocal waiting
            waiting += 1
            handed.append(waiting)
            try:
                return await pool.run(task, seconds)
            finally:
                waiting -= 1

    pool = pipeline.pool
    assert pool
    pipeline.pool = Counting()  # type: ignore[assignment]
    try:
        assert outcomes(pipeline, ["good"] * 12) == ["fine"] * 12
    finally:
        pipeline.pool = pool
    assert max(handed) == QUEUED_PER_PROCESS
