"""A Chromium without a network, which renders pages one after another, each in a context of its own.

Playwright steers it over a pipe. It starts with the first page. When a page hangs, crashes or takes too much
memory, its browser is killed, and the next page gets a new one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from newscrawl.downloader.browser_page import (
    VIEWPORT,
    Fetch,
    PageToRender,
    PageVisit,
    Rendering,
    RenderingLimits,
)
from newscrawl.downloader.refusals import BrowserCrash, BrowserMemory
from newscrawl.errors import MachineFault, NewscrawlError

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, Playwright

logger = logging.getLogger(__name__)

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
"Names under which systems install it."
START_SECONDS = 60.0
CLOSE_SECONDS = 5.0
PAGES_PER_BROWSER = 200
"A browser is replaced after so many pages, whatever it has left in memory."
MEMORY_INTERVAL = 0.25
_NO_PROXY_HOST = "nowhere.invalid:9"
_FLAGS = (
    # No name resolves, that of the proxy included, and nothing goes around the proxy: no connection at all.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    f"--proxy-server=http://{_NO_PROXY_HOST}",
    "--proxy-bypass-list=<-loopback>",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--dns-prefetch-disable",
    # A page is one process, whose clock is virtual. (Playwright switches features off; a second list would
    # take the place of its own.)
    "--disable-site-isolation-trials",
    "--disable-gpu",
    "--mute-audio",
    "--js-flags=--max-old-space-size=512",
)
_PROFILE = "playwright_chromiumdev_profile-"
_SOCKET, _SOCKET_FOLDER = "SingletonSocket", "org.chromium.Chromium."
"A link in the profile, and what is in the name of the folder that it leads to."
_MARK = "--newscrawl-browser="
"Marks our own Chromium among the processes of a machine; it ignores what it does not know."


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowserOptions:
    """How Chromium is started, and what readers it claims to serve."""

    program: str
    "Path of Chromium."
    has_sandbox: bool
    memory_bytes: int
    "Of all its processes together; 0: no limit."
    user_agent: str
    locale: str
    timezone: str
    "IANA name."


def find_browser(program: str) -> str:
    """The path of Chromium; NewscrawlError when it, or Playwright, is not installed."""
    if find_spec("playwright") is None:
        raise NewscrawlError("a browser needs Playwright: pip install 'newscrawl[browser]'")
    names = (program,) if program else PROGRAMS
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise NewscrawlError(f"no browser is installed: looked for {', '.join(names)}")
    return found


def check_sandbox(has_sandbox: bool) -> None:
    """NewscrawlError when Chromium would refuse to start: its sandbox does not work for root."""
    if has_sandbox and os.geteuid() == 0:
        raise NewscrawlError(
            "the browser's sandbox does not work for root: crawl as another user, or set "
            "NEWSCRAWL_BROWSER_SANDBOX=0 where a container is the sandbox"
        )


class Browser:
    """Renders pages; not more than one at a time."""

    def __init__(self, options: BrowserOptions) -> None:
        self._options = options
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._mark = ""
        self._folders: set[Path] = set()
        "Temporary folders of the browser, which it leaves behind if it is killed."
        self._pages = 0
        self._turn = asyncio.Lock()
        self.version = ""
        "Of Chromium; empty before the first page."
        self.peak_bytes = 0
        "Most memory that its processes had together while a page was rendered."

    async def render(self, page: PageToRender, fetch: Fetch, limits: RenderingLimits) -> Rendering:
        """The page as its scripts leave it.

        An error with a `reason_name` when the page is at fault, MachineFault when no browser starts.
        """
        async with self._turn:
            if self._chromium is None or self._pages >= PAGES_PER_BROWSER:
                await self.close()
                self._chromium = await self._start()
            self._pages += 1
            try:
                return await self._render(self._chromium, page, fetch, limits)
            except BaseException:
                # Whatever it was, the next page shall not suffer from it.
                await self._kill()
                raise

    async def _render(
        self, chromium: Chromium, page: PageToRender, fetch: Fetch, limits: RenderingLimits
    ) -> Rendering:
        from playwright.async_api import Error

        watch: asyncio.Task[None] | None = None
        try:
            context = await self._new_context(chromium)
            visit = PageVisit(context, page, fetch, limits)
            crash = BrowserCrash(f"the browser ended while it rendered {page.url}")
            chromium.once("disconnected", lambda _: visit.fail(crash))
            context.on("page", lambda opened: opened.on("crash", lambda _: visit.fail(crash)))
            watch = asyncio.ensure_future(self._watch_memory(page, visit.fail))
            rendering = await visit.render()
            await self._close_context(context)
            return rendering
        except (Error, TimeoutError) as error:
            text = str(error).splitlines()[0]
            raise BrowserCrash(f"{page.url}: {text}") from error
        finally:
            if watch:
                watch.cancel()

    async def _close_context(self, context: BrowserContext) -> None:
        """Let go of a page that is done; a browser that cannot is replaced, but the page is not lost."""
        try:
            await asyncio.wait_for(context.close(), CLOSE_SECONDS)
        except Exception as error:  # noqa: BLE001 # whatever it was, the next page shall not suffer from it
            logger.debug("a page cannot be closed: %r", error)
            await self._kill()

    async def _new_context(self, chromium: Chromium) -> BrowserContext:
        width, height = VIEWPORT
        return await chromium.new_context(
            accept_downloads=False,
            service_workers="block",
            user_agent=self._options.user_agent,
            locale=self._options.locale,
            timezone_id=self._options.timezone,
            viewport={"width": width, "height": height},
            device_scale_factor=1,
            color_scheme="light",
            reduced_motion="reduce",
        )

    async def _start(self) -> Chromium:
        from playwright.async_api import Error, async_playwright

        self._mark, self._pages = f"{_MARK}{uuid4().hex}", 0
        try:
            async with asyncio.timeout(START_SECONDS):
                self._playwright = await async_playwright().start()
                chromium = await self._playwright.chromium.launch(
                    executable_path=self._options.program,
                    headless=True,
                    chromium_sandbox=self._options.has_sandbox,
                    args=[*_FLAGS, self._mark],
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
        except (Error, OSError, TimeoutError) as error:
            await self._kill()
            text = " ".join(str(error).split())[:300] or "it took too long"
            raise MachineFault(f"the browser {self._options.program} does not start: {text}") from error
        self._folders = find_folders(find_processes(self._mark))
        self.version = chromium.version
        logger.info("started Chromium %s", chromium.version)
        return chromium

    async def _watch_memory(self, page: PageToRender, fail: Callable[[Exception], None]) -> None:
        limit = self._options.memory_bytes
        while True:
            used = sum(map(read_private_bytes, find_processes(self._mark)))
            self.peak_bytes = max(self.peak_bytes, used)
            if limit and used > limit:
                fail(BrowserMemory(f"{page.url} took {used >> 20} MB of memory, the limit is {limit >> 20}"))
                return
            await asyncio.sleep(MEMORY_INTERVAL)

    async def _kill(self) -> None:
        """End all processes, even of a browser that does not answer."""
        processes = find_processes(self._mark) if self._mark else []
        folders = self._folders | find_folders(processes)
        end_processes(pid for pid in processes if not is_driver(pid))
        # Playwright's own process ends in order, or with the others.
        await self.close()
        end_processes(processes)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while any(map(holds_memory, processes)):
                    await asyncio.sleep(0.02)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    async def close(self) -> None:
        """End the browser; the next page starts another."""
        chromium, self._chromium = self._chromium, None
        playwright, self._playwright = self._playwright, None
        for stop in (chromium and chromium.close, playwright and playwright.stop):
            if stop:
                # It may have ended by itself.
                with suppress(Exception):
                    await asyncio.wait_for(stop(), CLOSE_SECONDS)


def find_processes(mark: str) -> list[int]:
    """The processes whose command line has this mark, those below them, and Playwright's own above them.

    None where /proc is missing.
    """
    parents = dict(_iter_parents())
    found = [pid for pid in parents if mark.encode() in _read(pid, "cmdline")]
    drivers = {parents[pid] for pid in found} - {os.getpid(), 0, 1}
    found += filter(is_driver, drivers)
    seen = set(found)
    for pid in found:
        below = [child for child, parent in parents.items() if parent == pid and child not in seen]
        seen.update(below)
        found += below
    return found


def _iter_parents() -> Iterator[tuple[int, int]]:
    with suppress(OSError):
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                # Behind the name in brackets, which may hold anything, come the state and the parent.
                fields = _read(int(path.name), "stat").rpartition(b")")[2].split()
                if len(fields) > 1:
                    yield int(path.name), int(fields[1])


def is_driver(pid: int) -> bool:
    """Whether a process is Playwright's own, which steers the browser."""
    return b"run-driver" in _read(pid, "cmdline")


def find_profile(pid: int) -> Path | None:
    """The folder that Playwright has made for a browser; None if the process has none."""
    for argument in _read(pid, "cmdline").split(b"\0"):
        name, _, value = os.fsdecode(argument).partition("=")
        if name == "--user-data-dir" and Path(value).name.startswith(_PROFILE):
            return Path(value)
    return None


def find_folders(processes: Iterable[int]) -> set[Path]:
    """The profiles of browsers, and the folders of the sockets that these name."""
    profiles = set(filter(None, map(find_profile, processes)))
    folders = set(profiles)
    for profile in profiles:
        with suppress(OSError):
            folder = (profile / _SOCKET).readlink().parent
            if _SOCKET_FOLDER in folder.name:
                folders.add(folder)
    return folders


def end_processes(processes: Iterable[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def holds_memory(pid: int) -> bool:
    """Whether a process has memory, which one that was killed and has not been waited for has not."""
    return read_private_bytes(pid) > 0


def read_private_bytes(pid: int) -> int:
    """Memory that a process has for itself; 0 if it has ended."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"RssAnon:"):
            return int(line.split()[1]) << 10
    return 0


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
