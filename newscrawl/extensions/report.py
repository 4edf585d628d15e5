"""Opens a run's files with the spider, closes them with it, and then writes the report."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.statscollectors import StatsCollector

from newscrawl.archive.bucket import Spool
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.report import Report, ReportedAlarm, write_quiet_report, write_report
from newscrawl.archive.run_files import Run
from newscrawl.digests import SHORT_DIGITS, json_digest
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import MACHINE_FAULT, ArchiveError
from newscrawl.items import Article, rfc3339
from newscrawl.monitoring.agreement import read_agreement
from newscrawl.monitoring.alarms import Alarm, evaluate_alarms, load_alarm_state
from newscrawl.monitoring.history import WINDOW, RunRecord
from newscrawl.monitoring.metrics import RunCollector, RunMetrics, load_metrics
from newscrawl.spiders.base import ArchivingSpider, CrawlerComponent
from newscrawl.spiders.outlet import LINK_STATS, LISTED, NEW, NEWEST, OWN
from newscrawl.spiders.run_context import (
    ARGUMENTS,
    KNOWN,
    NO_STATE_URL,
    STATE_URL,
    recorded_settings,
    settings_digest,
    versions,
)
from newscrawl.state.encoding import epoch_seconds, from_epoch
from newscrawl.state.refetch_policy import HOST_PAUSED, STORY_INCOMPLETE, UNCHANGED_OUTCOMES
from newscrawl.state.sources import find_retired_sources

logger = logging.getLogger(__name__)

SEEN_BEFORE = UNCHANGED_OUTCOMES | {KNOWN, "duplicate", STORY_INCOMPLETE}
BY_CHOICE = frozenset({"rights_reserved", "taken_down", HOST_PAUSED})
"Reasons of pages whose text we have or do not want: they do not show how many pages become articles."
UNMEASURED_REASONS = SEEN_BEFORE | BY_CHOICE | {MACHINE_FAULT}
READ_STEPS = ("extract", "validate")
LOST_REASONS = (
    "timeout",
    "connection_refused",
    "connection_failed",
    "cut_short",
    "no_such_host",
    "download_error",
    "robots_unreachable",
    HOST_PAUSED,
)
"Reasons of pages that got no response, or were not requested because others got none."
GOOD_ENDS = ("finished", "shutdown")
WAITING_SECONDS = 900
"Files that wait for the bucket are no alarm before."
_SOURCES, _FILLED, _TRAPS = "newscrawl/source/", "newscrawl/filled/", "newscrawl/traps/"
_WITNESS, _FORMS = "newscrawl/witness/", "newscrawl/story_forms/"
_STATUSES = "downloader/response_status_count/"
_UNFETCHED, _MISSED = "newscrawl/fetch/dropped/", "newscrawl/replay/missed"
Stats = Mapping[str, object]


def measure_run(
    spider: ArchivingSpider, stats: Stats, collector: RunCollector, frontier: Mapping[str, int]
) -> RunMetrics:
    """The run's metrics, from its own counters, Scrapy's stats, the frontier's counts, and the articles."""
    run = spider.run
    refused = sum(count for reason, count in run.reasons.items() if reason not in UNMEASURED_REASONS)
    articles = run.articles.count
    return RunMetrics(
        **collector.metrics(),
        pages=articles + refused,
        read=articles + _count_extraction_rejections(stats),
        articles=articles,
        languages=dict(+run.languages),
        rejected=dict(run.reasons),
        statuses=_sum_by_last_part(stats, _STATUSES),
        lost=sum(run.reasons[reason] for reason in LOST_REASONS),
        listed=_link_count(stats, LISTED),
        own=_link_count(stats, OWN),
        offered=_link_count(stats, NEW),
        newest=cast("int | None", stats.get(LINK_STATS + NEWEST)),
        sources=_sum_by_last_part(stats, _SOURCES),
        left=frontier.get("pending", 0) + frontier.get("fetching", 0),
        bytes=sum(file.written for file in run.warcs),
    )


def _count_extraction_rejections(stats: Stats) -> int:
    return sum(
        count
        for step in READ_STEPS
        for reason, count in _sum_by_last_part(stats, f"newscrawl/{step}/dropped/").items()
        if reason not in UNMEASURED_REASONS
    )


def _link_count(stats: Stats, name: str) -> int:
    return cast("int", stats.get(LINK_STATS + name, 0))


def _sum_by_last_part(stats: Stats, prefix: str) -> dict[str, int]:
    """Counts by the last part of their name, added up."""
    sums: dict[str, int] = {}
    for name, count in stats.items():
        if name.startswith(prefix):
            last = name.rpartition("/")[2]
            sums[last] = sums.get(last, 0) + cast("int", count)
    return sums


