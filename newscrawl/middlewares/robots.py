"""robots.txt by RFC 9309: asked for once a day and origin, and what it says holds for all who wait for it."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    IgnoreRequest,
    NotConfigured,
)
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object

from newscrawl.downloader.capture import Recorder, run_of, utc_now
from newscrawl.downloader.refusals import HostPaused
from newscrawl.downloader.replay import notes_of_robots
from newscrawl.errors import ArchiveError
from newscrawl.middlewares.politeness import KnownHosts, Slots, leave_slot, origin_of
from newscrawl.state.hosts import ROBOTS_SECONDS, Robots, is_answer
from newscrawl.state.rows import seconds_of
from newscrawl.warc.records import Exchange

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser


logger = logging.getLogger(__name__)

PATH = "/robots.txt"
MAX_BYTES = 512_000
"What is parsed of a robots.txt; RFC 9309 (2.5) asks for 500 KiB at least."
REDIRECTS = 5
"Redirects that are followed; behind more of them there is no robots.txt (2.3.1.2)."
MAX_DELAY = 120.0
"Seconds of a Crawl-delay that are honoured."
_FIRST = 1000
"Priority of its request, as Scrapy has it."
_AGENT = re.compile(r"(?i)(?<![^\r\n])([ \t]{0,20}user[- ]?agent[ \t]{0,20}:[ \t]{0,20})([^\r\n#]{0,500})")
_TOKEN = re.compile(r"\*|[a-zA-Z_-]*")


class RobotsUnreachable(IgnoreRequest):
    """Not asked for: what robots.txt allows is not known for now, so nothing is (2.3.1.4)."""

    reason_name = "robots_unreachable"


class NoSuchHost(RobotsUnreachable):
    """The same where nothing has the host's name."""

    reason_name = "no_such_host"


class ConnectionRefused(RobotsUnreachable):
    """The same where nobody listens."""

    reason_name = "connection_refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What holds for the pages of an origin."""

    looked: int
    parser: RobotParser | None = None
    "None: all is allowed."
    refusal: type[IgnoreRequest] | None = None
    "Nothing is allowed, and why."
    detail: str = ""


