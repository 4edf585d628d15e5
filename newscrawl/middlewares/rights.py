"""A site's reservations are known before its pages are fetched, and noted with each of them.

Two small files, tdmrep.json and ai.txt, are asked for once a day and origin, as any page is: in turn, in the
archive, where robots.txt lets us. What robots.txt itself states is read on the way. A site that has none of
them, or fails to answer, says nothing.
"""

from __future__ import annotations

import logging
from asyncio import Lock
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from newscrawl.archive.replay import key_of
from newscrawl.discovery.rights_files import (
    AI_TXT,
    MAX_BYTES,
    TDMREP,
    SiteSignals,
    ai_rules,
    signals_from,
    tdm_rules,
    usage_rules,
)
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError
from newscrawl.items import LINK, Link
from newscrawl.state.rows import seconds_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from newscrawl.archive.replay import Playback
    from newscrawl.archive.run import Archiving
    from newscrawl.state.hosts import SignalTable


logger = logging.getLogger(__name__)

DAY = 24 * 3600
SECONDS = 20
"No page waits longer for a file that most sites do not have."
_ROBOTS = "/robots.txt"
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600))
"Statuses that say nothing of what a site reserves."


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known of an origin."""

    signals: SiteSignals
    looked: int | None = None
    "When its files were asked for; None: not yet."


class SiteSignalsMiddleware:
    """Puts what the site says of a page onto its link; an origin's first page has its files asked for."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.asks = crawler.settings.getbool("NEWSCRAWL_RIGHTS_FILES")
        self._known: dict[str, Known] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        link: Link | None = request.meta.get(LINK)
        origin = origin_of(request.url)
        if link is None or not origin:
            return
        async with self._locks[origin]:
            if self.asks and self._is_old(self.known(origin)):
                await self._ask(origin)
        request.meta[LINK] = replace(link, rights=self.known(origin).signals.said_of(request.url))

    def process_response(self, request: Request, response: Response) -> Response:
        """Read what a robots.txt states, whoever asked for it; a site that has none states nothing."""
        asked = request.meta.get("redirect_urls", [request.url])[0]
        origin = origin_of(asked)
        if origin and urlsplit(asked).path == _ROBOTS and response.status not in _LATER:
            found = usage_rules(response.body) if response.status == HTTPStatus.OK else ()
            known = self.known(origin)
            if found != known.signals.usage:
                self._tell(origin, replace(known, signals=replace(known.signals, usage=found)))
        return response

    def known(self, origin: str) -> Known:
        if origin not in self._known:
            with self._stopping():
                text, looked = self._table.known(origin) if self._table else (None, None)
                self._known[origin] = Known(signals=signals_from(text), looked=looked)
        return self._known[origin]

    def _is_old(self, known: Known) -> bool:
        if known.looked is None:
            return True
        return not self._playback and seconds_of(utc_now()) - known.looked >= DAY

    async def _ask(self, origin: str) -> None:
        tdm, ai = await self._file(origin, TDMREP), await self._file(origin, AI_TXT)
        # robots.txt may have been read meanwhile, so what is known is looked up after the files have come.
        signals = self.known(origin).signals
        if tdm is not None:
            signals = replace(signals, tdm=tdm_rules(tdm, f"{origin}{TDMREP}"))
        if ai is not None:
            signals = replace(signals, ai=ai_rules(ai))
        self._tell(origin, Known(signals=signals, looked=seconds_of(utc_now())))

    async def _file(self, origin: str, path: str) -> bytes | None:
        """The file; empty where the site has none, None where it cannot be told: what was known holds on."""
        url = origin + path
        if self._playback and not is_recorded(self._playback, url):
            return None
        meta = {"dont_retry": True, "download_timeout": SECONDS, "download_maxsize": MAX_BYTES}
        request = Request(url, callback=NO_CALLBACK, meta=meta)
        try:
            response = await self.crawler.engine.download_async(request)
        except ArchiveError:
            raise
        except Exception as error:  # noqa: BLE001 # whatever keeps it away, the pages come
            logger.debug("%s: %s", url, error)
            return None
        if response.status in _LATER:
            return None
        return bytes(response.body) if response.status == HTTPStatus.OK else b""

    def _tell(self, origin: str, known: Known) -> None:
        self._known[origin] = known
        with self._stopping():
            if self._table:
                self._table.told(origin, known.signals.text(), known.looked)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Stops the crawl where state cannot be read or written."""
        try:
            yield
        except ArchiveError as error:
            cast("Archiving", self.crawler.spider).archive_failed(error)
            raise

    @property
    def _table(self) -> SignalTable | None:
        state = getattr(self.crawler.spider, "state", None)
        return state.signals if state else None

    @property
    def _playback(self) -> Playback | None:
        run = getattr(self.crawler.spider, "run", None)
        return run.playback if run else None


def origin_of(url: str) -> str:
    """scheme://host[:port] of a web address; empty for others."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""


def is_recorded(playback: Playback, url: str) -> bool:
    """Whether the archive answers this: a run that remembered a site's files has not asked for them."""
    captures = playback.recorded.captures(key_of("GET", url))
    return any(playback.at is None or capture.date <= playback.at for capture in captures)