def find_run_alarms(
    spider: ArchivingSpider, metrics: RunMetrics, *, failed: bool, finished: datetime
) -> list[Alarm]:
    """The outlet's alarms after this run, from this run alone where the earlier runs cannot be read.

    A replay raises none, as it does not show how the outlet is today.
    """
    outlet = spider.outlet
    if outlet is None or spider.run.replay_index:
        return []
    past: list[RunRecord] = []
    retired: list[str] = []
    try:
        if spider.state:
            past = past_runs(spider, epoch_seconds(finished) - WINDOW)
            sources = {*outlet.feeds, *outlet.sitemaps, *outlet.sections}
            retired = find_retired_sources(spider.state.sources.rows(), sources)
    except ArchiveError as error:
        logger.error("%s: alarms disregard earlier runs: %s", spider.name, error)
    this = RunRecord(started=epoch_seconds(spider.run.started), metrics=metrics, failed=failed)
    return evaluate_alarms([*past, this], outlet.expect, retired=retired, is_first_run=spider.is_first_run)


def find_waiting_files(spider: ArchivingSpider, now: int) -> list[Alarm]:
    """An alarm if files of any outlet have been waiting on this machine for the bucket."""
    spool = Spool.find(spider.run.folder.parent) if spider.run.copy else None
    marks = [mark for mark in spool.list_waiting() if mark.bytes] if spool else []
    if not spool or not marks or now - marks[0].since < WAITING_SECONDS:
        return []
    size, limit = (
        sum(mark.bytes for mark in marks),
        spider.crawler.settings.getint("NEWSCRAWL_SPOOL_MAX_BYTES"),
    )
    detail = (
        f"{size} bytes of {len(marks)} outlets wait on {socket.gethostname()} for {spool.storage.url} since "
        f"{rfc3339(from_epoch(marks[0].since))}; at {limit} no crawl begins"
    )
    return [Alarm("files_waiting", "error" if 2 * size > limit else "warning", detail)]


def past_runs(spider: ArchivingSpider, since: int) -> list[RunRecord]:
    """The outlet's finished runs and their metrics."""
    assert spider.state
    return [
        RunRecord(
            started=row.started,
            metrics=load_metrics(row.figures),
            failed=bool(row.error) or row.reason not in GOOD_ENDS,
            alarms=(
                frozenset(alarm.name for alarm in load_alarm_state(row.alarms).standing)
                if row.alarms
                else None
            ),
        )
        for row in spider.state.runs.measured(since)
    ]


class ReportExtension(CrawlerComponent):
    """Takes care of the spider's run; `report` is set once the spider has closed."""

    report: Report | None = None

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.collector = RunCollector()
        crawler.signals.connect(self.spider_opened, signals.spider_opened)
        crawler.signals.connect(self.item_scraped, signals.item_scraped)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    def spider_opened(self, spider: ArchivingSpider) -> None:
        if not hasattr(spider, "run"):
            return
        try:
            self.repair(spider)
            spider.run.open(is_only_writer=self.is_only_writer(spider))
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)
            raise CloseSpider("archive_error") from error

    def is_only_writer(self, spider: ArchivingSpider) -> bool:
        """Whether its files may still change: no other run writes to them, and no bucket has them."""
        state = getattr(spider, "state", None)
        has_lease = state is not None and self.crawler.settings.get(STATE_URL) != NO_STATE_URL
        return has_lease and spider.run.copy is None

    def repair(self, spider: ArchivingSpider) -> None:
        """Close files that killed runs of this outlet left open; a replay leaves the archive alone."""
        if spider.run.replay_index:
            return
        for file in repair_folder(spider.run.folder, host=socket.gethostname()).files:
            level = logging.WARNING if file.outcome == "broken" else logging.INFO
            logger.log(level, "%s: %s %s: %s", spider.name, file.name, file.outcome, file.summary)

    def item_scraped(self, item: object) -> None:
        if isinstance(item, Article):
            self.collector.add(item)
            count_witness(self.crawler.stats, item)

    def spider_closed(self, spider: ArchivingSpider, reason: str) -> None:
        if not hasattr(spider, "run"):
            return
        spider.run.close()
        counts = count_links(spider)
        self.report = build_report(self.crawler, spider, reason, utc_now(), self.collector, frontier=counts)
        # Without a lease others might write to the same file at once.
        is_shared = self.report.is_quiet and len(self.report.warcs) == 1 and self.is_only_writer(spider)
        try:
            path = (write_quiet_report if is_shared else write_report)(spider.run.folder, self.report)
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)
            self.report = self.report.model_copy(update={"error": self.report.error or str(error)})
        else:
            logger.info("%s: %s articles, report %s", spider.name, self.report.articles, path)
        for alarm in self.report.alarms:
            logger.warning("%s: %s: %s", spider.name, alarm.name, alarm.detail)
        left = self.report.frontier
        if waiting := left.get("pending", 0) + left.get("fetching", 0):
            logger.warning("%s: %s links remain for the next run", spider.name, waiting)


