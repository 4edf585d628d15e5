"""The last step: an Article or a Rejection becomes a line on disk, and the frontier hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from scrapy.exceptions import DropItem

from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


class StorePipeline:
    """Write the line, then tell the frontier that the page has ended."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Article | Rejection) -> Article:
        spider = cast("ArchivingSpider", self.crawler.spider)
        try:
            if isinstance(item, Article):
                spider.run.write_article(item)
            else:
                spider.run.write_rejection(item)
        except ArchiveError as error:
            spider.archive_failed(error)
            raise DropItem(f"not written: {error}") from error
        if isinstance(item, Article):
            spider.frontier.done(item.url_requested, "article")
            return item
        spider.frontier.done(item.url_requested, item.reason)
        self.crawler.stats.inc_value(f"newscrawl/{item.step}/dropped/{item.reason}")
        raise DropItem(f"{item.reason}: {item.url}")
