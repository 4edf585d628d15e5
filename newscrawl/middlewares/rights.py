"""Fetches what a site reserves before its pages are fetched, and notes it on each page's link.

The two small files tdmrep.json and ai.txt are fetched once a day and origin, like any page: in turn, into
the archive, and only where robots.txt allows it. Reservations in robots.txt itself are read in passing. A
site that has none of these files, or does not serve them, reserves nothing.
"""

from __future__ import annotations

import logging
from asyncio import Lock
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from newscrawl.archive.replay import ReplayIndex, request_key
from newscrawl.discovery.rights_files import (
    AI_TXT,
    MAX_BYTES,
    TDMREP,
    SiteRights,
    parse_ai_txt,
    parse_site_rights,
    parse_tdmrep,
    parse_usage_rules,
)
from newscrawl.downloader.capture import utc_now
from newscrawl.downloader.request_meta import LINK, PART, SOURCE_RIGHTS
from newscrawl.errors import ArchiveError
from newscrawl.items import Link
from newscrawl.middlewares.politeness import open_host_table
from newscrawl.middlewares.robots import ROBOTS_PATH
from newscrawl.state.encoding import epoch_seconds
from newscrawl.state.hosts import HostTable
from newscrawl.warc.story_parts import StoryPart

logger = logging.getLogger(__name__)

MAX_AGE_SECONDS = 24 * 3600
TIMEOUT_SECONDS = 20
"No page waits longer for a file that most sites do not have."
_TEMPORARY = (HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600))
"Statuses that do not show what a site reserves."


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginRights:
    """What an origin reserves, and when its files were fetched."""

    rights: SiteRights
    fetched_at: int | None = None
    "Seconds since the epoch; None: not yet."


class RightsMiddleware:
    """Puts a site's reservations onto each page's link; fetches its files before an origin's first page."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.fetches_files = crawler.settings.getbool("NEWSCRAWL_FETCH_RIGHTS_FILES")
        self._origins: dict[str, OriginRights] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        link: Link | None = request.meta.get(LINK)
        origin = web_origin(request.url)
        if link is None or not origin:
            self._note_form(request, origin)
            return
        async with self._locks[origin]:
            if self.fetches_files and self._is_stale(self._load(origin)):
                await self._fetch_files(origin)
        rights = self._load(origin).rights
        own, source = rights.statement(request.url), link.from_url
        request.meta[LINK] = replace(link, rights=own)
        theirs = rights.statement(source) if source and web_origin(source) == origin else None
        request.meta[SOURCE_RIGHTS] = theirs if theirs != own else None

    def _note_form(self, request: Request, origin: str) -> None:
        """Note what the site's files say of another form of a page, which they were fetched for."""
        part: StoryPart | None = request.meta.get(PART)
        if origin and part and part.form:
            request.meta[SOURCE_RIGHTS] = self._load(origin).rights.statement(request.url)

    def process_response(self, request: Request, response: Response) -> Response:
        """Read a robots.txt's reservations, whoever requested it; a site without the file states none."""
        url = request.meta.get("redirect_urls", [request.url])[0]
        origin = web_origin(url)
        if origin and urlsplit(url).path == ROBOTS_PATH and response.status not in _TEMPORARY:
            usage = parse_usage_rules(response.body) if response.status == HTTPStatus.OK else ()
            stored = self._load(origin)
            if usage != stored.rights.usage:
                self._save(origin, replace(stored, rights=replace(stored.rights, usage=usage)))
        return response

    def _load(self, origin: str) -> OriginRights:
        if origin not in self._origins:
            with self._open_table() as table:
                text, fetched_at = table.rights(origin) if table else (None, None)
            self._origins[origin] = OriginRights(rights=parse_site_rights(text), fetched_at=fetched_at)
        return self._origins[origin]

    def _save(self, origin: str, rights: OriginRights) -> None:
        self._origins[origin] = rights
        with self._open_table() as table:
            if table:
                table.store_rights(origin, rights.rights.text(), rights.fetched_at)

    @contextmanager
    def _open_table(self) -> Iterator[HostTable | None]:
        """As `open_host_table`, but the request fails too: it may not go on without the rights."""
        failure: ArchiveError | None = None
        with open_host_table(self.crawler) as table:
            try:
                yield table
            except ArchiveError as error:
                failure = error
                raise
        if failure:
            raise failure

    def _is_stale(self, stored: OriginRights) -> bool:
        if stored.fetched_at is None:
            return True
        # A time in the future was written by a clock that has been set back since.
        is_fresh = 0 <= epoch_seconds(utc_now()) - stored.fetched_at < MAX_AGE_SECONDS
        return not self._replay_index and not is_fresh

    async def _fetch_files(self, origin: str) -> None:
        tdm, ai = await self._fetch(origin, TDMREP), await self._fetch(origin, AI_TXT)
        # Load the rights only now: robots.txt may have been read while the files came.
        rights = self._load(origin).rights
        if tdm is not None:
            rights = replace(rights, tdm=parse_tdmrep(tdm, f"{origin}{TDMREP}"))
        if ai is not None:
            rights = replace(rights, ai=parse_ai_txt(ai))
        self._save(origin, OriginRights(rights=rights, fetched_at=epoch_seconds(utc_now())))

    async def _fetch(self, origin: str, path: str) -> bytes | None:
        """The file; empty where the site has none, None where it cannot be had and the stored rules stay."""
        url = origin + path
        if self._replay_index and not has_recording(self._replay_index, url):
            return None
        meta = {"dont_retry": True, "download_timeout": TIMEOUT_SECONDS, "download_maxsize": MAX_BYTES}
        request = Request(url, callback=NO_CALLBACK, meta=meta)
        try:
            response = await self.crawler.engine.download_async(request)
        except ArchiveError:
            raise
        except Exception as error:  # noqa: BLE001 # whatever prevents it, the pages are fetched
            logger.debug("%s: %s", url, error)
            return None
        if response.status in _TEMPORARY:
            return None
        return bytes(response.body) if response.status == HTTPStatus.OK else b""

    @property
    def _replay_index(self) -> ReplayIndex | None:
        run = getattr(self.crawler.spider, "run", None)
        return run.replay_index if run else None


def web_origin(url: str) -> str:
    """The origin of an http(s) URL; empty for others."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""


def has_recording(index: ReplayIndex, url: str) -> bool:
    """Whether the archive has a response: a run that knew a site's files from state did not request them."""
    captures = index.table.captures(request_key("GET", url))
    return any(index.at is None or capture.date <= index.at for capture in captures)
