"""The archive of a spider that is not ours: opened before its first request, watched for what is missing."""

from __future__ import annotations

import logging
import os
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Self
from uuid import uuid4

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.defer import deferred_from_coro
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import load_object

from newscrawl.archive.repair import repair_folder
from newscrawl.archive.run_files import Run, new_run
from newscrawl.downloader.adapter import ReconstructingHandler
from newscrawl.downloader.capture import ARCHIVE_ATTRIBUTE, CaptureHandler, get_spider_with_run, utc_now
from newscrawl.downloader.request_meta import POINTER
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Link, WitnessPointer
from newscrawl.spiders.run_context import warcinfo

logger = logging.getLogger(__name__)

RECORDED_SCHEMES = ("http", "https")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")
"What neither the name of a folder nor that of an archive file holds."
_MAX_NAME_CHARS = 100


class SpiderArchive:
    """What a download handler needs of a spider: a run to write to, and a way to stop the crawl."""

    def __init__(self, crawler: Crawler, run: Run) -> None:
        self._crawler = crawler
        self.run = run

    def find_witness(self, link: Link) -> WitnessPointer | None:
        """None: only spiders of newscrawl know who else has a story."""
        del link
        return None

    def is_closing(self) -> bool:
        """Whether the crawl takes no more requests, as far as the archive knows."""
        return self.run.failure is not None

    def stop_on_archive_error(self, error: ArchiveError, reason: str = "archive_error") -> None:
        """Close the spider: nothing may be fetched that cannot be archived."""
        is_first = self.run.failure is None or self.run.failure is error
        self.run.failure = self.run.failure or error
        engine = self._crawler.engine
        if is_first and engine.running:
            logger.error("%s: %s", self.run.outlet, error)
            deferred_from_coro(engine.close_spider_async(reason=reason))


class WarcArchiveExtension:
    """Opens the archive with the crawl, closes it with the spider, and ends a crawl that bypasses it.

    It is created when every add-on has changed the settings, so what it finds in them is what will be used.
    """

    def __init__(self, crawler: Crawler) -> None:
        spider = crawler.spider
        assert spider, "extensions are created after the spider"
        check_handlers(crawler.settings)
        if get_spider_with_run(spider):
            raise NewscrawlError(
                f"{spider.name} archives by itself: take newscrawl.addon.WarcAddon out of ADDONS"
            )
        self._stats = crawler.stats
        self._unrecorded: set[str] = set()
        self.archive = SpiderArchive(crawler, _open_run(spider.name, crawler.settings))
        setattr(spider, ARCHIVE_ATTRIBUTE, self.archive)
        crawler.signals.connect(self.request_reached_downloader, signals.request_reached_downloader)
        crawler.signals.connect(self.response_downloaded, signals.response_downloaded)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)
        logger.info("%s: its traffic is archived in %s", spider.name, self.archive.run.folder)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def request_reached_downloader(self, request: Request) -> None:
        """Warn once of each scheme whose requests are not HTTP and so have no record."""
        scheme = urlparse_cached(request).scheme
        if scheme not in RECORDED_SCHEMES and scheme not in self._unrecorded:
            self._unrecorded.add(scheme)
            logger.warning(
                "%s: requests of %s: are not archived, as %s", self.archive.run.outlet, scheme, request
            )

    def response_downloaded(self, response: Response, request: Request) -> None:
        """End the crawl if something else than our handler has downloaded a response."""
        if urlparse_cached(request).scheme in RECORDED_SCHEMES and POINTER not in request.meta:
            error = ArchiveError(f"{response.url} was downloaded past the archive: which DOWNLOADER is set?")
            self.archive.stop_on_archive_error(error, "not_archived")

    def spider_closed(self) -> None:
        run = self.archive.run
        warc = run.warc
        assert warc, "it is no replay"
        try:
            warc.close()
        except ArchiveError as error:
            logger.error("%s: %s", run.outlet, error)
        sizes = [file.bytes for file in warc.files]
        self._stats.set_value("newscrawl/warc/exchanges", run.exchanges)
        self._stats.set_value("newscrawl/warc/files", len(sizes))
        self._stats.set_value("newscrawl/warc/bytes", sum(sizes))


def check_handlers(settings: BaseSettings) -> None:
    """NewscrawlError if HTTP would not go through a handler that archives."""
    handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
    for scheme in RECORDED_SCHEMES:
        path = handlers.get(scheme)
        if path is None:
            continue  # then there is no such traffic
        handler = load_object(path)
        if not (isinstance(handler, type) and issubclass(handler, CaptureHandler | ReconstructingHandler)):
            raise NewscrawlError(
                f"nothing would be archived: another add-on has set DOWNLOAD_HANDLERS to {path} for {scheme} "
                "requests; take one of the two out of ADDONS"
            )


def make_folder_name(spider: str) -> str:
    """The name of a spider as that of a folder and of archive files."""
    name = _UNSAFE.sub("_", spider).strip(".")[:_MAX_NAME_CHARS]
    return name or "spider"


def _warcinfo(spider: str, settings: BaseSettings) -> tuple[tuple[str, str], ...]:
    """The fields of a file's warcinfo record: first the software that crawled, then the one that archived.

    Scrapy stands first since nothing here says which responses are pages: whoever reads the file chooses them
    by status and type, as in the files of any other crawler.
    """
    fields = dict(warcinfo(spider, settings))
    ours, *others = fields["software"].split()
    return tuple((fields | {"software": " ".join([*others, ours])}).items())


def _open_run(spider: str, settings: BaseSettings) -> Run:
    """A run with an open WARC file, after the files that a killed run left open were closed."""
    name = make_folder_name(spider)
    run = new_run(
        outlet=name,
        archives=Path(settings["NEWSCRAWL_ARCHIVES"]),
        started=utc_now(),
        pid=os.getpid(),
        host=socket.gethostname(),
        info=_warcinfo(spider, settings),
        now=utc_now,
        new_id=lambda: f"<urn:uuid:{uuid4()}>",
        max_bytes=settings.getint("NEWSCRAWL_WARC_MAX_BYTES"),
        max_age=timedelta(hours=settings.getfloat("NEWSCRAWL_WARC_MAX_HOURS")),
    )
    assert run.warc, "it is no replay"
    if run.folder.is_dir():
        for file in repair_folder(run.folder, host=socket.gethostname()).files:
            logger.info("%s: %s %s: %s", name, file.name, file.outcome, file.summary)
    run.warc.open()
    return run
