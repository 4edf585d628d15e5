"""Backs off from a host that refuses requests or does not answer: for a short wait, or until later runs.

The archive records the requests that are not sent because of it like any other failure, so that a replay
meets the same refusals and need not count strikes.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple, Self

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Downloader, Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    NotConfigured,
)
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from twisted.python.failure import Failure

from newscrawl.downloader.capture import (
    ExchangeRecorder,
    build_notes,
    forget_attempt,
    get_spider_with_run,
    utc_now,
)
from newscrawl.downloader.refusals import HostPaused
from newscrawl.errors import ArchiveError
from newscrawl.items import rfc3339
from newscrawl.state.encoding import epoch_seconds, from_epoch
from newscrawl.state.hosts import MAX_PAUSE_SECONDS, HostTable, url_origin

logger = logging.getLogger(__name__)

MAX_WAIT = 120
"Seconds for which a run waits for a host; for a longer delay it goes on without the host."
PAUSE_SECONDS = 30 * 60
"Pause for a host that keeps refusing without naming a time, or that does not answer."
MAX_STRIKES = 3
"Refusals in a row after which a wait follows; after more of them follows a pause."
MAX_FAILURES = 5
"Unanswered attempts in a row after which a run pauses the host."
POLL_SECONDS = 5
"Interval at which a wait checks whether the crawl is stopping."
BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
UNANSWERED = (CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError)
SLOT_KEY = "download_slot"
"Scrapy stores a request's slot under this key, and prefers the stored slot."
_MAX_DIGITS = 9

RefusalFactory = Callable[["Request"], Exception]
"Makes the error with which a request ends."


class Delay(NamedTuple):
    """How long to send nothing to a host."""

    seconds: float
    is_pause: bool
    "Whether it is longer than a run waits."


@dataclass(slots=True)
class HostBackoff:
    """The latest refusals and failures of a host, which decide when the next request may be sent."""

    strikes: int = 0
    failures: int = 0
    paused_until: float = 0
    "Seconds since the epoch; 0: not paused."
    reason: str = ""
    "Why it is paused; empty if it is not."

    def is_paused(self, now: float) -> bool:
        return now < self.paused_until

    def pause(self, until: float, reason: str) -> None:
        self.paused_until, self.reason = until, reason
        self.strikes = self.failures = 0

    def record_answer(self) -> None:
        self.strikes = self.failures = 0

    def record_refusal(self, retry_after: int | None, first: float, dice: Callable[[], float]) -> Delay:
        """The delay after a 429 or 503 without a Retry-After grows from `first`; 0 means no such delay.

        `dice` returns a number from 0 to 1.
        """
        self.failures = 0
        if retry_after is None and not first:
            return Delay(0, is_pause=False)
        self.strikes += 1
        # Vary by a tenth, so that hosts which began to refuse together are not retried together.
        own = first * 2 ** min(self.strikes - 1, MAX_STRIKES) * (0.9 + 0.2 * dice())
        seconds = own if retry_after is None else retry_after
        if self.strikes > MAX_STRIKES:
            return Delay(max(PAUSE_SECONDS, seconds), is_pause=True)
        return Delay(seconds, is_pause=retry_after is not None and retry_after > MAX_WAIT)

    def record_failure(self) -> bool:
        """Count an unanswered attempt; returns whether there have been too many."""
        self.failures += 1
        return self.failures >= MAX_FAILURES


class PolitenessMiddleware:
    """Backs off from hosts; it stands next to the downloader, so that it sees each attempt."""

    def __init__(self, crawler: Crawler) -> None:
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay sends no requests")
        self.crawler = crawler
        self._first_delay = crawler.settings.getfloat("NEWSCRAWL_BACKOFF_SECONDS")
        self._writer = ExchangeRecorder(crawler.settings)
        self._slots = DownloadSlots(crawler)
        self._hosts: dict[str, HostBackoff] = {}
        # process_response would be too late: the next request to the host may already have been sent.
        crawler.signals.connect(self.response_downloaded, signals.response_downloaded)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        reset_slot(request)
        if self._host_backoff(url_origin(request.url)).is_paused(utc_now().timestamp()):
            raise self._refuse(request)

    def response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:  # noqa: ARG002
        host = self._host_backoff(url_origin(request.url))
        if response.status in BUSY:
            self._apply_backoff(host, request, response)
        elif response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            host.record_answer()
        else:
            host.failures = 0

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Pause a host that does not answer, for this run only: the next run tries a few times itself."""
        if not isinstance(exception, UNANSWERED):
            return
        host = self._host_backoff(url_origin(request.url))
        if host.record_failure():
            reason = f"did not answer {MAX_FAILURES} times in a row"
            self._pause(host, request, utc_now().timestamp() + PAUSE_SECONDS, reason)

    def _apply_backoff(self, host: HostBackoff, request: Request, response: Response) -> None:
        now, origin = utc_now().timestamp(), url_origin(request.url)
        header = (response.headers.get("Retry-After") or b"").decode("latin-1")
        delay = host.record_refusal(parse_retry_after(header, now), self._first_delay, random.random)
        if delay.is_pause:
            until = int(now + min(delay.seconds, MAX_PAUSE_SECONDS))
            self._pause(host, request, until, _pause_reason(until))
            with open_host_table(self.crawler) as table:
                if table:
                    table.pause(origin, until)
        elif delay.seconds:
            self._count("waited")
            logger.info("%s: status %s, waiting %.0f s", origin, response.status, delay.seconds)
            self._slots.wait(request, delay.seconds, self._refuse)

    def _pause(self, host: HostBackoff, request: Request, until: float, reason: str) -> None:
        host.pause(until, f"{url_origin(request.url)} {reason}")
        self._count("paused")
        logger.warning("%s", host.reason)
        self._slots.refuse_queued(request, self._refuse)

    def _refuse(self, request: Request) -> Exception:
        """The error of a request that is not sent; the archive records it as if the request had failed."""
        origin = url_origin(request.url)
        error = HostPaused(
            self._host_backoff(origin).reason or f"{origin} is busy, and the crawl is stopping"
        )
        self._count("refused")
        forget_attempt(request)
        spider = get_spider_with_run(self.crawler.spider)
        if spider and not spider.run.failure:
            try:
                self._writer.write_note(spider, request, build_notes(request, error, 0.0))
            except ArchiveError as failure:
                return failure  # do not raise: all refused requests must end, even if none can be recorded
        return error

    def _host_backoff(self, origin: str) -> HostBackoff:
        """The backoff of a host; at its first request that includes a pause from an earlier run."""
        if origin not in self._hosts:
            self._hosts[origin] = host = HostBackoff()
            until = None
            with open_host_table(self.crawler) as table:
                until = table.paused_until(origin, epoch_seconds(utc_now())) if table else None
            if until:
                host.pause(until, f"{origin} {_pause_reason(until)}")
        return self._hosts[origin]

    def _count(self, event: str) -> None:
        self.crawler.stats.inc_value(f"newscrawl/manners/{event}")


