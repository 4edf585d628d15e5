"""One variant of the crawl over a list of pages: `spiders.py stock|bare|capture URLS`, in its own process.

The same spider each time. `stock` is Scrapy as it comes (robots.txt obeyed), `bare` is Scrapy's own handler
with newscrawl's settings, `capture` archives. Prints the CPU milliseconds a page, from the first request to
the closed spider. `spiders.py line OUTLET [NAME=VALUE ...]` is the crawl of an outlet: it prints the CPU
seconds of this process from the opened to the closed spider.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import scrapy
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from newscrawl.downloader.request_meta import LINK
from newscrawl.errors import ArchiveError
from newscrawl.items import Link
from newscrawl.spiders.run_context import create_run
from newscrawl.state.frontier import MemoryFrontier

QUICK = {
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": 1,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "LOG_LEVEL": "WARNING",
    "ITEM_PIPELINES": {},
}
STOCK = {"CONCURRENT_REQUESTS_PER_DOMAIN": 8, "LOG_LEVEL": "WARNING", "ROBOTSTXT_OBEY": True}
BARE = {
    "DOWNLOAD_HANDLERS": {},
    "EXTENSIONS": {},
    "TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingThreadedResolver",
}


class BareSpider(scrapy.Spider):
    """Fetches the pages and forgets them."""

    name = "bare"
    urls: Iterable[str] = ()

    async def start(self) -> AsyncIterator[scrapy.Request]:
        self.began = time.process_time()
        for url in self.urls:
            link = Link(url=url, via="list")
            yield scrapy.Request(url, callback=self.forget, meta={LINK: link}, dont_filter=True)

    def forget(self, response: Any) -> None:
        assert response.body


class CaptureSpider(BareSpider):
    """The same, with a run to record to."""

    name = "capture"
    outlet = None
    sources_failed: tuple[str, ...] = ()

    @classmethod
    def from_crawler(cls, crawler: Any, *args: Any, **kwargs: Any) -> CaptureSpider:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.run = create_run(cls.name, crawler.settings)
        spider.frontier = MemoryFrontier()
        return spider

    def find_witness(self, link: Link) -> None:
        """No source gives the story."""

    def stop_on_archive_error(self, error: ArchiveError) -> None:
        raise error


def run(variant: str, urls: list[str]) -> float:
    """CPU seconds of the crawl, without starting up."""
    settings = Settings()
    if variant == "stock":
        settings.setdict(STOCK, priority="cmdline")
    else:
        settings.setmodule("newscrawl.settings")
        settings.setdict(QUICK | (BARE if variant == "bare" else {}), priority="cmdline")
    with tempfile.TemporaryDirectory() as folder:
        settings.set("NEWSCRAWL_ARCHIVES", folder, priority="cmdline")
        process = AsyncCrawlerProcess(settings)
        crawler = process.create_crawler(CaptureSpider if variant == "capture" else BareSpider)
        process.crawl(crawler, urls=urls)
        process.start()
        return time.process_time() - crawler.spider.began


def run_line(outlet: str, given: Iterable[str]) -> float:
    """CPU seconds of the process that crawls, without its workers."""
    settings, began = Settings(), 0.0
    settings.setmodule("newscrawl.settings")
    settings.setdict(dict(setting.split("=", 1) for setting in given), priority="cmdline")

    def note_begin() -> None:
        nonlocal began
        began = time.process_time()

    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(outlet)
    crawler.signals.connect(note_begin, signals.spider_opened)
    process.crawl(crawler)
    process.start()
    assert began
    return time.process_time() - began


if __name__ == "__main__":
    if sys.argv[1] == "line":
        print(run_line(sys.argv[2], sys.argv[3:]))
        sys.exit()
    listed = Path(sys.argv[2]).read_text(encoding="utf-8").split()
    print(run(sys.argv[1], listed) * 1000 / len(listed))
