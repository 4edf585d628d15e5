"""A host that refuses or does not answer is left alone: for a moment, else until later runs.

Pages and sources that are not asked for because of it are noted in the archive like every other failure,
so that a replay meets the same refusals and need not count strikes.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Self

from scrapy import signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    NotConfigured,
)
from scrapy.extensions.throttle import AutoThrottle
from scrapy.utils.asyncio import call_later
from scrapy.utils.httpobj import urlparse_cached
from twisted.python.failure import Failure

from newscrawl.downloader.capture import Recorder, notes_of, run_of, utc_now
from newscrawl.downloader.refusals import HostPaused
from newscrawl.errors import ArchiveError
from newscrawl.items import FETCHED, POINTER, rfc3339
from newscrawl.state.hosts import PAUSE_SECONDS
from newscrawl.state.rows import moment_of, seconds_of
from newscrawl.warc.records import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy import Request, Spider
    from scrapy.core.downloader import Downloader, Slot
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from newscrawl.state.hosts import HostTable, Robots


LONGEST_WAIT = 120
"Seconds a run waits for a host; longer, and it goes on without it."
PAUSE = 30 * 60
"Seconds a host is left alone that goes on refusing without saying for how long, or answers nothing."
STRIKES = 3
"Refusals in a row that are answered with a wait; then comes a pause."
FAILURES = 5
"Attempts in a row on which nobody answered, after which a run leaves a host alone."
_MAX_DIGITS = 9


class Rest(NamedTuple):
    """How long to leave a host alone."""

    seconds: float
    is_pause: bool
    "Longer than a run waits."


@dataclass(slots=True)
class Patience:
    """What a host did last, as far as it bears on when it is asked next."""

    strikes: int = 0
    failures: int = 0
    until: float = 0
    "Second until which it is paused."
    why: str = ""

    def is_paused(self, now: float) -> bool:
        return now < self.until

    def pause(self, until: float, why: str) -> None:
        self.until, self.why = until, why
        self.strikes = self.failures = 0

    def answered(self) -> None:
        self.strikes = self.failures = 0

    def refused(self, asked: int | None, first: float, dice: Callable[[], float]) -> Rest:
        """After 429 or 503: `asked` is its Retry-After, `first` the first wait where there is none.

        `dice` gives 0 to 1; where `first` is 0 nothing is waited for that was not asked for.
        """
        self.failures = 0
        if asked is None and not first:
            return Rest(0, is_pause=False)
        self.strikes += 1
        # A tenth to either side, so that hosts which began to refuse together are not asked together.
        own = first * 2 ** min(self.strikes - 1, STRIKES) * (0.9 + 0.2 * dice())
        seconds = own if asked is None else asked
        if self.strikes > STRIKES:
            return Rest(max(PAUSE, seconds), is_pause=True)
        return Rest(seconds, is_pause=asked is not None and asked > LONGEST_WAIT)

    def failed(self) -> bool:
        """After an attempt nobody answered: whether that was one too many."""
        self.failures += 1
        return self.failures >= FAILURES


def retry_after(value: str | None, now: float) -> int | None:
    """Seconds a Retry-After header asks for (RFC 9110, 10.2.3); None when it says nothing."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:_MAX_DIGITS])
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is one in GMT, as HTTP knows no other.
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, round(zoned.timestamp() - now))
    except (ValueError, TypeError, OverflowError):
        return None


Refusal = Callable[["Request"], Exception]
"Makes the error a request ends with."
SLOT = "download_slot"
"Where Scrapy notes a request's slot, and takes it from when it is there."
LOOK = 5
"Seconds after which a wait looks whether the crawl is to end."


def origin_of(request: Request) -> str:
    """scheme://host[:port], for which a robots.txt holds."""
    url = urlparse_cached(request)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2].lower()}"


def leave_slot(request: Request) -> None:
    """Let a request have the slot of its own host: a redirect brings along that of the host it came from."""
    request.meta.pop(SLOT, None)


class Slots:
    """The slots of a crawl."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @property
    def _downloader(self) -> Downloader:
        assert self._crawler.engine
        return self._crawler.engine.downloader

    def set_least_delay(self, request: Request, seconds: float) -> None:
        """From now on at least this lies between two requests to the request's host."""
        downloader = self._downloader
        key = downloader.get_slot_key(request)
        # Slots come and go; their settings stay.
        settings = downloader.per_slot_settings.setdefault(key, {})
        own = self._crawler.settings.getfloat("DOWNLOAD_DELAY")
        settings["delay"] = delay = max(seconds, own, settings.get("delay", 0))
        settings["jitter"] = 0  # which may also shorten it
        if slot := downloader.slots.get(key):
            slot.delay = max(slot.delay, delay)
            slot.jitter = 0

    def least_delay(self, request: Request) -> float:
        downloader = self._downloader
        settings = downloader.per_slot_settings.get(downloader.get_slot_key(request), {})
        return float(settings.get("delay", 0))

    def slot(self, request: Request) -> Slot | None:
        return self._downloader.slots.get(self._downloader.get_slot_key(request))

    def wait(self, request: Request, seconds: float, refusal: Refusal) -> None:
        """Send nothing to the request's host until the seconds are over, or the crawl is to end."""
        slot = self.slot(request)
        if slot is None:
            return
        if slot.latercall:
            slot.latercall.cancel()
        if not self._crawler.crawling:
            seconds = 0
            self.refuse_queued(request, refusal)
        step = min(seconds, LOOK)
        if step < seconds:
            slot.latercall = call_later(step, self._wait_on, slot, request, seconds - step, refusal)
        else:
            slot.latercall = call_later(step, self._downloader._latercall, slot)

    def _wait_on(self, slot: Slot, request: Request, seconds: float, refusal: Refusal) -> None:
        slot.latercall = None
        self.wait(request, seconds, refusal)

    def refuse_queued(self, request: Request, refusal: Refusal) -> None:
        """End the requests to the request's origin that wait in its slot, each with the error made for it."""
        slot = self.slot(request)
        if slot is None:
            return
        origin, queued = origin_of(request), list(slot.queue)
        slot.queue.clear()
        slot.queue.extend(pair for pair in queued if origin_of(pair[0]) != origin)
        for one, waiting in queued:
            if origin_of(one) == origin:
                waiting.errback(Failure(refusal(one)))  # type: ignore[no-untyped-call]


