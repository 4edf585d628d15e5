"""The spider of an outlet: its sources give links, the frontier says which to fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urljoin

from scrapy import Request

from newscrawl.archive.replay import Recorded, key_of
from newscrawl.archive.run import Run
from newscrawl.discovery.autodiscovery import feeds_of_page, sitemaps_of_robots, usual_feeds, usual_sitemaps
from newscrawl.discovery.results import Found, asked_by_cache, longest
from newscrawl.discovery.sources import DEEPEST, Kind, links_of_source, sources_of
from newscrawl.discovery.url_filters import is_article, trap_of
from newscrawl.discovery.xml import is_gzip
from newscrawl.errors import ArchiveError
from newscrawl.items import FETCHED, LINK, POINTER, Link, Page, Rejection, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.spiders.base import NOT_MODIFIED, ArchivingSpider, detail_of, meta_of, reason_of
from newscrawl.spiders.run_context import asked_only_due, digest_of, now
from newscrawl.state.retry_policy import HOST_PAUSED
from newscrawl.state.rows import Seen, seconds_of, staleness_of
from newscrawl.state.runs import State
from newscrawl.state.sources import FeedTable, File, Rows, Told, due_sources, must_look
from newscrawl.workers import Fault, WorkerFault, done_within, stop_pool, worker_pool

if TYPE_CHECKING:
    from pebble import ProcessPool
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from scrapy.statscollectors import StatsCollector
    from twisted.python.failure import Failure


ONLY_DUE = "NEWSCRAWL_ONLY_DUE"
SOURCES_MAX = "NEWSCRAWL_SOURCES_MAX"
Asked = tuple[Kind, str, int]
"Kind and URL of a source, and its steps from one that is named."


class Asking(Protocol):
    """What a spider asks about its sources."""

    def first(self) -> list[Asked] | None:
        """The sources to begin with; None: they are to be looked for."""

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:
        """What to ask after a source of this kind that names `more`."""


class All:
    """Every source, and every one that these name."""

    def __init__(self, outlet: Outlet) -> None:
        self._named = sources_of(outlet)

    def first(self) -> list[Asked] | None:
        return [(kind, url, 0) for kind, url in self._named] or None

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:
        return [(kind, url, depth + 1) for url in more]


class Due:
    """Those that are due, as state knows them at the moment."""

    def __init__(self, file: File, feeds: FeedTable, now: Callable[[], int]) -> None:
        self._file = file
        self._feeds = feeds
        self._now = now

    def first(self) -> list[Asked] | None:
        rows = self._feeds.rows()
        if must_look(self._file, rows, self._now()):
            return None
        return self._due(rows)

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:  # noqa: ARG002
        # What it names is in state by now, and counts from the first of all sources.
        return self._due(self._feeds.rows())

    def _due(self, rows: Rows) -> list[Asked]:
        due = due_sources(self._file, rows, self._now())
        return [(cast("Kind", one.kind), one.url, one.depth) for one in due]


class WereAsked(All):
    """Those that a recorded run asked."""

    def __init__(self, outlet: Outlet, recorded: Recorded) -> None:
        super().__init__(outlet)
        self._home = outlet.home
        self._recorded = recorded

    def first(self) -> list[Asked] | None:
        named = super().first()
        if named is None:
            return None if self._was_asked(self._home) else []
        return [asked for asked in named if self._was_asked(asked[1])]

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:
        return [asked for asked in super().further(kind, more, depth) if self._was_asked(asked[1])]

    def _was_asked(self, url: str) -> bool:
        return bool(self._recorded.captures(key_of("GET", Request(url).url)))


def asking_of(outlet: Outlet, state: State | None, run: Run, settings: BaseSettings) -> Asking:
    """By the settings; of a replay, as the run that is replayed did."""
    if state and settings.getbool(ONLY_DUE):
        file = file_of(outlet, settings.getint(SOURCES_MAX))
        return Due(file, state.feeds, lambda: seconds_of(now()))
    if run.playback and asked_only_due(run):
        return WereAsked(outlet, run.playback.recorded)
    return All(outlet)


def file_of(outlet: Outlet, sources_max: int) -> File:
    """What state has to know of an outlet's file."""
    return File(
        named=sources_of(outlet),
        digest=digest_of(outlet.model_dump(mode="json")),
        most=sources_max,
        deepest=DEEPEST,
    )


PREFIX = "newscrawl/links/"
NEW, LISTED, OWN, NEWEST = "new", "listed", "own", "newest"
OF_NEWS = ("feed", "wp_api")
"Sources that list stories alone: of a page or a sitemap many links are none, which tells nothing."


