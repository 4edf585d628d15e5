"""Looks for near-duplicates of a run's articles once the run has closed its files."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from newscrawl.archive.finished_runs import read_run_lines
from newscrawl.dedup.documents import make_document, pack_document, unpack_document
from newscrawl.dedup.fingerprints import Document
from newscrawl.dedup.incremental import cluster_documents
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import ArchiveError
from newscrawl.items import Article
from newscrawl.spiders.base import ArchivingSpider, CrawlerComponent, has_foreign_pipelines
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import epoch_seconds

logger = logging.getLogger(__name__)

MAX_HELD_BYTES = 16 * 1024 * 1024
"Documents that are held until the run closes, about 6,000; of a longer run all are read from its lines."


class DedupExtension(CrawlerComponent):
    """Records in state which of the run's articles repeat others of the last days; no line is changed."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        if crawler.settings.get("NEWSCRAWL_REPLAY"):
            raise NotConfigured("a replay has no state")
        if not crawler.settings.getbool("NEWSCRAWL_DEDUP"):
            raise NotConfigured("NEWSCRAWL_DEDUP is off")
        self.documents: dict[tuple[str, int], bytes] = {}
        "By file and offset of the record; packed, and empty for articles that are not compared."
        self.held_bytes = 0
        # Pipelines of a project may go on to change what comes here, after its line was written.
        if not has_foreign_pipelines(crawler.settings):
            crawler.signals.connect(self.item_scraped, signals.item_scraped)
        crawler.signals.connect(self.spider_closed, signals.spider_closed)

    def item_scraped(self, item: object) -> None:
        """Hold the document of an article whose line is written, as long as there are not too many."""
        spider = self.spider
        if not isinstance(item, Article) or not item.warc or not getattr(spider, "state", None):
            return
        if self.held_bytes > MAX_HELD_BYTES:
            return
        packed = spider.run.packed.get(item)
        document = packed.document if packed else pack_document(self.make_document(item))
        self.documents[item.warc.file, item.warc.offset] = document
        self.held_bytes += len(document)
        if self.held_bytes > MAX_HELD_BYTES:
            self.documents.clear()

    def spider_closed(self, spider: ArchivingSpider) -> None:
        """Whatever goes wrong here, the run is complete: `newscrawl dedup` catches up later."""
        state = getattr(spider, "state", None)
        if not state or spider.run.failure:
            return
        try:
            documents = (document for document in self.list_documents(spider) if document)
            result = cluster_documents(DocumentTable(state.database), documents, epoch_seconds(utc_now()))
        except ArchiveError as error:
            logger.error("%s: cannot look for copies: %s", spider.name, error)
            return
        logger.info("%s: %s of %s new articles have copies", spider.name, result.copies, result.documents)

    def list_documents(self, spider: ArchivingSpider) -> Iterator[Document | None]:
        """The documents of the run's lines, in their order."""
        records = spider.run.articles.records
        if all(record in self.documents for record in records):
            yield from (unpack_document(self.documents[record]) for record in records)
            return
        for line in read_run_lines(spider.run.folder, spider.run.id):
            yield self.make_document(line) if isinstance(line, Article) else None

    def make_document(self, article: Article) -> Document | None:
        outlet = self.spider.outlet
        return make_document(article, is_wire=outlet is not None and outlet.kind == "wire")
