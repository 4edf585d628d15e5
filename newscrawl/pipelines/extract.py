"""Pages become Articles in other processes, from their records in the archive.

What crosses to a worker is the record's place, never the page: the worker reads what is archived, so a
live crawl and a later extraction of the same archive cannot differ.
"""

from __future__ import annotations

import asyncio
import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Self, cast

from newscrawl.archive.reextract import Noted, noted_at
from newscrawl.archive.run import Run
from newscrawl.archive.site_memory import Notes, known_notes, learn
from newscrawl.errors import ArchiveError
from newscrawl.extraction.boilerplate import PageNote
from newscrawl.items import Article, Page, Rejection, discovery_of
from newscrawl.outlet import Outlet
from newscrawl.workers import Fault, WorkerFault, done_within, stop_pool, worker_pool

if TYPE_CHECKING:
    from pebble import ProcessPool
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


logger = logging.getLogger(__name__)

QUEUED_PER_PROCESS = 2
"Pages handed to the pool at once for each process: one in work, one ready."
PAGES_PER_PROCESS = 2000
"A worker is replaced after so many pages, whatever its libraries leave in memory."

_REASONS: dict[Fault, str] = {"timeout": "extract_timeout", "crash": "extractor_crash"}


class ExtractPipeline:
    """Hand a Page to the pool and await its Article or Rejection.

    Waiting pages hold their responses in Scrapy's scraper slot, so a slow pool slows the downloads.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self.seconds = settings.getfloat("NEWSCRAWL_EXTRACT_SECONDS")
        self.processes = settings.getint("NEWSCRAWL_EXTRACT_PROCESSES") or default_processes()
        self.room = asyncio.Semaphore(self.processes * QUEUED_PER_PROCESS)
        self.pool: ProcessPool | None = None
        self.learns = settings.getbool("NEWSCRAWL_LEARN")
        self.notes = Notes()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def open_spider(self) -> None:
        self.pool = extraction_pool(self.processes)

    def close_spider(self) -> None:
        if self.pool:
            stop_pool(self.pool)
        if notes := self.notes.held:
            self.learn(notes)

    def learn(self, notes: list[PageNote]) -> None:
        """Leave what this run's pages taught for the next run."""
        spider = cast("ArchivingSpider", self.crawler.spider)
        # A replay has nothing new to tell, and pages of many sites nothing they share.
        if spider.outlet is None or spider.run.playback:
            return
        try:
            spider.run.learned = learn(spider.run.folder, [*known_notes(spider.run.folder), *notes])
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)

    async def process_item(self, item: Page | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        spider = cast("ArchivingSpider", self.crawler.spider)
        async with self.room:
            try:
                return await self.extracted(item, spider.run, spider.outlet)
            except Exception as error:
                logger.exception("%s: extraction of %s failed", spider.name, item.url)
                source = spider.outlet.id if spider.outlet else None
                return refused(item, source, "extractor_error", f"{type(error).__name__}: {error}")

    async def extracted(self, page: Page, run: Run, outlet: Outlet | None) -> Article | Rejection:
        """The worker's answer, or a Rejection that names what befell the worker."""
        assert self.pool
        task = partial(noted_at, run.source, page.warc, outlet, run.memory)
        reject = partial(refused, page, outlet.id if outlet else None)
        try:
            found: Noted = await done_within(self.pool, task, self.seconds)
        except WorkerFault as error:
            return reject(_REASONS[error.fault], str(error))
        except ArchiveError as error:
            return reject("archive_unreadable", str(error))
        if found.note and self.learns:
            self.notes.add(found.note)
        return found.item


def default_processes() -> int:
    """One core is the crawl's."""
    return max(1, (os.cpu_count() or 2) - 1)


def extraction_pool(processes: int) -> ProcessPool:
    """Workers that have the extractor loaded."""
    return worker_pool(processes, PAGES_PER_PROCESS)


def refused(page: Page, source: str | None, reason: str, detail: str) -> Rejection:
    return Rejection(
        url=page.url,
        url_requested=page.link.url,
        source=source,
        step="extract",
        reason=reason,
        detail=detail[:300],
        discovery=discovery_of(page.link),
        warc=page.warc,
    )
