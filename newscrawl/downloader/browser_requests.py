"""Which requests of a rendered page are sent, and what the browser gets for them."""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from newscrawl.package_data import read_package_text

FETCHED_TYPES = frozenset({"script", "xhr", "fetch"})
"Resource types, as Chromium names them, that bring the text of a page; others are refused or stand empty."
MAX_BODY_BYTES = 64 * 1024
"Longest body of a POST, as queries of an API have it."
CACHE_BYTES = 32 << 20
"Scripts of a run that are remembered: its pages share most of them."
_METHODS = ("GET", "HEAD", "POST")
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"A transparent GIF: a page whose pictures fail would often remove them, with their captions."
_CSP = (
    "worker-src 'none'; frame-src 'none'; object-src 'none'; form-action 'none'; "
    "connect-src http: https: data: blob:; webrtc 'block'"
)
"Added to the page's own policy, so that the browser itself refuses what never becomes a request."
_NOT_SENT = frozenset(
    {
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "dnt",
        "host",
        "priority",
        "purpose",
        "referer",
        "upgrade-insecure-requests",
        "user-agent",
    }
)
"Headers that the crawl sets by itself, or never sends."
_NOT_PASSED_ON = frozenset(
    {
        "alt-svc",
        "connection",
        "content-disposition",
        "content-encoding",
        "content-length",
        "keep-alive",
        "link",
        "nel",
        "refresh",
        "report-to",
        "reporting-endpoints",
        "set-cookie",
        "strict-transport-security",
        "transfer-encoding",
    }
)
"Headers that describe the connection, would make the browser send or store something, or start a download."

RequestKey = tuple[str, str, bytes]
"Method, URL and body."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRequest:
    """A request that a page wants to send."""

    method: str
    url: str
    kind: str
    "Resource type, as Chromium names it."
    headers: dict[str, str]
    "By lower-case name."
    body: bytes = b""

    @property
    def key(self) -> RequestKey:
        return (self.method, self.url, self.body)

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers that reach the server: those of the script, none that tells of the reader."""
        return {
            name: value
            for name, value in self.headers.items()
            if name not in _NOT_SENT and not name.startswith((":", "sec-", "proxy-"))
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PageAnswer:
    """What the browser gets for a request."""

    status: int
    headers: dict[str, str]
    "By lower-case name; they describe the decoded body."
    body: bytes


@dataclass(frozen=True, slots=True)
class AnswerFailure:
    """Why there is no answer: a refusal of the crawl, or a failure of the download."""

    reason: str


Outcome = PageAnswer | AnswerFailure
StandIn = Literal["style", "image"]
Decision = Literal["fetch"] | StandIn | AnswerFailure
_STAND_INS: dict[str, StandIn] = {"stylesheet": "style", "image": "image"}


def decide(request: PageRequest, page_url: str) -> Decision:
    """Whether a request is sent, gets an empty answer in place of a style sheet or picture, or is refused."""
    if request.kind in _STAND_INS:
        return _STAND_INS[request.kind]
    if request.kind not in FETCHED_TYPES:
        return AnswerFailure(request.kind)
    if not request.url.startswith(("http://", "https://")):
        return AnswerFailure("scheme")
    if is_tracker(request.url):
        return AnswerFailure("tracker")
    if request.method not in _METHODS or (request.method == "POST" and not _is_query(request, page_url)):
        return AnswerFailure("method")
    return "fetch"


def _is_query(request: PageRequest, page_url: str) -> bool:
    """Whether a POST asks for data: JSON to the site's own host, which is how GraphQL is asked."""
    is_json = "json" in request.headers.get("content-type", "")
    is_own = urlsplit(request.url).hostname == urlsplit(page_url).hostname
    return is_json and is_own and len(request.body) <= MAX_BODY_BYTES


@lru_cache(maxsize=1)
def read_trackers() -> frozenset[str]:
    """The hosts of trackers.txt."""
    lines = read_package_text("newscrawl.downloader", "trackers.txt").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def is_tracker(url: str) -> bool:
    """Whether the host of a URL, or a domain that it belongs to, is that of a tracker."""
    labels = (urlsplit(url).hostname or "").split(".")
    return any(".".join(labels[start:]) in read_trackers() for start in range(len(labels)))


def stand_in(kind: StandIn) -> PageAnswer:
    """An answer without content: a page that waits for its style sheets and pictures goes on."""
    is_style = kind == "style"
    return PageAnswer(
        status=200,
        headers={
            "content-type": "text/css" if is_style else "image/gif",
            "access-control-allow-origin": "*",
        },
        body=b"" if is_style else _PIXEL,
    )


def passed_headers(headers: dict[str, str], *, is_page: bool = False) -> dict[str, str]:
    """The headers of a response that the browser gets; the page's have a policy added."""
    passed = {name: value for name, value in headers.items() if name not in _NOT_PASSED_ON}
    if is_page:
        own = passed.get("content-security-policy")
        passed["content-security-policy"] = f"{own}, {_CSP}" if own else _CSP
    return passed


class ScriptCache:
    """The scripts that pages of a run have fetched, so that each is fetched once."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[RequestKey, PageAnswer] = OrderedDict()

    def find(self, request: PageRequest) -> PageAnswer | None:
        return self._answers.get(request.key)

    def add(self, request: PageRequest, answer: PageAnswer) -> None:
        """Remember a script that its server allows to be stored; the oldest make room."""
        if request.kind != "script" or request.method != "GET" or not _is_storable(answer):
            return
        if request.key in self._answers:
            return  # asked for twice at once
        self._bytes += len(answer.body)
        self._answers[request.key] = answer
        while self._bytes > self._max_bytes:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= len(oldest.body)


def _is_storable(answer: PageAnswer) -> bool:
    control = answer.headers.get("cache-control", "").lower()
    is_fresh = not any(word in control for word in ("no-store", "no-cache", "max-age=0", "private"))
    return answer.status == 200 and is_fresh
