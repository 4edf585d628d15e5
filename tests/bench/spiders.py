"""One variant of the crawl over a list of pages: `spiders.py bare|capture URLS`, in a process of its own.

Both run with the settings of a crawl; `bare` has Scrapy's own handler and writes nothing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from newscrawl.items import Link
from newscrawl.spiders.base import ArchivingSpider

QUICK = {
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": 1,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "LOG_LEVEL": "WARNING",
    "ITEM_PIPELINES": {},
}
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
        for url in self.urls:
            yield scrapy.Request(url, callback=self.forget, dont_filter=True)

    def forget(self, response: Any) -> None:
        assert response.body


class CaptureSpider(ArchivingSpider):
    """The same, recorded."""

    name = "capture"
    urls: Iterable[str] = ()

    def first_urls(self) -> Iterable[str]:
        return self.urls

    async def start(self) -> AsyncIterator[scrapy.Request]:
        self.frontier.found(Link(url=url, via="list") for url in self.urls)
        for request in self.waiting_pages():
            yield request

    def parse_page(self, response: Any) -> Iterator[Any]:
        assert response.body
        yield from ()


def run(variant: str, urls: list[str]) -> None:
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    settings.setdict({**QUICK, "NEWSCRAWL_PAGES_MAX": len(urls)}, priority="cmdline")
    if variant == "bare":
        settings.setdict(BARE, priority="cmdline")
    with tempfile.TemporaryDirectory() as folder:
        settings.set("NEWSCRAWL_ARCHIVES", folder, priority="cmdline")
        process = AsyncCrawlerProcess(settings)
        process.crawl({"bare": BareSpider, "capture": CaptureSpider}[variant], urls=urls)
        process.start()


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8").split())