class RobotsMiddleware:
    """Asks for robots.txt before the first page of an origin, or takes it from state."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured("ROBOTSTXT_OBEY is off")
        self.crawler = crawler
        self._token = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["BOT_NAME"]
        self._parser_class = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self._recorder = Recorder(crawler.settings)
        self._slots = Slots(crawler)
        self._known = KnownHosts(crawler)
        self._is_replay = bool(crawler.settings.get("NEWSCRAWL_REPLAY"))
        self._rules: dict[str, Rules] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        leave_slot(request)
        if request.meta.get("dont_obey_robotstxt") or urlparse_cached(request).path == PATH:
            return
        rules = await self._rules_for(request)
        if rules.refusal:
            raise rules.refusal(rules.detail)
        if rules.parser and not rules.parser.allowed(request.url, self._token):
            self._count("forbidden")
            raise IgnoreRequest("Forbidden by robots.txt")

    async def _rules_for(self, request: Request) -> Rules:
        """Those of the request's origin; who comes while they are being asked for waits for them."""
        origin = origin_of(request)
        async with self._locks.setdefault(origin, asyncio.Lock()):
            now = seconds_of(utc_now())
            rules = self._rules.get(origin)
            if rules is None or rules.looked <= now - ROBOTS_SECONDS:
                known = self._remembered(origin)
                rules = self._rules_of(known) if known else await self._asked(origin, now)
                self._rules[origin] = rules
                self._slow_down(request, rules)
            return rules

    def _remembered(self, origin: str) -> Robots | None:
        """What state knows of the origin, noted in the archive of the run that goes by it."""
        known, spider = self._known.robots(origin), run_of(self.crawler.spider)
        if known and spider:
            url = origin + PATH
            notes = notes_of_robots(known)
            note = Exchange(url=url, started=utc_now(), sent=b"", received=b"", notes=notes)
            self._recorder.write(spider, Request(url), [note])
            self._count("remembered")
        return known

    async def _asked(self, origin: str, now: int) -> Rules:
        url = origin + PATH
        meta = {"dont_obey_robotstxt": True, "redirect_ttl": REDIRECTS}
        request = Request(url, priority=_FIRST, callback=NO_CALLBACK, meta=meta)
        assert self.crawler.engine
        self._count("request_count")
        try:
            response = await self.crawler.engine.download_async(request)
        except ArchiveError:
            raise  # which ends the crawl, and says nothing of the host
        except HostPaused as error:
            return Rules(looked=now, refusal=HostPaused, detail=str(error))
        except IgnoreRequest as error:
            # It leads on and on, or to where nothing is asked for; a page there meets the same refusal.
            logger.info("%s: taken for none: %s", url, error)
            return Rules(looked=now)
        except Exception as error:  # noqa: BLE001 # whatever kept it from coming, nothing is known of it
            return self._unreachable(origin, now, f"{url}: {type(error).__name__}", refusal_of(error))
        if not is_answer(response.status):
            return self._unreachable(origin, now, f"{url}: status {response.status}", RobotsUnreachable)
        return self._answered(origin, now, response)

    def _answered(self, origin: str, now: int, response: Response) -> Rules:
        is_there = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
        body = parsed_part(response.body) if is_there else b""
        rules = self._rules_of(Robots(status=response.status, body=body, looked=now))
        self._known.tell_robots(origin, response.status, body, self._delay_of(rules))
        return rules

    def _unreachable(self, origin: str, now: int, detail: str, refusal: type[IgnoreRequest]) -> Rules:
        logger.warning("nothing is asked of %s for now: %s", origin, detail)
        self._known.tell_robots(origin, None)
        return Rules(looked=now, refusal=refusal, detail=detail)

    def _rules_of(self, robots: Robots) -> Rules:
        if not robots.body:
            return Rules(looked=robots.looked)
        body = with_own_groups(robots.body, self._token)
        return Rules(looked=robots.looked, parser=build_from_crawler(self._parser_class, self.crawler, body))

    def _delay_of(self, rules: Rules) -> float | None:
        return rules.parser.crawl_delay(self._token) if rules.parser else None

    def _slow_down(self, request: Request, rules: Rules) -> None:
        delay = self._delay_of(rules)
        if not delay or delay <= 0 or self._is_replay:
            return
        if delay > MAX_DELAY:
            logger.info("%s: a Crawl-delay of %g counts as %g", origin_of(request), delay, MAX_DELAY)
        self._slots.set_least_delay(request, min(delay, MAX_DELAY))

    def _count(self, what: str) -> None:
        assert self.crawler.stats
        self.crawler.stats.inc_value(f"robotstxt/{what}")


def refusal_of(error: Exception) -> type[IgnoreRequest]:
    """What the pages of an origin end with whose robots.txt ended so."""
    if isinstance(error, CannotResolveHostError):
        return NoSuchHost
    return ConnectionRefused if isinstance(error, DownloadConnectionRefusedError) else RobotsUnreachable


def parsed_part(body: bytes) -> bytes:
    """As much of a robots.txt as is parsed, whole lines: half a line may forbid all."""
    if len(body) <= MAX_BYTES:
        return body
    head = body[: MAX_BYTES + 1]
    return head[: max(head.rfind(b"\n", 0, MAX_BYTES), head.rfind(b"\r", 0, MAX_BYTES)) + 1]


def with_own_groups(body: bytes, token: str) -> bytes:
    """robots.txt with only those groups in our name that have our product token, whole (2.2.1).

    Protego 0.7 takes the group of `news` for `newscrawl` too, and that of `newscrawl/1.0` for another's.
    """

    def named(line: re.Match[str]) -> str:
        found = _TOKEN.match(line[2])
        name = found[0] if found else ""
        ours = name == "*" or name.lower() == token.lower()
        return line[1] + (name if ours else "other")

    return _AGENT.sub(named, body.decode("utf-8-sig", "ignore")).encode()
