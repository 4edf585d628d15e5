"""The spider of an outlet: its sources provide links, and the frontier decides which of them to fetch."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.statscollectors import StatsCollector
from twisted.python.failure import Failure

from newscrawl.archive.replay import CaptureTable, request_key
from newscrawl.archive.run_files import Run
from newscrawl.archive.story_records import locate_witness
from newscrawl.discovery.autodiscovery import (
    common_feed_urls,
    common_sitemap_urls,
    find_page_feeds,
    find_robots_sitemaps,
)
from newscrawl.discovery.results import (
    READ_OUTCOMES,
    Outcome,
    SourceResult,
    cache_interval,
    max_interval,
)
from newscrawl.discovery.sources import (
    MAX_DEPTHS,
    WITNESS_SOURCES,
    SourceKind,
    is_quick_to_read,
    is_worth_rereading,
    list_sources,
    read_source,
)
from newscrawl.discovery.url_filters import find_trap, is_article_url
from newscrawl.downloader.capture import utc_now
from newscrawl.downloader.request_meta import FETCHED, LINK, POINTER
from newscrawl.errors import ArchiveError
from newscrawl.items import Link, Page, Rejection, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.spiders.base import (
    NOT_MODIFIED,
    ArchivingSpider,
    conditional_meta,
    failure_detail,
    failure_reason,
)
from newscrawl.spiders.crawl_options import MAX_SOURCES_SETTING, ONLY_DUE, read_source_config
from newscrawl.spiders.run_context import used_only_due_sources
from newscrawl.state.encoding import PreviousFetch, epoch_seconds, published_desc
from newscrawl.state.refetch_policy import HOST_PAUSED
from newscrawl.state.runs import State
from newscrawl.state.sources import (
    FetchResult,
    SourceConfig,
    SourceRows,
    SourceTable,
    find_due_sources,
    must_discover,
)
from newscrawl.workers import Fault, TaskPool, WorkerFault

logger = logging.getLogger(__name__)

T = TypeVar("T")
IS_PROBE = "newscrawl_probing"
"Meta of a request for a source that may not exist."
SourceStep = tuple[SourceKind, str, int]
"Kind and URL of a source, and its steps from a configured source."


class SourcePolicy(Protocol):
    """Decides which sources a run fetches."""

    def first(self) -> list[SourceStep] | None:
        """The sources to begin with; None: start autodiscovery."""

    def following(self, kind: SourceKind, children: tuple[str, ...], depth: int) -> list[SourceStep]:
        """What to fetch after a source of this kind that names `children`."""


class AllSources:
    """All sources and all of their child sources."""

    def __init__(self, outlet: Outlet) -> None:
        self._configured = list_sources(outlet)

    def first(self) -> list[SourceStep] | None:
        return [(kind, url, 0) for kind, url in self._configured] or None

    def following(self, kind: SourceKind, children: tuple[str, ...], depth: int) -> list[SourceStep]:
        return [(kind, url, depth + 1) for url in children]


class DueSources:
    """The sources that are due according to state at the moment."""

    def __init__(self, config: SourceConfig, sources: SourceTable, now: Callable[[], int]) -> None:
        self._config = config
        self._sources = sources
        self._now = now

    def first(self) -> list[SourceStep] | None:
        rows = self._sources.rows()
        return None if must_discover(self._config, rows, self._now()) else self._due(rows)

    def following(self, kind: SourceKind, children: tuple[str, ...], depth: int) -> list[SourceStep]:  # noqa: ARG002
        # The children are in state by now; their depth counts from the first of all sources.
        return self._due(self._sources.rows())

    def _due(self, rows: SourceRows) -> list[SourceStep]:
        due = find_due_sources(self._config, rows, self._now())
        return [(cast("SourceKind", source.kind), source.url, source.depth) for source in due]


class RecordedSources(AllSources):
    """The sources that a recorded run fetched."""

    def __init__(self, outlet: Outlet, table: CaptureTable) -> None:
        super().__init__(outlet)
        self._home = outlet.home
        self._table = table

    def first(self) -> list[SourceStep] | None:
        steps = super().first()
        if steps is None:
            return None if self._is_recorded(self._home) else []
        return [step for step in steps if self._is_recorded(step[1])]

    def following(self, kind: SourceKind, children: tuple[str, ...], depth: int) -> list[SourceStep]:
        return [step for step in super().following(kind, children, depth) if self._is_recorded(step[1])]

    def _is_recorded(self, url: str) -> bool:
        return bool(self._table.captures(request_key("GET", Request(url).url)))


def choose_source_policy(
    outlet: Outlet, state: State | None, run: Run, settings: BaseSettings
) -> SourcePolicy:
    """The policy that the settings ask for; in a replay, that of the recorded run."""
    if state and settings.getbool(ONLY_DUE):
        config = read_source_config(outlet, settings.getint(MAX_SOURCES_SETTING))
        return DueSources(config, state.sources, lambda: epoch_seconds(utc_now()))
    if run.replay_index and used_only_due_sources(run):
        return RecordedSources(outlet, run.replay_index.table)
    return AllSources(outlet)


LINK_STATS = "newscrawl/links/"
NEW, LISTED, OWN, NEWEST = "new", "listed", "own", "newest"
_STORY_SOURCES = ("feed", "wp_api")
"These list nothing but stories. Of a page or a sitemap many links are no stories, which means nothing."


def count_links(
    stats: StatsCollector, kind: str, links: Sequence[Link], *, own: Sequence[Link], new: int, now: int
) -> None:
    """Count the links of a source: all of them, the outlet's own stories, and those that are new."""
    stats.inc_value(f"{LINK_STATS}{NEW}", new)
    if kind in _STORY_SOURCES:
        stats.inc_value(f"{LINK_STATS}{LISTED}", len(links))
        stats.inc_value(f"{LINK_STATS}{OWN}", len(own))
    dates = [-published_desc(link, now) for link in own if link.published]
    if dates:
        stats.max_value(f"{LINK_STATS}{NEWEST}", max(dates))


