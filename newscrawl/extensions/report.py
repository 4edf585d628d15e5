"""Opens a run's files when the spider opens; when it closes, closes them and leaves the report."""

from __future__ import annotations

import logging
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, cast

from scrapy import signals
from scrapy.exceptions import CloseSpider

from newscrawl.archive.repair import repair_folder
from newscrawl.archive.report import Report, ReportedAlarm, write_report
from newscrawl.archive.run import Run
from newscrawl.errors import ArchiveError
from newscrawl.extensions.measuring import GOOD_ENDS, alarms_at_end, figures_of
from newscrawl.health.collected import Collected
from newscrawl.items import Article, rfc3339
from newscrawl.spiders.given import ARGUMENTS, digest_of, given_settings, settings_digest
from newscrawl.spiders.runs import versions
from newscrawl.state.fates import HOST_PAUSED

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider

logger = logging.getLogger(__name__)

_SOURCE, _FILLED = "newscrawl/source/", "newscrawl/filled/"
_STATUS, _UNFETCHED = "downloader/response_status_count/", "newscrawl/fetch/dropped/"
_MISSED, _TRAPS = "newscrawl/replay/missed", "newscrawl/traps/"


class ReportExtension:
    """Keeps the run of the spider whole; its `report` is there once the spider has closed."""

    report: Report | None = None

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.collected = Collected()
        crawler.signals.connect(self.spider_opened, signals.spider_opened)
        crawler.signals.connect(self.item_scraped, signals.item_scraped)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def spider_opened(self, spider: ArchivingSpider) -> None:
        if not hasattr(spider, "run"):
            return
        try:
            self.repair(spider)
            spider.run.open()
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)
            raise CloseSpider("archive_error") from error

    def repair(self, spider: ArchivingSpider) -> None:
        """Close what killed runs of this outlet left open; a replay has no business there."""
        if spider.run.playback:
            return
        for file in repair_folder(spider.run.folder, host=socket.gethostname()).files:
            level = logging.WARNING if file.outcome == "broken" else logging.INFO
            logger.log(level, "%s: %s %s: %s", spider.name, file.name, file.outcome, file.summary)

    def item_scraped(self, item: object) -> None:
        if isinstance(item, Article):
            self.collected.add(item)

    def spider_closed(self, spider: ArchivingSpider, reason: str) -> None:
        if not hasattr(spider, "run"):
            return
        spider.run.close()
        self.report = report_of(self.crawler, spider, reason, datetime.now(UTC), self.collected)
        try:
            path = write_report(spider.run.folder, self.report)
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)
            self.report = self.report.model_copy(update={"error": self.report.error or str(error)})
        else:
            logger.info("%s: %s articles, report %s", spider.name, self.report.articles, path)
        for alarm in self.report.alarms:
            logger.warning("%s: %s: %s", spider.name, alarm.name, alarm.detail)
        left = self.report.frontier
        if waiting := left.get("pending", 0) + left.get("fetching", 0):
            logger.warning("%s: %s links are left for another run", spider.name, waiting)


def report_of(
    crawler: Crawler, spider: ArchivingSpider, reason: str, finished: datetime, collected: Collected
) -> Report:
    """What the run did, from its own counters and Scrapy's, and what is alarming about it."""
    run, stats = spider.run, crawler.stats.get_stats()
    error = _error(spider, stats, reason)
    figures = figures_of(spider, stats, collected)
    failed = error is not None or reason not in GOOD_ENDS
    alarms = alarms_at_end(spider, figures, failed=failed, finished=finished)
    return Report(
        run=run.id,
        outlet=spider.name,
        started=rfc3339(run.started),
        finished=rfc3339(finished),
        seconds=round((finished - run.started).total_seconds(), 3),
        reason=reason,
        error=error,
        alarms=[ReportedAlarm(**alarm._asdict()) for alarm in alarms],
        requests=run.exchanges,
        pages=run.articles.count + run.rejections.count,
        articles=run.articles.count,
        rejected=dict(sorted(run.reasons.items())),
        sources=_under(stats, _SOURCE),
        frontier=spider.frontier.counts(),
        languages=dict(sorted(run.languages.items())),
        filled=_under(stats, _FILLED),
        statuses=_under(stats, _STATUS),
        traps=_under(stats, _TRAPS),
        figures=figures.model_dump(exclude_defaults=True),
        warc_bytes=sum(file.bytes for file in run.warcs),
        warc_records=sum(file.records for file in run.warcs),
        warcs=[file.name for file in run.warcs],
        versions=versions(),
        settings_hash=settings_digest(crawler.settings),
        outlet_hash=digest_of(spider.outlet.model_dump(mode="json") if spider.outlet else {}),
        settings=given_settings(crawler.settings),
        arguments=dict(crawler.settings.getdict(ARGUMENTS)),
        memory=run.memory.name if run.memory else None,
        learned=run.learned.name if run.learned else None,
        replay_of=_replay_of(run),
        replay_missed=cast("int", stats.get(_MISSED, 0)),
    )


def _replay_of(run: Run) -> str | None:
    """The run that was replayed, else the time, else the folder; None for a live run."""
    if not run.playback:
        return None
    if run.playback.at:
        return run.playback.at.isoformat()
    return run.playback.recorded.run or str(run.playback.recorded.folder)


def _error(spider: ArchivingSpider, stats: dict[str, object], reason: str) -> str | None:
    """What made the run fail, if it did: the archive, or that nothing could be read at all."""
    if spider.run.failure:
        return str(spider.run.failure)
    if missed := stats.get(_MISSED):
        return f"{missed} requests have no answer in the archive that is replayed"
    if spider.sources_failed and not any(spider.frontier.counts().values()):
        return "no link was found: " + "; ".join(spider.sources_failed[:5])
    return _pages_error(spider, stats, reason)


def _pages_error(spider: ArchivingSpider, stats: dict[str, object], reason: str) -> str | None:
    """What went wrong with pages as a whole, not with one of them."""
    if reason == "finished" and (lost := spider.frontier.counts().get("fetching", 0)):
        return f"{lost} pages ended without a line: see the log"
    if raised := stats.get("spider_exceptions/count"):
        return f"{raised} errors in the spider: see the log"
    unfetched = _under(stats, _UNFETCHED)
    is_all = not spider.run.articles.count and sum(unfetched.values()) == spider.run.rejections.count
    # A host that is left alone on purpose is no failure of the run.
    if is_all and set(unfetched) - {HOST_PAUSED}:
        return "no page could be fetched: " + ", ".join(unfetched)
    return None


def _under(stats: dict[str, object], prefix: str, suffix: str = "") -> dict[str, int]:
    return {
        name.removeprefix(prefix): cast("int", value)
        for name, value in sorted(stats.items())
        if name.startswith(prefix) and name.endswith(suffix)
    }
