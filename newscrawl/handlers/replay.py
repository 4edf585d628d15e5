"""The download handler of a replay: recorded bytes through the parser of the live crawl, and no network.

Requests are answered one at a time in the order they come, so that neither the size of an answer nor
CONCURRENT_REQUESTS changes the order in which spiders see responses.
"""

from __future__ import annotations

import builtins
import logging
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import scrapy.exceptions
import twisted.internet.error
import twisted.web.client
from scrapy.exceptions import DownloadFailedError, IgnoreRequest
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.defer import fail
from twisted.internet.error import DNSLookupError

from newscrawl.archive.captures import Capture, Key, key_of
from newscrawl.archive.playback import Answer, Playback, answer_of
from newscrawl.archive.run import Archiving
from newscrawl.errors import ArchiveError
from newscrawl.extraction import link_of
from newscrawl.handlers import guard, manners
from newscrawl.handlers.memory import MemoryPool
from newscrawl.handlers.remembered import remembered_response
from newscrawl.handlers.tap import TapedProtocol, TappedHandler
from newscrawl.items import Link
from newscrawl.meta import FETCHED, LINK, POINTER
from newscrawl.urls import normal_url

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

logger = logging.getLogger(__name__)

TOLD = 20
"Misses for which near URLs are looked up and told in the log."
_ERRORS: tuple[ModuleType, ...] = (
    scrapy.exceptions,
    twisted.internet.error,
    twisted.web.client,
    builtins,
    guard,
    manners,
)
_TRUNCATED_BY: dict[str, type[Exception]] = {
    "time": scrapy.exceptions.DownloadTimeoutError,
    "length": scrapy.exceptions.DownloadCancelledError,
}


class ReplayMiss(IgnoreRequest):
    """A request the archive has no answer to; like a refusal it is not tried again."""

    reason_name = "replay_miss"


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
