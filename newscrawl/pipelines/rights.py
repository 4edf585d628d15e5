"""What is done with articles that reserve their use by machines; the one place of a crawl that decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from newscrawl.items import Article, Rejection
from newscrawl.outlet import policy_named
from newscrawl.text.rights import decided

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


class RightsPipeline:
    """Write the outlet's policy, or else the crawl's, onto reserved articles; `skip` refuses them."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.policy = policy_named(crawler.settings["NEWSCRAWL_RIGHTS"])

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        outlet = cast("ArchivingSpider", self.crawler.spider).outlet
        found = decided(item, (outlet and outlet.rights) or self.policy)
        for name in item.rights.reserved_by:
            self.crawler.stats.inc_value(f"newscrawl/reserved/{name}")
        return found
