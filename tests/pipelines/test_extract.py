"""Extraction off the reactor: a page costs at most itself, whatever its worker does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy.settings import Settings
from wire.fake_extractors import extract_with_record_by_name

from newscrawl.items import Link, Page, Rejection, WarcPointer
from newscrawl.pipelines import extract
from newscrawl.pipelines.extract import QUEUED_PER_PROCESS, ExtractPipeline


def a_page(file: str) -> Page:
    pointer = WarcPointer(file=file, offset=0, length=1, record_id="<urn:uuid:1>")
    return Page(
        link=Link(url=f"http://a/{file}", via="list"), url=f"http://a/{file}", status=200, warc=pointer
    )


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ExtractPipeline]:
    monkeypatch.setattr(extract, "extract_with_record", extract_with_record_by_name)
    settings = Settings({"NEWSCRAWL_EXTRACT_SECONDS": 1.5, "NEWSCRAWL_EXTRACT_PROCESSES": 1})
    spider = SimpleNamespace(
        name="echo", run=SimpleNamespace(source=tmp_path, memory=None, replay_index=None), outlet=None
    )
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
    ],
)
def test_what_befalls_a_worker_costs_one_page(pipeline: ExtractPipeline, file: str, reason: str) -> None:
    assert outcomes(pipeline, ["good", file, "good", "good"]) == ["fine", reason, "fine", "fine"]


def test_a_rejection_passes_untouched(pipeline: ExtractPipeline) -> None:
    given = Rejection(url="http://a/", url_requested="http://a/", step="fetch", reason="http_404")
    assert asyncio.run(pipeline.process_item(given)) is given


def test_the_pool_is_handed_a_bounded_number_of_pages(pipeline: ExtractPipeline) -> None:
    """Further pages wait where Scrapy sees them, and it holds its downloads back."""
    handed: list[int] = []
    waiting = 0

    class Counting:
        def schedule(self, task: object, timeout: float) -> asyncio.Future[Rejection]:
            nonlocal waiting
            waiting += 1
            handed.append(waiting)
            future: asyncio.Future[Rejection] = pool.schedule(task, timeout=timeout)

            def over(_: object) -> None:
                nonlocal waiting
                waiting -= 1

            future.add_done_callback(over)
            return future

    pool = pipeline.pool
    pipeline.pool = Counting()  # type: ignore[assignment]
    try:
        assert outcomes(pipeline, ["good"] * 12) == ["fine"] * 12
    finally:
        pipeline.pool = pool
    assert max(handed) == QUEUED_PER_PROCESS
