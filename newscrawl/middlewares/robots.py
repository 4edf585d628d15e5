"""Obeys robots.txt (RFC 9309), which it fetches once a day and origin; requests that need it wait for it.

An answer of 5xx, or none, forbids everything for now: each page of the origin ends as the rejection
`robots_unreachable` without being requested, and state/refetch_policy.py says when it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    IgnoreRequest,
    NotConfigured,
)
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object

from newscrawl.downloader.capture import ExchangeRecorder, get_spider_with_run, utc_now
from newscrawl.downloader.refusals import HostPaused
from newscrawl.downloader.replay import cached_robots_notes
from newscrawl.errors import ArchiveError
from newscrawl.middlewares.politeness import DownloadSlots, open_host_table, reset_slot
from newscrawl.state.encoding import epoch_seconds
from newscrawl.state.hosts import ROBOTS_SECONDS, Robots, is_conclusive_robots_status, url_origin

logger = logging.getLogger(__name__)

ROBOTS_PATH = "/robots.txt"
MAX_BYTES = 512_000
"Bytes of a robots.txt that are parsed; RFC 9309 (2.5) requires at least 500 KiB."
MAX_REDIRECTS = 5
"Redirects that are followed; after more of them the site counts as having no robots.txt (2.3.1.2)."
MAX_CRAWL_DELAY = 120.0
"Longest Crawl-delay that is honoured, in seconds."
_PRIORITY = 1000
"Priority of the request, as in Scrapy's own middleware."
_AGENT = re.compile(r"(?i)(?<![^\r\n])([ \t]{0,20}user[- ]?agent[ \t]{0,20}:[ \t]{0,20})([^\r\n#]{0,500})")
_TOKEN = re.compile(r"\*|[a-zA-Z_-]*")


class RobotsUnreachable(IgnoreRequest):
    """robots.txt cannot be had for now, so nothing may be fetched (2.3.1.4)."""

    reason_name = "robots_unreachable"


class NoSuchHost(RobotsUnreachable):
    """robots.txt cannot be had because the host does not resolve."""

    reason_name = "no_such_host"


class ConnectionRefused(RobotsUnreachable):
    """robots.txt cannot be had because the host refuses connections."""

    reason_name = "connection_refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotsRules:
    """What may be fetched from an origin."""

    fetched_at: int
    parser: RobotParser | None = None
    "None: everything is allowed."
    refusal: type[IgnoreRequest] | None = None
    "Set when nothing is allowed: the error of each request."
    detail: str = ""


class RobotsMiddleware:
    """Fetches robots.txt before an origin's first page, or takes it from state."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured("ROBOTSTXT_OBEY is off")
        self.crawler = crawler
        self._token = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["BOT_NAME"]
        self._parser_class = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self._writer = ExchangeRecorder(crawler.settings)
        self._slots = DownloadSlots(crawler)
        self._is_replay = bool(crawler.settings.get("NEWSCRAWL_REPLAY"))
        self._rules: dict[str, RobotsRules] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        reset_slot(request)
        if request.meta.get("dont_obey_robotstxt") or urlparse_cached(request).path == ROBOTS_PATH:
            return
        rules = await self._get_rules(request)
        if rules.refusal:
            raise rules.refusal(rules.detail)
        if rules.parser and not rules.parser.allowed(request.url, self._token):
            self._count("forbidden")
            raise IgnoreRequest("Forbidden by robots.txt")

    async def _get_rules(self, request: Request) -> RobotsRules:
        """The rules of the request's origin; concurrent requests wait for a single fetch."""
        origin = url_origin(request.url)
        async with self._locks.setdefault(origin, asyncio.Lock()):
            now = epoch_seconds(utc_now())
            rules = self._rules.get(origin)
            if rules is None or rules.fetched_at <= now - ROBOTS_SECONDS:
                cached = self._load_cached(origin)
                rules = self._parse(cached) if cached else await self._fetch(origin, now)
                self._rules[origin] = rules
                self._slow_down(request, rules)
            return rules

    def _load_cached(self, origin: str) -> Robots | None:
        """The robots.txt in state, if it is recent; the archive notes that the run follows it."""
        cached = None
        with open_host_table(self.crawler) as table:
            cached = table.robots(origin, epoch_seconds(utc_now())) if table else None
        spider = get_spider_with_run(self.crawler.spider)
        if cached and spider:
            self._writer.write_note(spider, Request(origin + ROBOTS_PATH), cached_robots_notes(cached))
            self._count("remembered")
        return cached

    async def _fetch(self, origin: str, now: int) -> RobotsRules:
        url = origin + ROBOTS_PATH
        meta = {"dont_obey_robotstxt": True, "redirect_ttl": MAX_REDIRECTS}
        request = Request(url, priority=_PRIORITY, callback=NO_CALLBACK, meta=meta)
        self._count("request_count")
        try:
            response = await self.crawler.engine.download_async(request)
        except ArchiveError:
            raise  # it ends the crawl and is no fault of the host
        except HostPaused as error:
            return RobotsRules(fetched_at=now, refusal=HostPaused, detail=str(error))
        except IgnoreRequest as error:
            # It redirects without end, or to a URL that is refused, as a page there would be.
            logger.info("%s: no robots.txt: %s", url, error)
            return RobotsRules(fetched_at=now)
        except Exception as error:  # noqa: BLE001 # whatever prevented it, the rules are unknown
            return self._mark_unreachable(
                origin, now, f"{url}: {type(error).__name__}", choose_refusal(error)
            )
        if not is_conclusive_robots_status(response.status):
            return self._mark_unreachable(origin, now, f"{url}: status {response.status}", RobotsUnreachable)
        is_there = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
        body = truncate_robots(response.body) if is_there else b""
        rules = self._parse(Robots(status=response.status, body=body, fetched_at=now))
        self._save(origin, response.status, body, self._crawl_delay(rules))
        return rules

    def _mark_unreachable(
        self, origin: str, now: int, detail: str, refusal: type[IgnoreRequest]
    ) -> RobotsRules:
        logger.warning("%s: nothing is fetched for now: %s", origin, detail)
        self._save(origin, None)
        return RobotsRules(fetched_at=now, refusal=refusal, detail=detail)

    def _save(
        self, origin: str, status: int | None, body: bytes = b"", crawl_delay: float | None = None
    ) -> None:
        with open_host_table(self.crawler) as table:
            if table:
                table.store_robots(origin, epoch_seconds(utc_now()), status, body, crawl_delay)

    def _parse(self, robots: Robots) -> RobotsRules:
        if not robots.body:
            return RobotsRules(fetched_at=robots.fetched_at)
        body = keep_own_groups(robots.body, self._token)
        return RobotsRules(
            fetched_at=robots.fetched_at, parser=build_from_crawler(self._parser_class, self.crawler, body)
        )

    def _crawl_delay(self, rules: RobotsRules) -> float | None:
        return rules.parser.crawl_delay(self._token) if rules.parser else None

    def _slow_down(self, request: Request, rules: RobotsRules) -> None:
        delay = self._crawl_delay(rules)
        if not delay or delay <= 0 or self._is_replay:
            return
        if delay > MAX_CRAWL_DELAY:
            logger.info(
                "%s: Crawl-delay %g is shortened to %g", url_origin(request.url), delay, MAX_CRAWL_DELAY
            )
        self._slots.set_min_delay(request, min(delay, MAX_CRAWL_DELAY))

    def _count(self, event: str) -> None:
        self.crawler.stats.inc_value(f"robotstxt/{event}")


