"""What all spiders share: they own a run and a frontier, and fetch the frontier's links as Pages."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, ClassVar, Self, cast
from urllib.parse import urlsplit

import scrapy
from scrapy import Request
from scrapy.crawler import Crawler
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
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.settings import BaseSettings
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.utils.defer import deferred_from_coro
from twisted.python.failure import Failure

from newscrawl import __version__
from newscrawl.addresses import AllowedAddresses, is_loopback
from newscrawl.archive.run_files import Run
from newscrawl.downloader.browser import check_sandbox, find_browser
from newscrawl.downloader.request_meta import FETCHED, LINK, ORIGINAL, PART, POINTER, RENDERED
from newscrawl.errors import MACHINE_FAULT, ArchiveError, MachineFault, NewscrawlError, RefusedOutlet
from newscrawl.items import Link, Page, Rejection, WarcPointer, WitnessPointer, make_discovery, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.spiders.run_context import (
    PAGES_AT_ONCE,
    REPLAY_SETTINGS,
    create_run,
    find_replayed_pages,
    open_frontier,
    open_state,
)
from newscrawl.state.encoding import PreviousFetch
from newscrawl.state.frontier import Frontier
from newscrawl.state.refetch_policy import GONE_STATUSES, REVISIT_AGES
from newscrawl.state.runs import State
from newscrawl.urls import has_userinfo
from newscrawl.warc.http import ContentError
from newscrawl.warc.records import OriginalResponse
from newscrawl.warc.story_parts import StoryPart

logger = logging.getLogger(__name__)

_OWN_PIPELINES = "newscrawl.pipelines."
PAGES_IN_FLIGHT = 32
"Few pages are requested at a time, so that new links can compete with those that wait."
NOT_MODIFIED = 304
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (CannotResolveHostError, "no_such_host"),
    (DownloadConnectionRefusedError, "connection_refused"),
    (DownloadTimeoutError, "timeout"),
    (DownloadCancelledError, "too_large"),
    (ResponseDataLossError, "cut_short"),
    (DownloadFailedError, "connection_failed"),
    (UnsupportedURLSchemeError, "bad_scheme"),
    (MachineFault, MACHINE_FAULT),
    (ArchiveError, "archive_error"),
    (ContentError, "bad_coding"),
)
# Messages about a URL that cannot be requested, as the target of a redirect may be.
_BAD_TARGETS = (
    "Missing scheme in request url",
    "Port out of range",
    "Port could not be cast",
    "Invalid IPv6 URL",
)
# How messages of Scrapy's middlewares begin; a URL that follows may contain any word.
_IGNORED = (
    ("Forbidden by robots.txt", "robots_txt"),
    ("max redirections reached", "too_many_redirects"),
    ("Ignored response", "too_large"),
)
_DETAIL_CHARS = 300


def revisit_ages(spider: ArchivingSpider) -> Sequence[int]:
    """Ages in seconds at which the articles of a spider's outlet are fetched again."""
    ages = spider.outlet.revisit_seconds if spider.outlet else None
    return REVISIT_AGES if ages is None else ages


def check_allowed(settings: BaseSettings, urls: Iterable[str], outlet: Outlet | None = None) -> None:
    """RefusedOutlet when a crawl of these URLs may not start."""
    _check_browser(settings, outlet)
    if settings.get("NEWSCRAWL_REPLAY"):
        # A replay sends no requests.
        return
    if outlet and outlet.status == "blocked":
        raise RefusedOutlet(f"{outlet.id} is blocked: {outlet.status_reason}")
    try:
        AllowedAddresses.parse(str(settings.get("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", "")))
    except ValueError as error:
        raise RefusedOutlet(f"NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES: {error}") from error
    if has_userinfo(settings.get("NEWSCRAWL_CONTACT") or ""):
        raise RefusedOutlet("NEWSCRAWL_CONTACT contains a user or a password, which every site would be sent")
    hosts = {urlsplit(url).hostname or "" for url in urls}
    if not settings.get("NEWSCRAWL_CONTACT") and not all(map(is_loopback, hosts)):
        raise RefusedOutlet(
            "set NEWSCRAWL_CONTACT to a mail address or URL where sites can reach you: "
            "it goes into the User-Agent, and no outlet is crawled without it"
        )


