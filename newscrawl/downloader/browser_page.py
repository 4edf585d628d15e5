"""Renders one page in a browser: answers its requests, moves its clock, and reads the document that results.

Nothing here depends on how fast the machine or the network is. Answers reach the page one at a time, in the
order of its requests. Its clock and its timers are those of browser_page.js: they stand while a request waits
for its answer, and move on up to VIRTUAL_MS. So the same answers give the same document, to the byte.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlsplit

from newscrawl.downloader.browser_queue import DELIVERY_SECONDS, WAITS, QueuedRequest, RequestQueue
from newscrawl.downloader.browser_requests import (
    AnswerFailure,
    Outcome,
    PageAnswer,
    PageRequest,
    decide,
    passed_headers,
    stand_in,
)
from newscrawl.downloader.refusals import (
    BrowserRequests,
    BrowserTimeout,
    BrowserTooLarge,
    PageLeft,
    RenderingFailed,
)
from newscrawl.package_data import read_package_text

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page, Request, Route

VIRTUAL_MS = 5000
"How long the page lives, by its own clock, without the time in which it waits for answers."
STEP_MS = 100
"The clock stops so often to see whether requests were sent, however they were."
LOAD_SECONDS = 3.0
"A page that has all its answers and is still not loaded after this wait is taken as it is."
MAX_WAIT_SECONDS = 1800.0
"Longest time that a page may wait for its answers in all: a server may delay each to the last moment."
MAX_SEEN = 1000
"Requests of all kinds, refused ones included, after which a page is given up: `browser_requests`."
VIEWPORT = (1280, 3000)
"Width and height in pixels: high, so that parts of a story that load when they come into view do so."
_BLOB = re.compile(r"(blob:[a-z]{1,9}://[^\s\"'<>/]{1,300}/)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
Fetch = Callable[[PageRequest], Awaitable[Outcome]]
"Sends a request by the crawl's own downloader."


@dataclass(frozen=True, kw_only=True, slots=True)
class PageToRender:
    """A page as its server sent it."""

    url: str
    "Where it was found in the end, after redirects."
    moment: datetime
    "When it was fetched, with time zone: its scripts see this time."
    answer: PageAnswer


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderingLimits:
    """What a page may cost."""

    seconds: float
    "In the browser, without the time in which it waits for answers."
    requests: int
    "Requests for scripts and data, but for those of trackers."
    received_bytes: int
    "Bytes of all answers together, decoded."
    document_bytes: int
    "Size of the document that results."


@dataclass(kw_only=True)
class Rendering:
    """The document that a page's scripts have made of it."""

    html: bytes
    "As UTF-8."
    refused: Counter[str] = field(default_factory=Counter)
    "Requests and other attempts of the page that were refused, by reason."
    requests: int = 0
    "Requests that were sent for it."


@lru_cache(maxsize=1)
def read_page_script() -> str:
    """The script that every page begins with."""
    return read_package_text("newscrawl.downloader", "browser_page.js")


def start_script(page: PageToRender) -> str:
    """That script with the page's time, in milliseconds, and four numbers for its dice."""
    start = int(page.moment.timestamp() * 1000)
    digest = hashlib.sha256(f"{page.url} {start}".encode()).digest()
    seed = list(struct.unpack(">4i", digest[:16]))
    return f"{read_page_script()}({start}, {json.dumps(seed)}, {clock_name(page)!r}, {WAITS!r});"


def clock_name(page: PageToRender) -> str:
    """The property under which the page's clock is found; no page can name it beforehand."""
    return f"_{hashlib.sha256(f'clock {page.url} {page.moment}'.encode()).hexdigest()[:32]}"


