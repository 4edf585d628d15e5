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
from newscrawl.errors import ArchiveError
from newscrawl.items import Link, Page, Rejection, discovery_of, rfc3339
from newscrawl.meta import FETCHED, LINK, POINTER
from newscrawl.outlet import Outlet
from newscrawl.spiders.failures import detail_of, reason_of
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
        spider.run = run_of(spider.name, settings)
        spider.frontier = MemoryFrontier()
        spider.pages_left = settings.getint("NEWSCRAWL_PAGES_MAX")
        spider.sources_failed = []
        return spider

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

    def parse_page(self, response: Response) -> Iterator[Page]:
        meta = response.meta
        yield Page(link=meta[LINK], url=response.url, status=response.status, warc=meta[POINTER])

    def page_failed(self, failure: Failure) -> Iterator[Rejection]:
        request = failure.request  # type: ignore[attr-defined]
        link: Link = request.meta[LINK]
        fetched = request.meta.get(FETCHED)
        yield Rejection(
            url=request.url,
            url_requested=link.url,
            source=self.name,
            step="fetch",
            reason=reason_of(failure),
            detail=detail_of(failure),
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