def _check_browser(settings: BaseSettings, outlet: Outlet | None) -> None:
    """RefusedOutlet when the outlet's pages need a browser that is not installed, or cannot start."""
    is_replay = bool(settings.get("NEWSCRAWL_REPLAY"))
    if not outlet or not outlet.browser or (is_replay and not settings.getbool("NEWSCRAWL_BROWSER_REPLAY")):
        return
    try:
        find_browser(settings.get("NEWSCRAWL_BROWSER_PROGRAM"))
        check_sandbox(settings.getbool("NEWSCRAWL_BROWSER_SANDBOX"))
    except NewscrawlError as error:
        raise RefusedOutlet(f"{outlet.id}: {error}") from error


def failure_reason(failure: Failure) -> str:
    """A short snake_case name: `http_404`, `robots_txt`, `timeout`, …, `download_error` at worst."""
    error = failure.value
    # Replay misses and refusals of the SSRF guard bring names of their own.
    if name := getattr(error, "reason_name", None):
        return str(name)
    if isinstance(error, HttpError):
        return f"http_{error.response.status}"
    if isinstance(error, IgnoreRequest):
        message = str(error)
        return next((name for phrase, name in _IGNORED if message.startswith(phrase)), "ignored")
    if isinstance(error, ValueError) and str(error).startswith(_BAD_TARGETS):
        return "bad_redirect"
    return next((name for kind, name in _REASONS if isinstance(error, kind)), "download_error")


def failure_detail(failure: Failure) -> str:
    """A line for people."""
    text = " ".join(str(failure.value).split())
    return f"{type(failure.value).__name__}: {text}"[:_DETAIL_CHARS]


