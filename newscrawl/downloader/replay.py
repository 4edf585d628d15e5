"""The download handler of a replay: recorded bytes through the parser of the live crawl, and no network.

Requests are answered one at a time in the order they come, so that neither the size of an answer nor
CONCURRENT_REQUESTS changes the order in which spiders see responses.
"""

from __future__ import annotations

import base64
import binascii
import builtins
import logging
from collections import deque
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import scrapy.exceptions
import twisted.internet.error
import twisted.web.client
from scrapy.exceptions import DownloadFailedError
from scrapy.http import TextResponse
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, DNSLookupError
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from newscrawl.archive.reextract import link_of
from newscrawl.archive.replay import Answer, Capture, Key, Playback, answer_of, key_of
from newscrawl.archive.run import Archiving
from newscrawl.downloader import refusals
from newscrawl.downloader.refusals import ReplayMiss
from newscrawl.downloader.wire import TapedProtocol, TappedHandler
from newscrawl.errors import ArchiveError
from newscrawl.items import FETCHED, LINK, POINTER, Link
from newscrawl.state.hosts import Robots
from newscrawl.urls import normal_url

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

    from newscrawl.downloader.capture import Notes


PIECE = 65536
"Bytes a socket gives at a time."
NO_ADDRESS = "0.0.0.0"  # noqa: S104 # said of a peer that is not known, never listened on
Later = Callable[..., Any]
"`reactor.callLater`."


@implementer(IPushProducer, ITransport)
class MemoryTransport:
    """Hands a protocol recorded bytes, then the end of the connection; what it is sent goes nowhere."""

    disconnecting = False

    def __init__(self, protocol: Protocol, received: bytes, ip: str, later: Later) -> None:
        self._protocol = protocol
        self._pieces = deque(received[start : start + PIECE] for start in range(0, len(received), PIECE))
        self._ip = ip or NO_ADDRESS
        self._later = later
        self._paused = self._lost = False
        # A transport that is being read from is its own producer; Scrapy looks for it under this name.
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

    def write(self, data: bytes) -> None:
        """Nobody is asked: the answer is known."""

    def writeSequence(self, iovec: Any) -> None:  # noqa: N802 # Twisted's name
        """The same."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 # Twisted's name
        """Request bodies are produced at once."""

    def unregisterProducer(self) -> None:  # noqa: N802 # Twisted's name
        """Nothing was registered."""

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
        """Like a socket, tell the protocol in a later turn."""
        self._pieces.clear()
        self._later(0, self._end)

    abortConnection = loseConnection  # noqa: N815 # Twisted's name


class MemoryPool:
    """In the place of a connection pool: each connection has the bytes that were handed in before."""

    persistent = True

    def __init__(self, protocol: Callable[[], Protocol], later: Later) -> None:
        self._protocol = protocol
        self._later = later
        self._received, self._ip = b"", ""

    def load(self, received: bytes, ip: str) -> None:
        """What the next connection receives, and from whom."""
        self._received, self._ip = received, ip

    def getConnection(self, key: Any, endpoint: Any) -> Deferred[Protocol]:  # noqa: ARG002, N802 # Twisted's
        protocol = self._protocol()
        transport = MemoryTransport(protocol, self._received, self._ip, self._later)
        self._received = b""
        protocol.makeConnection(transport)  # type: ignore[no-untyped-call]
        transport.start()
        return succeed(protocol)

    def closeCachedConnections(self) -> Deferred[None]:  # noqa: N802 # Twisted's name
        return succeed(None)


OUTCOME = "remembered"


def notes_of_robots(robots: Robots) -> Notes:
    """The fields of the note; the body in Base64, for it may be any bytes."""
    body = base64.b64encode(robots.body).decode("ascii")
    return (("outcome", OUTCOME), ("robotsStatus", str(robots.status)), ("robotsBody", body))


def remembered_response(request: Request, notes: Mapping[str, str]) -> TextResponse | None:
    """The answer a note stands for; None when it is another record's."""
    if notes.get("outcome") != OUTCOME:
        return None
    try:
        status, body = int(notes["robotsStatus"]), base64.b64decode(notes["robotsBody"])
    except (KeyError, ValueError, binascii.Error):
        return None
    return TextResponse(request.url, status=status, body=body, encoding="utf-8", request=request)


logger = logging.getLogger(__name__)

TOLD = 20
"Misses for which near URLs are looked up and told in the log."
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


