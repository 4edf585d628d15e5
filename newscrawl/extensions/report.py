"""Opens a run's files when the spider opens; when it closes, closes them and leaves the report."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, cast

from scrapy import signals
from scrapy.exceptions import CloseSpider

from newscrawl.archive.repair import repair_folder
from newscrawl.archive.report import Report, ReportedAlarm, write_report
from newscrawl.archive.run import Run
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, rfc3339
from newscrawl.monitoring.alarm import Alarm, kept_from
from newscrawl.monitoring.alarms import alarms_of
from newscrawl.monitoring.figures import Collected, Figures, figures_from
from newscrawl.monitoring.history import WINDOW, Past
from newscrawl.spiders.outlet import LISTED, NEW, NEWEST, OWN, PREFIX
from newscrawl.spiders.run_context import (
    ARGUMENTS,
    KNOWN,
    digest_of,
    given_settings,
    settings_digest,
    versions,
)
from newscrawl.state.retry_policy import HOST_PAUSED, UNCHANGED
from newscrawl.state.rows import seconds_of
from newscrawl.state.sources import retired_sources

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.outlet import Outlet
    from newscrawl.spiders.base import ArchivingSpider


logger = logging.getLogger(__name__)

SEEN_BEFORE = UNCHANGED | {KNOWN, "duplicate"}
BY_CHOICE = frozenset({"rights_reserved", "taken_down", HOST_PAUSED})
"Reasons of pages whose text is known, or that we leave alone: no measure of how many become articles."
UNMEASURED = SEEN_BEFORE | BY_CHOICE
READ_STEPS = ("extract", "validate")
LOST = (
    "timeout",
    "connection_refused",
    "connection_failed",
    "cut_short",
    "no_such_host",
    "download_error",
    "robots_unreachable",
    HOST_PAUSED,
)
"Reasons of pages that no answer came for, or that were not asked for because none came before."
GOOD_ENDS = ("finished", "shutdown")
Stats = Mapping[str, object]


def figures_of(spider: ArchivingSpider, stats: Stats, collected: Collected) -> Figures:
    """What the run brought, from its own counters, Scrapy's, and the articles."""
    run, frontier = spider.run, spider.frontier.counts()
    refused = sum(count for reason, count in run.reasons.items() if reason not in UNMEASURED)
    articles = run.articles.count
    return Figures(
        **collected.figures(),
        pages=articles + refused,
        read=articles + sum(_read_and_refused(stats)),
        articles=articles,
        languages=dict(+run.languages),
        rejected=dict(run.reasons),
        statuses=_by_name(stats, "downloader/response_status_count/"),
        lost=sum(run.reasons[reason] for reason in LOST),
        listed=_count(stats, LISTED),
        own=_count(stats, OWN),
        offered=_count(stats, NEW),
        newest=cast("int | None", stats.get(PREFIX + NEWEST)),
        sources=_by_name(stats, "newscrawl/source/"),
        left=frontier.get("pending", 0) + frontier.get("fetching", 0),
        bytes=sum(file.bytes for file in run.warcs),
    )


def _read_and_refused(stats: Stats) -> Iterator[int]:
    for step in READ_STEPS:
        for reason, count in _by_name(stats, f"newscrawl/{step}/dropped/").items():
            if reason not in UNMEASURED:
                yield count


def _count(stats: Stats, name: str) -> int:
    return cast("int", stats.get(PREFIX + name, 0))


def _by_name(stats: Stats, prefix: str) -> dict[str, int]:
    """Counts by the last part of their name."""
    found: dict[str, int] = {}
    for name, count in stats.items():
        if name.startswith(prefix):
            last = name.rpartition("/")[2]
            found[last] = found.get(last, 0) + cast("int", count)
    return found


def alarms_at_end(
    spider: ArchivingSpider, figures: Figures, *, failed: bool, finished: datetime
) -> list[Alarm]:
    """What is wrong with the outlet now. Where its past cannot be read, this run alone tells.

    A replay tells nothing of the outlet as it is.
    """
    outlet = spider.outlet
    if outlet is None or spider.run.playback:
        return []
    past: list[Past] = []
    retired: list[str] = []
    try:
        if spider.state:
            past = past_runs(spider, seconds_of(finished) - WINDOW)
            retired = retired_sources(spider.state.database, outlet.id, named_sources(outlet))
    except ArchiveError as error:
        logger.error("%s: judged without its past: %s", spider.name, error)
    this = Past(started=seconds_of(spider.run.started), figures=figures, failed=failed)
    return alarms_of([*past, this], outlet.expect, retired=retired, anew=spider.begins_anew)


def past_runs(spider: ArchivingSpider, since: int) -> list[Past]:
    """The outlet's runs that have ended, as they were measured."""
    assert spider.state
    return [
        Past(
            started=row.started,
            figures=figures_from(row.figures),
            failed=bool(row.error) or row.reason not in GOOD_ENDS,
            alarms=frozenset(one.name for one in kept_from(row.alarms).standing) if row.alarms else None,
        )
        for row in spider.state.runs.measured(since)
    ]


def named_sources(outlet: Outlet) -> set[str]:
    return {*outlet.feeds, *outlet.sitemaps, *outlet.sections}


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
