"""The last step: an Article or a Rejection becomes a line on disk, and its page is done for the frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from itemadapter import ItemAdapter
from scrapy.exceptions import DropItem

from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


WATCHED_FIELDS = ("title", "lede", "text", "authors", "published", "section", "tags", "images")
"Fields whose filling is counted: when a count falls, the outlet has changed its pages."
FILLED_STATS = "newscrawl/filled/"
"Prefix of these counts."


class StorePipeline:
    """Writes the line, then marks the page as done."""

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
                spider.frontier.finish(item.url_requested, "article", item)
            else:
                spider.run.write_rejection(item)
                spider.frontier.finish(item.url_requested, item.reason)
        except ArchiveError as error:
            spider.archive_failed(error)
            raise DropItem(f"not written: {error}") from error
        stats = self.crawler.stats
        if isinstance(item, Article):
            for name in filled_fields(item):
                stats.inc_value(f"{FILLED_STATS}{name}")
            return item
        stats.inc_value(f"newscrawl/{item.step}/dropped/{item.reason}")
        raise DropItem(f"{item.reason}: {item.url}")


def filled_fields(item: Article) -> list[str]:
    """The watched fields that are not empty."""
    fields = ItemAdapter(item)
    return [name for name in WATCHED_FIELDS if fields.get(name)]