class ArchivingSpider(scrapy.Spider):
    """A spider whose exchanges are archived; subclasses provide the links."""

    outlet: Outlet | None = None
    is_incremental: ClassVar[bool] = False
    "Whether state connects the runs: pages are then fetched only when they are new or due."
    run: Run
    state: State | None = None
    "The rows of earlier runs; None in a replay, and for spiders that are not incremental."
    frontier: Frontier
    is_first_run: bool = True
    "Whether no earlier run is stored, so that this run should find everything there is."
    page_bytes: int
    "Larger pages are cut at this size and rejected; sources may be larger."
    pages_left: int
    pages_in_flight: int = 0
    "Pages that were requested and have not come."
    is_alone: bool = False
    "Whether the page that was requested last must be the only one in flight."
    sources_failed: list[str]
    unread_pages: dict[str, Page]
    "Pages by the URL of their link that an earlier run archived, but which its machine could not read."

    def __init__(self, **arguments: Any) -> None:
        if arguments:
            raise NewscrawlError(f"no such spider argument: {', '.join(sorted(arguments))}")
        super().__init__()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, state: State | None = None, **kwargs: Any) -> Self:
        """`state`: of the outlet, under its lease; None: the spider opens it, if it is incremental."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        settings = crawler.settings
        check_allowed(settings, spider.first_urls(), spider.outlet)
        contact = settings.get("NEWSCRAWL_CONTACT")
        agent = f"newscrawl/{__version__}" + (f" (+{contact})" if contact else "")
        settings.set("USER_AGENT", agent, priority="spider")
        if settings.get("NEWSCRAWL_REPLAY"):
            settings.setdict(REPLAY_SETTINGS, priority="cmdline")
        if cls.is_incremental:
            spider.state = state or open_state(spider.name, settings, revisit_ages(spider))
        spider.run = create_run(spider.name, settings)
        spider.is_first_run = not (spider.state and spider.state.runs.last())
        spider.unread_pages = find_replayed_pages(spider.run)
        spider.open_frontier()
        spider.pages_left = settings.getint("NEWSCRAWL_PAGES_MAX")
        limits = (settings.getint(name) for name in ("NEWSCRAWL_PAGE_MAX_BYTES", "DOWNLOAD_MAXSIZE"))
        spider.page_bytes = min((limit for limit in limits if limit), default=0)
        spider.sources_failed = []
        return spider

    def open_frontier(self) -> None:
        """Open the frontier; again after a killed run was reconciled, because other pages wait then."""
        self.frontier = open_frontier(self.state, self.run)

    def restart_arguments(self) -> dict[str, Any]:
        """Arguments that create this spider again without reading its input twice."""
        return {}

    def first_urls(self) -> Iterable[str]:
        """The URLs that are requested first; whether the crawl is allowed is decided on them."""
        raise NotImplementedError

    @property
    def is_rendered(self) -> bool:
        """Whether a browser renders the pages."""
        return self.outlet is not None and self.outlet.browser

    def page_requests(self) -> Iterator[Request | Rejection | Page]:
        """Requests for the next links of the frontier, within the limit of the run."""
        if self.run.failure:
            return
        links: list[Link] = []
        archived: list[Page] = []
        with self.closing_on_errors():
            links = self.frontier.take(min(self.pages_left, self._free_places()))
        self.pages_left -= len(links)
        self.pages_in_flight += len(links)
        for link in links:
            if reason := self.frontier.skip_reason(link.url):
                yield from self._skip(link, reason)
                continue
            if page := self.unread_pages.pop(link.url, None):
                self.pages_in_flight -= 1
                archived.append(page)
                continue
            # The page whose scripts bring the story stays the same while the story changes.
            previous = None if self.is_rendered else self.frontier.previous_fetch(link.url)
            meta = {LINK: link, "download_maxsize": self.page_bytes, **conditional_meta(previous)}
            yield Request(
                link.url,
                callback=self.parse_page,
                errback=self.page_failed,
                headers=previous.headers if previous else None,
                meta=meta | ({RENDERED: True} if self.is_rendered else {}),
                # The frontier hands out each page once. A redirect to a page that was fetched must still end.
                dont_filter=True,
            )
        if archived:
            yield from archived
            yield from self.page_requests()

    def _free_places(self) -> int:
        """How many pages may be requested now."""
        is_careful = self.frontier.is_careful
        if (is_careful or self.is_alone) and self.pages_in_flight:
            return 0
        self.is_alone = is_careful
        # While a page is rendered, its own requests should not wait behind those of other pages.
        free = (1 if self.is_rendered else PAGES_IN_FLIGHT) - self.pages_in_flight
        return free if free >= PAGES_AT_ONCE or not self.pages_in_flight else 0

    def _skip(self, link: Link, reason: str) -> Iterator[Request | Rejection | Page]:
        self.pages_in_flight -= 1
        detail = "each time that it was fetched the process died"
        yield self.reject(Request(link.url, meta={LINK: link}), reason, detail)
        yield from self.page_requests()

    def parse_page(self, response: Response) -> Iterator[Page | Rejection | Request]:
        self.pages_in_flight -= 1
        yield self.make_page(response)
        yield from self.page_requests()

    def make_page(self, response: Response) -> Page | Rejection:
        """The item for a response to a link's request."""
        meta = response.meta
        if POINTER not in meta:
            detail = "it did not come through the capture handler"
            return self.reject(response.request, "not_archived", detail)
        link: Link = meta[LINK]
        if response.status == NOT_MODIFIED and not link.known_id:
            return self.reject(response.request, "http_304", "it was not asked whether it has changed")
        if response.status == NOT_MODIFIED:
            detail = f"the server says it is that of version {link.known_version}"
            return self.reject(response.request, "not_modified", detail, step="dedupe")
        return Page(link=link, url=response.url, status=response.status, warc=meta[POINTER])

    def page_failed(self, failure: Failure) -> Iterator[Rejection | Request | Page]:
        self.pages_in_flight -= 1
        request: Request = failure.request  # type: ignore[attr-defined]
        yield self.reject(request, failure_reason(failure), failure_detail(failure))
        yield from self.page_requests()

    async def fetch_following_page(self, first: WarcPointer, number: int, url: str) -> WarcPointer | None:
        """The record of a following page of a story, fetched as every page is; None if it cannot be had.

        It may be the answer that the page does not exist.
        """
        part, index = StoryPart(first.record_id, number), self.run.replay_index
        was_skipped = index is not None and not index.has_part(url, part.first_id)
        if self.run.failure or self.is_closing() or was_skipped:
            return None
        meta = {PART: part, "download_maxsize": self.page_bytes}
        meta |= {RENDERED: True} if self.is_rendered else {}
        request = Request(url, callback=NO_CALLBACK, meta=meta, dont_filter=True)
        try:
            response = await self.crawler.engine.download_async(request)
        except ArchiveError as error:
            self.stop_on_archive_error(error)
            return None
        except Exception as error:  # noqa: BLE001 # whatever prevents it, the story is flagged
            logger.info("%s: %s: a following page is missing: %s", self.name, url, error)
            return None
        pointer: WarcPointer | None = response.meta.get(POINTER)
        is_success = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
        return pointer if is_success or response.status in GONE_STATUSES else None

    def is_closing(self) -> bool:
        """Whether the engine takes no more requests; it says so in a private attribute alone (2.19.0)."""
        slot = self.crawler.engine._slot
        return slot is None or slot.closing is not None

    def reject(self, request: Request | None, reason: str, detail: str, step: str = "fetch") -> Rejection:
        """The item for a page that is not extracted."""
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
            discovery=make_discovery(link),
            warc=request.meta.get(POINTER),
        )

    def find_witness(self, link: Link) -> WitnessPointer | None:
        """Where the archive has the story of a page that is being fetched, as far as a source gave it."""
        return self.frontier.find_witness(link.url)

    def stop_on_archive_error(self, error: ArchiveError) -> None:
        """Close the spider: nothing may be fetched that cannot be archived."""
        self.run.failure = self.run.failure or error
        logger.error("%s: %s", self.name, error)
        engine = self.crawler.engine
        if engine.running:
            reason = MACHINE_FAULT if isinstance(error, MachineFault) else "archive_error"
            deferred_from_coro(engine.close_spider_async(reason=reason))

    @contextmanager
    def closing_on_errors(self) -> Iterator[None]:
        """Close the spider if the block meets an error of the archive or of state, then go on after it."""
        try:
            yield
        except ArchiveError as error:
            self.stop_on_archive_error(error)


class CrawlerComponent:
    """A pipeline or an extension, which Scrapy creates with its crawler."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def spider(self) -> ArchivingSpider:
        return cast("ArchivingSpider", self.crawler.spider)


def conditional_meta(previous: PreviousFetch | None) -> dict[str, Any]:
    """Meta of a request that may be answered with 304; a replay may do so even without conditions."""
    meta: dict[str, Any] = {"handle_httpstatus_list": [NOT_MODIFIED]}
    if previous and previous.warc:
        meta[ORIGINAL] = OriginalResponse(pointer=previous.warc, url=previous.url, date=previous.date)
    return meta


def has_foreign_pipelines(settings: BaseSettings) -> bool:
    """Whether a project has pipelines of its own, which may change the lists within an article."""
    pipelines = settings.getwithbase("ITEM_PIPELINES")
    paths = (path for path, order in pipelines.items() if order is not None)
    return any(not isinstance(path, str) or not path.startswith(_OWN_PIPELINES) for path in paths)
