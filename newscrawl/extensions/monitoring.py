"""Passes on a run's figures and alarms when it has ended: to state, metrics files, a webhook and by mail."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from newscrawl.archive.report import Report
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError
from newscrawl.extensions.alarm_mail import (
    USUAL_TEMPLATE,
    AlarmText,
    MailServer,
    check_template,
    compose_mail,
    fill_alarm_template,
    list_alarm_values,
    parse_mail_server,
    send_mail,
)
from newscrawl.extensions.report import GOOD_ENDS, get_report
from newscrawl.monitoring.alarms import (
    MAIL,
    WEBHOOK,
    Alarm,
    AlarmState,
    Channel,
    Told,
    dump_alarm_state,
    load_alarm_state,
)
from newscrawl.monitoring.history import WINDOW
from newscrawl.monitoring.metrics import RunMetrics, dump_metrics
from newscrawl.monitoring.prometheus import RunSnapshot, render_metrics
from newscrawl.spiders.base import ArchivingSpider, CrawlerComponent
from newscrawl.spiders.crawl_options import MAX_SOURCES_SETTING, read_source_config
from newscrawl.spiders.run_context import find_archives
from newscrawl.state.due_outlets import find_next_due
from newscrawl.state.encoding import epoch_seconds
from newscrawl.storage import atomic_write

logger = logging.getLogger(__name__)

Tell = Callable[[Report, set[str], set[str]], bool]
"Brings the alarms of a run, beside those told before, to whoever is concerned; whether they were taken."

POST_SECONDS = 10.0
"Time limit for the entire post: a finished crawl waits for nothing longer."
METRICS_FOLDER = "metrics"
"Folder beside the outlets' folders."
SUMMARY = ("started", "finished", "seconds", "reason", "error", "pages", "articles", "rejected", "sources")
"Fields of the report that are posted with the alarms."


class MonitoringExtension(CrawlerComponent):
    """Runs after ReportExtension, whose report it passes on, and before state is closed."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay does not show how the outlet is today")
        super().__init__(crawler)
        self.metrics = find_archives(settings) / METRICS_FOLDER
        self.webhook = settings.get("NEWSCRAWL_WEBHOOK") or ""
        if self.webhook and not is_web_url(self.webhook):
            logger.error("NEWSCRAWL_WEBHOOK is no http(s) URL: alarms are posted nowhere")
            self.webhook = ""
        self.template = read_template(settings.get("NEWSCRAWL_ALARM_TEMPLATE") or "")
        self.recipients = settings.getlist("NEWSCRAWL_MAIL")
        self.sender = settings.get("NEWSCRAWL_MAIL_FROM") or ", ".join(self.recipients[:1])
        self.mail_server = self._find_mail_server() if self.recipients else None
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    def _find_mail_server(self) -> MailServer | None:
        settings = self.crawler.settings
        names = ("SERVER", "TLS", "USER", "PASSWORD")
        try:
            return parse_mail_server(*(settings.get(f"NEWSCRAWL_MAIL_{name}") or "" for name in names))
        except ValueError as error:
            logger.error("NEWSCRAWL_MAIL_SERVER, NEWSCRAWL_MAIL_TLS: %s: alarms are mailed to nobody", error)
            return None

    def spider_closed(self, spider: ArchivingSpider) -> None:
        report = get_report(self.crawler)
        if report is None or spider.outlet is None:
            return
        told: Told = {}
        with log_state_errors(spider):
            told = read_told(spider)
            save_monitoring(spider, report, told)
        self.measure(spider, report)
        # This comes last, as it may take its time; telling of an alarm twice does no harm.
        if told_now := self.notify(report, told):
            with log_state_errors(spider):
                save_monitoring(spider, report, {**told, **told_now})

    def notify(self, report: Report, told: Told) -> Told:
        """Tell each channel for which the alarms have changed; what those know now that took it."""
        names, taken = {alarm.name for alarm in report.alarms}, Told()
        channels: list[tuple[Channel, Tell]] = []
        if self.webhook:
            channels.append((WEBHOOK, self.tell_webhook))
        if self.mail_server:
            channels.append((MAIL, partial(self.tell_by_mail, self.mail_server)))
        for channel, tell in channels:
            before = set(told.get(channel, ()))
            if names != before and tell(report, names, before):
                taken[channel] = sorted(names)
        return taken

    def tell_webhook(self, report: Report, names: set[str], before: set[str]) -> bool:
        text = describe_alarms(self.template, report, names, before)
        return post_json(self.webhook, build_message(report, names, before) | {"text": str(text)})

    def tell_by_mail(self, server: MailServer, report: Report, names: set[str], before: set[str]) -> bool:
        text = describe_alarms(self.template, report, names, before)
        return mail_alarms(text, self.sender, self.recipients, server)

    def measure(self, spider: ArchivingSpider, report: Report) -> None:
        next_due = last_success = None
        with log_state_errors(spider):
            next_due, last_success = due_and_success(spider, report)
        try:
            write_metrics(self.metrics, build_metrics(report, next_due, last_success))
        except ArchiveError as error:
            logger.error("%s: no metrics: %s", spider.name, error)