def _pause_reason(until: int) -> str:
    return f"wants to be left alone until {rfc3339(from_epoch(until))}"


def parse_retry_after(value: str | None, now: float) -> int | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3); None when it is absent or invalid."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:_MAX_DIGITS])
    try:
        date = parsedate_to_datetime(text)
        # HTTP dates are in GMT, even without a zone.
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0, round(aware.timestamp() - now))
    except (ValueError, TypeError, OverflowError):
        return None


def reset_slot(request: Request) -> None:
    """Give the request the slot of its own host: a redirect still has that of the host it came from."""
    request.meta.pop(SLOT_KEY, None)


class DownloadSlots:
    """The downloader's slots: how far apart requests to a host are sent, and which of them are waiting."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @property
    def _downloader(self) -> Downloader:
        return self._crawler.engine.downloader

    def set_min_delay(self, request: Request, seconds: float) -> None:
        """From now on leave at least this time between two requests to the request's host."""
        downloader = self._downloader
        key = downloader.get_slot_key(request)
        # Slots come and go, but their settings stay.
        settings = downloader.per_slot_settings.setdefault(key, {})
        own = self._crawler.settings.getfloat("DOWNLOAD_DELAY")
        settings["delay"] = delay = max(seconds, own, settings.get("delay", 0))
        settings["jitter"] = 0  # jitter may also shorten a delay
        if slot := downloader.slots.get(key):
            slot.delay = max(slot.delay, delay)
            slot.jitter = 0

    def min_delay(self, request: Request) -> float:
        downloader = self._downloader
        settings = downloader.per_slot_settings.get(downloader.get_slot_key(request), {})
        return float(settings.get("delay", 0))

    def slot(self, request: Request) -> Slot | None:
        return self._downloader.slots.get(self._downloader.get_slot_key(request))

    def wait(self, request: Request, seconds: float, make_refusal: RefusalFactory) -> None:
        """Send nothing to the request's host until the time is over or the crawl stops."""
        slot = self.slot(request)
        if slot is None:
            return
        if slot.latercall:
            slot.latercall.cancel()
        if not self._crawler.crawling:
            seconds = 0
            self.refuse_queued(request, make_refusal)
        step = min(seconds, POLL_SECONDS)
        if step < seconds:
            slot.latercall = call_later(step, self._wait_on, slot, request, seconds - step, make_refusal)
        else:
            slot.latercall = call_later(step, self._downloader._latercall, slot)

    def _wait_on(self, slot: Slot, request: Request, seconds: float, make_refusal: RefusalFactory) -> None:
        slot.latercall = None
        self.wait(request, seconds, make_refusal)

    def refuse_queued(self, request: Request, make_refusal: RefusalFactory) -> None:
        """End the queued requests to the request's origin, each with an error made for it."""
        slot = self.slot(request)
        if slot is None:
            return
        origin, queue = url_origin(request.url), list(slot.queue)
        slot.queue.clear()
        slot.queue.extend(pair for pair in queue if url_origin(pair[0].url) != origin)
        for queued, deferred in queue:
            if url_origin(queued.url) == origin:
                deferred.errback(Failure(make_refusal(queued)))  # type: ignore[no-untyped-call]


class PoliteThrottle(AutoThrottle):
    """Scrapy's AutoThrottle, which never goes below a host's own minimum delay."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._slots = DownloadSlots(crawler)

    def _response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:
        super()._response_downloaded(response, request, spider)
        if slot := self._slots.slot(request):
            slot.delay = max(slot.delay, self._slots.min_delay(request))


@contextmanager
def open_host_table(crawler: Crawler) -> Iterator[HostTable | None]:
    """The table of hosts; None without state (a replay, the spider `urls`).

    An error of it closes the spider, and the block is left: set what it assigns before it.
    """
    spider = crawler.spider
    state = getattr(spider, "state", None)
    if not state:
        yield None
        return
    with spider.closing_on_errors():  # type: ignore[union-attr]
        yield state.hosts
