"""A story that an earlier run archived from another page of the outlet is not written again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from scrapy.exceptions import DropItem

from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection, rejection_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


class KnownPipeline:
    """Refuse Articles whose id (normalised URL and text) is that of another page's line."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        spider = cast("ArchivingSpider", self.crawler.spider)
        try:
            known = spider.frontier.known_as(item)
        except ArchiveError as error:
            spider.archive_failed(error)
            raise DropItem(f"not written: {error}") from error
        return rejection_of(item, "dedupe", "known", known) if known else item