@contextmanager
def log_state_errors(spider: ArchivingSpider) -> Iterator[None]:
    """Log an error of state and go on: the other recipients get their data all the same."""
    try:
        yield
    except ArchiveError as error:
        logger.error("%s: cannot use the state of its runs: %s", spider.name, error)


def save_monitoring(spider: ArchivingSpider, report: Report, told: Told) -> None:
    """Save the run's metrics, the standing alarms, and the alarms of which each channel was told last."""
    if spider.state is None:
        return
    alarms = [Alarm(alarm.name, alarm.level, alarm.detail) for alarm in report.alarms]
    spider.state.runs.update(
        report.run,
        error=report.error,
        figures=dump_metrics(RunMetrics(**report.figures)),
        alarms=dump_alarm_state(AlarmState(alarms, told)),
    )


def read_told(spider: ArchivingSpider) -> Told:
    """Names of the alarms in the last message that each channel took."""
    return load_alarm_state(spider.state.runs.last_alarms() if spider.state else None).told


def earlier_rows(spider: ArchivingSpider) -> Sequence[Any]:
    """Rows of the outlet's earlier runs."""
    if spider.state is None:
        return ()
    return spider.state.runs.measured(epoch_seconds(spider.run.started) - WINDOW)


def build_message(report: Report, names: set[str], before: set[str]) -> dict[str, object]:
    """The webhook's message: standing, new and ended alarms, and a summary of the run."""
    return {
        "schema": "newscrawl.alarms/1",
        "outlet": report.outlet,
        "run": report.run,
        "alarms": [alarm.model_dump() for alarm in report.alarms],
        "raised": sorted(names - before),
        "cleared": sorted(before - names),
        "report": report.model_dump(mode="json", include=set(SUMMARY)),
    }


def read_template(path: str) -> str:
    """The text of a template; the usual one where there is none, or one that cannot be used."""
    if not path:
        return USUAL_TEMPLATE
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fault = getattr(error, "strerror", None) or str(error)
    else:
        fault = check_template(text)
    if fault:
        logger.error("NEWSCRAWL_ALARM_TEMPLATE: %s: %s: alarms go out in the usual form", path, fault)
    return USUAL_TEMPLATE if fault else text


def describe_alarms(template: str, report: Report, names: set[str], before: set[str]) -> AlarmText:
    """The alarms after a run in words."""
    facts = {
        name: getattr(report, name)
        for name in ("outlet", "run", "finished", "reason", "error", "pages", "articles")
    }
    facts |= {name: str(facts[name]) for name in ("pages", "articles")}
    alarms = [Alarm(alarm.name, alarm.level, alarm.detail) for alarm in report.alarms]
    values = list_alarm_values(facts, alarms, sorted(names - before), sorted(before - names))
    return fill_alarm_template(template, values)


