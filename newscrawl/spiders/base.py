"""What every spider here does: hold a run and a frontier, fetch the frontier's links as Pages."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

import brotli
import scrapy
from backports import zstd
from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.utils.defer import deferred_from_coro

from newscrawl import __version__
from newscrawl.addresses import Allowance, is_loopback
from newscrawl.archive.run import Run
from newscrawl.errors import ArchiveError, NewscrawlError, RefusedOutlet
from newscrawl.items import FETCHED, LINK, ORIGINAL, POINTER, Link, Page, Rejection, discovery_of, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.spiders.run_context import REPLAY_SETTINGS, frontier_of, held_state, run_of
from newscrawl.state.frontier import Frontier
from newscrawl.state.retry_policy import LOOKS
from newscrawl.state.rows import Seen
from newscrawl.state.runs import State
from newscrawl.warc.records import Original

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure


def refusal(
    settings: BaseSettings, urls: Iterable[str], outlet: Outlet | None = None
) -> RefusedOutlet | None:
    """Why a crawl of these URLs may not start, or None."""
    if settings.get("NEWSCRAWL_REPLAY"):
        # Nobody is asked for anything.
        return None
    if outlet and outlet.status == "blocked":
        return RefusedOutlet(f"{outlet.id} is blocked: {outlet.status_reason}")
    try:
        Allowance.of(str(settings.get("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", "")))
    except ValueError as error:
        return RefusedOutlet(f"NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES: {error}")
    hosts = {urlsplit(url).hostname or "" for url in urls}
    if not settings.get("NEWSCRAWL_CONTACT") and not all(map(is_loopback, hosts)):
        return RefusedOutlet(
            "set NEWSCRAWL_CONTACT to a mail address or URL where sites can reach you: "
            "it goes into the User-Agent, and no outlet is crawled without it"
        )
    return None


def user_agent(version: str, contact: str) -> str:
    """`newscrawl/<version> (+contact)`."""
    return f"newscrawl/{version} (+{contact})" if contact else f"newscrawl/{version}"


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (CannotResolveHostError, "no_such_host"),
    (DownloadConnectionRefusedError, "connection_refused"),
    (DownloadTimeoutError, "timeout"),
    (DownloadCancelledError, "too_large"),
    (ResponseDataLossError, "cut_short"),
    (DownloadFailedError, "connection_failed"),
    (UnsupportedURLSchemeError, "bad_scheme"),
    (ArchiveError, "archive_error"),
    (BadGzipFile, "bad_coding"),
    (zlib.error, "bad_coding"),
    (brotli.error, "bad_coding"),
    (zstd.ZstdError, "bad_coding"),
)
# What a request says that cannot be made, as of the target of a redirect.
_NO_TARGETS = (
    "Missing scheme in request url",
    "Port out of range",
    "Port could not be cast",
    "Invalid IPv6 URL",
)
# How Scrapy's middlewares begin what they say; a URL that follows may hold any word.
_IGNORED = (
    ("Forbidden by robots.txt", "robots_txt"),
    ("max redirections reached", "too_many_redirects"),
    ("Ignored response", "too_large"),
)


def reason_of(failure: Failure) -> str:
    """A short snake_case name: `http_404`, `robots_txt`, `timeout`, …, `download_error` at worst."""
    error = failure.value
    # A miss of a replay and what the guard refuses have names of their own.
    if named := getattr(error, "reason_name", None):
        return str(named)
    if isinstance(error, HttpError):
        return f"http_{error.response.status}"
    if isinstance(error, IgnoreRequest):
        return _ignored(str(error))
    if isinstance(error, ValueError) and str(error).startswith(_NO_TARGETS):
        return "bad_redirect"
    return next((name for kind, name in _REASONS if isinstance(error, kind)), "download_error")


def detail_of(failure: Failure) -> str:
    """One line for people."""
    text = " ".join(str(failure.value).split())
    return f"{type(failure.value).__name__}: {text}"[:300]


def _ignored(message: str) -> str:
    return next((name for phrase, name in _IGNORED if message.startswith(phrase)), "ignored")


logger = logging.getLogger(__name__)

PAGES_AT_ONCE = 32
"Pages asked for and not yet come: what is found meanwhile is weighed against what still waits."
NOT_MODIFIED = 304


class ArchivingSpider(scrapy.Spider):
    """A spider whose exchanges are archived; subclasses say where links come from."""

    outlet: Outlet | None = None
    remembers: ClassVar[bool] = False
    "Whether runs know of each other: pages are then fetched when they are new or due."
    run: Run
    state: State | None = None
    "What is known from earlier runs; None in a replay, and where nothing is remembered."
    frontier: Frontier
    begins_anew: bool = True
    "Whether no earlier run is known, so that this one should find all there is."
    page_bytes: int
    "A larger page is cut there and rejected; sources may be larger."
    pages_left: int
    pages_asked: int = 0
    "Pages asked for that have not come."
    is_alone: bool = False
    "Whether the page asked for last is to have no other beside it."
    sources_failed: list[str]

    def __init__(self, **arguments: Any) -> None:
        if arguments:
            raise NewscrawlError(f"no such spider argument: {', '.join(sorted(arguments))}")
        super().__init__()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        settings = crawler.settings
        refused = refusal(settings, spider.first_urls(), spider.outlet)
        if refused:
            raise refused
        settings.set(
            "USER_AGENT", user_agent(__version__, settings.get("NEWSCRAWL_CONTACT")), priority="spider"
        )
        if settings.get("NEWSCRAWL_REPLAY"):
            settings.setdict(REPLAY_SETTINGS, priority="cmdline")
        looks = spider.outlet.look_seconds if spider.outlet else None
        given = LOOKS if looks is None else looks
        spider.state = held_state(spider.name, settings, given) if cls.remembers else None
        spider.run = run_of(spider.name, settings)
        spider.begins_anew = not (spider.state and spider.state.runs.last())
        spider.open_frontier()
        spider.pages_left = settings.getint("NEWSCRAWL_PAGES_MAX")
        limits = (settings.getint(name) for name in ("NEWSCRAWL_PAGE_MAX_BYTES", "DOWNLOAD_MAXSIZE"))
        spider.page_bytes = min((limit for limit in limits if limit), default=0)
        spider.sources_failed = []
        return spider

    def open_frontier(self) -> None:
        """Look at what waits; once more when more is known of earlier runs."""
        self.frontier = frontier_of(self.state, self.run)

    def again(self) -> dict[str, Any]:
        """Arguments that make this spider once more, with nothing read twice."""
        return {}

    def first_urls(self) -> Iterable[str]:
        """What will be asked for first; a refusal is decided on these."""
        raise NotImplementedError

    def waiting_pages(self) -> Iterator[Request | Rejection]:
        """Requests for the links that are next in the frontier, within the run's limit."""
        if self.run.failure:
            return
        links: list[Link] = []
        with self.stopping():
            links = self.frontier.take(min(self.pages_left, self._room()))
        self.pages_left -= len(links)
        self.pages_asked += len(links)
        for link in links:
            if reason := self.frontier.refused(link.url):
                yield from self._unfetched(link, reason)
                continue
            seen = self.frontier.seen(link.url)
            yield Request(
                link.url,
                callback=self.parse_page,
                errback=self.page_failed,
                headers=seen.headers if seen else None,
                meta={LINK: link, "download_maxsize": self.page_bytes, **meta_of(seen)},
                # The frontier hands out each page once; a redirect to a known page must still end.
                dont_filter=True,
            )

    def _room(self) -> int:
        """How many pages may be asked for now."""
        is_careful = self.frontier.is_careful
        if (is_careful or self.is_alone) and self.pages_asked:
            return 0
        self.is_alone = is_careful
        return PAGES_AT_ONCE - self.pages_asked

    def _unfetched(self, link: Link, reason: str) -> Iterator[Request | Rejection]:
        self.pages_asked -= 1
        detail = "each time that it was fetched the process died"
        yield self.refused(Request(link.url, meta={LINK: link}), reason, detail)
        yield from self.waiting_pages()

    def parse_page(self, response: Response) -> Iterator[Page | Rejection | Request]:
        self.pages_asked -= 1
        yield self.page_of(response)
        yield from self.waiting_pages()

    def page_of(self, response: Response) -> Page | Rejection:
        """What came for a link."""
        meta = response.meta
        if POINTER not in meta:
            return self.refused(
                response.request, "not_archived", "it did not come through the capture handler"
            )
        link: Link = meta[LINK]
        if response.status == NOT_MODIFIED and not link.known_id:
            return self.refused(response.request, "http_304", "it was not asked whether it has changed")
        if response.status == NOT_MODIFIED:
            detail = f"the server says it is that of version {link.known_version}"
            return self.refused(response.request, "not_modified", detail, step="dedupe")
        return Page(link=link, url=response.url, status=response.status, warc=meta[POINTER])

    def page_failed(self, failure: Failure) -> Iterator[Rejection | Request]:
        self.pages_asked -= 1
        request: Request = failure.request  # type: ignore[attr-defined]
        yield self.refused(request, reason_of(failure), detail_of(failure))
        yield from self.waiting_pages()

    def refused(self, request: Request | None, reason: str, detail: str, step: str = "fetch") -> Rejection:
        """A page that ends before it is extracted."""
        assert request
        link: Link = request.meta[LINK]
        fetched = request.meta.get(FETCHED)
        return Rejection(
            url=request.url,
            url_requested=link.url,
            source=self.outlet.id if self.outlet else None,
            step=step,
            reason=reason,
            detail=detail,
            fetched=rfc3339(fetched) if fetched else None,
            discovery=discovery_of(link),
            warc=request.meta.get(POINTER),
        )

    def archive_failed(self, error: ArchiveError) -> None:
        """Stop the crawl: nothing may be fetched that cannot be kept."""
        self.run.failure = self.run.failure or error
        logger.error("%s: %s", self.name, error)
        engine = self.crawler.engine
        if engine.running:
            deferred_from_coro(engine.close_spider_async(reason="archive_error"))

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Stops the crawl where the block meets an error of the archive or of state, and goes on after it."""
        try:
            yield
        except ArchiveError as error:
            self.archive_failed(error)


def meta_of(seen: Seen | None) -> dict[str, Any]:
    """What a request carries that may be answered with 304, as that of a replay is without being asked."""
    meta: dict[str, Any] = {"handle_httpstatus_list": [NOT_MODIFIED]}
    if seen and seen.warc:
        meta[ORIGINAL] = Original(pointer=seen.warc, url=seen.url, date=seen.date)
    return meta
