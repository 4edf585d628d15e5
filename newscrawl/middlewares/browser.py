"""Renders the pages of outlets with `browser = true`, by requests of the crawl's own downloader.

A page is fetched like any other first. Every further request that it makes in the browser passes the address
guard, robots.txt, politeness and the archive as any other does; a replay answers it from the archive.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from newscrawl.archive.renderings import RecordedRendering
from newscrawl.archive.run_files import Run
from newscrawl.downloader.browser import Browser, BrowserOptions, find_browser
from newscrawl.downloader.browser_page import PageToRender, Rendering, RenderingLimits
from newscrawl.downloader.browser_requests import (
    AnswerFailure,
    Outcome,
    PageAnswer,
    PageRequest,
    ScriptCache,
)
from newscrawl.downloader.capture import Notes, build_notes, flagged_truncation, get_spider_with_run
from newscrawl.downloader.refusals import NoHtml, RenderingFailed, RenderingStopped, ReplayDiffers, ReplayMiss
from newscrawl.downloader.replay import recorded_error
from newscrawl.downloader.request_meta import FETCHED, LINK, POINTER, RENDERED, SUBRESOURCE
from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.warc.records import sha1_base32, target_uri
from newscrawl.warc.renderings import (
    MISSING_FIELD,
    RENDERING_FIELD,
    SHARED_FIELD,
    RenderedPage,
    head_notes,
)

logger = logging.getLogger(__name__)

STATS = "newscrawl/browser/"
MEGABYTE = 1 << 20
REPLAY_PATIENCE = 10
"A page that was done in time when it was recorded may take so many times as long on a busier machine."
_HTML = (b"text/html", b"application/xhtml+xml")
PERMANENT = frozenset({"robots_txt", "private_address", "forbidden_port", "bad_redirect", "ignored"})
"Reasons for which a request of a page gets no answer the next time either."
IN_FLIGHT = 8
"Requests of a page that the downloader has at once: a run that is asked to end waits for these alone."
MAX_MISSING_CHARS = 1000
MAX_URL_CHARS = 2000
"Longer addresses of shared scripts are not noted."
_TRY_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_ROBOTS = "Forbidden by robots.txt"


class BrowserMiddleware:
    """Replaces the pointer to a page's response by that to its rendering."""

    def __init__(self, crawler: Crawler) -> None:
        outlet: Any = getattr(crawler.spider, "outlet", None)
        if outlet is None or not outlet.browser:
            raise NotConfigured  # without a reason, which would be logged as a warning in nearly every crawl
        self.crawler = crawler
        self._is_replay = bool(crawler.settings.get("NEWSCRAWL_REPLAY"))
        self._renders = not self._is_replay or crawler.settings.getbool("NEWSCRAWL_BROWSER_REPLAY")
        self._limits = read_limits(crawler, self._is_replay)
        self._scripts = ScriptCache()
        self._script_urls: dict[str, list[str]] = {}
        "Of each script that was remembered, its addresses with those of redirects."
        self._shared: dict[str, None] = {}
        "Addresses of remembered scripts that the page being rendered was given."
        self._missing: list[str] = []
        "Answers that the page being rendered did not get, though another time it may."
        self._turn = asyncio.Lock()
        "Held while a page is rendered: following pages come beside the pages that the spider asks for."
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._browser = Browser(read_options(crawler, outlet)) if self._renders else None
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def spider_closed(self) -> None:
        if self._browser:
            await self._browser.close()

    async def process_response(self, request: Request, response: Response) -> Response:
        is_success = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
        if not request.meta.get(RENDERED) or POINTER not in request.meta or not is_success:
            return response
        try:
            async with self._turn:
                pointer = await self._render(request, response)
        except ArchiveError as error:
            # The machine, or the archive, is at fault: every page that follows would fail as well.
            get_spider_with_run(self.crawler.spider).stop_on_archive_error(error)  # type: ignore[union-attr]
            raise
        except RenderingFailed as error:
            self._count(f"failed/{error.reason_name}")
            raise
        self._count("rendered")
        request.meta[POINTER] = pointer
        return response

    async def _render(self, request: Request, response: Response) -> WarcPointer:
        """Where the rendering is recorded."""
        if self._is_replay:
            return await self._replay(request, response)
        try:
            rendering = await self._run_browser(request, response)
        except RenderingFailed as error:
            self._write(request, response, None, error)
            raise
        return self._write(request, response, rendering)

    async def _replay(self, request: Request, response: Response) -> WarcPointer:
        """The recorded rendering; ReplayDiffers when a browser makes another of the recorded answers."""
        response_id = request.meta[POINTER].record_id
        recorded = self._recorded_rendering(response_id)
        if recorded is None:
            raise ReplayMiss(f"the archive has no rendering of {response.url}")
        if not recorded.digest:
            raise recorded_error(recorded.outcome) or RenderingFailed("recorded without a rendering")
        if self._renders:
            rendering = await self._run_browser(request, response)
            if sha1_base32(rendering.html) != recorded.digest:
                raise ReplayDiffers(f"the browser renders {response.url} otherwise than it was recorded")
        return recorded.pointer

    def _recorded_rendering(self, response_id: str) -> RecordedRendering | None:
        index = self._run.replay_index
        return index.table.rendering(response_id) if index else None

    @property
    def _run(self) -> Run:
        spider = get_spider_with_run(self.crawler.spider)
        assert spider
        return spider.run

    async def _run_browser(self, request: Request, response: Response) -> Rendering:
        media_type = (response.headers.get("Content-Type") or b"text/html").partition(b";")[0].strip().lower()
        if media_type not in _HTML:
            raise NoHtml(f"{response.url} is {media_type.decode('latin-1')}")
        assert self._browser
        page = PageToRender(url=response.url, moment=request.meta[FETCHED], answer=make_answer(response))
        link_url = find_first_url(request)
        self._missing.clear()
        self._shared.clear()

        async def fetch(asked: PageRequest) -> Outcome:
            return await self._fetch(asked, link_url)

        try:
            rendering = await self._browser.render(page, fetch, self._limits)
        except (ArchiveError, RenderingFailed, ReplayMiss):
            raise
        except Exception as error:
            # Whatever a page has come up with costs that page, with an outcome that a replay has as well.
            logger.exception("%s cannot be rendered", response.url)
            raise RenderingFailed(f"{response.url}: {type(error).__name__}: {error}"[:300]) from error
        self.crawler.stats.max_value(f"{STATS}memory_mb", self._browser.peak_bytes // MEGABYTE)
        for reason, count in rendering.refused.items():
            self._count(f"refused/{reason}", count)
        return rendering

    async def _fetch(self, asked: PageRequest, link_url: str) -> Outcome:
        """The answer to a request of a page, or why there is none."""
        if answer := self._scripts.find(asked):
            self._shared |= dict.fromkeys(self._script_urls.get(asked.url, ()))
            return answer
        request = Request(
            asked.url,
            method=asked.method,
            headers=asked.sent_headers,
            body=asked.body,
            callback=NO_CALLBACK,
            meta={SUBRESOURCE: link_url},
        )
        try:
            response = await self._download(request)
        except (ArchiveError, RenderingStopped, ReplayMiss):
            raise
        except Exception as error:  # noqa: BLE001 # whatever prevents it, the page gets no answer
            logger.debug("%s: %s", asked.url, error)
            reason = failure_name(error)
            if reason not in PERMANENT:
                self._missing.append(f"{reason} {asked.url}")
            return AnswerFailure(reason)
        answer = make_answer(response)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status in _TRY_LATER:
            self._missing.append(f"http_{response.status} {asked.url}")
        self._scripts.add(asked, answer)
        if self._scripts.find(asked):
            urls = [asked.url, *response.meta.get("redirect_urls", ()), response.url]
            self._script_urls[asked.url] = [url for url in map(target_uri, urls) if len(url) <= MAX_URL_CHARS]
        return answer

    async def _download(self, request: Request) -> Response:
        async with self._places:
            spider = get_spider_with_run(self.crawler.spider)
            if spider and spider.is_closing():
                raise RenderingStopped(f"the run ended before {request.url} was sent")
            self._count("requests")
            return await self.crawler.engine.download_async(request)

    def _write(
        self,
        request: Request,
        response: Response,
        rendering: Rendering | None,
        error: Exception | None = None,
    ) -> WarcPointer:
        spider = get_spider_with_run(self.crawler.spider)
        assert spider
        pointer: WarcPointer = request.meta[POINTER]
        notes = build_notes(request, error or response, 0.0, spider)
        page = RenderedPage(
            url=response.url,
            date=request.meta[FETCHED],
            response_id=pointer.record_id,
            html=rendering.html if rendering else None,
            metadata=(
                *((name, value) for name, value in notes if name not in (RENDERING_FIELD, "fetchTimeMs")),
                *head_notes(format_head(response), flagged_truncation(response)),
                *self._browser_notes(rendering),
            ),
        )
        return spider.run.write_rendering(page)

    def _browser_notes(self, rendering: Rendering | None) -> Notes:
        assert self._browser
        notes = [("renderedBy", f"Chromium/{self._browser.version}")]
        if rendering:
            refused = " ".join(f"{reason}={count}" for reason, count in sorted(rendering.refused.items()))
            missing = ", ".join(self._missing)[:MAX_MISSING_CHARS]
            notes += [
                *(((MISSING_FIELD, missing),) if missing else ()),
                ("pageRequests", str(rendering.requests)),
                *(((SHARED_FIELD, " ".join(self._shared)),) if self._shared else ()),
                *((("refused", refused),) if refused else ()),
            ]
        return tuple(notes)

    def _count(self, event: str, count: int = 1) -> None:
        self.crawler.stats.inc_value(f"{STATS}{event}", count)


def find_first_url(request: Request) -> str:
    """The URL of the link that led to a page; of a following page, the one that the story names."""
    if link := request.meta.get(LINK):
        return str(link.url)
    return str(next(iter(request.meta.get("redirect_urls", ())), request.url))


def read_options(crawler: Crawler, outlet: Any) -> BrowserOptions:
    """How Chromium is started for an Outlet; NewscrawlError when it is not installed."""
    settings = crawler.settings
    return BrowserOptions(
        program=find_browser(settings.get("NEWSCRAWL_BROWSER_PROGRAM")),
        has_sandbox=settings.getbool("NEWSCRAWL_BROWSER_SANDBOX"),
        memory_bytes=settings.getint("NEWSCRAWL_BROWSER_MEMORY_MB") * MEGABYTE,
        user_agent=settings["USER_AGENT"],
        locale=outlet.languages[0],
        timezone=outlet.timezone,
    )


def read_limits(crawler: Crawler, is_replay: bool) -> RenderingLimits:
    settings = crawler.settings
    return RenderingLimits(
        seconds=settings.getfloat("NEWSCRAWL_BROWSER_SECONDS") * (REPLAY_PATIENCE if is_replay else 1),
        requests=settings.getint("NEWSCRAWL_BROWSER_REQUESTS"),
        received_bytes=settings.getint("NEWSCRAWL_BROWSER_BYTES"),
        document_bytes=settings.getint("NEWSCRAWL_PAGE_MAX_BYTES"),
    )


def make_answer(response: Response) -> PageAnswer:
    """A response whose content coding is undone, as the browser gets it."""
    headers = {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
    return PageAnswer(status=response.status, headers=headers, body=bytes(response.body))


def format_head(response: Response) -> bytes:
    """Status line and headers of a response."""
    lines = [b"HTTP/1.1 %d" % response.status]
    lines += [b"%s: %s" % (name, value) for name, values in response.headers.items() for value in values]
    return b"\r\n".join(b" ".join(line.splitlines()) for line in lines) + b"\r\n\r\n"


def failure_name(error: Exception) -> str:
    """A short name for why a request of a page has no answer."""
    if name := getattr(error, "reason_name", None):
        return str(name)
    if isinstance(error, IgnoreRequest):
        return "robots_txt" if str(error).startswith(_ROBOTS) else "ignored"
    return "download_failed"