def count_offered(
    stats: StatsCollector, kind: str, links: Sequence[Link], *, own: Sequence[Link], new: int, now: datetime
) -> None:
    """Count one source's links: all, those that are the outlet's stories, and how many nobody knew."""
    stats.inc_value(f"{PREFIX}{NEW}", new)
    if kind in OF_NEWS:
        stats.inc_value(f"{PREFIX}{LISTED}", len(links))
        stats.inc_value(f"{PREFIX}{OWN}", len(own))
    moment = seconds_of(now)
    dates = [-staleness_of(link, moment) for link in own if link.published]
    if dates:
        stats.max_value(f"{PREFIX}{NEWEST}", max(dates))


INLINE_BYTES = 256 * 1024
"Read at once where they come: less than it takes to hand them over."
SOURCES_PER_PROCESS = 50
_OUTCOMES: dict[Fault, Found] = {
    "timeout": Found(outcome="read_timeout"),
    "crash": Found(outcome="reader_crash"),
}


class SourceReader:
    """Reads sources of one outlet; its process begins with the first that is large."""

    def __init__(self, outlet: Outlet, seconds: float) -> None:
        self._outlet = outlet
        self._seconds = seconds
        self._pool: ProcessPool | None = None

    async def read(self, kind: Kind, body: bytes, url: str, content_type: str) -> Found:
        """What the source gives; `read_timeout` or `reader_crash` when it was not to be read."""
        task = partial(links_of_source, kind, body, url, content_type, self._outlet)
        if len(body) <= INLINE_BYTES and not is_gzip(body):
            return task()
        self._pool = self._pool or worker_pool(1, SOURCES_PER_PROCESS)
        try:
            return await done_within(self._pool, task, self._seconds)
        except WorkerFault as error:
            if error.fault == "crash":
                # Whatever ended it may have left the pool without workers.
                self.close()
            found = _OUTCOMES[error.fault]
            return Found(outcome=found.outcome, note=str(error))

    def close(self) -> None:
        if self._pool:
            stop_pool(self._pool)
            self._pool = None


Requests = Iterator[Request | Rejection]