SOURCES_PER_PROCESS = 50
_FAULT_OUTCOMES: dict[Fault, Outcome] = {"timeout": "read_timeout", "crash": "reader_crash"}


class SourceReader:
    """Reads the sources of an outlet; what may take time, in a process that starts with the first of them."""

    def __init__(self, outlet: Outlet, seconds: float) -> None:
        self._outlet = outlet
        self._seconds = seconds
        self._pool: TaskPool | None = None

    async def read(self, kind: SourceKind, body: bytes, url: str, content_type: str) -> SourceResult:
        """The links of a source; `read_timeout` or `reader_crash` when it could not be read.

        MachineFault when no process could have read it.
        """
        try:
            return await self._run(
                partial(read_source, kind, body, url, content_type, self._outlet), is_quick_to_read(body)
            )
        except WorkerFault as error:
            return SourceResult(outcome=_FAULT_OUTCOMES[error.fault], note=str(error))

    async def find_feeds(self, body: bytes, url: str) -> tuple[str, ...]:
        """The feeds that a page names; none when it could not be read."""
        try:
            return await self._run(partial(find_page_feeds, body, url), is_quick_to_read(body))
        except WorkerFault as error:
            logger.warning("%s cannot be read: %s", url, error)
            return ()

    async def _run(self, task: Callable[[], T], is_quick: bool) -> T:
        if is_quick:
            return task()
        self._pool = self._pool or TaskPool(1, SOURCES_PER_PROCESS)
        return await self._pool.run(task, self._seconds)

    def close(self) -> None:
        if self._pool:
            self._pool.stop()
            self._pool = None


Requests = Iterator[Request | Rejection | Page]


