"""Large sources are read elsewhere: the loop goes on, and whatever befalls the reader has a name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from attacks.readers import dies, sleeps

from newscrawl.discovery.results import SourceResult
from newscrawl.discovery.sources import QUICK_BYTES, read_source
from newscrawl.outlet import Outlet
from newscrawl.spiders.outlet import SourceReader

OUTLET = Outlet(
    id="paper",
    title="Paper",
    home="https://example.org/",
    country="CM",
    languages=["fr"],
    timezone="Africa/Douala",
    kind="national",
)
URL = "https://example.org/feed"
LARGE = b"x" * (QUICK_BYTES + 1)


@pytest.fixture
def reader() -> Iterator[SourceReader]:
    made = SourceReader(OUTLET, 20)
    yield made
    made.close()


async def longest_wait(reader: SourceReader, body: bytes) -> tuple[SourceResult, float]:
    """What was found, and for how long nothing else could happen meanwhile."""
    waits: list[float] = []

    async def tick() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.01)
            waits.append(time.monotonic() - last)
            last = time.monotonic()

    ticking = asyncio.create_task(tick())
    found = await reader.read("feed", body, URL, "application/rss+xml")
    ticking.cancel()
    return found, max(waits, default=0.0)


def test_a_large_feed_does_not_hold_up_the_loop(reader: SourceReader) -> None:
    items = b"".join(
        b"<item><title>News %d</title><link>/n/%d</link><description>%s</description></item>"
        % (n, n, b"<p>x</p>" * 40)
        for n in range(5_000)
    )
    body = b"<rss version='2.0'><channel>" + items.replace(b"<p>x</p>", b"&lt;p&gt;x") + b"</channel></rss>"
    started = time.monotonic()
    there = read_source("feed", body, URL, "application/rss+xml", OUTLET)
    inline = time.monotonic() - started
    found, wait = asyncio.run(longest_wait(reader, body))
    assert found == there
    assert len(found.links) == 5_000
    assert wait < max(inline / 2, 0.3)


@pytest.mark.parametrize(("task", "outcome"), [(sleeps, "read_timeout"), (dies, "reader_crash")])
def test_what_befalls_the_reader_has_a_name(monkeypatch: pytest.MonkeyPatch, task: Any, outcome: str) -> None:
    reader = SourceReader(OUTLET, 1.5)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("newscrawl.spiders.outlet.read_source", task)
            found = asyncio.run(reader.read("feed", LARGE, URL, ""))
        assert found.outcome == outcome
        assert found.note
        assert asyncio.run(reader.read("feed", LARGE, URL, "")).outcome == "malformed", "the next is read"
    finally:
        reader.close()


def test_gzip_is_large_whatever_its_size(reader: SourceReader) -> None:
    found = asyncio.run(reader.read("sitemap", b"\x1f\x8b" + b"\0" * 20, URL, ""))
    assert found.outcome in {"empty", "malformed"}
    assert reader._pool


def test_small_sources_need_no_process(reader: SourceReader) -> None:
    body = b"<rss><channel><item><link>/story</link></item></channel></rss>"
    found = asyncio.run(reader.read("feed", body, URL, ""))
    assert [link.url for link in found.links] == ["https://example.org/story"]
    assert reader._pool is None
