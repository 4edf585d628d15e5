"""The viewer on loopback, as `newscrawl view` serves it, and Chromium that looks at it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from newscrawl.items import WarcPointer
from newscrawl.state.database import Database
from newscrawl.view.catalogue import Catalogue
from newscrawl.view.follower import CatalogueFollower
from newscrawl.view.server import bind, guard_apps, serve_apps
from newscrawl.view.site import Sources
from wire.chromium import IS_ROOT, find_chromium

HOST = "127.0.0.1"
SECONDS = 60


@dataclass(frozen=True)
class Viewer:
    """A viewer that answers."""

    base: str
    originals: str
    catalogue: Catalogue

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers by lower-case name and text of an answer."""
        status, found, body = self.get_bytes(path, **headers)
        return status, found, body.decode()

    def get_bytes(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        url = path if path.startswith("http") else self.base + path
        request = Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urlopen(request, timeout=SECONDS) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except HTTPError as error:
            with error:
                return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def explain_nothing(_folder: Path, _pointer: WarcPointer) -> dict[str, Any]:
    raise AssertionError("nobody asked for an explanation")


@contextmanager
def serving_view(
    archives: Path,
    *,
    database: Database | None = None,
    explain: Callable[[Path, WarcPointer], dict[str, Any]] = explain_nothing,
    now: Callable[[], float] = time.time,
) -> Iterator[Viewer]:
    """A viewer of these archives whose catalogue is complete."""
    catalogue = Catalogue.open(archives)
    follower = CatalogueFollower(catalogue)
    follower.start()
    assert follower.is_complete.wait(SECONDS)
    listeners = [bind(HOST, 0), bind(HOST, 0)]
    port, originals_port = (listener.getsockname()[1] for listener in listeners)
    sources = Sources(
        catalogue=catalogue,
        follower=follower,
        open_database=lambda: database,
        explain=explain,
        now=now,
        originals_port=originals_port,
    )
    apps = guard_apps(sources, HOST, port, ())
    started, loops = threading.Event(), list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await serve_apps(list(zip(apps, listeners, strict=True)), stop, started.set)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert started.wait(SECONDS)
        yield Viewer(f"http://{HOST}:{port}", f"http://{HOST}:{originals_port}", catalogue)
    finally:
        ((loop, stop),) = loops
        loop.call_soon_threadsafe(stop.set)
        thread.join(SECONDS)
        follower.stop()
        catalogue.close()


@contextmanager
def trap() -> Iterator[tuple[int, list[str]]]:
    """A port that nobody may connect to, and who did."""
    callers: list[str] = []
    with socket.create_server((HOST, 0)) as listener:
        stopping = threading.Event()

        def listen() -> None:
            listener.settimeout(0.2)
            while not stopping.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    try:
                        callers.append(repr(connection.recv(300)))
                    except TimeoutError:
                        callers.append("a silent connection")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], callers
        finally:
            stopping.set()
            thread.join(SECONDS)


@contextmanager
def looking(trap_port: int = 9, **options: Any) -> Iterator[Any]:
    """A page of Chromium; every name below `.example` leads to the trap, and no other name anywhere."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            chromium_sandbox=not IS_ROOT,
            args=[
                f"--host-resolver-rules=MAP *.example {HOST}:{trap_port}, MAP * ~NOTFOUND, EXCLUDE {HOST}",
                "--no-proxy-server",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-features=OptimizationHints,MediaRouter,AutofillServerCommunication",
            ],
        )
        try:
            page = browser.new_page(**options)
            page.set_default_timeout(SECONDS * 1000)
            yield page
        finally:
            browser.close()
