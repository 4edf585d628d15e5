"""What every spider here does: hold a run and a frontier, fetch the frontier's links as Pages."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

import scrapy
from scrapy import Request
from scrapy.utils.defer import deferred_from_coro

from newscrawl import __version__
from newscrawl.archive.run import Run
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Link, Page, Rejection, discovery_of, rfc3339
from newscrawl.meta import FETCHED, LINK, POINTER
from newscrawl.outlet import Outlet
from newscrawl.spiders.failures import detail_of, reason_of
from newscrawl.spiders.given import REPLAY_SETTINGS
from newscrawl.spiders.refuse import refusal, user_agent
from newscrawl.spiders.runs import run_of
from newscrawl.state.frontier import Frontier, MemoryFrontier

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

logger = logging.getLogger(__name__)


class ArchivingSpider(scrapy.Spider):
    """A spider whose exchanges are archived; subclasses say where links come from."""

    outlet: Outlet | None = None
    run: Run
    frontier: Frontier
    pages_left: int
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
        spider.run = run_of(spider.name, settings)
        spider.frontier = MemoryFrontier()
        spider.pages_left = settings.getint("NEWSCRAWL_PAGES_MAX")
        spider.sources_failed = []
        return spider

    def again(self) -> dict[str, Any]:
        """Arguments that make this spider once more, with nothing read twice."""
        return {}

    def first_urls(self) -> Iterable[str]:
        """What will be asked for first; a refusal is decided on these."""
        raise NotImplementedError

    def waiting_pages(self) -> Iterator[Request]:
        """Requests for the links that wait in the frontier, within the run's limit."""
        links = self.frontier.take(self.pages_left)
        self.pages_left -= len(links)
        for link in links:
            yield Request(
                link.url,
                callback=self.parse_page,
                errback=self.page_failed,
                meta={LINK: link},
                # The frontier hands out each page once; a redirect to a known page must still end.
                dont_filter=True,
            )

    def parse_page(self, response: Response) -> Iterator[Page | Rejection]:
        meta = response.meta
        if POINTER in meta:
            yield Page(link=meta[LINK], url=response.url, status=response.status, warc=meta[POINTER])
        else:
            yield self.refused(
                response.request, "not_archived", "it did not come through the capture handler"
            )

    def page_failed(self, failure: Failure) -> Iterator[Rejection]:
        request: Request = failure.request  # type: ignore[attr-defined]
        # A miss of a replay has a name of its own; Scrapy's other refusals are told by their text.
        reason = getattr(failure.value, "reason_name", None) or reason_of(failure)
        yield self.refused(request, reason, detail_of(failure))

    def refused(self, request: Request | None, reason: str, detail: str) -> Rejection:
        """A page that ends before it is extracted."""
        assert request
        link: Link = request.meta[LINK]
        fetched = request.meta.get(FETCHED)
        return Rejection(
            url=request.url,
            url_requested=link.url,
            source=self.outlet.id if self.outlet else None,
            step="fetch",
            reason=reason,
            detail=detail,
            fetched=rfc3339(fetched) if fetched else None,
            discovery=discovery_of(link),
            warc=request.meta.get(POINTER),
        )

    def archive_failed(self, error: ArchiveError) -> None:
        """Stop the crawl: nothing may be fetched that cannot be kept."""
        logger.error("%s: %s", self.name, error)
        engine = self.crawler.engine
        if engine.running:
            deferred_from_coro(engine.close_spider_async(reason="archive_error"))
