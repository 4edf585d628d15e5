"""Opens a run's files when the spider opens; when it closes, closes them and leaves the report."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, cast

from scrapy import signals
from scrapy.exceptions import CloseSpider
from scrapy.settings import overridden_settings

from newscrawl.archive.report import Report, write_report
from newscrawl.errors import ArchiveError
from newscrawl.items import rfc3339
from newscrawl.spiders.runs import versions

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider

logger = logging.getLogger(__name__)

_SOURCE, _FILLED = "newscrawl/source/", "newscrawl/filled/"
_STATUS = "downloader/response_status_count/"


class ReportExtension:
    """Keeps the run of the spider whole; its `report` is there once the spider has closed."""

    report: Report | None = None

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        crawler.signals.connect(self.spider_opened, signals.spider_opened)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def spider_opened(self, spider: ArchivingSpider) -> None:
        if not hasattr(spider, "run"):
            return
        try:
            spider.run.open()
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)
            raise CloseSpider("archive_error") from error

    def spider_closed(self, spider: ArchivingSpider, reason: str) -> None:
        if not hasattr(spider, "run"):
            return
        spider.run.close()
        self.report = report_of(self.crawler, spider, reason, datetime.now(UTC))
        try:
            path = write_report(spider.run.folder, self.report)
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)
            self.report = self.report.model_copy(update={"error": self.report.error or str(error)})
        else:
            logger.info("%s: %s articles, report %s", spider.name, self.report.articles, path)


def report_of(crawler: Crawler, spider: ArchivingSpider, reason: str, finished: datetime) -> Report:
    """What the run did, from its own counters and Scrapy's."""
    run, stats = spider.run, crawler.stats.get_stats()
    return Report(
        run=run.id,
        outlet=spider.name,
        started=rfc3339(run.started),
        finished=rfc3339(finished),
        seconds=round((finished - run.started).total_seconds(), 3),
        reason=reason,
        error=_error(spider, stats),
        requests=run.exchanges,
        pages=run.articles.count + run.rejections.count,
        articles=run.articles.count,
        rejected=dict(sorted(run.reasons.items())),
        sources=_under(stats, _SOURCE),
        frontier=spider.frontier.counts(),
        languages=dict(sorted(run.languages.items())),
        filled=_under(stats, _FILLED),
        statuses=_under(stats, _STATUS),
        warc_bytes=sum(file.bytes for file in run.warcs),
        warc_records=sum(file.records for file in run.warcs),
        warcs=[file.name for file in run.warcs],
        versions=versions(),
        settings_hash=_digest({name: repr(value) for name, value in overridden_settings(crawler.settings)}),
        outlet_hash=_digest(spider.outlet.model_dump(mode="json") if spider.outlet else {}),
    )


def _error(spider: ArchivingSpider, stats: dict[str, object]) -> str | None:
    """What made the run fail, if it did: the archive, or that nothing could be read at all."""
    if spider.run.failure:
        return str(spider.run.failure)
    if spider.sources_failed and not _under(stats, _SOURCE, "/ok") and not spider.run.articles.count:
        return "no source could be read: " + "; ".join(spider.sources_failed[:5])
    reasons = spider.run.reasons
    if not spider.run.articles.count and reasons and not _under(stats, _STATUS, "200"):
        return "no page could be fetched: " + ", ".join(sorted(reasons))
    return None


def _under(stats: dict[str, object], prefix: str, suffix: str = "") -> dict[str, int]:
    return {
        name.removeprefix(prefix): cast("int", value)
        for name, value in sorted(stats.items())
        if name.startswith(prefix) and name.endswith(suffix)
    }


def _digest(data: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
