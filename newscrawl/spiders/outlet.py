"""The spider of an outlet: its sources give links, the frontier says which to fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin

from scrapy import Request

from newscrawl.discovery.choose import is_article
from newscrawl.discovery.feed import links_of_feed
from newscrawl.discovery.found import Found
from newscrawl.discovery.probe import (
    feeds_of_page,
    sitemaps_of_robots,
    usual_feeds,
    usual_sitemaps,
)
from newscrawl.discovery.section import links_of_section
from newscrawl.discovery.sitemap import links_of_sitemap
from newscrawl.discovery.wordpress import links_of_posts, posts_url
from newscrawl.items import Link, Page, Rejection, rfc3339
from newscrawl.meta import FETCHED, LINK, POINTER
from newscrawl.outlet import Outlet
from newscrawl.spiders.base import NOT_MODIFIED, ArchivingSpider, meta_of
from newscrawl.spiders.failures import detail_of, reason_of
from newscrawl.spiders.given import digest_of
from newscrawl.spiders.remembering import now
from newscrawl.state.feeds import Told
from newscrawl.state.rows import Seen, seconds_of

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

Kind = Literal["feed", "sitemap", "wp_api", "section"]
Requests = Iterator[Request]


class OutletSpider(ArchivingSpider):
    """Reads feeds, sitemaps, the WordPress API and sections; looks for feeds where none are named."""

    outlet: Outlet
    remembers = True
    sources_left: int

    def first_urls(self) -> Iterable[str]:
        return [self.outlet.home, *(url for _, url in sources_of(self.outlet))]

    async def start(self) -> AsyncIterator[Request]:
        self.sources_left = self.crawler.settings.getint("NEWSCRAWL_SOURCES_MAX")
        self._asked: set[str] = set()
        self._outlet_hash = digest_of(self.outlet.model_dump(mode="json"))
        sources = sources_of(self.outlet)
        requests = self.sources(sources) if sources else iter([self._home()])
        for request in (*requests, *self.waiting_pages()):
            yield request

    def sources(self, sources: Iterable[tuple[Kind, str]], probing: bool = False) -> Requests:
        """Requests for sources not asked for yet, within the run's limit."""
        for kind, url in sources:
            if url in self._asked or self.sources_left <= 0:
                continue
            self._asked.add(url)
            self.sources_left -= 1
            seen, _ = self._known_source(url)
            yield Request(
                url,
                callback=self.parse_source,
                errback=self.source_failed,
                headers=seen.headers if seen else None,
                cb_kwargs={"kind": kind, "asked": url},
                meta={"newscrawl_probing": probing, **meta_of(seen)},
                priority=1,
                dont_filter=True,
            )

    def parse_source(self, response: Response, kind: Kind, asked: str) -> Requests:
        if response.status == NOT_MODIFIED:
            yield from self._unchanged(kind, asked)
            return
        found = self._found(response, kind)
        self._count(kind, found.outcome)
        if found.outcome != "ok":
            note = found.note or "no further note"
            self.logger.warning("%s: %s %s is %s (%s)", self.name, kind, response.url, found.outcome, note)
            self.sources_failed.append(f"{response.url}: {found.outcome}")
        with self.stopping():
            self.frontier.found(link for link in found.links if is_article(link.url, self.outlet))
            self._told(told_of(response, asked, found, self._outlet_hash))
        yield from self.sources((kind, url) for url in found.more)
        yield from self.waiting_pages()

    def _unchanged(self, kind: Kind, asked: str) -> Requests:
        """Its links are known; those it names may have changed though it has not."""
        self._count(kind, "not_modified")
        _, more = self._known_source(asked)
        self._told(Told(url=asked, outcome="not_modified"))
        yield from self.sources((kind, url) for url in more)
        yield from self.waiting_pages()

    def _known_source(self, url: str) -> tuple[Seen | None, tuple[str, ...]]:
        with self.stopping():
            if self.state:
                return self.state.feeds.seen(url, self._outlet_hash)
        return None, ()

    def _told(self, told: Told) -> None:
        # Of a source whose links did not all fit, nothing is noted, so that the next run reads it whole.
        if self.state and not self.frontier.is_full:
            with self.stopping():
                self.state.feeds.told(told, seconds_of(now()))

    def page_of(self, response: Response) -> Page | Rejection:
        link: Link = response.meta[LINK]
        if response.url != link.url and not is_article(response.url, self.outlet):
            return self.refused(response.request, "redirected_away", f"{link.url} leads to {response.url}")
        return super().page_of(response)

    def source_failed(self, failure: Failure) -> None:
        request = failure.request  # type: ignore[attr-defined]
        reason = reason_of(failure)
        if "asked" in request.cb_kwargs:
            self._told(Told(url=request.cb_kwargs["asked"], outcome=reason))
        self._count(request.cb_kwargs.get("kind", "home"), reason)
        self.sources_failed.append(f"{request.url}: {reason}")
        if not request.meta.get("newscrawl_probing"):
            self.logger.warning("%s: %s: %s", self.name, request.url, detail_of(failure))

    def parse_home(self, response: Response) -> Requests:
        """No source is named in the outlet's file: take the feeds its home page names, else look on."""
        if feeds := feeds_of_page(response.body, response.url):
            yield from self.sources(("feed", url) for url in feeds)
            return
        yield Request(
            urljoin(self.outlet.home, "/robots.txt"),
            callback=self.parse_robots,
            errback=self.no_robots,
            dont_filter=True,
        )

    def parse_robots(self, response: Response) -> Requests:
        if sitemaps := sitemaps_of_robots(response.body, response.url):
            yield from self.sources(("sitemap", url) for url in sitemaps)
        else:
            yield from self._usual_places()

    def no_robots(self, failure: Failure) -> Requests:  # noqa: ARG002 # Scrapy's errback
        yield from self._usual_places()

    def _usual_places(self) -> Requests:
        home = self.outlet.home
        yield from self.sources((("feed", url) for url in usual_feeds(home)), probing=True)
        yield from self.sources((("sitemap", url) for url in usual_sitemaps(home)), probing=True)

    def _home(self) -> Request:
        return Request(
            self.outlet.home, callback=self.parse_home, errback=self.source_failed, dont_filter=True
        )

    def _found(self, response: Response, kind: Kind) -> Found:
        body, url = response.body, response.url
        if kind == "feed":
            return links_of_feed(body, url, (response.headers.get("Content-Type") or b"").decode("latin-1"))
        if kind == "sitemap":
            return links_of_sitemap(body, url)
        if kind == "wp_api":
            return links_of_posts(body, url)
        return links_of_section(body, url, self._accepts)

    def _accepts(self, url: str) -> bool:
        return is_article(url, self.outlet)

    def _count(self, kind: str, outcome: str) -> None:
        self.crawler.stats.inc_value(f"newscrawl/source/{kind}/{outcome}")


def told_of(response: Response, asked: str, found: Found, outlet_hash: str) -> Told:
    """What state keeps of a source's answer."""
    fetched = response.meta.get(FETCHED)
    return Told(
        url=asked,
        outcome=found.outcome,
        etag=_header(response, "ETag"),
        last_modified=_header(response, "Last-Modified"),
        more=found.more,
        answered=response.url,
        warc=response.meta.get(POINTER) if fetched else None,
        date=rfc3339(fetched) if fetched else "",
        outlet_hash=outlet_hash,
    )


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def sources_of(outlet: Outlet) -> list[tuple[Any, str]]:
    """The sources an outlet's file names, in the order they are read."""
    wordpress = [("wp_api", posts_url(outlet.home))] if outlet.platform == "wordpress" else []
    return [
        *(("feed", url) for url in outlet.feeds),
        *wordpress,
        *(("sitemap", url) for url in outlet.sitemaps),
        *(("section", url) for url in outlet.sections),
    ]