class PageVisit:
    """A page in a context of its own, from its first request to its document."""

    def __init__(
        self, context: BrowserContext, page: PageToRender, fetch: Fetch, limits: RenderingLimits
    ) -> None:
        self._context = context
        self._page = page
        self._fetch = fetch
        self._limits = limits
        self._rendering = Rendering(html=b"")
        self._seen = 0
        self._received = 0
        self._is_served = self._is_loaded = False
        self._queue = RequestQueue(self._hand_over)
        self._over = asyncio.Event()
        "Set when nobody will answer a request any more."
        self._awaited = 0
        "Requests that are being downloaded."
        self._failure: Exception | None = None
        self._failed = asyncio.Event()
        self._used = self._waited = 0.0

    async def render(self) -> Rendering:
        """The rendering; an error with a `reason_name` when the page went beyond a limit."""
        work = asyncio.ensure_future(self._render())
        parts = (self._queue.answer_all(), self._watch_time(), self._failed.wait())
        others = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
            if self._failure:
                raise self._failure
            for part in others:
                if part.done():
                    part.result()
            return await work
        finally:
            for task in (work, *others):
                task.cancel()
            await asyncio.gather(work, *others, return_exceptions=True)
            await self._end()

    async def _end(self) -> None:
        """Let go of requests that nobody answers any more: Playwright drops them for an error alone."""
        with suppress(_playwright_error(), TimeoutError):
            await asyncio.wait_for(self._context.unroute_all(behavior="ignoreErrors"), DELIVERY_SECONDS)
        self._over.set()

    def fail(self, error: Exception) -> None:
        """End the rendering with this error, unless another has ended it."""
        self._failure = self._failure or error
        self._failed.set()

    async def _render(self) -> Rendering:
        page = await self._open()
        session = await self._context.new_cdp_session(page)
        await self._prepare(session)
        # Without a wait for the end of loading: the clock decides when a page is done.
        await page.goto(self._page.url, wait_until="commit", timeout=0)
        await self._await_load()
        await self._run_clock(session)
        self._check_place(page)
        self._rendering.html = await self._read_document(session)
        return self._rendering

    async def _open(self) -> Page:
        context = self._context
        await context.add_init_script(start_script(self._page))
        await context.route("**/*", self._handle)
        page = await context.new_page()
        context.on("page", self._close_popup)
        page.on("dialog", self._dismiss)
        page.on("download", lambda _: self._refuse("download"))
        return page

    async def _prepare(self, session: CDPSession) -> None:
        session.on("Audits.issueAdded", self._note_issue)
        session.on("Network.requestWillBeSent", self._note_request)
        session.on("Network.loadingFinished", self._queue.note_arrival)
        session.on("Network.loadingFailed", self._queue.note_arrival)
        session.on("Page.loadEventFired", lambda _: self._note_load())
        await session.send("Page.enable")
        await session.send("Audits.enable")
        await session.send("Network.enable")

    async def _await_load(self) -> None:
        """Wait until the page is read and its first scripts have run; a page may prevent that it ends."""
        with suppress(TimeoutError):
            while not self._is_loaded:
                await self._queue.settle()
                async with asyncio.timeout(LOAD_SECONDS):
                    await self._queue.wait_for(lambda: self._is_loaded or not self._queue.is_empty)

    def _note_load(self) -> None:
        self._is_loaded = True
        self._queue.wake()

    def _note_request(self, event: dict[str, Any]) -> None:
        self._seen += 1
        self._queue.add(event)
        if self._seen > MAX_SEEN or self._queue.count > self._limits.requests:
            counts = f"{self._queue.count} requests for scripts and data, {self._seen} of all kinds"
            self.fail(BrowserRequests(f"{self._page.url} went on after {counts}"))

    async def _run_clock(self, session: CDPSession) -> None:
        """Let the page live for VIRTUAL_MS; where it sends a request, time stands until that is answered."""
        time, name, answered = 0, json.dumps(clock_name(self._page)), -1
        while True:
            await self._queue.settle()
            if time >= VIRTUAL_MS:
                return
            end = min(time + STEP_MS, VIRTUAL_MS)
            is_fresh, answered = answered != self._queue.answered, self._queue.answered
            options = {
                "expression": f"self[{name}].advance({end}, {json.dumps(is_fresh)})",
                "awaitPromise": True,
                "returnByValue": True,
            }
            moved = await session.send("Runtime.evaluate", options)
            state = moved["result"].get("value")
            if not isinstance(state, dict) or not isinstance(state.get("time"), int):
                raise PageLeft(f"{self._page.url} has no clock any more")
            time = VIRTUAL_MS if state.get("isIdle") and self._queue.is_empty else state["time"]

    async def _handle(self, route: Route) -> None:
        """Find the answer to a request, and stay until it is given in its turn."""
        queued = await self._queue.match(route)
        try:
            queued.outcome = await self._find_answer(route.request)
        except _playwright_error():
            queued.outcome = AnswerFailure("gone")
        except Exception as error:  # noqa: BLE001 # Playwright would drop it
            self.fail(error)
        queued.is_ready.set()
        self._queue.wake()
        ends = [asyncio.ensure_future(event.wait()) for event in (queued.is_answered, self._over)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if not queued.is_handled:
            await self._over.wait()
            raise RenderingFailed("the page has ended")

    async def _hand_over(self, queued: QueuedRequest) -> None:
        outcome, route = queued.outcome, queued.route
        if outcome is None or route is None:
            return  # the browser answered by itself
        if isinstance(outcome, AnswerFailure):
            self._refuse(outcome.reason)
            # A navigation that is aborted leaves the page as it is.
            answering = route.abort("aborted" if outcome.reason == "navigation" else "blockedbyclient")
        else:
            answering = route.fulfill(status=outcome.status, headers=outcome.headers, body=outcome.body)
        # The page may have given up the request in the meantime.
        with suppress(_playwright_error()):
            await answering
            queued.is_handled = True

    async def _find_answer(self, request: Request) -> Outcome:
        if request.is_navigation_request():
            if self._is_served or urldefrag(request.url).url != urldefrag(self._page.url).url:
                return AnswerFailure("navigation")
            self._is_served = True
            answer = self._page.answer
            headers = passed_headers(answer.headers, is_page=True)
            return PageAnswer(status=answer.status, headers=headers, body=answer.body)
        asked = PageRequest(
            method=request.method,
            url=urldefrag(request.url).url,
            kind=request.resource_type,
            headers={name: value for name, value in request.headers.items() if name != WAITS},
            body=request.post_data_buffer or b"",
        )
        decision = decide(asked, self._page.url)
        if isinstance(decision, AnswerFailure):
            return decision
        if decision != "fetch":
            return stand_in(decision)
        return await self._download(asked)

    async def _download(self, request: PageRequest) -> Outcome:
        self._rendering.requests += 1
        self._awaited += 1
        try:
            outcome = await self._fetch(request)
        finally:
            self._awaited -= 1
        if isinstance(outcome, AnswerFailure):
            return outcome
        self._received += len(outcome.body)
        if self._received > self._limits.received_bytes:
            raise BrowserTooLarge(
                f"{self._page.url} got answers of more than {self._limits.received_bytes} B"
            )
        return PageAnswer(status=outcome.status, headers=passed_headers(outcome.headers), body=outcome.body)

    def _refuse(self, reason: str) -> None:
        self._rendering.refused[reason] += 1

    def _note_issue(self, event: dict[str, Any]) -> None:
        """Count what the browser itself refused by policy."""
        details = event["issue"]["details"].get("contentSecurityPolicyIssueDetails")
        if details:
            self._refuse(f"policy_{details.get('violatedDirective', '').partition(' ')[0]}")

    async def _close_popup(self, page: Page) -> None:
        self._refuse("window")
        with suppress(_playwright_error()):
            await page.close()

    async def _dismiss(self, dialog: Any) -> None:
        self._refuse("dialog")
        with suppress(_playwright_error()):
            await dialog.dismiss()

    def _check_place(self, page: Page) -> None:
        """The page may change its address within its site, but not become another."""
        here, there = urlsplit(page.url), urlsplit(self._page.url)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise PageLeft(f"{self._page.url} became {page.url[:200]}")

    async def _read_document(self, session: CDPSession) -> bytes:
        await self._check_size(session)
        root = await session.send("DOM.getDocument", {"depth": 0})
        found = await session.send("DOM.getOuterHTML", {"nodeId": root["root"]["nodeId"]})
        html: bytes = number_blobs(found["outerHTML"]).encode("utf-8", "replace")
        if len(html) > self._limits.document_bytes:
            raise BrowserTooLarge(f"{self._page.url} became a document of {len(html)} bytes")
        return html

    async def _check_size(self, session: CDPSession) -> None:
        """Measure the document where it is, out of reach of the page's scripts, before it is read."""
        tree = await session.send("Page.getFrameTree")
        frame = tree["frameTree"]["frame"]["id"]
        world = await session.send("Page.createIsolatedWorld", {"frameId": frame})
        expression = "document.documentElement ? document.documentElement.outerHTML.length : 0"
        options = {"expression": expression, "contextId": world["executionContextId"], "returnByValue": True}
        measured = await session.send("Runtime.evaluate", options)
        characters = measured["result"].get("value", 0)
        if characters > self._limits.document_bytes:
            raise BrowserTooLarge(f"{self._page.url} became a document of {characters} characters")

    async def _watch_time(self) -> None:
        """BrowserTimeout once the page has used its time; waiting for downloads has its own limit."""
        last = monotonic()
        while self._used < self._limits.seconds and self._waited < MAX_WAIT_SECONDS:
            await asyncio.sleep(0.1)
            now = monotonic()
            # A machine that slept, or was busy with other things, is not its fault either.
            passed = min(now - last, 0.5)
            self._waited += passed if self._awaited else 0
            self._used += 0 if self._awaited else passed
            last = now
        spent = f"{self._used:.0f} s, and {self._waited:.0f} s of waiting for answers"
        self.fail(BrowserTimeout(f"{self._page.url} was not done after {spent}"))


def number_blobs(html: str) -> str:
    """A document whose blob URLs, which the browser draws by lot, are numbered."""
    numbers: dict[str, int] = {}
    return _BLOB.sub(lambda found: f"{found[1]}{numbers.setdefault(found[2], len(numbers) + 1)}", html)


def _playwright_error() -> type[Exception]:
    from playwright.async_api import Error

    return Error