class OutletSpider(ArchivingSpider):
    """Reads feeds, sitemaps, the WordPress API and sections; looks for feeds if the file names none."""

    outlet: Outlet
    is_incremental = True
    sources_left: int

    def first_urls(self) -> Iterable[str]:
        return [self.outlet.home, *(url for _, url in list_sources(self.outlet))]

    async def start(self) -> AsyncIterator[Request | Rejection | Page]:
        settings = self.crawler.settings
        self.sources_left = settings.getint(MAX_SOURCES_SETTING)
        self._requested: set[str] = set()
        self.reader = SourceReader(self.outlet, settings.getfloat("NEWSCRAWL_SOURCE_SECONDS"))
        self._outlet_digest = self.outlet.digest
        self._source_policy = choose_source_policy(self.outlet, self.state, self.run, settings)
        first: list[SourceStep] | None = []
        with self.closing_on_errors():
            first = self._source_policy.first()
        requests = iter([self._home_request()]) if first is None else self.source_requests(first)
        for request in (*requests, *self.page_requests()):
            yield request

    def source_requests(self, steps: Iterable[SourceStep], is_probe: bool = False) -> Requests:
        """Requests for sources that this run has not requested, within the limit of the run."""
        for kind, url, depth in steps:
            if depth > MAX_DEPTHS[kind]:
                self._count_source(kind, "too_deep")
                continue
            if url in self._requested or self.sources_left <= 0:
                continue
            self._requested.add(url)
            self.sources_left -= 1
            previous, _ = self._previous_fetch(url)
            yield Request(
                url,
                callback=self.parse_source,
                errback=self.source_failed,
                headers=previous.headers if previous else None,
                cb_kwargs={"kind": kind, "source_url": url, "depth": depth},
                meta={IS_PROBE: is_probe, **conditional_meta(previous)},
                priority=1,
                dont_filter=True,
            )

    async def parse_source(
        self, response: Response, kind: SourceKind, source_url: str, depth: int = 0
    ) -> AsyncIterator[Request | Rejection | Page]:
        if response.status == NOT_MODIFIED:
            requests = self._handle_unchanged(response, kind, source_url, depth)
        else:
            content_type = _response_header(response, "Content-Type") or ""
            result = None
            with self.closing_on_errors():
                result = await self.reader.read(kind, response.body, response.url, content_type)
            if result is None:
                return  # the machine is at fault: the source stays due
            requests = self._handle_result(response, kind, source_url, depth, result)
        for request in requests:
            yield request

    def _handle_result(
        self, response: Response, kind: SourceKind, source_url: str, depth: int, result: SourceResult
    ) -> Requests:
        self._count_source(kind, result.outcome)
        if result.outcome not in READ_OUTCOMES:
            note = result.note or "no further note"
            self.logger.warning("%s: %s %s is %s (%s)", self.name, kind, response.url, result.outcome, note)
            self.sources_failed.append(f"{response.url}: {result.outcome}")
        with self.closing_on_errors():
            own = list(self._iter_stories(add_witnesses(result.links, kind, response), response))
            new = self.frontier.add(own)
            now = epoch_seconds(utc_now())
            count_links(self.crawler.stats, kind, result.links, own=own, new=new, now=now)
            fetched = read_fetch_result(response, kind, source_url, result, self._outlet_digest)
            self._record(fetched, response.meta)
        yield from self._follow(kind, result.child_sources, depth)

    def _handle_unchanged(
        self, response: Response, kind: SourceKind, source_url: str, depth: int
    ) -> Requests:
        """Its links are stored already. Its child sources may have changed though it has not."""
        self._count_source(kind, "not_modified")
        _, children = self._previous_fetch(source_url)
        fetched = FetchResult(
            url=source_url, outcome="not_modified", kind=kind, min_interval=_cache_seconds(response)
        )
        self._record(fetched, response.meta)
        yield from self._follow(kind, children, depth)

    def _follow(self, kind: SourceKind, children: tuple[str, ...], depth: int) -> Requests:
        """Requests for the sources that come next, then for pages."""
        steps: list[SourceStep] = []
        with self.closing_on_errors():
            steps = self._source_policy.following(kind, children, depth)
        yield from self.source_requests(steps)
        yield from self.page_requests()

    def _iter_stories(self, links: Iterable[Link], response: Response) -> Iterator[Link]:
        """The links worth fetching; crawler traps among them are counted."""
        year = (response.meta.get(FETCHED) or self.run.started).year
        for link in links:
            if not is_article_url(link.url, self.outlet):
                continue
            if trap := find_trap(link.url, year):
                self.crawler.stats.inc_value(f"newscrawl/traps/{trap}")
            else:
                yield link

    def _previous_fetch(self, url: str) -> tuple[PreviousFetch | None, tuple[str, ...]]:
        with self.closing_on_errors():
            if self.state:
                return self.state.sources.previous_fetch(url, self._outlet_digest)
        return None, ()

    def _record(self, result: FetchResult, meta: dict[str, Any]) -> None:
        # If not all links of a source found room, nothing is stored, so that the next run reads it whole.
        if self.state and not self.frontier.is_full:
            with self.closing_on_errors():
                is_retired = self.state.sources.record(result, epoch_seconds(utc_now()))
                if is_retired and not meta.get(IS_PROBE):
                    self.logger.warning("%s: source_retired: %s (%s)", self.name, result.url, result.outcome)

    def make_page(self, response: Response) -> Page | Rejection:
        link: Link = response.meta[LINK]
        if response.url != link.url and not is_article_url(response.url, self.outlet):
            return self.reject(response.request, "redirected_away", f"{link.url} leads to {response.url}")
        return super().make_page(response)

    def source_failed(self, failure: Failure) -> None:
        request = failure.request  # type: ignore[attr-defined]
        reason = failure_reason(failure)
        # If archive or state cannot be written, the source is not at fault: it stays due.
        if "source_url" in request.cb_kwargs and not failure.check(ArchiveError):  # type: ignore[no-untyped-call]
            url, kind = request.cb_kwargs["source_url"], request.cb_kwargs["kind"]
            self._record(FetchResult(url=url, outcome=reason, kind=kind), request.meta)
        self._count_source(request.cb_kwargs.get("kind", "home"), reason)
        if reason != HOST_PAUSED:
            self.sources_failed.append(f"{request.url}: {reason}")
        if not request.meta.get(IS_PROBE):
            self.logger.warning("%s: %s: %s", self.name, request.url, failure_detail(failure))

    async def parse_home(self, response: Response) -> AsyncIterator[Request | Rejection | Page]:
        """Autodiscovery: feeds that the home page links, else sitemaps in robots.txt, else usual paths."""
        feeds: tuple[str, ...] = ()
        with self.closing_on_errors():
            feeds = await self.reader.find_feeds(response.body, response.url)
        for request in self.source_requests(("feed", url, 0) for url in feeds):
            yield request
        if feeds:
            return
        yield Request(
            urljoin(self.outlet.home, "/robots.txt"),
            callback=self.parse_robots,
            errback=self.robots_failed,
            dont_filter=True,
        )

    def parse_robots(self, response: Response) -> Requests:
        if sitemaps := find_robots_sitemaps(response.body, response.url):
            yield from self.source_requests(("sitemap", url, 0) for url in sitemaps)
        else:
            yield from self._probe_requests()

    def robots_failed(self, failure: Failure) -> Requests:  # noqa: ARG002 # Scrapy's errback
        yield from self._probe_requests()

    def _probe_requests(self) -> Requests:
        home = self.outlet.home
        yield from self.source_requests((("feed", url, 0) for url in common_feed_urls(home)), is_probe=True)
        yield from self.source_requests(
            (("sitemap", url, 0) for url in common_sitemap_urls(home)), is_probe=True
        )

    def _home_request(self) -> Request:
        return Request(
            self.outlet.home, callback=self.parse_home, errback=self.source_failed, dont_filter=True
        )

    def closed(self, reason: str) -> None:  # noqa: ARG002 # Scrapy calls it so
        if hasattr(self, "reader"):
            self.reader.close()

    def _count_source(self, kind: str, outcome: str) -> None:
        self.crawler.stats.inc_value(f"newscrawl/source/{kind}/{outcome}")


