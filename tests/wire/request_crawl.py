"""A crawl of requests of any kind: `python -m wire.request_crawl`, in a process of its own.

The JSON on its standard input holds `settings` and `requests`, each with what scrapy.Request takes, and
`stop`: the signal at which the download is stopped.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import StopDownload
from scrapy.settings import Settings

from newscrawl.spiders.base import ArchivingSpider
from newscrawl.warc.reader import WarcRecord, iter_records, parse_warc_fields
from wire.crawl import FAST, ROOT, environment

ASKED: dict[str, Any] = json.load(sys.stdin) if __name__ == "__main__" else {}


class RequestSpider(ArchivingSpider):
    """Sends what it was told to send, one after another."""

    name = "asking"

    def first_urls(self) -> Iterator[str]:
        return iter(())

    @classmethod
    def from_crawler(cls, crawler: Any, *args: Any, **kwargs: Any) -> RequestSpider:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.headers_received, signals.headers_received)
        crawler.signals.connect(spider.bytes_received, signals.bytes_received)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        for number, crawl_requests in enumerate(ASKED["requests"]):
            options = {name: value for name, value in crawl_requests.items() if name != "stop"}
            options.setdefault("meta", {})["stop"] = crawl_requests.get("stop")
            yield Request(
                **options, callback=self.ended, errback=self.ended, priority=-number, dont_filter=True
            )

    def ended(self, response: Any) -> Iterator[dict[str, list[str]]]:
        files = getattr(response, "meta", {}).get("files")
        if files:
            yield {"file_urls": files}

    def headers_received(self, request: Request) -> None:
        self._stop(request, "headers")

    def bytes_received(self, request: Request) -> None:
        self._stop(request, "bytes")

    @staticmethod
    def _stop(request: Request, at: str) -> None:
        if request.meta.get("stop") == at:
            raise StopDownload(fail=False)


@dataclass
class RecordedRequests:
    """What a crawl of this kind left."""

    folder: Path
    output: str

    @property
    def records(self) -> list[WarcRecord]:
        found = []
        for path in sorted(self.folder.glob("*.warc.gz")):
            with path.open("rb") as stream:
                found += list(iter_records(stream))
        return found

    def of(self, kind: str, end: str = "") -> list[WarcRecord]:
        """Records of a kind, in their order, whose URL ends so."""
        return [record for record in self.records if record.kind == kind and record.url.endswith(end)]

    def notes(self, end: str = "") -> list[dict[str, str]]:
        return [parse_warc_fields(record.block) for record in self.of("metadata", end)]

    @property
    def raw(self) -> bytes:
        """All blocks, one after another."""
        return b"".join(record.block for record in self.records)


def crawl_requests(requests: list[dict[str, Any]], archives: Path, **settings: object) -> RecordedRequests:
    """Crawl these requests; no file may grow over LARGEST_FILE, as if the disk were full."""
    options = {
        **FAST,
        "NEWSCRAWL_ARCHIVES": str(archives),
        "RETRY_ENABLED": 0,
        "CONCURRENT_REQUESTS": 1,
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-m", "wire.request_crawl"],
        input=json.dumps({"requests": requests, "settings": options}),
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return RecordedRequests(archives / "asking", done.stderr)


def main() -> None:
    if limit := ASKED["settings"].pop("LARGEST_FILE", 0):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    settings = Settings()
    settings.setmodule("newscrawl.settings", priority="project")
    settings.setdict({"ROBOTSTXT_OBEY": False, **ASKED["settings"]}, priority="cmdline")
    process = AsyncCrawlerProcess(settings)
    process.crawl(RequestSpider)
    process.start()


if __name__ == "__main__":
    main()
