"""Looks for copies of a run's articles when the run has closed its files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured

from newscrawl.archive.finished_runs import ended_pages
from newscrawl.dedup.articles import text_of
from newscrawl.dedup.incremental import cluster_texts
from newscrawl.errors import ArchiveError
from newscrawl.items import Article
from newscrawl.spiders.run_context import now
from newscrawl.state.duplicates import CopyTable
from newscrawl.state.rows import seconds_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


logger = logging.getLogger(__name__)


class CopiesExtension:
    """Tells state which of the run's articles repeat others of the last days; lines stay as they are."""

    def __init__(self, crawler: Crawler) -> None:
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay has no state")
        if not crawler.settings.getbool("NEWSCRAWL_CLUSTER"):
            raise NotConfigured("NEWSCRAWL_CLUSTER is off")
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def spider_closed(self, spider: ArchivingSpider) -> None:
        """Whatever goes wrong here, the run is whole: `newscrawl cluster` makes up for it."""
        state = getattr(spider, "state", None)
        if not state or spider.run.failure:
            return
        is_wire = bool(spider.outlet and spider.outlet.kind == "wire")
        try:
            lines = ended_pages(spider.run.folder, spider.run.id)
            made = (text_of(line, is_wire=is_wire) for line in lines if isinstance(line, Article))
            texts = (text for text in made if text)
            found = cluster_texts(CopyTable(state.database), texts, seconds_of(now()))
        except ArchiveError as error:
            logger.error("%s: copies were not looked for: %s", spider.name, error)
            return
        logger.info("%s: %s of %s new articles have copies", spider.name, found.copies, found.texts)
