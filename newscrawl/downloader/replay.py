"""The download handler of a replay: it sends recorded bytes through the live crawl's parser, without network.

It answers requests in the order they come and finishes each before the next, so that neither the size of a
response nor CONCURRENT_REQUESTS changes the order in which spiders see responses.
"""

from __future__ import annotations

import base64
import binascii
import builtins
import logging
from collections import deque
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeGuard, cast

import scrapy.exceptions
import twisted.internet.error
import twisted.web.client
from scrapy import Request
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response, TextResponse
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, DNSLookupError
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from newscrawl.archive.reextract import read_link
from newscrawl.archive.replay import (
    RecordedCapture,
    ReplayIndex,
    ReplayResponse,
    RequestKey,
    read_response,
    request_key,
)
from newscrawl.archive.run_files import SpiderWithRun
from newscrawl.downloader import refusals
from newscrawl.downloader.capture import Notes, forget_attempt
from newscrawl.downloader.recording import RecordingHandler, RecordingProtocol
from newscrawl.downloader.refusals import ReplayMiss
from newscrawl.downloader.request_meta import FETCHED, LINK, PART, POINTER, RENDERED, SUBRESOURCE
from newscrawl.errors import ArchiveError
from newscrawl.items import Link
from newscrawl.state.hosts import Robots
from newscrawl.urls import normalize_url
from newscrawl.warc.story_parts import StoryPart

logger = logging.getLogger(__name__)

CHUNK_BYTES = 65536
"Bytes that a socket delivers at a time."
NO_ADDRESS = "0.0.0.0"  # noqa: S104 # stands for an unknown peer; nothing listens there
CallLater = Callable[..., Any]
"`reactor.callLater`."
CACHED_ROBOTS_OUTCOME = "remembered"
MAX_SUGGESTIONS = 20
"Misses for which the log also suggests similar URLs."
_ERRORS: tuple[ModuleType, ...] = (
    scrapy.exceptions,
    twisted.internet.error,
    twisted.web.client,
    builtins,
    refusals,
)
_TRUNCATED_BY: dict[str, type[Exception]] = {
    "time": scrapy.exceptions.DownloadTimeoutError,
    "length": scrapy.exceptions.DownloadCancelledError,
}


@implementer(IPushProducer, ITransport)
class InMemoryTransport:
    """Hands recorded bytes to a protocol, then ends the connection; it discards what the protocol sends."""

    disconnecting = False

    def __init__(self, protocol: Protocol, received: bytes, ip: str, later: CallLater) -> None:
        self._protocol = protocol
        self._pieces = deque(
            received[start : start + CHUNK_BYTES] for start in range(0, len(received), CHUNK_BYTES)
        )
        self._ip = ip or NO_ADDRESS
        self._later = later
        self._paused = self._lost = False
        # A transport that is read from is its own producer; Scrapy looks for it under this name.
        self._producer = self

    def start(self) -> None:
        self._later(0, self._next)

    def _next(self) -> None:
        while self._pieces and not self._paused and not self._lost:
            self._protocol.dataReceived(self._pieces.popleft())
        if not self._pieces and not self._paused:
            self._end()

    def _end(self) -> None:
        if not self._lost:
            self._lost = True
            self._pieces.clear()
            self._protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]

    def write(self, *_: Any) -> None:
        """Do nothing: the response is ready, and request bodies are produced at once."""

    writeSequence = registerProducer = unregisterProducer = write  # noqa: N815 # Twisted's names

    def getPeer(self) -> Any:  # noqa: N802 # Twisted's name
        return (IPv6Address if ":" in self._ip else IPv4Address)("TCP", self._ip, 0)

    def getHost(self) -> Any:  # noqa: N802 # Twisted's name
        return IPv4Address("TCP", NO_ADDRESS, 0)

    def pauseProducing(self) -> None:  # noqa: N802 # Twisted's name
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802 # Twisted's name
        if self._paused:
            self._paused = False
            self._later(0, self._next)

    def stopProducing(self) -> None:  # noqa: N802 # Twisted's name
        self.loseConnection()

    def loseConnection(self) -> None:  # noqa: N802 # Twisted's name
        """Like a socket, notify the protocol in a later turn of the reactor."""
        self._pieces.clear()
        self._later(0, self._end)

    abortConnection = loseConnection  # noqa: N815 # Twisted's name


class InMemoryPool:
    """Replaces a connection pool: each connection receives the bytes that `load` was given."""

    persistent = True

    def __init__(self, protocol: Callable[[], Protocol], later: CallLater) -> None:
        self._protocol = protocol
        self._later = later
        self._received, self._ip = b"", ""

    def load(self, received: bytes, ip: str) -> None:
        """Set what the next connection receives, and from which peer."""
        self._received, self._ip = received, ip

    def getConnection(self, key: Any, endpoint: Any) -> Deferred[Protocol]:  # noqa: ARG002, N802 # Twisted's
        protocol = self._protocol()
        transport = InMemoryTransport(protocol, self._received, self._ip, self._later)
        self._received = b""
        protocol.makeConnection(transport)  # type: ignore[no-untyped-call]
        transport.start()
        return succeed(protocol)

    def closeCachedConnections(self) -> Deferred[None]:  # noqa: N802 # Twisted's name
        return succeed(None)


def cached_robots_notes(robots: Robots) -> Notes:
    """Metadata fields for a robots.txt from state; its body is in Base64, as it may hold any bytes."""
    body = base64.b64encode(robots.body).decode("ascii")
    return (("outcome", CACHED_ROBOTS_OUTCOME), ("robotsStatus", str(robots.status)), ("robotsBody", body))