class OutletSpider(ArchivingSpider):
    """Reads feeds, sitemaps, the WordPress API and sections; looks for feeds where none are named."""

    outlet: Outlet
    remembers = True
    sources_left: int

    def first_urls(self) -> Iterable[str]:
        return [self.outlet.home, *(url for _, url in sources_of(self.outlet))]

    async def start(self) -> AsyncIterator[Request | Rejection]:
        self.sources_left = self.crawler.settings.getint("NEWSCRAWL_SOURCES_MAX")
        self._asked: set[str] = set()
        self.reader = SourceReader(self.outlet, self.crawler.settings.getfloat("NEWSCRAWL_SOURCE_SECONDS"))
        self._outlet_hash = digest_of(self.outlet.model_dump(mode="json"))
        self._asking = asking_of(self.outlet, self.state, self.run, self.crawler.settings)
        first: list[Asked] | None = []
        with self.stopping():
            first = self._asking.first()
        requests = iter([self._home()]) if first is None else self.sources(first)
        for request in (*requests, *self.waiting_pages()):
            yield request

    def sources(self, sources: Iterable[Asked], probing: bool = False) -> Requests:
        """Requests for sources not asked for yet, within the run's limit."""
        for kind, url, depth in sources:
            if depth > DEEPEST[kind]:
                self._count(kind, "too_deep")
                continue
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
                cb_kwargs={"kind": kind, "asked": url, "depth": depth},
                meta={"newscrawl_probing": probing, **meta_of(seen)},
                priority=1,
                dont_filter=True,
            )

    async def parse_source(
        self, response: Response, kind: Kind, asked: str, depth: int = 0
    ) -> AsyncIterator[Request | Rejection]:
        if response.status == NOT_MODIFIED:
            for request in self._unchanged(response, kind, asked, depth):
                yield request
            return
        content_type = _header(response, "Content-Type") or ""
        found = await self.reader.read(kind, response.body, response.url, content_type)
        for request in self._read(response, kind, asked, depth, found):
            yield request

    def _read(self, response: Response, kind: Kind, asked: str, depth: int, found: Found) -> Requests:
        self._count(kind, found.outcome)
        if found.outcome != "ok":
            note = found.note or "no further note"
            self.logger.warning("%s: %s %s is %s (%s)", self.name, kind, response.url, found.outcome, note)
            self.sources_failed.append(f"{response.url}: {found.outcome}")
        with self.stopping():
            own = list(self._stories(found.links, response))
            new = self.frontier.found(own)
            count_offered(self.crawler.stats, kind, found.links, own=own, new=new, now=now())
            self._told(told_of(response, kind, asked, found, self._outlet_hash), response.meta)
        yield from self._further(kind, found.more, depth)
        yield from self.waiting_pages()

    def _further(self, kind: Kind, more: tuple[str, ...], depth: int) -> Requests:
        asked: list[Asked] = []
        with self.stopping():
            asked = self._asking.further(kind, more, depth)
        yield from self.sources(asked)

    def _stories(self, links: Iterable[Link], response: Response) -> Iterator[Link]:
        """The links worth fetching; how many were traps is counted."""
        year = (response.meta.get(FETCHED) or self.run.started).year
        for link in links:
            if not is_article(link.url, self.outlet):
                continue
            if trap := trap_of(link.url, year):
                self.crawler.stats.inc_value(f"newscrawl/traps/{trap}")
            else:
                yield link

    def _unchanged(self, response: Response, kind: Kind, asked: str, depth: int) -> Requests:
        """Its links are known; those it names may have changed though it has not."""
        self._count(kind, "not_modified")
        _, more = self._known_source(asked)
        self._told(
            Told(url=asked, outcome="not_modified", kind=kind, least=least_of(response)), response.meta
        )
        yield from self._further(kind, more, depth)
        yield from self.waiting_pages()

    def _known_source(self, url: str) -> tuple[Seen | None, tuple[str, ...]]:
        with self.stopping():
            if self.state:
                return self.state.feeds.seen(url, self._outlet_hash)
        return None, ()

    def _told(self, told: Told, meta: dict[str, Any]) -> None:
        # Of a source whose links did not all fit, nothing is noted, so that the next run reads it whole.
        if self.state and not self.frontier.is_full:
            with self.stopping():
                is_retired = self.state.feeds.told(told, seconds_of(now()))
                if is_retired and not meta.get("newscrawl_probing"):
                    self.logger.warning("%s: source_retired: %s (%s)", self.name, told.url, told.outcome)

    def page_of(self, response: Response) -> Page | Rejection:
        link: Link = response.meta[LINK]
        if response.url != link.url and not is_article(response.url, self.outlet):
            return self.refused(response.request, "redirected_away", f"{link.url} leads to {response.url}")
        return super().page_of(response)

    def source_failed(self, failure: Failure) -> None:
        request = failure.request  # type: ignore[attr-defined]
        reason = reason_of(failure)
        # Where the archive or state cannot be written the source is not at fault: it stays due.
        if "asked" in request.cb_kwargs and not failure.check(ArchiveError):  # type: ignore[no-untyped-call]
            asked, kind = request.cb_kwargs["asked"], request.cb_kwargs["kind"]
            self._told(Told(url=asked, outcome=reason, kind=kind), request.meta)
        self._count(request.cb_kwargs.get("kind", "home"), reason)
        if reason != HOST_PAUSED:
            self.sources_failed.append(f"{request.url}: {reason}")
        if not request.meta.get("newscrawl_probing"):
            self.logger.warning("%s: %s: %s", self.name, request.url, detail_of(failure))

    def parse_home(self, response: Response) -> Requests:
        """No source is named in the outlet's file: take the feeds its home page names, else look on."""
        if feeds := feeds_of_page(response.body, response.url):
            yield from self.sources(("feed", url, 0) for url in feeds)
            return
        yield Request(
            urljoin(self.outlet.home, "/robots.txt"),
            callback=self.parse_robots,
            errback=self.no_robots,
            dont_filter=True,
        )

    def parse_robots(self, response: Response) -> Requests:
        if sitemaps := sitemaps_of_robots(response.body, response.url):
            yield from self.sources(("sitemap", url, 0) for url in sitemaps)
        else:
            yield from self._usual_places()

    def no_robots(self, failure: Failure) -> Requests:  # noqa: ARG002 # Scrapy's errback
        yield from self._usual_places()

    def _usual_places(self) -> Requests:
        home = self.outlet.home
        yield from self.sources((("feed", url, 0) for url in usual_feeds(home)), probing=True)
        yield from self.sources((("sitemap", url, 0) for url in usual_sitemaps(home)), probing=True)

    def _home(self) -> Request:
        return Request(
            self.outlet.home, callback=self.parse_home, errback=self.source_failed, dont_filter=True
        )

    def closed(self, reason: str) -> None:  # noqa: ARG002 # Scrapy's name for it
        if hasattr(self, "reader"):
            self.reader.close()

    def _count(self, kind: str, outcome: str) -> None:
        self.crawler.stats.inc_value(f"newscrawl/source/{kind}/{outcome}")


def told_of(response: Response, kind: Kind, asked: str, found: Found, outlet_hash: str) -> Told:
    """What state keeps of a source's answer."""
    fetched = response.meta.get(FETCHED)
    return Told(
        url=asked,
        outcome=found.outcome,
        kind=kind,
        least=longest(found.least, least_of(response)),
        etag=_header(response, "ETag"),
        last_modified=_header(response, "Last-Modified"),
        more=found.more,
        answered=response.url,
        warc=response.meta.get(POINTER) if fetched else None,
        date=rfc3339(fetched) if fetched else "",
        outlet_hash=outlet_hash,
    )


def least_of(response: Response) -> int | None:
    """Seconds for which its sender calls an answer fresh."""
    return asked_by_cache(_header(response, "Cache-Control"))


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
