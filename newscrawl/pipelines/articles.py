"""Articles of the HtmlResponses that any spider yields, for projects that use no other part of newscrawl."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from functools import partial
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.exporters import JsonLinesItemExporter
from scrapy.http import HtmlResponse, Response
from scrapy.utils.asyncio import is_asyncio_available

from newscrawl.archive.lines import json_line
from newscrawl.archive.reextract import extract_at
from newscrawl.downloader.capture import get_spider_with_run, utc_now
from newscrawl.downloader.request_meta import POINTER
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extraction import extract
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.workers import (
    PAGES_PER_PROCESS,
    QUEUED_PER_PROCESS,
    TaskPool,
    WorkerFault,
    default_process_count,
)

logger = logging.getLogger(__name__)

EXTRACT_SECONDS = 20.0
"Time for a page, unless NEWSCRAWL_EXTRACT_SECONDS says otherwise."


class ArticlePipeline:
    """Replaces each HtmlResponse by its Article; drops it with a reason where there is none.

    Where the add-on archives, the page is read in its record, and the article has its pointer. Other items
    pass as they are. A worker process reads the page, so that a page which takes too long costs only itself.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not is_asyncio_available():
            raise NewscrawlError(
                "ArticlePipeline needs asyncio: leave TWISTED_REACTOR at its default, the asyncio reactor"
            )
        settings = crawler.settings
        self.crawler = crawler
        self.seconds = settings.getfloat("NEWSCRAWL_EXTRACT_SECONDS") or EXTRACT_SECONDS
        self.processes = settings.getint("NEWSCRAWL_EXTRACT_PROCESSES") or default_process_count()
        self.places = asyncio.Semaphore(self.processes * QUEUED_PER_PROCESS)
        self.pool: TaskPool | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def open_spider(self) -> None:
        self.pool = TaskPool(self.processes, PAGES_PER_PROCESS)
        if get_spider_with_run(self.crawler.spider) is None:
            logger.warning(
                "articles will have no WARC record, because newscrawl.addon.WarcAddon is not in ADDONS"
            )

    def close_spider(self) -> None:
        if self.pool:
            self.pool.stop()

    async def process_item(self, item: Any) -> Any:
        """The Article of a response, or the item itself if it is none; DropItem where there is no story."""
        if not isinstance(item, Response):
            return item
        if not isinstance(item, HtmlResponse):
            raise self._drop(item, "not_html", f"it is a {type(item).__name__}")
        try:
            result = await self._extract(item)
        except WorkerFault as error:
            raise self._drop(item, f"extract_{error.fault}", str(error)) from error
        except ArchiveError as error:
            raise self._drop(item, "archive_unreadable", str(error)) from error
        if isinstance(result, Rejection):
            raise self._drop(item, result.reason, result.detail or "")
        self.crawler.stats.inc_value("newscrawl/articles")
        return result

    async def _extract(self, response: HtmlResponse) -> Article | Rejection:
        assert self.pool
        archive, pointer = get_spider_with_run(self.crawler.spider), find_pointer(response)
        if archive and pointer:
            task = partial(extract_at, archive.run.folder, pointer, None)
        else:
            headers = read_header_texts(response)
            task = partial(_extract_body, response.body, response.url, headers, response.status, utc_now())
        async with self.places:
            return await self.pool.run(task, self.seconds)

    def _drop(self, response: Response, reason: str, detail: str) -> DropItem:
        self.crawler.stats.inc_value(f"newscrawl/articles/dropped/{reason}")
        return DropItem(f"{reason}: {response.url}: {detail}".rstrip(": "))


def find_pointer(response: Response) -> WarcPointer | None:
    """The record of a response; None if it was not archived, or came from a cache."""
    if response.request is None or "cached" in response.flags:
        return None
    pointer: WarcPointer | None = response.meta.get(POINTER)
    return pointer


def read_header_texts(response: Response) -> dict[str, str]:
    """The headers as text, several of a name joined with commas (RFC 9110, 5.2)."""
    pairs: Any = response.headers.items()
    return {name.decode("latin-1"): b", ".join(values).decode("latin-1") for name, values in pairs}


def _extract_body(
    body: bytes, url: str, headers: dict[str, str], status: int, fetched: datetime
) -> Article | Rejection:
    return extract(body, url, headers=headers, status=status, fetched=fetched)


class ArticleLinesExporter(JsonLinesItemExporter):
    """Scrapy's JSON lines, but an Article is a line as newscrawl writes it, which all its commands read."""

    def export_item(self, item: Any) -> None:
        if isinstance(item, Article):
            self.file.write(json_line(item))
        else:
            super().export_item(item)
