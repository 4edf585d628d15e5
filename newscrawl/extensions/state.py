"""Opens a run's state after its files and closes it after its report; in between it renews the lease."""

from __future__ import annotations

import logging

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, NotConfigured
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call
from twisted.internet.task import LoopingCall

from newscrawl.archive.finished_runs import read_run_lines
from newscrawl.archive.lines import has_open_files
from newscrawl.archive.report import Report
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError, StorageError
from newscrawl.extensions.report import get_report
from newscrawl.spiders.base import ArchivingSpider, CrawlerComponent
from newscrawl.spiders.crawl_options import MAX_SOURCES_SETTING, read_source_config
from newscrawl.spiders.run_context import find_unread_pages
from newscrawl.state.due_outlets import find_next_due
from newscrawl.state.encoding import epoch_seconds
from newscrawl.state.reconcile import KILLED, adopt_killed_run
from newscrawl.state.refetch_policy import DAY
from newscrawl.state.runs import RENEW_SECONDS, RunEnd, State

logger = logging.getLogger(__name__)

SHORTEST_RUNS_DAYS = 30
"Runs stay at least so long: those of four weeks are what the next run is compared with."


class StateExtension(CrawlerComponent):
    """Records the run in state, after it has caught up with runs that were killed."""

    def __init__(self, crawler: Crawler) -> None:
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay has no state")
        super().__init__(crawler)
        self.heartbeat: AsyncioLoopingCall | LoopingCall | None = None
        crawler.signals.connect(self.spider_opened, signals.spider_opened)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    def spider_opened(self, spider: ArchivingSpider) -> None:
        state = getattr(spider, "state", None)
        if not state or spider.run.failure:
            return
        try:
            adopt_killed_runs(spider, state)
            state.runs.begin(spider.run.id, state.holder, epoch_seconds(spider.run.started))
            spider.open_frontier()
        except ArchiveError as error:
            spider.run.failure = error
            logger.error("%s: %s", spider.name, error)
            raise CloseSpider("archive_error") from error
        self.heartbeat = create_looping_call(self.renew, spider, state)
        self.heartbeat.start(RENEW_SECONDS, now=False)

    def renew(self, spider: ArchivingSpider, state: State) -> None:
        """Renew the lease each minute; a crawl that was suspended until another took the lease must end."""
        with spider.closing_on_errors():
            if not state.lease.renew(epoch_seconds(utc_now())):
                raise ArchiveError(f"another process has taken over {spider.name}")

    def spider_closed(self, spider: ArchivingSpider, reason: str) -> None:
        state = getattr(spider, "state", None)
        if not state:
            return
        if self.heartbeat and self.heartbeat.running:
            self.heartbeat.stop()
        report = get_report(self.crawler)
        try:
            state.end_run(self.describe_end(spider, state, reason, report), epoch_seconds(utc_now()))
        except ArchiveError as failed:
            logger.error("%s: %s", spider.name, failed)
        state.close()

    def describe_end(
        self, spider: ArchivingSpider, state: State, reason: str, report: Report | None
    ) -> RunEnd:
        """How the run ended. A failed run stays unfinished, so that the next run adopts its lines.

        So does a run without a report: it may have ended before its last outcomes were stored.
        """
        run, settings, now = spider.run, self.crawler.settings, epoch_seconds(utc_now())
        articles = run.articles.count
        values = {"reason": reason, "articles": articles, "pages": articles + run.rejections.count}
        config = None
        if spider.outlet:
            config = read_source_config(spider.outlet, settings.getint(MAX_SOURCES_SETTING))
        days = settings.getint("NEWSCRAWL_RUNS_DAYS")
        return RunEnd(
            run=run.id,
            finished=None if run.failure or report is None else now,
            values=values | ({"error": str(run.failure)} if run.failure else {}),
            is_good=report is not None and not report.error,
            # No outlet is due since before its last run: an outlet with much to fetch must take turns.
            next_due=config and max(find_next_due(state, config, now), epoch_seconds(run.started)),
            outlet_digest=config and config.digest,
            remove_before=now - max(days, SHORTEST_RUNS_DAYS) * DAY if days else None,
        )


def adopt_killed_runs(spider: ArchivingSpider, state: State) -> None:
    """Bring state up to date with the lines of killed runs."""
    for run in state.runs.unfinished():
        if has_open_files(spider.run.folder, run.id):
            # Another host's run: only that host may close its files, so its rows stay as they are.
            logger.warning("%s: run %s has not ended, and its files are open", spider.name, run.id)
            continue
        try:
            if spider.run.copy and not spider.run.copy.bring_run(run.id):
                # Its rows stay as they are until a run can ask the bucket for its lines.
                logger.warning("%s: run %s has not ended, and the bucket is away", spider.name, run.id)
                continue
        except StorageError as error:
            logger.warning("%s: cannot ask for what run %s wrote: %s", spider.name, run.id, error)
            continue
        try:
            items = list(read_run_lines(spider.run.folder, run.id))
        except ArchiveError as error:
            logger.error("%s: cannot read what run %s wrote: %s", spider.name, run.id, error)
            state.runs.end(run.id, epoch_seconds(utc_now()), reason=KILLED, error=str(error))
            continue
        spider.unread_pages.update(find_unread_pages(items))
        counts = adopt_killed_run(state.urls, state.runs, run, items, epoch_seconds(utc_now()))
        logger.info("%s: run %s was killed: %s pages ended, %s wait again", spider.name, run.id, *counts)
