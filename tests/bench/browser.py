"""What rendering costs: CPU and memory a page, of Chromium, of Playwright and of the crawl's own process.

`python tests/bench/browser.py [PAGES]`: pages of the script-only outlet of the tests, answered from memory.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from wire.chromium import browser_options
from wire.script_site import STORIES, script_site

from newscrawl.downloader.browser import Browser, find_processes, read_private_bytes
from newscrawl.downloader.browser_page import PageToRender, RenderingLimits
from newscrawl.downloader.browser_requests import Outcome, PageAnswer, PageRequest, ScriptCache

BASE = "http://valley.example.org"
LIMITS = RenderingLimits(seconds=60, requests=60, received_bytes=1 << 24, document_bytes=1 << 24)


def read_answers() -> dict[str, PageAnswer]:
    answers = {}
    for path, answer in script_site(BASE).items():
        head, _, body = b"".join(answer.pieces).partition(b"\r\n\r\n")
        fields = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        headers = {name.decode().lower(): value.decode() for name, _, value in fields}
        answers[path] = PageAnswer(status=200, headers=headers, body=body)
    return answers


def cpu_seconds(pid: int) -> float:
    """CPU of a process and of its children that have ended; 0 if it has ended itself."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


async def measure(pages: int) -> None:
    answers, scripts = read_answers(), ScriptCache()

    async def fetch(request: PageRequest) -> Outcome:
        answer = scripts.find(request) or answers[urlsplit(request.url).path]
        scripts.add(request, answer)
        return answer

    browser = Browser(browser_options())
    stories = [f"/story/{name}" for name, _ in STORIES]

    async def render(path: str) -> None:
        page = PageToRender(url=BASE + path, moment=datetime.now(UTC), answer=answers[path])
        await browser.render(page, fetch, LIMITS)

    started = monotonic()
    await render(stories[0])
    print(f"first page, with the start of Chromium: {monotonic() - started:.1f} s")
    processes = find_processes(browser._mark)
    before, own, started = sum(map(cpu_seconds, processes)), process_time(), monotonic()
    for number in range(pages):
        await render(stories[number % len(stories)])
    seconds, crawl = monotonic() - started, process_time() - own
    others = sum(map(cpu_seconds, find_processes(browser._mark))) - before
    print(f"{pages} pages: {1000 * seconds / pages:.0f} ms a page")
    print(f"CPU a page: {1000 * others / pages:.0f} ms browser, {1000 * crawl / pages:.0f} ms crawl")
    resident = sum(map(read_private_bytes, find_processes(browser._mark)))
    print(f"memory: {browser.peak_bytes >> 20} MB at most, {resident >> 20} MB between pages")
    await browser.close()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
