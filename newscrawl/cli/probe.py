"""Look at a site for `outlets new`: one request at a time, within robots.txt and bounds."""

from __future__ import annotations

import re
import socket
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector

from protego import Protego

from newscrawl import __version__
from newscrawl.addresses import is_public
from newscrawl.discovery.autodiscovery import feeds_of_page, sitemaps_of_robots, usual_feeds
from newscrawl.discovery.drafting import Draft, draft_outlet
from newscrawl.discovery.feeds import links_of_feed
from newscrawl.errors import NewscrawlError
from newscrawl.urls import absolute

TOKEN = "newscrawl"  # noqa: S105  # the product name robots.txt files know us by
PAGE_BYTES = 4 * 1024 * 1024
ROBOTS_BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB
TIMEOUT = 20.0
"Seconds a connection may stay silent."
DEADLINE = 60.0
"Seconds a whole answer may take."
MAX_REDIRECTS = 5
MAX_NAMED_FEEDS = 10
MAX_PAUSE = 30.0
"Seconds; a longer Crawl-delay is cut, as a probe asks a handful of times."

_CONTACT = re.compile(r"^[!-~](?:[ -~]{0,198}[!-~])?$")

Tell = Callable[[str], None]


class ProbeError(NewscrawlError):
    """A URL that could not or must not be fetched, and why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a server said in the end."""

    url: str
    "URL that answered, after redirects."
    status: int
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What a draft is made of."""

    home: str
    page: bytes
    robots: bytes
    feeds: list[str]
    "Those that were fetched and hold entries."
    sitemaps: list[str]
    "As robots.txt names them."


@dataclass(kw_only=True)
class Fetcher:
    """Ask one site politely: robots.txt first, a pause between requests, a bound on everything."""

    agent: str
    host: str
    "Host the user named; the only one that may have a private address."
    pause: float
    tell: Tell
    _rules: dict[str, tuple[Protego, bytes]] = field(default_factory=dict)
    _asked: bool = False

    def get(self, url: str) -> Answer:
        """The answer to `url`, redirects followed; ProbeError where robots.txt or a bound forbids it."""
        return self._follow(url, PAGE_BYTES, obey=True)

    def robots_of(self, url: str) -> bytes:
        """The robots.txt that rules `url`; empty where there is none."""
        return self._ruling(url)[1]

    def _follow(self, url: str, limit: int, *, obey: bool) -> Answer:
        here = url
        for _ in range(MAX_REDIRECTS + 1):
            if obey and not self._ruling(here)[0].can_fetch(here, TOKEN):
                raise ProbeError(here, "robots.txt forbids it")
            status, location, body = self._ask(here, limit)
            if status not in {301, 302, 303, 307, 308} or not location:
                return Answer(url=here, status=status, body=body)
            target = absolute(location, here)
            if target is None:
                raise ProbeError(here, "redirects to what is no http(s) URL")
            here = target
        raise ProbeError(url, f"redirects more than {MAX_REDIRECTS} times")

    def _ruling(self, url: str) -> tuple[Protego, bytes]:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            body = self._robots(f"{origin}/robots.txt")
            self._rules[origin] = (Protego.parse(body.decode("utf-8", "replace")), body)
            delay = self._rules[origin][0].crawl_delay(TOKEN) or 0.0
            self.pause = max(self.pause, min(delay, MAX_PAUSE))
        return self._rules[origin]

    def _robots(self, url: str) -> bytes:
        answer = self._follow(url, ROBOTS_BYTES, obey=False)
        if answer.status >= 500:  # RFC 9309, 2.3.1.4: out of order means everything is forbidden
            raise ProbeError(url, f"answers {answer.status}, so nothing may be fetched")
        return answer.body if answer.status == 200 else b""

    def _ask(self, url: str, limit: int) -> tuple[int, str | None, bytes]:
        self._guard(url)
        if self._asked:
            time.sleep(self.pause)
        self._asked = True
        try:
            status, location, body = exchange(url, self.agent, limit)
        except (OSError, HTTPException, ValueError, zlib.error) as error:
            raise ProbeError(url, f"{type(error).__name__}: {error}") from error
        self.tell(f"{status} {url} ({len(body)} bytes)")
        return status, location, body

    def _guard(self, url: str) -> None:
        """A page or redirect must not lead into the network this machine stands in."""
        host = urlsplit(url).hostname or ""
        if host == self.host:
            return
        try:
            addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
        except (OSError, UnicodeError) as error:
            raise ProbeError(url, f"its host has no address: {error}") from error
        if not all(is_public(address) for address in addresses):
            raise ProbeError(url, "its host is not on the public internet")


def exchange(url: str, agent: str, limit: int) -> tuple[int, str | None, bytes]:
    """Status, Location and body of one GET; the body ends at `limit` bytes."""
    opener = OpenerDirector()  # these two handlers alone: no redirects, proxies, files or error pages
    opener.add_handler(HTTPHandler())
    opener.add_handler(HTTPSHandler())
    opener.addheaders = [("User-Agent", agent), ("Accept", "*/*")]
    until = time.monotonic() + DEADLINE
    with opener.open(_ascii(url), timeout=TIMEOUT) as response:
        raw = _body(response, limit, until)
        if response.headers.get("Content-Encoding", "").lower() in {"gzip", "x-gzip", "deflate"}:
            raw = zlib.decompressobj(wbits=47).decompress(raw, limit)  # 47: zlib or gzip header
        return response.status, response.headers.get("Location"), raw


def _body(response: HTTPResponse, limit: int, until: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while size < limit and (chunk := response.read1(min(65536, limit - size))):
        if time.monotonic() > until:
            raise TimeoutError(f"not complete after {DEADLINE:.0f} seconds")
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _ascii(url: str) -> str:
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def drafted(url: str, contact: str, pause: float, tell: Tell) -> Draft:
    """What the site at `url` lets know of an outlet; `tell` hears of every request."""
    home = absolute(url, "")
    if home is None:
        raise NewscrawlError(f"{url}: not an absolute http(s) URL")
    fetcher = Fetcher(agent=agent_of(contact), host=urlsplit(home).hostname or "", pause=pause, tell=tell)
    site = site_of(home, fetcher)
    return draft_outlet(site.home, site.page, site.robots, site.feeds, site.sitemaps)


def agent_of(contact: str) -> str:
    """The User-Agent of this version; NewscrawlError when the contact cannot stand in one."""
    if not contact.strip():
        raise NewscrawlError(
            "no contact is set: pass --contact or set NEWSCRAWL_CONTACT to a mail address or URL"
        )
    if not _CONTACT.match(contact.strip()):
        raise NewscrawlError("the contact must be 1 to 200 printable ASCII characters")
    return f"newscrawl/{__version__} (+{contact.strip()})"


def site_of(home: str, fetcher: Fetcher) -> Site:
    """Home page, robots.txt and the feeds that work; ProbeError when the home page cannot be had."""
    answer = fetcher.get(home)
    if answer.status != 200:
        raise ProbeError(answer.url, f"answers {answer.status}")
    robots = fetcher.robots_of(answer.url)
    named = feeds_of_page(answer.body, answer.url)[:MAX_NAMED_FEEDS]
    usual = [url for url in usual_feeds(answer.url) if url not in named]
    feeds = working_feeds(named, fetcher) or working_feeds(usual, fetcher, enough=1)
    return Site(
        home=answer.url,
        page=answer.body,
        robots=robots,
        feeds=feeds,
        sitemaps=list(sitemaps_of_robots(robots, answer.url)),
    )


def working_feeds(urls: Iterable[str], fetcher: Fetcher, enough: int = MAX_NAMED_FEEDS) -> list[str]:
    """Up to `enough` that answer with entries, under the URL they answer from, each once."""
    found: dict[str, None] = {}
    for url in urls:
        if len(found) >= enough:
            break
        try:
            answer = fetcher.get(url)
        except ProbeError as error:
            fetcher.tell(f"left out: {error}")
            continue
        if reason := feed_fault(answer):
            fetcher.tell(f"left out: {url}: {reason}")
        else:
            found[answer.url] = None
    return list(found)


def feed_fault(answer: Answer) -> str | None:
    """Why an answer is no feed to name; None when it has entries."""
    if answer.status != 200:
        return f"answers {answer.status}"
    read = links_of_feed(answer.body, answer.url)
    return None if read.links else f"no entries ({read.outcome})"
