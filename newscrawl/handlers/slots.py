"""What is wanted of Scrapy's download slots, one a host name: a least delay, a wait, an empty queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scrapy.utils.asyncio import call_later
from scrapy.utils.httpobj import urlparse_cached
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.core.downloader import Downloader, Slot
    from scrapy.crawler import Crawler

Refusal = Callable[["Request"], Exception]
"Makes the error a request ends with."
SLOT = "download_slot"
"Where Scrapy notes a request's slot, and takes it from when it is there."
LOOK = 5
"Seconds after which a wait looks whether the crawl is to end."


def origin_of(request: Request) -> str:
    """scheme://host[:port], for which a robots.txt holds."""
    url = urlparse_cached(request)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2].lower()}"


def leave_slot(request: Request) -> None:
    """Let a request have the slot of its own host: a redirect brings along that of the host it came from."""
    request.meta.pop(SLOT, None)


class Slots:
    """The slots of a crawl."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @property
    def _downloader(self) -> Downloader:
        assert self._crawler.engine
        return self._crawler.engine.downloader

    def set_least_delay(self, request: Request, seconds: float) -> None:
        """From now on at least this lies between two requests to the request's host."""
        downloader = self._downloader
        key = downloader.get_slot_key(request)
        # Slots come and go; their settings stay.
        settings = downloader.per_slot_settings.setdefault(key, {})
        own = self._crawler.settings.getfloat("DOWNLOAD_DELAY")
        settings["delay"] = delay = max(seconds, own, settings.get("delay", 0))
        settings["jitter"] = 0  # which may also shorten it
        if slot := downloader.slots.get(key):
            slot.delay = max(slot.delay, delay)
            slot.jitter = 0

    def least_delay(self, request: Request) -> float:
        downloader = self._downloader
        settings = downloader.per_slot_settings.get(downloader.get_slot_key(request), {})
        return float(settings.get("delay", 0))

    def slot(self, request: Request) -> Slot | None:
        return self._downloader.slots.get(self._downloader.get_slot_key(request))

    def wait(self, request: Request, seconds: float, refusal: Refusal) -> None:
        """Send nothing to the request's host until the seconds are over, or the crawl is to end."""
        slot = self.slot(request)
        if slot is None:
            return
        if slot.latercall:
            slot.latercall.cancel()
        if not self._crawler.crawling:
            seconds = 0
            self.refuse_queued(request, refusal)
        step = min(seconds, LOOK)
        if step < seconds:
            slot.latercall = call_later(step, self._wait_on, slot, request, seconds - step, refusal)
        else:
            slot.latercall = call_later(step, self._downloader._latercall, slot)

    def _wait_on(self, slot: Slot, request: Request, seconds: float, refusal: Refusal) -> None:
        slot.latercall = None
        self.wait(request, seconds, refusal)

    def refuse_queued(self, request: Request, refusal: Refusal) -> None:
        """End the requests to the request's origin that wait in its slot, each with the error made for it."""
        slot = self.slot(request)
        if slot is None:
            return
        origin, queued = origin_of(request), list(slot.queue)
        slot.queue.clear()
        slot.queue.extend(pair for pair in queued if origin_of(pair[0]) != origin)
        for one, waiting in queued:
            if origin_of(one) == origin:
                waiting.errback(Failure(refusal(one)))  # type: ignore[no-untyped-call]
