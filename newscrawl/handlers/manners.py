"""A host that refuses or does not answer is left alone: for a moment, else until later runs.

Pages and sources that are not asked for because of it are noted in the archive like every other failure,
so that a replay meets the same refusals and need not count strikes.
"""

from __future__ import annotations

import logging
import random
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotConfigured,
)

from newscrawl.archive.exchange import Exchange
from newscrawl.errors import ArchiveError
from newscrawl.handlers.backoff import FAILURES, PAUSE, Patience, retry_after
from newscrawl.handlers.hosts import KnownHosts
from newscrawl.handlers.recording import Recorder, notes_of, run_of, utc_now
from newscrawl.handlers.slots import Slots, leave_slot, origin_of
from newscrawl.items import rfc3339
from newscrawl.meta import FETCHED, POINTER
from newscrawl.state.fates import HOST_PAUSED
from newscrawl.state.hosts import PAUSE_SECONDS
from newscrawl.state.rows import moment_of

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
UNANSWERED = (CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError)


class HostPaused(IgnoreRequest):
    """Not asked for: its host is left alone for now."""

    reason_name = HOST_PAUSED


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
