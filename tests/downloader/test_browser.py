"""The browser by itself: no network, the same document from the same answers, and a new one after a crash."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attacks.server import listening
from wire.chromium import browser_options

from newscrawl.downloader.browser import (
    Browser,
    find_browser,
    find_processes,
    holds_memory,
    read_private_bytes,
)
from newscrawl.downloader.browser_page import (
    PageToRender,
    Rendering,
    RenderingLimits,
    number_blobs,
)
from newscrawl.downloader.browser_requests import Outcome, PageAnswer, PageRequest
from newscrawl.downloader.refusals import BrowserCrash, BrowserMemory, PageLeft
from newscrawl.errors import NewscrawlError

LIMITS = RenderingLimits(seconds=60, requests=60, received_bytes=1 << 24, document_bytes=1 << 24)
URL = "http://news.example.org/story/1"
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCRIPT = """
const list = document.getElementById("list");
const log = (text) => {
  const item = document.createElement("li");
  item.textContent = text;
  list.append(item);
};
log([Date.now(), new Date().toISOString(), performance.now(), Math.random(), crypto.randomUUID()]);
for (let n = 0; n < 20; n++) {
  fetch("/data/" + n).then((answer) => answer.text()).then((text) => log(text + " at " + Date.now()));
}
fetch("/data", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"query": 1}'})
  .then((answer) => answer.text()).then(log);
