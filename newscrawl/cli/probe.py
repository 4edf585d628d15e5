"""Looks at a site for `outlets new`: a request at a time, within robots.txt and bounds."""

from __future__ import annotations

import re
import socket
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from urllib.error import URLError
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector

from protego import Protego

from newscrawl import __version__
from newscrawl.addresses import is_loopback, is_public
from newscrawl.discovery.autodiscovery import common_feed_urls, find_page_feeds, find_robots_sitemaps
from newscrawl.discovery.drafting import Draft, draft_outlet
from newscrawl.discovery.feeds import read_feed
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.extract import extract
from newscrawl.extraction.rule_offers import SavedStory, offer_rules
from newscrawl.items import Article, Rejection
from newscrawl.storage import hide_credentials
from newscrawl.urls import USERINFO_PROBLEM, absolute_url, has_userinfo, url_host

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
MAX_STORIES = 5
"Stories of a trial."
SCRIPT_ONLY = "script_only"
"Reason of a page that has nothing but scripts."
MAX_PAUSE = 30.0
"Seconds; a longer Crawl-delay is cut, since a probe sends only a handful of requests."

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}://", re.IGNORECASE)
_CONTACT = re.compile(r"^[!-~](?:[ -~]{0,198}[!-~])?$")

Log = Callable[[str], None]


class ProbeError(NewscrawlError):
    """A URL that could not or must not be fetched, and why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What becomes of a story under the draft."""

    url: str
    result: Article | Rejection | None
    problem: str = ""
    "Why the story could not be fetched."
    saved: SavedStory | None = None
    "Its page, if that was fetched."


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
            raise ProbeError(url, f"no answer: {_explain_failure(error)}") from error
        self.log(f"{status} {url} ({len(body)} bytes)")
        return status, location, body

    def _check_host(self, url: str) -> None:
        """ProbeError for a page or redirect that leads into the network of this machine."""
        if has_userinfo(url):
            raise ProbeError(hide_credentials(url), USERINFO_PROBLEM)
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


def _explain_failure(error: Exception) -> str:
    """Why nothing came, in words: the system's own where it has some."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, socket.gaierror):
        return "its host does not exist, or there is no network"
    if isinstance(cause, TimeoutError):
        return f"not within {TIMEOUT:g} seconds"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return f"{type(error).__name__}: {error}"


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


def probe_site(url: str, contact: str, pause: float, log: Log) -> tuple[Draft, list[Trial]]:
    """A draft by the home page, robots.txt and the feeds that work, and a trial of some stories.

    `url` is that of any page of the site, also without its scheme. `log` gets a line for every request.
    ProbeError when the home page cannot be fetched.
    """
    start = complete_url(url)
    fetcher = Fetcher(
        agent=make_user_agent(contact), host=urlsplit(start).hostname or "", pause=pause, log=log
    )
    page, story = _fetch_home(start, fetcher, may_be_plain=not _SCHEME.match(url))
    robots = fetcher.robots_txt(page.url)
    linked = find_page_feeds(page.body, page.url)[:MAX_NAMED_FEEDS]
    usual = [feed for feed in common_feed_urls(page.url) if feed not in linked]
    feeds = working_feeds(linked, fetcher) or working_feeds(usual, fetcher, limit=1)
    sitemaps = list(find_robots_sitemaps(robots, page.url))
    draft = draft_outlet(page.url, page.body, robots, list(feeds), sitemaps)
    trials = [story] if story else []
    listed = [url for urls in feeds.values() for url in urls if url_host(url) == url_host(page.url)]
    others = [url for url in dict.fromkeys(listed) if not story or url != story.url]
    trials += [try_story(url, fetcher) for url in others[: MAX_STORIES - len(trials)]]
    offers = offer_rules([trial.saved for trial in trials if trial.saved])
    return replace(draft, script_page=_find_script_page(trials), rule_offers=tuple(offers)), trials


def complete_url(url: str) -> str:
    """The URL with its scheme: https, but http on this machine; NewscrawlError for what is no http(s) URL."""
    if not _SCHEME.match(url):
        host = urlsplit(f"//{url}").hostname or ""
        url = f"{'http' if is_loopback(host) else 'https'}://{url}"
    complete = absolute_url(url, "")
    if complete is None:
        raise NewscrawlError(f"{hide_credentials(url)}: not an http(s) URL")
    return complete


def _fetch_home(start: str, fetcher: Fetcher, *, may_be_plain: bool) -> tuple[ProbeResponse, Trial | None]:
    """The home page of the site that a page is of, and the page itself if it is a story."""
    try:
        page = fetcher.get(start)
    except ProbeError:
        if not may_be_plain or not start.startswith("https:"):
            raise
        page = fetcher.get(start.replace("https:", "http:", 1))
    story = _extract_page(page) if urlsplit(page.url).path.strip("/") else None
    if story and isinstance(story.result, Article):
        page = fetcher.get(urlunsplit(urlsplit(page.url)._replace(path="/", query="", fragment="")))
    else:
        story = None
    if page.status != 200:
        raise ProbeError(page.url, f"answers {page.status}")
    return page, story


def try_story(url: str, fetcher: Fetcher) -> Trial:
    """Fetch and extract a story, without rules of an outlet."""
    try:
        page = fetcher.get(url)
    except ProbeError as error:
        return Trial(url=url, result=None, problem=error.reason)
    return _extract_page(page)


def _extract_page(page: ProbeResponse) -> Trial:
    saved = SavedStory(page.body, page.url) if page.status == HTTPStatus.OK else None
    return Trial(url=page.url, result=extract(page.body, page.url, status=page.status), saved=saved)


def _find_script_page(trials: Iterable[Trial]) -> str | None:
    """The first story that has nothing but scripts that may bring it."""
    return next(
        (
            trial.url
            for trial in trials
            if isinstance(trial.result, Rejection) and trial.result.reason == SCRIPT_ONLY
        ),
        None,
    )


def make_user_agent(contact: str) -> str:
    """The User-Agent of this version; NewscrawlError when the contact cannot be part of it."""
    contact = contact.strip()
    if not contact:
        raise NewscrawlError(
            "no contact is set: pass --contact or set NEWSCRAWL_CONTACT to a mail address or URL"
        )
    if has_userinfo(contact):
        raise NewscrawlError("the contact contains a user or a password, which every site would be sent")
    if not _CONTACT.match(contact):
        raise NewscrawlError("the contact must be 1 to 200 printable ASCII characters")
    return f"newscrawl/{__version__} (+{contact})"


def working_feeds(
    urls: Iterable[str], fetcher: Fetcher, limit: int = MAX_NAMED_FEEDS
) -> dict[str, list[str]]:
    """Up to `limit` feeds that have entries, under the URL they answer from, each with its links."""
    feeds: dict[str, list[str]] = {}
    for url in urls:
        if len(feeds) >= limit:
            break
        try:
            response = fetcher.get(url)
        except ProbeError as error:
            fetcher.log(f"left out: {error}")
            continue
        if response.status != 200:
            fetcher.log(f"left out: {url}: answers {response.status}")
            continue
        feed = read_feed(response.body, response.url)
        if feed.links:
            feeds[response.url] = [link.url for link in feed.links]
        else:
            fetcher.log(f"left out: {url}: no entries ({feed.outcome})")
    return feeds
