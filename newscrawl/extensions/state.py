"""Opens the state of a run after its files, and closes it after its report; in between it keeps the lease."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import CloseSpider, NotConfigured
from scrapy.utils.asyncio import create_looping_call

from newscrawl.archive.finished_runs import ended_pages, left_open
from newscrawl.errors import ArchiveError
from newscrawl.extensions.report import ReportExtension
from newscrawl.spiders.run_context import now
from newscrawl.state.reconcile import KILLED, take_over
from newscrawl.state.rows import seconds_of
from newscrawl.state.runs import RENEWED_SECONDS
from newscrawl.state.scheduling import note_success

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.utils.asyncio import AsyncioLoopingCall
    from twisted.internet.task import LoopingCall

    from newscrawl.spiders.base import ArchivingSpider
    from newscrawl.state.runs import State


logger = logging.getLogger(__name__)


class StateExtension:
    """Tells state of the run; what killed runs wrote and state did not hear of is told first."""

    def __init__(self, crawler: Crawler) -> None:
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay has no state")
        self.crawler = crawler
        self.heartbeat: AsyncioLoopingCall | LoopingCall | None = None
        crawler.signals.connect(self.spider_opened, signals.spider_opened)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def spider_opened(self, spider: ArchivingSpider) -> None:
        state = getattr(spider, "state", None)
        if not state or spider.run.failure:
            return
        try:
            take_over_killed(spider, state)
            state.runs.begin(spider.run.id, state.holder, seconds_of(spider.run.started))
            spider.open_frontier()
        except ArchiveError as error:
            spider.run.failure = error
            logger.error("%s: %s", spider.name, error)
            raise CloseSpider("archive_error") from error
        self.heartbeat = create_looping_call(self.renew, spider, state)
        self.heartbeat.start(RENEWED_SECONDS, now=False)

    def renew(self, spider: ArchivingSpider, state: State) -> None:
        """Once a minute; a crawl that was stopped for so long that another began must end."""
        with spider.stopping():
            if not state.lease.renew(seconds_of(now())):
                raise ArchiveError(f"another process has taken over {spider.name}")

    def spider_closed(self, spider: ArchivingSpider, reason: str) -> None:
        state = getattr(spider, "state", None)
        if not state:
            return
        if self.heartbeat and self.heartbeat.running:
            self.heartbeat.stop()
        try:
            end_run(spider, state, reason)
            if self._went_well():
                note_success(state.database, spider.name)
            state.lease.release()
        except ArchiveError as failed:
            logger.error("%s: %s", spider.name, failed)
        state.close()

    def _went_well(self) -> bool:
        told = self.crawler.get_extension(ReportExtension)
        return told is not None and told.report is not None and not told.report.error


def end_run(spider: ArchivingSpider, state: State, reason: str) -> None:
    """Say how the run ended. One that failed may have lines state never heard of: the next takes it over."""
    run = spider.run
    articles = run.articles.count
    how = {"reason": reason, "articles": articles, "pages": articles + run.rejections.count}
    if run.failure:
        state.runs.note(run.id, error=str(run.failure), **how)
    else:
        state.runs.end(run.id, seconds_of(now()), **how)


def take_over_killed(spider: ArchivingSpider, state: State) -> None:
    """Runs that were killed: what their lines say, state says too."""
    for run in state.runs.unfinished():
        if left_open(spider.run.folder, run.id):
            # Of another host, whose files only it may close: its rows are as they were told.
            logger.warning("%s: run %s has neither ended nor closed its files", spider.name, run.id)
            continue
        try:
            items = list(ended_pages(spider.run.folder, run.id))
        except ArchiveError as error:
            logger.error("%s: what run %s wrote is not known: %s", spider.name, run.id, error)
            state.runs.end(run.id, seconds_of(now()), reason=KILLED, error=str(error))
            continue
        mended = take_over(state.pages, state.runs, run, items, seconds_of(now()))
        logger.info("%s: run %s was killed: %s pages ended, %s wait again", spider.name, run.id, *mended)
