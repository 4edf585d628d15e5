"""Looks at a site for `outlets new`: a request at a time, within robots.txt and bounds."""

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
from newscrawl.discovery.autodiscovery import common_feed_urls, find_page_feeds, find_robots_sitemaps
from newscrawl.discovery.drafting import Draft, draft_outlet
from newscrawl.discovery.feeds import read_feed
from newscrawl.errors import NewscrawlError
from newscrawl.storage import hide_credentials
from newscrawl.urls import absolute_url

ROBOTS_NAME = "newscrawl"
"The product token of RFC 9309, by which robots.txt files address us."
PAGE_BYTES = 4 * 1024 * 1024
ROBOTS_BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB
TIMEOUT = 20.0
"Seconds a connection may stay silent."
DEADLINE = 60.0
"Seconds a whole answer may take."
MAX_REDIRECTS = 5
MAX_NAMED_FEEDS = 10
MAX_PAUSE = 30.0
"Seconds; a longer Crawl-delay is cut, since a probe sends only a handful of requests."

_CONTACT = re.compile(r"^[!-~](?:[ -~]{0,198}[!-~])?$")

Log = Callable[[str], None]


class ProbeError(NewscrawlError):
    """A URL that could not or must not be fetched, and why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResponse:
    """The response of a server, after redirects."""

    url: str
    "URL that was answered."
    status: int
    body: bytes


@dataclass(kw_only=True)
class Fetcher:
    """Fetches from a site politely: robots.txt first, a pause between requests, a bound on everything."""

    agent: str
    host: str
    "Host that the user named; the only host that may have a private address."
    pause: float
    log: Log
    _robots: dict[str, tuple[Protego, bytes]] = field(default_factory=dict)
    _has_fetched: bool = False

    def get(self, url: str) -> ProbeResponse:
        """The response to `url`, redirects followed; ProbeError where robots.txt or a bound forbids it."""
        return self._follow(url, PAGE_BYTES, obey=True)

    def robots_txt(self, url: str) -> bytes:
        """The robots.txt that applies to `url`; empty where there is none."""
        return self._load_robots(url)[1]

    def _follow(self, url: str, limit: int, *, obey: bool) -> ProbeResponse:
        here = url
        for _ in range(MAX_REDIRECTS + 1):
            if obey and not self._load_robots(here)[0].can_fetch(here, ROBOTS_NAME):
                raise ProbeError(here, "robots.txt forbids it")
            status, location, body = self._fetch(here, limit)
            if status not in {301, 302, 303, 307, 308} or not location:
                return ProbeResponse(url=here, status=status, body=body)
            target = absolute_url(location, here)
            if target is None:
                raise ProbeError(here, "redirects to something that is no http(s) URL")
            here = target
        raise ProbeError(url, f"redirects more than {MAX_REDIRECTS} times")

    def _load_robots(self, url: str) -> tuple[Protego, bytes]:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._robots:
            body = self._fetch_robots(f"{origin}/robots.txt")
            rules = Protego.parse(body.decode("utf-8", "replace"))
            self._robots[origin] = (rules, body)
            delay = rules.crawl_delay(ROBOTS_NAME) or 0.0
            self.pause = max(self.pause, min(delay, MAX_PAUSE))
        return self._robots[origin]

    def _fetch_robots(self, url: str) -> bytes:
        response = self._follow(url, ROBOTS_BYTES, obey=False)
        if response.status >= 500:  # RFC 9309, 2.3.1.4: out of order means everything is forbidden
            raise ProbeError(url, f"answers {response.status}, so nothing may be fetched")
        return response.body if response.status == 200 else b""

    def _fetch(self, url: str, limit: int) -> tuple[int, str | None, bytes]:
        self._check_host(url)
        if self._has_fetched:
            time.sleep(self.pause)
        self._has_fetched = True
        try:
            status, location, body = fetch_url(url, self.agent, limit)
        except (OSError, HTTPException, ValueError, zlib.error) as error:
            raise ProbeError(url, f"{type(error).__name__}: {error}") from error
        self.log(f"{status} {url} ({len(body)} bytes)")
        return status, location, body

    def _check_host(self, url: str) -> None:
        """ProbeError for a page or redirect that leads into the network of this machine."""
        if "@" in urlsplit(url).netloc:
            raise ProbeError(hide_credentials(url), "contains a user or a password: leave it out")
        host = urlsplit(url).hostname or ""
        if host == self.host:
            return
        try:
            addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
        except (OSError, UnicodeError) as error:
            raise ProbeError(url, f"its host has no address: {error}") from error
        if not all(is_public(address) for address in addresses):
            raise ProbeError(url, "its host is not on the public internet")


def fetch_url(url: str, agent: str, limit: int) -> tuple[int, str | None, bytes]:
    """Status, Location and body of a GET; the body ends at `limit` bytes."""
    opener = OpenerDirector()  # these two handlers alone: no redirects, proxies, files or error pages
    opener.add_handler(HTTPHandler())
    opener.add_handler(HTTPSHandler())
    opener.addheaders = [("User-Agent", agent), ("Accept", "*/*")]
    deadline = time.monotonic() + DEADLINE
    with opener.open(_to_ascii(url), timeout=TIMEOUT) as response:
        body = _read_body(response, limit, deadline)
        if response.headers.get("Content-Encoding", "").lower() in {"gzip", "x-gzip", "deflate"}:
            body = zlib.decompressobj(wbits=47).decompress(body, limit)  # 47: zlib or gzip header
        return response.status, response.headers.get("Location"), body


def _read_body(response: HTTPResponse, limit: int, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while size < limit and (chunk := response.read1(min(65536, limit - size))):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not complete after {DEADLINE:.0f} seconds")
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _to_ascii(url: str) -> str:
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def probe_site(url: str, contact: str, pause: float, log: Log) -> Draft:
    """A draft by the home page, robots.txt and the feeds that work; `log` gets a line for every request.

    ProbeError when the home page cannot be fetched.
    """
    home = absolute_url(url, "")
    if home is None:
        raise NewscrawlError(f"{hide_credentials(url)}: not an absolute http(s) URL")
    fetcher = Fetcher(
        agent=make_user_agent(contact), host=urlsplit(home).hostname or "", pause=pause, log=log
    )
    page = fetcher.get(home)
    if page.status != 200:
        raise ProbeError(page.url, f"answers {page.status}")
    robots = fetcher.robots_txt(page.url)
    linked = find_page_feeds(page.body, page.url)[:MAX_NAMED_FEEDS]
    usual = [feed for feed in common_feed_urls(page.url) if feed not in linked]
    feeds = working_feeds(linked, fetcher) or working_feeds(usual, fetcher, limit=1)
    sitemaps = list(find_robots_sitemaps(robots, page.url))
    return draft_outlet(page.url, page.body, robots, feeds, sitemaps)


def make_user_agent(contact: str) -> str:
    """The User-Agent of this version; NewscrawlError when the contact cannot be part of it."""
    contact = contact.strip()
    if not contact:
        raise NewscrawlError(
            "no contact is set: pass --contact or set NEWSCRAWL_CONTACT to a mail address or URL"
        )
    if not _CONTACT.match(contact):
        raise NewscrawlError("the contact must be 1 to 200 printable ASCII characters")
    return f"newscrawl/{__version__} (+{contact})"


def working_feeds(urls: Iterable[str], fetcher: Fetcher, limit: int = MAX_NAMED_FEEDS) -> list[str]:
    """Up to `limit` feeds that have entries, under the URL they answer from, without repeats."""
    feeds: dict[str, None] = {}
    for url in urls:
        if len(feeds) >= limit:
            break
        try:
            response = fetcher.get(url)
        except ProbeError as error:
            fetcher.log(f"left out: {error}")
            continue
        if reason := _reject_feed(response):
            fetcher.log(f"left out: {url}: {reason}")
        else:
            feeds[response.url] = None
    return list(feeds)


def _reject_feed(response: ProbeResponse) -> str | None:
    """Why a response is no feed to name; None when it has entries."""
    if response.status != 200:
        return f"answers {response.status}"
    feed = read_feed(response.body, response.url)
    return None if feed.links else f"no entries ({feed.outcome})"