def count_witness(stats: StatsCollector, article: Article) -> None:
    """Add an article to the statistics of how well the classifier agrees with feeds and APIs."""
    agreement = read_agreement(article.quality)
    if agreement is None:
        return
    stats.inc_value(f"{_WITNESS}{'whole' if agreement.whole else 'partial'}")
    if agreement.whole:
        stats.inc_value(f"{_WITNESS}common_chars", agreement.common)
        for name, chars in (("extra", agreement.extra), ("missed", agreement.missed)):
            for kind, count in chars.items():
                stats.inc_value(f"{_WITNESS}{name}_chars/{kind}", count)


def get_report(crawler: Crawler) -> Report | None:
    """The report of a crawl that has ended; None if it never began."""
    extension = crawler.get_extension(ReportExtension)
    return extension.report if extension else None


def count_links(spider: ArchivingSpider) -> dict[str, int]:
    """Count the links and store the last outcomes; if the frontier cannot do both, the run has failed.

    Nothing is counted if it cannot even count.
    """
    counts: dict[str, int] = {}
    try:
        counts = spider.frontier.counts()
        spider.frontier.store_outcomes()
    except ArchiveError as error:
        spider.run.failure = spider.run.failure or error
        logger.error("%s: %s", spider.name, error)
    return counts


def build_report(
    crawler: Crawler,
    spider: ArchivingSpider,
    reason: str,
    finished: datetime,
    collector: RunCollector,
    *,
    frontier: dict[str, int],
) -> Report:
    """The report: what the run did, from its own counters and Scrapy's stats, and the alarms it raises."""
    run, stats = spider.run, crawler.stats.get_stats()
    error = _find_error(spider, stats, reason, frontier)
    metrics = measure_run(spider, stats, collector, frontier)
    failed = error is not None or reason not in GOOD_ENDS
    alarms = find_run_alarms(spider, metrics, failed=failed, finished=finished)
    alarms += find_waiting_files(spider, epoch_seconds(finished))
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
        sources=_stats_under(stats, _SOURCES),
        frontier=frontier,
        languages=dict(sorted(run.languages.items())),
        filled=_stats_under(stats, _FILLED),
        statuses=_stats_under(stats, _STATUSES),
        traps=_stats_under(stats, _TRAPS),
        story_forms=_stats_under(stats, _FORMS),
        figures=metrics.model_dump(exclude_defaults=True),
        warc_bytes=sum(file.written for file in run.warcs),
        warc_records=sum(file.records for file in run.warcs),
        warcs=[file.name for file in run.warcs],
        warc_start=run.warcs[0].start if run.warcs else 0,
        warc_end=run.warcs[-1].bytes if run.warcs else None,
        versions=versions(),
        settings_hash=settings_digest(crawler.settings),
        outlet_hash=spider.outlet.digest if spider.outlet else json_digest({}, SHORT_DIGITS),
        settings=recorded_settings(crawler.settings),
        arguments=dict(crawler.settings.getdict(ARGUMENTS)),
        memory=run.memory.name if run.memory else None,
        learned=run.learned.name if run.learned else None,
        replay_of=_replay_source(run),
        replay_missed=cast("int", stats.get(_MISSED, 0)),
    )


def _replay_source(run: Run) -> str | None:
    """The replayed run, else the time, else the folder; None for a live run."""
    if not run.replay_index:
        return None
    if run.replay_index.at:
        return run.replay_index.at.isoformat()
    return run.replay_index.table.run or str(run.replay_index.table.folder)


def _find_error(
    spider: ArchivingSpider, stats: Stats, reason: str, frontier: Mapping[str, int]
) -> str | None:
    """Why the run failed: the archive, the replay, or that nothing could be read at all."""
    if spider.run.failure:
        return str(spider.run.failure)
    if missed := stats.get(_MISSED):
        return f"{missed} requests have no answer in the archive that is replayed"
    if spider.sources_failed and not any(frontier.values()):
        return "no link was found: " + "; ".join(spider.sources_failed[:5])
    return _find_page_error(spider, stats, reason, frontier)


def _find_page_error(
    spider: ArchivingSpider, stats: Stats, reason: str, frontier: Mapping[str, int]
) -> str | None:
    """Why all the pages failed, rather than a single page."""
    if reason == "finished" and (lost := frontier.get("fetching", 0)):
        return f"{lost} pages ended without a line in either file: see the log"
    if raised := stats.get("spider_exceptions/count"):
        return f"{raised} errors in the spider: see the log"
    unfetched = _stats_under(stats, _UNFETCHED)
    is_all = not spider.run.articles.count and sum(unfetched.values()) == spider.run.rejections.count
    # Pausing a host on purpose is no failure of the run.
    if is_all and set(unfetched) - {HOST_PAUSED}:
        return "no page could be fetched: " + ", ".join(unfetched)
    return None


def _stats_under(stats: Stats, prefix: str) -> dict[str, int]:
    """Stats whose name begins with the prefix, by the rest of their name."""
    return {
        name.removeprefix(prefix): cast("int", value)
        for name, value in sorted(stats.items())
        if name.startswith(prefix)
    }