def due_and_success(spider: ArchivingSpider, report: Report) -> tuple[int | None, int | None]:
    """When the outlet is due next, and when it was last crawled successfully."""
    if spider.state is None:
        return None, None
    assert spider.outlet
    ended = epoch_seconds(datetime.fromisoformat(report.finished))
    config = read_source_config(spider.outlet, spider.crawler.settings.getint(MAX_SOURCES_SETTING))
    next_due = find_next_due(spider.state, config, ended) or None
    if has_succeeded(report):
        return next_due, ended
    successes = [row.started for row in earlier_rows(spider) if row.reason in GOOD_ENDS and not row.error]
    return next_due, max(successes, default=None)


def has_succeeded(report: Report) -> bool:
    return report.error is None and report.reason in GOOD_ENDS


def build_metrics(report: Report, next_due: int | None, last_success: int | None) -> RunSnapshot:
    return RunSnapshot(
        outlet=report.outlet,
        finished=datetime.fromisoformat(report.finished).timestamp(),
        succeeded=has_succeeded(report),
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
        agreement=RunMetrics(**report.figures).agreement,
        alarms=[alarm.name for alarm in report.alarms],
    )


def write_metrics(folder: Path, run: RunSnapshot) -> None:
    """Write atomically, as the collector may read at any moment; it reads only files named .prom."""
    with atomic_write(folder / f"{run.outlet}.prom", draft_suffix=f".{os.getpid()}.tmp") as stream:
        stream.write(render_metrics(run))


def is_web_url(url: str) -> bool:
    """Whether messages can be posted to this URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def post_json(url: str, message: Mapping[str, object], seconds: float = POST_SECONDS) -> bool:
    """Post a message and return whether it was accepted with a 2xx status in time.

    The log names what went wrong, but not the URL: knowing it may be enough to post there.
    """
    fault = _limit_time(lambda: _try_post(url, message, seconds), seconds)
    if fault:
        logger.warning("the webhook did not get the alarms: %s", fault)
    return not fault


def mail_alarms(
    text: AlarmText, sender: str, recipients: Sequence[str], server: MailServer, seconds: float = POST_SECONDS
) -> bool:
    """Mail the alarms and return whether the server took the mail for anybody; else the log says why not."""
    try:
        mail = compose_mail(text, sender, recipients, utc_now())
    except ValueError as error:
        fault = f"NEWSCRAWL_MAIL, NEWSCRAWL_MAIL_FROM: {error}"
    else:
        fault = _limit_time(lambda: send_mail(mail, server, seconds), seconds)
    if fault:
        logger.warning("nobody got the alarms by mail: %s", fault)
    return not fault


def _limit_time(task: Callable[[], str], seconds: float) -> str:
    """The fault that the task returns, or that it took too long."""
    results: list[str] = []
    # A server may send single bytes for ever, which no socket timeout ends. The daemon thread cannot keep the
    # process alive.
    thread = Thread(target=lambda: results.append(task()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else f"no answer within {seconds:g} s"


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: it would become a GET, whose page would pass for success."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _try_post(url: str, message: Mapping[str, object], seconds: float) -> str:
    """Why the message was not accepted, without any part of the URL; empty on success."""
    data = json.dumps(message).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "newscrawl"}
    try:
        # The scheme has been checked, and the user's own URL needs no address guard.
        request = Request(url, data, headers, method="POST")  # noqa: S310
        with build_opener(_NoRedirects).open(request, timeout=seconds):
            return ""
    except HTTPError as error:
        error.close()
        return f"it answered with status {error.code}"
    except URLError as error:
        return type(error.reason).__name__ if isinstance(error.reason, OSError) else "it cannot be reached"
    except Exception as error:  # noqa: BLE001 # odd URLs and responses raise many kinds, whose texts quote them
        return type(error).__name__
