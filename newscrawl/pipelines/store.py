"""The last step: write an Article or a Rejection as a line, then let the frontier mark its page as done."""

from __future__ import annotations

from itemadapter import ItemAdapter
from scrapy.exceptions import DropItem

from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection
from newscrawl.spiders.base import CrawlerComponent

WATCHED_FIELDS = ("title", "lede", "text", "authors", "published", "section", "tags", "images")
"Fields whose fill rate is tracked: a drop usually means that the site has changed its pages."
FILL_RATE_STATS = "newscrawl/filled/"


class StorePipeline(CrawlerComponent):
    """Writes the line, then marks the page as done."""

    def process_item(self, item: Article | Rejection) -> Article:
        spider = self.spider
        try:
            if isinstance(item, Article):
                spider.run.write_article(item)
                spider.frontier.finish(item.url_requested, "article", item)
            else:
                spider.run.write_rejection(item)
                spider.frontier.finish(item.url_requested, item.reason)
        except ArchiveError as error:
            spider.stop_on_archive_error(error)
            raise DropItem(f"not written: {error}") from error
        stats = self.crawler.stats
        if isinstance(item, Article):
            for name in filled_fields(item):
                stats.inc_value(f"{FILL_RATE_STATS}{name}")
            return item
        stats.inc_value(f"newscrawl/{item.step}/dropped/{item.reason}")
        raise DropItem(f"{item.reason}: {item.url}")


def filled_fields(item: Article) -> list[str]:
    """The watched fields that are not empty."""
    fields = ItemAdapter(item)
    return [name for name in WATCHED_FIELDS if fields.get(name)]