def cached_robots_response(request: Request, notes: Mapping[str, str]) -> TextResponse | None:
    """The response for which such fields stand; None for other metadata records."""
    if notes.get("outcome") != CACHED_ROBOTS_OUTCOME:
        return None
    try:
        status, body = int(notes["robotsStatus"]), base64.b64decode(notes["robotsBody"])
    except (KeyError, ValueError, binascii.Error):
        return None
    return TextResponse(request.url, status=status, body=body, encoding="utf-8", request=request)


class RecordedFailure(Exception):
    """A failure whose class is unknown; the error takes the recorded class name."""


class RefusingResolver(CachingThreadedResolver):
    """Resolves no name: a replay needs no addresses."""

    def getHostByName(self, name: str, timeout: Any = None) -> Any:  # noqa: ARG002, N802 # Twisted's name
        return fail(DNSLookupError(f"{name}: a replay does not use the network"))


class ReplayHandler(RecordingHandler):
    """Answers from the spider's replay index; `request.meta` gets the recorded POINTER, FETCHED and LINK."""

    def __init__(self, crawler: Any) -> None:
        from twisted.internet import reactor

        super().__init__(crawler)
        self._pool = InMemoryPool(RecordingProtocol, reactor.callLater)  # type: ignore[assignment]

    async def download_request(self, request: Request) -> Response:
        run = cast("SpiderWithRun", self._crawler.spider).run
        assert run.replay_index, "the replay handler serves replays only"
        forget_attempt(request)
        async with run.replay_index.turn:
            capture = _take_capture(run.replay_index, request)
            if capture is None:
                miss = _make_miss(run.replay_index, request)
                self._report_miss(miss)
                raise miss
            run.exchanges += capture.kind != "metadata"
            try:
                recorded = read_response(run.replay_index.table, capture)
            except ArchiveError as error:
                self._report_miss(error)
                raise
            _restore_meta(request, capture, recorded)
            if robots := cached_robots_response(request, recorded.page.metadata):
                return robots
            if failure := recorded_failure(capture):
                raise failure
            self._pool.load(recorded.received, capture.ip)  # type: ignore[attr-defined]
            return await super().download_request(request)

    def _report_miss(self, error: Exception) -> None:
        self._crawler.stats.inc_value("newscrawl/replay/missed")
        logger.error("%s: %s", self._crawler.spidercls.name, error)


def _replay_key(request: Request) -> RequestKey:
    return request_key(request.method, request.url, request.body)


def _take_capture(index: ReplayIndex, request: Request) -> RecordedCapture | None:
    link: Link | None = request.meta.get(LINK)
    headers = {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in request.headers.items()
    }
    # A request of a rendered page is no page in another spelling either.
    page = link.url if link else request.meta.get(SUBRESOURCE, "")
    if index.at and not page and RENDERED in request.meta:
        page = request.url  # what a following page asks for came after that time, as it did itself
    redirected = "redirect_urls" in request.meta or SUBRESOURCE in request.meta
    part: StoryPart | None = request.meta.get(PART)
    return index.take(_replay_key(request), page, headers, redirected, part.first_id if part else "")


def _make_miss(index: ReplayIndex, request: Request) -> ReplayMiss:
    key = _replay_key(request)
    count = len(index.table.captures(key))
    why = f"each of {count} captures is used or too recent" if count else "not in the archive"
    similar = []
    if index.missed <= MAX_SUGGESTIONS:
        similar = [url for url in index.near(key) if url != key.url]
    suggestions = f" (near: {', '.join(similar)})" if similar else ""
    return ReplayMiss(f"{why}: {key.method} {key.url}{suggestions}")


def _restore_meta(request: Request, capture: RecordedCapture, recorded: ReplayResponse) -> None:
    """Restore what the capture handler left in the request when it was recorded."""
    if capture.kind != "metadata":
        # A request that was never sent has no record and no time.
        request.meta[POINTER] = recorded.page.pointer
        request.meta[FETCHED] = capture.date
    link: Link | None = request.meta.get(LINK)
    if link and "discovery" in recorded.page.metadata:
        recorded_link = read_link(recorded.page)
        # Sources may be read in another order, but an article's line must name the source it named then.
        if normalize_url(recorded_link.url) == normalize_url(link.url):
            request.meta[LINK] = recorded_link


def recorded_failure(capture: RecordedCapture) -> Exception | None:
    """The error that ended an exchange, with its class, name and text; None when a response came."""
    if error := recorded_error(capture.outcome):
        return error
    if not capture.outcome and (kind := _TRUNCATED_BY.get(capture.truncated)):
        return kind(f"recorded as cut short: {capture.truncated}")
    if capture.kind not in ("response", "revisit") and capture.outcome != "ok":
        return DownloadFailedError("recorded without a response")
    return None


def recorded_error(outcome: str) -> Exception | None:
    """The error whose class and text an outcome states; None when it states none."""
    name, colon, text = outcome.partition(":")
    return _make_error(name, text.strip()) if colon and name.isidentifier() else None


def _make_error(name: str, text: str) -> Exception:
    classes = (getattr(module, name, None) for module in _ERRORS)
    base: type[Exception] = next(filter(_is_raisable, classes), RecordedFailure)
    # Make a new class, because some errors put their own words before the text.
    kind = type(name, (base,), {"__str__": lambda _: text, "__module__": base.__module__})
    return cast("Exception", base.__new__(kind))


def _is_raisable(kind: object) -> TypeGuard[type[Exception]]:
    # Python gives these two a special meaning when they leave a coroutine.
    stops = (StopIteration, StopAsyncIteration)
    return isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, stops)
