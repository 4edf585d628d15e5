"""The spider `urls`: archive and extract any list of pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from scrapy import Request

from newscrawl.errors import NewscrawlError
from newscrawl.items import Link, Page, Rejection
from newscrawl.spiders.base import ArchivingSpider
from newscrawl.spiders.crawl_options import URLS
from newscrawl.state.frontier import MemoryFrontier
from newscrawl.urls import USERINFO_PROBLEM, absolute_url, has_userinfo


class UrlsSpider(ArchivingSpider):
    """`scrapy crawl urls -a file=urls.txt` (a URL per line, # comments), or `-a url=https://…`."""

    name = URLS

    def __init__(
        self,
        file: str | None = None,
        url: str | None = None,
        urls: str | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        if sum(map(bool, (file, url, urls))) != 1:
            raise NewscrawlError("the spider urls takes either -a file=FILE or -a url=URL")
        if file:
            self.urls = read_url_file(Path(file))
        else:
            self.urls = [check_url(line, "-a url") for line in (urls or url or "").splitlines()]

    def restart_arguments(self) -> dict[str, Any]:
        return {"urls": "\n".join(self.urls)}

    def first_urls(self) -> Iterable[str]:
        return self.urls

    async def start(self) -> AsyncIterator[Request | Rejection | Page]:
        self.frontier = MemoryFrontier(max_waiting=len(self.urls))
        self.frontier.add(Link(url=url, via="list") for url in self.urls)
        # The user wants every listed page; the limit is for pages that a crawl finds by itself.
        self.pages_left = len(self.urls)
        for request in self.page_requests():
            yield request


def read_url_file(path: Path) -> list[str]:
    """The URLs of a text file; NewscrawlError names the file and the first line that is not a URL."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NewscrawlError(f"cannot read {path}: {error}") from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    urls = [
        check_url(line, f"{path}, line {number}")
        for number, line in numbered
        if line and not line.startswith("#")
    ]
    if not urls:
        raise NewscrawlError(f"{path}: no URL in it")
    return urls


def check_url(url: str, where: str) -> str:
    """`url` if it is an absolute http(s) URL without a password; NewscrawlError names where it was given."""
    checked = absolute_url(url, "")
    if has_userinfo(url):
        raise NewscrawlError(f"{where}: the URL {USERINFO_PROBLEM}")
    if not checked:
        # What stands before an @ may be a password, however the rest is misspelled.
        raise NewscrawlError(f"{where}: {'this' if '@' in url else repr(url)} is not an http(s) URL")
    return checked
