"""Keeps the index of an outlet's folder current, so that nobody has to build it before looking a page up."""

from __future__ import annotations

import logging

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from newscrawl.errors import NewscrawlError
from newscrawl.spiders.base import ArchivingSpider, CrawlerComponent

logger = logging.getLogger(__name__)


class IndexExtension(CrawlerComponent):
    """Indexes the WARC files that a run has closed; the next run makes up for what fails here."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay writes no WARC files")
        if not crawler.settings.getbool("NEWSCRAWL_INDEX"):
            raise NotConfigured("NEWSCRAWL_INDEX is off")
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    def spider_closed(self, spider: ArchivingSpider) -> None:
        if not hasattr(spider, "run"):
            return
        try:
            is_indexed = spider.run.index()
        except (OSError, NewscrawlError) as error:
            logger.warning(
                "%s: the index lacks this run, `newscrawl index build` adds it: %s", spider.name, error
            )
            return
        if not is_indexed:
            logger.info(
                "%s: the index lacks older files, or is of no use: `newscrawl index build` mends it",
                spider.name,
            )