def choose_refusal(error: Exception) -> type[IgnoreRequest]:
    """The refusal of an origin's pages when its robots.txt failed with this error."""
    if isinstance(error, CannotResolveHostError):
        return NoSuchHost
    return ConnectionRefused if isinstance(error, DownloadConnectionRefusedError) else RobotsUnreachable


def truncate_robots(body: bytes) -> bytes:
    """The whole lines of a robots.txt within the limit: half a line may forbid everything."""
    if len(body) <= MAX_BYTES:
        return body
    head = body[: MAX_BYTES + 1]
    return head[: max(head.rfind(b"\n", 0, MAX_BYTES), head.rfind(b"\r", 0, MAX_BYTES)) + 1]


def keep_own_groups(body: bytes, token: str) -> bytes:
    """robots.txt in which only groups with our whole product token, or `*`, can apply to us (2.2.1).

    Protego 0.7 also applies the group of `news` to `newscrawl`, and not that of `newscrawl/1.0`.
    """

    def rename_foreign(line: re.Match[str]) -> str:
        token_match = _TOKEN.match(line[2])
        name = token_match[0] if token_match else ""
        is_ours = name == "*" or name.lower() == token.lower()
        return line[1] + (name if is_ours else "other")

    return _AGENT.sub(rename_foreign, body.decode("utf-8-sig", "ignore")).encode()