class RecordedFailure(Exception):
    """A failure whose class is not known here; stands under the name it was recorded with."""


class RefusingResolver(CachingThreadedResolver):
    """Resolves nothing: a replay has no use for addresses."""

    def getHostByName(self, name: str, timeout: Any = None) -> Any:  # noqa: ARG002, N802 # Twisted's name
        return fail(DNSLookupError(f"{name}: a replay does not use the network"))


class ReplayHandler(TappedHandler):
    """Answers from the spider's playback; `request.meta` holds the recorded POINTER, FETCHED and LINK."""

    def __init__(self, crawler: Any) -> None:
        from twisted.internet import reactor

        super().__init__(crawler)
        self._pool = MemoryPool(TapedProtocol, reactor.callLater)  # type: ignore[assignment]

    async def download_request(self, request: Request) -> Response:
        run = cast("Archiving", self._crawler.spider).run
        assert run.playback, "the replay handler is for replays"
        for name in (POINTER, FETCHED):
            request.meta.pop(name, None)
        async with run.playback.turn:
            capture = _taken(run.playback, request)
            if capture is None:
                miss = _miss(run.playback, request)
                self._missed(miss)
                raise miss
            run.exchanges += capture.kind != "metadata"
            try:
                answer = answer_of(run.playback.recorded, capture)
            except ArchiveError as error:
                self._missed(error)
                raise
            _restore(request, capture, answer)
            if known := remembered_response(request, answer.page.notes):
                return known
            if failure := recorded_failure(capture):
                raise failure
            self._pool.load(answer.received, capture.ip)  # type: ignore[attr-defined]
            return await super().download_request(request)

    def _missed(self, error: Exception) -> None:
        self._crawler.stats.inc_value("newscrawl/replay/missed")
        logger.error("%s: %s", self._crawler.spidercls.name, error)


def _key(request: Request) -> Key:
    return key_of(request.method, request.url, request.body)


def _taken(playback: Playback, request: Request) -> Capture | None:
    link: Link | None = request.meta.get(LINK)
    headers = {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in request.headers.items()
    }
    redirected = "redirect_urls" in request.meta
    return playback.take(_key(request), link.url if link else "", headers, redirected)


def _miss(playback: Playback, request: Request) -> ReplayMiss:
    key = _key(request)
    count = len(playback.recorded.captures(key))
    why = f"each of {count} captures is spent or too young" if count else "not in the archive"
    near = [url for url in playback.near(key) if url != key.url] if playback.missed <= TOLD else []
    return ReplayMiss(f"{why}: {key.method} {key.url}" + (f" (near: {', '.join(near)})" if near else ""))


def _restore(request: Request, capture: Capture, answer: Answer) -> None:
    """What the capture handler left in the request when this was recorded."""
    if capture.kind != "metadata":
        # A request that was never sent has no place and no time.
        request.meta[POINTER] = answer.page.pointer
        request.meta[FETCHED] = capture.date
    link: Link | None = request.meta.get(LINK)
    if link and "discovery" in answer.page.notes:
        noted = link_of(answer.page)
        # Which of several sources is read first may differ; what a line says of its source may not.
        if normal_url(noted.url) == normal_url(link.url):
            request.meta[LINK] = noted


def recorded_failure(capture: Capture) -> Exception | None:
    """The error an exchange ended with, of the same class, name and text; None when a response came."""
    name, colon, text = capture.outcome.partition(":")
    if colon and name.isidentifier():
        return _named_error(name, text.strip())
    if not capture.outcome and (kind := _TRUNCATED_BY.get(capture.truncated)):
        return kind(f"recorded as cut short: {capture.truncated}")
    if capture.kind not in ("response", "revisit") and capture.outcome != "ok":
        return DownloadFailedError("recorded without an answer")
    return None


def _named_error(name: str, text: str) -> Exception:
    found = (getattr(module, name, None) for module in _ERRORS)
    known = next((kind for kind in found if _can_be_raised(kind)), None)
    base = known or RecordedFailure
    # A class of its own, for some errors put words of their own before the text they are given.
    kind = type(name, (base,), {"__str__": lambda _: text, "__module__": base.__module__})
    return cast("Exception", base.__new__(kind))


def _can_be_raised(kind: object) -> bool:
    # Python gives the two a meaning of their own when they leave a coroutine.
    stops = (StopIteration, StopAsyncIteration)
    return isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, stops)
