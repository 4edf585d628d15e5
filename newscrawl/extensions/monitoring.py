"""Where the figures and alarms of a run go when it has ended: state, metrics, a webhook."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from scrapy import signals
from scrapy.exceptions import NotConfigured

from newscrawl.archive.report import Report
from newscrawl.errors import ArchiveError
from newscrawl.extensions.report import GOOD_ENDS, ReportExtension
from newscrawl.monitoring.alarm import Alarm, Kept, kept_from, kept_text
from newscrawl.monitoring.figures import Figures, figures_text
from newscrawl.monitoring.history import WINDOW
from newscrawl.monitoring.prometheus import Measured, metrics_text
from newscrawl.state.rows import seconds_of
from newscrawl.state.scheduling import standing_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


logger = logging.getLogger(__name__)

SECONDS = 10.0
"For the whole of it: a crawl that is over waits for nobody longer."


def is_web(url: str) -> bool:
    """Whether it is an address that can be posted to."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def posted(url: str, message: Mapping[str, object], seconds: float = SECONDS) -> bool:
    """Whether it was taken with a status 2xx in time. What went wrong is logged, without the URL: it may
    be all that is needed to post there."""
    took: list[str] = []
    # A server may send a byte now and then for ever, which no time-out of a socket ends; the thread does not
    # hold up the end of the process.
    thread = Thread(target=lambda: took.append(_fault(url, message, seconds)), daemon=True)
    thread.start()
    thread.join(seconds)
    fault = took[0] if took else f"no answer within {seconds:g} s"
    if fault:
        logger.warning("the webhook was not told: %s", fault)
    return not fault


class _Staying(HTTPRedirectHandler):
    """Follows nobody elsewhere: that would be a GET, answered with a page and taken for a success."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fault(url: str, message: Mapping[str, object], seconds: float) -> str:
    """What kept the message from being taken, without a word of the URL; empty where nothing did."""
    data = json.dumps(message).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "newscrawl"}
    try:
        # The scheme is checked before, and an address of the user's own needs no guard.
        request = Request(url, data, headers, method="POST")  # noqa: S310
        with build_opener(_Staying).open(request, timeout=seconds):
            return ""
    except HTTPError as error:
        error.close()
        return f"it answered with status {error.code}"
    except URLError as error:
        return type(error.reason).__name__ if isinstance(error.reason, OSError) else "it cannot be reached"
    except Exception as error:  # noqa: BLE001 # odd URLs and answers raise many kinds, whose texts quote them
        return type(error).__name__


METRICS = "metrics"
"Folder beside those of the outlets."
SETTING = "NEWSCRAWL_WEBHOOK"
SUMMARY = ("started", "finished", "seconds", "reason", "error", "pages", "articles", "rejected", "sources")
"What of the report goes along with the alarms."


class HealthExtension:
    """Behind the report, which it hands on, and before state is closed."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay tells nothing of the outlet as it is")
        self.crawler = crawler
        self.metrics = Path(settings["NEWSCRAWL_ARCHIVES"]) / METRICS
        self.webhook = settings.get(SETTING) or ""
        if self.webhook and not is_web(self.webhook):
            logger.error("%s is no http(s) URL: nobody is told of alarms", SETTING)
            self.webhook = ""
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def spider_closed(self, spider: ArchivingSpider) -> None:
        watcher = self.crawler.get_extension(ReportExtension)
        report = watcher.report if watcher else None
        if report is None or spider.outlet is None:
            return
        names, told = {alarm.name for alarm in report.alarms}, set[str]()
        with going_on(spider):
            told = last_told(spider)
            keep(spider, report, told)
        self.measure(spider, report)
        # Last, because it may take its time, and what is told of twice does no harm.
        if self.webhook and names != told and posted(self.webhook, message_of(report, names, told)):
            with going_on(spider):
                keep(spider, report, names)

    def measure(self, spider: ArchivingSpider, report: Report) -> None:
        next_due = last_success = None
        with going_on(spider):
            next_due, last_success = moments_of(spider, report)
        try:
            write_metrics(self.metrics, measured(report, next_due, last_success))
        except OSError as error:
            logger.error("%s: no metrics: cannot write %s: %s", spider.name, self.metrics, error.strerror)


@contextmanager
def going_on(spider: ArchivingSpider) -> Iterator[None]:
    """Whatever state cannot do, the rest is told."""
    try:
        yield
    except ArchiveError as error:
        logger.error("%s: what is known of its runs: %s", spider.name, error)


def keep(spider: ArchivingSpider, report: Report, told: set[str]) -> None:
    """Note in state what the run is measured by, what stands, and what the webhook knows."""
    if spider.state is None:
        return
    alarms = [Alarm(one.name, one.level, one.detail) for one in report.alarms]
    spider.state.runs.note(
        report.run,
        error=report.error,
        figures=figures_text(Figures(**report.figures)),
        alarms=kept_text(Kept(alarms, sorted(told))),
    )


def last_told(spider: ArchivingSpider) -> set[str]:
    """Names of the alarms that stand by what the webhook was told last."""
    kept = next((row.alarms for row in reversed(past_of(spider)) if row.alarms), None)
    return set(kept_from(kept).told)


def past_of(spider: ArchivingSpider) -> Sequence[Any]:
    """Rows of the outlet's runs before this one."""
    if spider.state is None:
        return ()
    return spider.state.runs.measured(seconds_of(spider.run.started) - WINDOW)


def message_of(report: Report, names: set[str], told: set[str]) -> dict[str, object]:
    """What the webhook gets: what stands, what is new of it, what has passed, and the run in short."""
    return {
        "schema": "newscrawl.alarms/1",
        "outlet": report.outlet,
        "run": report.run,
        "alarms": [alarm.model_dump() for alarm in report.alarms],
        "raised": sorted(names - told),
        "cleared": sorted(told - names),
        "report": report.model_dump(mode="json", include=set(SUMMARY)),
    }


def moments_of(spider: ArchivingSpider, report: Report) -> tuple[int | None, int | None]:
    """When the outlet is due next, and when it was last crawled without a failure."""
    if spider.state is None:
        return None, None
    ended = seconds_of(datetime.fromisoformat(report.finished))
    standing = standing_of(spider.state.database, report.outlet, ended)
    if succeeded(report):
        return standing.next_due, ended
    good = [row.started for row in past_of(spider) if row.reason in GOOD_ENDS and not row.error]
    return standing.next_due, max(good, default=None)


def succeeded(report: Report) -> bool:
    return report.error is None and report.reason in GOOD_ENDS


def measured(report: Report, next_due: int | None, last_success: int | None) -> Measured:
    return Measured(
        outlet=report.outlet,
        finished=datetime.fromisoformat(report.finished).timestamp(),
        succeeded=succeeded(report),
        last_success=last_success,
        next_due=next_due,
        seconds=report.seconds,
        articles=report.articles,
        warc_bytes=report.warc_bytes,
        waiting=report.figures.get("left", 0),
        pages={"article": report.articles, **report.rejected},
        sources=report.figures.get("sources", {}),
        languages=report.languages,
        statuses=report.statuses,
        alarms=[alarm.name for alarm in report.alarms],
    )


def write_metrics(folder: Path, run: Measured) -> None:
    """Whole or not at all: the collector may read at any moment, and takes names in .prom alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.outlet}.prom"
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(metrics_text(run))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
