"""Looks for near-duplicates of a run's articles once the run has closed its files."""

from __future__ import annotations

import logging

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from newscrawl.archive.finished_runs import read_run_lines
from newscrawl.dedup.articles import make_document
from newscrawl.dedup.incremental import cluster_documents
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError
from newscrawl.items import Article
from newscrawl.spiders.base import ArchivingSpider, CrawlerComponent
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import epoch_seconds

logger = logging.getLogger(__name__)


class DedupExtension(CrawlerComponent):
    """Records in state which of the run's articles repeat others of the last days; no line is changed."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay has no state")
        if not crawler.settings.getbool("NEWSCRAWL_DEDUP"):
            raise NotConfigured("NEWSCRAWL_DEDUP is off")
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    def spider_closed(self, spider: ArchivingSpider) -> None:
        """Whatever goes wrong here, the run is complete: `newscrawl dedup` catches up later."""
        state = getattr(spider, "state", None)
        if not state or spider.run.failure:
            return
        is_wire = bool(spider.outlet and spider.outlet.kind == "wire")
        try:
            lines = read_run_lines(spider.run.folder, spider.run.id)
            documents = (make_document(line, is_wire=is_wire) for line in lines if isinstance(line, Article))
            texts = (document for document in documents if document)
            result = cluster_documents(DocumentTable(state.database), texts, epoch_seconds(utc_now()))
        except ArchiveError as error:
            logger.error("%s: cannot look for copies: %s", spider.name, error)
            return
        logger.info("%s: %s of %s new articles have copies", spider.name, result.copies, result.documents)
