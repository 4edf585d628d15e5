"""The order in which a rendered page gets its answers: that of its requests, one after another.

The renderer names each request when a script makes it; Playwright hands it over a moment later, and not
always in the same order. So the renderer's order counts. An answer is given once the page has the one before.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

from newscrawl.downloader.browser_requests import Outcome, is_tracker

if TYPE_CHECKING:
    from playwright.async_api import Request, Route

WAITS = "x-newscrawl-waits"
"Header by which the page's script marks a request that a script stands still for; it is not sent."
DELIVERY_SECONDS = 2.0
"Longest wait until the page has an answer, before it gets the next."
HELD_BACK_SECONDS = 0.1
"A request that does not come so soon after it was named is held back by the browser."
MATCH_SECONDS = 0.5
"Longest wait until the renderer names a request that the browser has handed over."
_COUNTED_TYPES = frozenset({"Script", "XHR", "Fetch"})

RequestName = tuple[str, str]
"Method and URL, which the two sources of requests have in common."


class QueuedRequest:
    """A request of the page that waits for its answer."""

    def __init__(self, name: RequestName, is_waited_for: bool = False) -> None:
        self.name = name
        self.is_waited_for = is_waited_for
        "Whether a script stands still until it has the answer."
        self.route: Route | None = None
        "Playwright's handle, which comes a moment after the request."
        self.outcome: Outcome | None = None
        self.is_held_back = False
        "Whether the browser waits for others before it sends the request."
        self.is_handled = False
        "Whether Playwright has passed on the answer."
        self.is_ready = asyncio.Event()
        "Set when the outcome is there, or the browser needs none."
        self.is_answered = asyncio.Event()
        "Set when its turn has come."
        self.has_arrived = asyncio.Event()
        "Set when the page has it too."

    @property
    def is_here(self) -> bool:
        """Whether the browser has sent it, or has answered it by itself."""
        return self.route is not None or self.is_ready.is_set()


class RequestQueue:
    """The requests of a page that have no answer yet."""

    def __init__(self, hand_over: Callable[[QueuedRequest], Awaitable[None]]) -> None:
        """`hand_over` gives the answer of a request to the browser."""
        self._hand_over = hand_over
        self._queue: list[QueuedRequest] = []
        self._by_id: dict[str, QueuedRequest] = {}
        self._unmatched: dict[RequestName, deque[QueuedRequest]] = defaultdict(deque)
        "Requests whose handle has not come, in their order."
        self._on_the_way = 0
        "Answers that the page does not have yet."
        self._changed = asyncio.Event()
        self.count = 0
        "Requests for scripts and data so far, but for those of trackers."
        self.answered = 0
        "Requests whose turn has come."

    @property
    def is_empty(self) -> bool:
        """Whether the page waits for nothing."""
        return not self._queue and not self._on_the_way

    def add(self, event: dict[str, Any]) -> None:
        """Take up a request that the renderer names (`Network.requestWillBeSent`)."""
        request = event["request"]
        self.count += event.get("type") in _COUNTED_TYPES and not is_tracker(request["url"])
        queued = QueuedRequest(
            (request["method"], urldefrag(request["url"]).url),
            WAITS in map(str.lower, request.get("headers", {})),
        )
        self._unmatched[queued.name].append(queued)
        self._by_id[event["requestId"]] = queued
        self._queue.append(queued)
        self.wake()

    def note_arrival(self, event: dict[str, Any]) -> None:
        """The page has an answer, or the browser has given up the request by itself."""
        if queued := self._by_id.pop(event["requestId"], None):
            queued.has_arrived.set()
            queued.is_ready.set()
            self.wake()

    async def match(self, route: Route) -> QueuedRequest:
        """The place of a request in the queue; the last, if the renderer has not named the request."""
        name = request_name(route.request)
        waiting = self._unmatched[name]
        with suppress(TimeoutError):
            async with asyncio.timeout(MATCH_SECONDS):
                await self.wait_for(lambda: bool(waiting))
        if waiting:
            queued = waiting.popleft()
        else:
            queued = QueuedRequest(name)
            self._queue.append(queued)
        queued.route = route
        self.wake()
        return queued

    async def answer_all(self) -> None:
        """Give answers, for as long as the page lives."""
        while True:
            await self._deliver(await self._choose())

    async def settle(self) -> None:
        """Wait until the page has every answer."""
        await self.wait_for(lambda: self.is_empty)

    async def wait_for(self, is_true: Callable[[], bool]) -> None:
        """Wait until something holds that a request, an answer or a call of `wake` can bring about."""
        while not is_true():
            self._changed.clear()
            await self._changed.wait()

    def wake(self) -> None:
        self._changed.set()

    async def _choose(self) -> QueuedRequest:
        """The next request to answer: the first, unless the browser holds it back until others are done."""
        while True:
            await self.wait_for(lambda: any(q.is_here or not q.is_held_back for q in self._queue))
            first = next(q for q in self._queue if q.is_here or not q.is_held_back)
            with suppress(TimeoutError):
                async with asyncio.timeout(HELD_BACK_SECONDS):
                    await self._wait_until_here(first)
            if first.is_here:
                return first
            first.is_held_back = True

    async def _wait_until_here(self, queued: QueuedRequest) -> None:
        await self.wait_for(lambda: queued.is_here)

    async def _deliver(self, queued: QueuedRequest) -> None:
        """Hand an answer to the browser, and wait until the page has it."""
        await queued.is_ready.wait()
        self._on_the_way += 1
        self._queue.remove(queued)
        try:
            await self._hand_over_and_wait(queued)
        finally:
            self._on_the_way -= 1
            self.wake()

    async def _hand_over_and_wait(self, queued: QueuedRequest) -> None:
        await self._hand_over(queued)
        queued.is_answered.set()
        self.answered += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(DELIVERY_SECONDS):
                while not queued.has_arrived.is_set():
                    # A script may stand still for its own request, which is then the last that was sent.
                    await self.wait_for(lambda: queued.has_arrived.is_set() or self._is_page_blocked())
                    if not queued.has_arrived.is_set():
                        await self._deliver(self._queue[-1])

    def _is_page_blocked(self) -> bool:
        return bool(self._queue) and self._queue[-1].is_waited_for


def request_name(request: Request) -> RequestName:
    return (request.method, urldefrag(request.url).url)