fetch("/data", {method: "DELETE"}).catch((error) => log("refused: " + error.name));
const waiting = new XMLHttpRequest();
waiting.open("GET", "/waits", false);
waiting.send();
log(waiting.responseText);
let ticks = 0;
setInterval(() => { if (++ticks % 10 === 0) log("tick " + ticks + " " + performance.now()); }, 100);
requestAnimationFrame((time) => log("frame " + time));
new IntersectionObserver((entries) => log("in view: " + entries[0].isIntersecting)).observe(list);
const image = new Image();
image.onload = () => log("picture " + image.naturalWidth);
image.src = "/picture.jpg";
image.title = URL.createObjectURL(new Blob(["x"]));
document.body.append(image);
"""


def page(script: str, url: str = URL) -> PageToRender:
    scripts = "".join(f'<script {how} src="/{how or "plain"}.js"></script>' for how in ("", "async", "defer"))
    html = f"<!DOCTYPE html><html><head>{scripts}</head><body><ul id=list></ul><script>{script}</script>"
    headers = {"content-type": "text/html; charset=utf-8"}
    return PageToRender(
        url=url, moment=MOMENT, answer=PageAnswer(status=200, headers=headers, body=html.encode())
    )


async def answer_late(request: PageRequest) -> Outcome:
    """Answers that come in any order."""
    await asyncio.sleep(random.random() / 10)
    return await answer_at_once(request)


async def answer_at_once(request: PageRequest) -> Outcome:
    kind = "text/javascript" if request.kind == "script" else "text/plain"
    body = f"window.loaded = {request.url!r};" if request.kind == "script" else request.url
    return PageAnswer(status=200, headers={"content-type": kind}, body=body.encode())


def run(work: Callable[[Browser], Any], memory_bytes: int = 0, kind: type[Browser] = Browser) -> Any:
    """What the coroutine returns that is given a browser."""

    async def main() -> Any:
        browser = kind(browser_options(memory_bytes))
        try:
            return await work(browser)
        finally:
            await browser.close()

    return asyncio.run(main())


@pytest.mark.slow
def test_the_same_answers_give_the_same_document_in_whatever_order_they_come() -> None:
    async def work(browser: Browser) -> list[Rendering]:
        orders = (answer_at_once, answer_late, answer_late)
        return [await browser.render(page(SCRIPT), order, LIMITS) for order in orders]

    first, *others = run(work)
    assert [other.html for other in others] == [first.html, first.html]
    text = first.html.decode()
    assert "<li>17723664000" in text
    assert ",2026-03-01T12:00:00.0" in text
    assert "<li>http://news.example.org/data/19 at 17723664" in text
    assert "<li>http://news.example.org/waits</li>" in text
    assert "<li>refused: TypeError</li>" in text
    assert "<li>tick 40 " in text
    assert "<li>picture 1</li>" in text
    assert first.refused == {"method": 1}
    assert first.requests == 25


@pytest.mark.slow
def test_the_browser_reaches_no_network_even_without_our_answers() -> None:
    """Not by an address, not by a name, not by datagrams: its own flags see to that."""

    async def visit(browser: Browser, port: int) -> None:
        chromium = await browser._start()
        browser._chromium = chromium
        context = await chromium.new_context()
        for host in ("127.0.0.1", "localhost", "[::1]"):
            with suppress(Exception):
                await (await context.new_page()).goto(f"http://{host}:{port}/", timeout=5000)
        opened = await context.new_page()
        await opened.goto("data:text/html,<p>here</p>")
        await opened.evaluate(
            """async (port) => {
              const peer = new RTCPeerConnection({iceServers: [{urls: "stun:127.0.0.1:" + port}]});
              peer.createDataChannel("x");
              await peer.setLocalDescription(await peer.createOffer());
              const tries = [fetch("http://127.0.0.1:" + port), fetch("http://localhost:" + port)];
              try { new WebSocket("ws://127.0.0.1:" + port); } catch (error) {}
              try { new WebTransport("https://127.0.0.1:" + port); } catch (error) {}
              navigator.sendBeacon("http://127.0.0.1:" + port, "x");
              await Promise.allSettled(tries);
              await new Promise((done) => setTimeout(done, 1500));
            }""",
            port,
        )
        await context.close()

    with listening() as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", listener.port))
        datagrams.setblocking(False)
        run(lambda browser: visit(browser, listener.port))
        assert listener.connections == 0
        with pytest.raises(BlockingIOError):
            datagrams.recv(2000)


@pytest.mark.slow
def test_a_crash_costs_a_page_and_the_next_gets_a_new_browser() -> None:
    async def work(browser: Browser) -> tuple[Exception, Rendering]:
        def kill() -> None:
            for pid in find_processes(browser._mark)[:1]:
                os.kill(pid, signal.SIGKILL)

        async def answer(request: PageRequest) -> Outcome:
            threading.Timer(0.1, kill).start()
            await asyncio.sleep(1)
            return await answer_at_once(request)

        with pytest.raises(BrowserCrash) as crash:
            await browser.render(page(SCRIPT), answer, LIMITS)
        assert not any(map(holds_memory, find_processes(browser._mark)))
        return crash.value, await browser.render(page("log = 1"), answer_at_once, LIMITS)

    crash, rendering = run(work)
    assert crash.reason_name == "browser_crash"
    assert b"<ul id=" in rendering.html


FIND_CLOCK = (
    "const clock = self[Object.getOwnPropertyNames(self).find((name) => /^_[0-9a-f]{32}$/.test(name))];"
)


@pytest.mark.slow
def test_a_page_that_meddles_with_its_clock_gets_no_error_but_an_outcome() -> None:
    async def work(browser: Browser) -> list[Rendering]:
        broken = "Object.prototype.then = (done) => done(1); log(1);"
        with pytest.raises(PageLeft):
            await browser.render(page(broken), answer_at_once, LIMITS)
        scripts = (f"{FIND_CLOCK} try {{ clock.advance = () => 'x'; }} catch {{}}", "self.Promise = null;")
        end = "list.append('at once'); setTimeout(() => list.append('later'), 4000);"
        return [await browser.render(page(script + end), answer_at_once, LIMITS) for script in scripts]

    assert all(b"at oncelater</ul>" in rendering.html for rendering in run(work))


@pytest.mark.slow
def test_a_page_that_is_done_is_not_lost_when_it_cannot_be_closed() -> None:
    class Unclosing(Browser):
        async def _new_context(self, chromium: Any) -> Any:
            context: Any = await super()._new_context(chromium)
            context.close = self._hang
            return context

        async def _hang(self) -> None:
            raise TimeoutError

    async def work(browser: Browser) -> list[Rendering]:
        return [await browser.render(page("list.append('here');"), answer_at_once, LIMITS) for _ in range(2)]

    assert all(b"here</ul>" in rendering.html for rendering in run(work, kind=Unclosing))


@pytest.mark.slow
def test_memory_is_counted_over_all_processes_and_no_process_and_no_folder_stays() -> None:
    marks: list[str] = []

    async def work(browser: Browser) -> None:
        with pytest.raises(BrowserMemory):
            await browser.render(page("while (true) {}"), answer_at_once, LIMITS)
        marks.append(browser._mark)
        assert len(browser._folders) == 2
        assert not any(map(Path.exists, browser._folders))
        assert browser.peak_bytes > 1 << 20

    run(work, memory_bytes=1 << 20)
    assert not any(map(holds_memory, find_processes(marks[0])))


def test_what_a_process_has_for_itself_is_known() -> None:
    assert read_private_bytes(os.getpid()) > 1 << 20
    assert read_private_bytes(-1) == 0


def test_a_browser_that_is_not_installed_is_named() -> None:
    with pytest.raises(NewscrawlError, match=r"looked for /nowhere/chromium$"):
        find_browser("/nowhere/chromium")


def test_blob_urls_are_numbered() -> None:
    first, second = "0f1e2d3c-0000-4000-8000-0123456789ab", "1f1e2d3c-0000-4000-8000-0123456789ab"
    html = f'<a href="blob:https://x.org/{first}"><a href="blob:https://x.org/{second}"><p>{first}</p>'
    html += f'<a href="blob:https://x.org/{first}">'
    numbered = '<a href="blob:https://x.org/1"><a href="blob:https://x.org/2">'
    assert number_blobs(html) == numbered + f'<p>{first}</p><a href="blob:https://x.org/1">'
