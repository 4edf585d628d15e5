"""Sends a run's files to the bucket of the archives, before state records that the run has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings

from newscrawl.archive.bucket import OutletCopy, Spool, is_stored, set_aside_given_up
from newscrawl.archive.repair import repair_folder
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError, Busy, MachineFault, NewscrawlError, StorageError
from newscrawl.spiders.base import ArchivingSpider, CrawlerComponent
from newscrawl.spiders.lease_holder import has_ended
from newscrawl.spiders.run_context import check_spool, find_archives
from newscrawl.state.encoding import epoch_seconds
from newscrawl.state.runs import RENEW_SECONDS, Lease, State

logger = logging.getLogger(__name__)

OTHERS_SECONDS = 60
"How long a run that has ended sends what other runs on this machine left waiting."


def make_room(settings: BaseSettings, state: State | None) -> None:
    """Send what waits for a bucket if that fills the spool; MachineFault if there is no room then either.

    Otherwise a spool that has once been full would stay so: files are sent when runs end, and none begins.
    """
    try:
        check_spool(settings)
    except MachineFault:
        spool, now = Spool.find(find_archives(settings)), epoch_seconds(utc_now())
        if not spool or not state or spool.is_away(now):
            raise
        outlet = state.urls.outlet
        copy = OutletCopy(folder=spool.archives / outlet, storage=spool.storage)
        is_waiting = any(mark.outlet == outlet for mark in spool.list_waiting())
        with _renewing(state) as wait_for:
            if not is_waiting or wait_for(lambda: send_copy(spool, copy, state, now)):
                wait_for(lambda: send_others(spool, state, outlet))
        check_spool(settings)


class BucketExtension(CrawlerComponent):
    """Sends finished files. While the bucket is away they wait, and the run ends well all the same."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay writes nothing that is kept")
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    def spider_closed(self, spider: ArchivingSpider) -> None:
        copy = spider.run.copy if hasattr(spider, "run") else None
        spool = Spool.find(spider.run.folder.parent) if copy else None
        if not copy or not spool:
            return
        state: State | None = getattr(spider, "state", None)
        try:
            with _renewing(state) as wait_for:
                if wait_for(lambda: self.send_own(spider, state, spool, copy)) and state:
                    wait_for(lambda: send_others(spool, state, spider.name))
        except ArchiveError as error:
            logger.error("%s: %s", spider.name, error)

    def send_own(self, spider: ArchivingSpider, state: State | None, spool: Spool, copy: OutletCopy) -> bool:
        """Send the outlet's files; whether the bucket has all of them."""
        run, now = spider.run, epoch_seconds(utc_now())
        if spool.is_away(now):
            spool.mark(spider.name, now, copy.waiting_bytes())
            logger.warning("%s: the files wait: %s did not answer a moment ago", run.id, copy.storage.url)
            return False
        if not send_copy(spool, copy, state, now):
            return False
        names = (run.id, *(file.name for file in run.warcs))
        copy.trim(lambda name: name.startswith(names))
        return True


@contextmanager
def _renewing(state: State | None) -> Iterator[Callable[[Callable[[], bool]], bool]]:
    """Runs steps in a thread while this one renews the lease, as an upload may take longer than it holds."""
    with ThreadPoolExecutor(1) as threads:

        def wait_for(step: Callable[[], bool]) -> bool:
            future: Future[bool] = threads.submit(step)
            while True:
                try:
                    return future.result(RENEW_SECONDS)
                except FutureTimeout:
                    if future.done():
                        raise
                    if state:
                        state.lease.renew(epoch_seconds(utc_now()))

        yield wait_for


def send_copy(spool: Spool, copy: OutletCopy, state: State | None, now: int) -> bool:
    """Send an outlet's files under its lease; whether the bucket has all of them. What fails is logged."""
    outlet = copy.folder.name
    try:
        copy.refresh()
        if state:
            set_aside_given_up(copy, state.database)
        results = copy.send()
    except StorageError as error:
        logger.warning("%s: the files wait: %s", outlet, error)
        spool.note_away(now)
        spool.mark(outlet, now, copy.waiting_bytes())
        return False
    if is_stored(results):
        spool.unmark(outlet)
        spool.note_back()
        sent = sum(result.bytes for result in results if result.outcome == "sent")
        logger.info("%s: %s bytes sent to %s", outlet, sent, copy.storage.url)
        return True
    for result in results:
        if result.outcome in ("failed", "damaged"):
            logger.error("%s: %s", result.file.name, result.detail)
    if results[-1].outcome == "failed":
        spool.note_away(now)
    spool.mark(outlet, now, copy.waiting_bytes())
    return False


def send_others(spool: Spool, state: State, own: str, seconds: float = OTHERS_SECONDS) -> bool:
    """Send what other runs on this machine left waiting, each outlet's under its lease."""
    deadline = time.monotonic() + seconds
    for mark in spool.list_waiting():
        if mark.outlet == own or time.monotonic() > deadline:
            continue
        copy = OutletCopy(folder=spool.archives / mark.outlet, storage=spool.storage)
        lease, now = Lease(state.database, mark.outlet, state.holder), epoch_seconds(utc_now())
        try:
            lease.acquire(now, has_ended)
        except Busy:
            continue  # a run is at work there, and sends them itself if it is on this machine
        try:
            # A run that was killed may have left files open, and the outlet may be crawled elsewhere now.
            repair_folder(copy.folder, host=state.holder.host)
            if not send_copy(spool, copy, state, now):
                return False
        except NewscrawlError as error:
            logger.error("%s: %s", mark.outlet, error)
        finally:
            lease.release()
    return True