def read_fetch_result(
    response: Response, kind: SourceKind, source_url: str, result: SourceResult, outlet_digest: str
) -> FetchResult:
    """What state stores of a source's answer."""
    fetched = response.meta.get(FETCHED)
    return FetchResult(
        url=source_url,
        outcome=result.outcome,
        kind=kind,
        min_interval=max_interval(result.min_interval, _cache_seconds(response)),
        etag=_response_header(response, "ETag"),
        last_modified=_response_header(response, "Last-Modified"),
        child_sources=result.child_sources,
        answered=response.url,
        warc=response.meta.get(POINTER) if fetched else None,
        date=rfc3339(fetched) if fetched else "",
        outlet_digest=outlet_digest,
    )


def add_witnesses(links: Iterable[Link], kind: SourceKind, response: Response) -> Iterable[Link]:
    """The links of a source, with the place of the story in the archive where the source has all of it."""
    source, pointer = WITNESS_SOURCES.get(kind), response.meta.get(POINTER)
    if source is None or pointer is None or not is_worth_rereading(response.body):
        return links
    return [replace(link, witness=locate_witness(link, source, pointer)) for link in links]


def _cache_seconds(response: Response) -> int | None:
    """Seconds for which the server calls its answer fresh."""
    return cache_interval(_response_header(response, "Cache-Control"))


def _response_header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
