"""The last step: an Article or a Rejection becomes a line on disk, and the frontier hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from itemadapter import ItemAdapter
from scrapy.exceptions import DropItem

from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


WATCHED = ("title", "lede", "text", "authors", "published", "section", "tags", "images")
"Fields whose filling is counted: when one falls, an outlet has changed its pages."
FILLED = "newscrawl/filled/"
"Prefix of those counts."


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
                spider.frontier.done(item.url_requested, "article", item)
            else:
                spider.run.write_rejection(item)
                spider.frontier.done(item.url_requested, item.reason)
        except ArchiveError as error:
            spider.archive_failed(error)
            raise DropItem(f"not written: {error}") from error
        stats = self.crawler.stats
        if isinstance(item, Article):
            for name in filled(item):
                stats.inc_value(f"{FILLED}{name}")
            return item
        stats.inc_value(f"newscrawl/{item.step}/dropped/{item.reason}")
        raise DropItem(f"{item.reason}: {item.url}")


def filled(item: Article) -> list[str]:
    """The watched fields that say something."""
    fields = ItemAdapter(item)
    return [name for name in WATCHED if fields.get(name)]