class PoliteThrottle(AutoThrottle):
    """Scrapy's, with the least delay of a host in place of its own where that is longer."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._slots = Slots(crawler)

    def _response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:
        super()._response_downloaded(response, request, spider)
        if slot := self._slots.slot(request):
            slot.delay = max(slot.delay, self._slots.least_delay(request))


class KnownHosts:
    """The table of hosts, or nothing: a replay and the spider `urls` remember none."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    def robots(self, origin: str) -> Robots | None:
        with self._table() as table:
            return table.robots(origin, seconds_of(utc_now())) if table else None
        return None

    def tell_robots(
        self, origin: str, status: int | None, body: bytes = b"", crawl_delay: float | None = None
    ) -> None:
        with self._table() as table:
            if table:
                table.tell_robots(origin, seconds_of(utc_now()), status, body, crawl_delay)

    def paused(self, origin: str) -> int | None:
        with self._table() as table:
            return table.paused(origin, seconds_of(utc_now())) if table else None
        return None

    def pause(self, origin: str, until: int) -> None:
        with self._table() as table:
            if table:
                table.pause(origin, until)

    @contextmanager
    def _table(self) -> Iterator[HostTable | None]:
        spider = self._crawler.spider
        state = getattr(spider, "state", None)
        if not state:
            yield None
            return
        with spider.stopping():  # type: ignore[union-attr]
            yield state.hosts


logger = logging.getLogger(__name__)

BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
UNANSWERED = (CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError)


class MannersMiddleware:
    """Keeps count of each host's refusals; stands next to the downloader, so that it sees every attempt."""

    def __init__(self, crawler: Crawler) -> None:
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay asks nobody")
        self.crawler = crawler
        self._first = crawler.settings.getfloat("NEWSCRAWL_BACKOFF_SECONDS")
        self._recorder = Recorder(crawler.settings)
        self._slots = Slots(crawler)
        self._known = KnownHosts(crawler)
        self._hosts: dict[str, Patience] = {}
        # Not process_response: by then the next request to the host may be on its way.
        crawler.signals.connect(self.answered, signals.response_downloaded)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        leave_slot(request)
        if self._host(origin_of(request)).is_paused(utc_now().timestamp()):
            raise self._refusal(request)

    def answered(self, response: Response, request: Request, spider: Spider) -> None:  # noqa: ARG002
        host = self._host(origin_of(request))
        if response.status in BUSY:
            self._busy(host, request, response)
        elif response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            host.answered()
        else:
            host.failures = 0

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Nobody answered. The pause is for this run: the next asks a few times itself."""
        if not isinstance(exception, UNANSWERED):
            return
        host = self._host(origin_of(request))
        if host.failed():
            why = f"did not answer {FAILURES} times in a row"
            self._pause(host, request, utc_now().timestamp() + PAUSE, why)

    def _busy(self, host: Patience, request: Request, response: Response) -> None:
        now = utc_now().timestamp()
        asked = retry_after((response.headers.get("Retry-After") or b"").decode("latin-1"), now)
        rest = host.refused(asked, self._first, random.random)
        if rest.is_pause:
            until = int(now + min(rest.seconds, PAUSE_SECONDS))
            self._pause(host, request, until, f"wants to be left alone until {rfc3339(moment_of(until))}")
            self._known.pause(origin_of(request), until)
        elif rest.seconds:
            self._count("waited")
            logger.info("%s: status %s, waiting %.0f s", origin_of(request), response.status, rest.seconds)
            self._slots.wait(request, rest.seconds, self._refusal)

    def _pause(self, host: Patience, request: Request, until: float, why: str) -> None:
        host.pause(until, f"{origin_of(request)} {why}")
        self._count("paused")
        logger.warning("%s", host.why)
        self._slots.refuse_queued(request, self._refusal)

    def _refusal(self, request: Request) -> Exception:
        """The error of a request that is not sent, noted in the archive as if it had been."""
        origin = origin_of(request)
        error = HostPaused(self._host(origin).why or f"{origin} is busy, and the crawl is to end")
        self._count("refused")
        for key in (POINTER, FETCHED):
            request.meta.pop(key, None)  # copied from an earlier attempt
        spider = run_of(self.crawler.spider)
        if spider and not spider.run.failure:
            notes = notes_of(request, error, 0.0)
            none = Exchange(url=request.url, started=utc_now(), sent=b"", received=b"", notes=notes)
            try:
                self._recorder.write(spider, request, [none])
            except ArchiveError as failure:
                return failure  # each of several requests must end, whatever becomes of its note
        return error

    def _host(self, origin: str) -> Patience:
        """What is known of a host; of one that is met first also what earlier runs were told."""
        if origin not in self._hosts:
            self._hosts[origin] = host = Patience()
            if until := self._known.paused(origin):
                host.pause(until, f"{origin} wants to be left alone until {rfc3339(moment_of(until))}")
        return self._hosts[origin]

    def _count(self, what: str) -> None:
        assert self.crawler.stats
        self.crawler.stats.inc_value(f"newscrawl/manners/{what}")
