"""Extracts Articles from Pages in worker processes, which read the pages' records in the archive.

A worker receives the record's place, never the page itself: it reads what is archived, so that a live crawl
and a later extraction from the same archive cannot differ.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from scrapy.crawler import Crawler

from newscrawl.archive.lines import PackedArticle
from newscrawl.archive.reextract import read_links_at
from newscrawl.archive.run_files import Run
from newscrawl.archive.site_memory import PageRecordBuffer, read_newest_records, write_site_memory
from newscrawl.errors import MACHINE_FAULT, ArchiveError, MachineFault
from newscrawl.extraction.boilerplate import PageRecord
from newscrawl.extraction.following_pages import MAX_PAGES, PageLinks, StoryPlace, StoryWalk
from newscrawl.extraction.story_forms import JSON_FORMS, FormLink
from newscrawl.items import Article, Page, Rejection, WarcPointer, make_discovery
from newscrawl.outlet import Outlet
from newscrawl.pipelines.packed_pages import extract_packed
from newscrawl.spiders.base import CrawlerComponent, has_foreign_pipelines
from newscrawl.spiders.story_forms import StoryFormFetcher
from newscrawl.workers import (
    CRAWL_GARBAGE_THRESHOLD,
    PAGES_PER_PROCESS,
    QUEUED_PER_PROCESS,
    Fault,
    TaskPool,
    WorkerFault,
    default_process_count,
)

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
_REASONS: dict[Fault, str] = {"timeout": "extract_timeout", "crash": "extractor_crash"}


class ExtractPipeline(CrawlerComponent):
    """Gives each Page to the pool and awaits its Article or Rejection.

    Waiting pages hold their responses in Scrapy's scraper slot, so a slow pool slows the downloads.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        super().__init__(crawler)
        self.timeout = settings.getfloat("NEWSCRAWL_EXTRACT_SECONDS")
        self.processes = settings.getint("NEWSCRAWL_EXTRACT_PROCESSES") or default_process_count()
        self.places = asyncio.Semaphore(self.processes * QUEUED_PER_PROCESS)
        self.max_pages = min(settings.getint("NEWSCRAWL_STORY_PAGES_MAX"), MAX_PAGES)
        self.pool: TaskPool | None = None
        self.forms: StoryFormFetcher | None = None
        self.writes_memory = settings.getbool("NEWSCRAWL_SITE_MEMORY")
        self.page_records = PageRecordBuffer()
        self.is_compared = settings.getbool("NEWSCRAWL_DEDUP") and not settings.get("NEWSCRAWL_REPLAY")
        "Whether copies of articles are looked for."
        self.has_own_lines = not has_foreign_pipelines(settings)
        "Whether articles stay as workers packed them, unless a pipeline puts others in their place."

    def open_spider(self) -> None:
        self.pool = TaskPool(self.processes, PAGES_PER_PROCESS)
        gc.set_threshold(CRAWL_GARBAGE_THRESHOLD)

    def close_spider(self) -> None:
        if self.pool:
            self.pool.stop()
        if records := self.page_records.records:
            self.write_memory(records)

    def write_memory(self, records: list[PageRecord]) -> None:
        """Write the site memory for the next run from this run's pages."""
        spider = self.spider
        # A replay brings no new pages, and pages of many sites have nothing in common.
        if spider.outlet is None or spider.run.replay_index:
            return
        try:
            spider.run.learned = write_site_memory(
                spider.run.folder, [*read_newest_records(spider.run.folder), *records]
            )
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)

    async def process_item(self, item: Page | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        spider = self.spider
        source = spider.outlet.id if spider.outlet else None
        try:
            return await self.extract(item, spider.run, spider.outlet)
        except MachineFault as error:
            # Every page that follows would fail in the same way, through no fault of its own.
            if error is not spider.run.failure:
                spider.stop_on_archive_error(error)
            return reject_page(item, source, MACHINE_FAULT, str(error))
        except Exception as error:
            logger.exception("%s: extraction of %s failed", spider.name, item.url)
            return reject_page(item, source, "extractor_error", f"{type(error).__name__}: {error}")

    async def extract(self, page: Page, run: Run, outlet: Outlet | None) -> Article | Rejection:
        """The worker's result, or a Rejection that names what happened to the worker; else MachineFault."""
        reject = partial(reject_page, page, outlet.id if outlet else None)
        read = partial(
            extract_packed,
            run.source,
            page.warc,
            outlet,
            run.memory,
            is_compared=self.is_compared and getattr(self.spider, "state", None) is not None,
        )
        try:
            extracted, parts = await self._run(read), list[WarcPointer]()
            if extracted.form and (pointer := await self.fetch_form(page, extracted.form)):
                parts, name = [pointer], extracted.form.form
                extracted = await self._run(partial(read, parts), 2)
                self.count_form(name, extracted.form_outcome)
            if extracted.links:
                # All its pages are in the archive before it is extracted as a whole.
                pages = await self.fetch_following_pages(page, extracted.links)
                parts += pages
                if pages:
                    extracted = await self._run(partial(read, parts), 1 + len(parts))
        except WorkerFault as error:
            return reject(_REASONS[error.fault], str(error))
        except MachineFault:
            raise
        except ArchiveError as error:
            return reject("archive_unreadable", str(error))
        if extracted.record and self.writes_memory:
            self.page_records.add(extracted.record)
        return self.unpack(extracted.item)

    def unpack(self, item: PackedArticle | Rejection) -> Article | Rejection:
        """The item for the pipelines that follow."""
        if isinstance(item, Rejection):
            return item
        article = Article.model_validate_json(item.line)
        if self.has_own_lines:
            self.spider.run.packed.add(article, item)
        return article

    async def fetch_form(self, page: Page, link: FormLink) -> WarcPointer | None:
        """The record of another form of the page's story, if it can be had."""
        self.forms = self.forms or StoryFormFetcher(self.spider)
        media_type = JSON_FORMS.get(link.form, "")
        fetched = await self.forms.fetch(page.warc, link.form, link.url, media_type)
        if fetched.pointer is None:
            self.count_form(link.form, fetched.outcome)
        return fetched.pointer

    def count_form(self, form: str, outcome: str) -> None:
        self.crawler.stats.inc_value(f"newscrawl/story_forms/{form}/{outcome}")

    async def fetch_following_pages(self, page: Page, links: PageLinks) -> list[WarcPointer]:
        """The records of the pages that follow a story's first page, each found by those before it."""
        spider, parts = self.spider, list[WarcPointer]()
        is_followed = spider.outlet is None or spider.outlet.follow_pages
        walk = StoryWalk(links, self.max_pages if is_followed else 1)
        while step := walk.next_page():
            number, url = step
            pointer = await spider.fetch_following_page(page.warc, number, url)
            place = StoryPlace(number=number, base=links.place.base)
            found = await self._read_links(pointer, place) if pointer else None
            self.crawler.stats.inc_value(f"newscrawl/following_pages/{'fetched' if found else 'missing'}")
            if pointer:
                parts.append(pointer)
            if found is None:
                walk.miss(number)
            else:
                walk.add(number, found)
        return parts

    async def _read_links(self, pointer: WarcPointer, place: StoryPlace) -> PageLinks | None:
        spider = self.spider
        try:
            return await self._run(partial(read_links_at, spider.run.source, pointer, spider.outlet, place))
        except MachineFault:
            raise
        except (WorkerFault, ArchiveError) as error:
            logger.warning("%s: a following page at %s cannot be read: %s", spider.name, pointer.file, error)
            return None

    async def _run(self, task: Callable[[], Result], pages: int = 1) -> Result:
        """The result of a worker, which may take the time of so many pages."""
        assert self.pool
        async with self.places:
            if isinstance(self.spider.run.failure, MachineFault):
                raise self.spider.run.failure
            return await self.pool.run(task, self.timeout * pages)


def reject_page(page: Page, source: str | None, reason: str, detail: str) -> Rejection:
    return Rejection(
        url=page.url,
        url_requested=page.link.url,
        source=source,
        step="extract",
        reason=reason,
        detail=detail[:300],
        discovery=make_discovery(page.link),
        warc=page.warc,
    )
