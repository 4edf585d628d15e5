"""The same story at the same address is written once a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection, rejection_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


class DedupePipeline:
    """Of Articles with one id (normalised URL and text) keep the first of the archive, refuse the others.

    Pages are extracted side by side and may come in any order; which of them stays must not depend on it.
    """

    def __init__(self, crawler: Crawler | None = None) -> None:
        self.crawler = crawler
        self.seen: set[str] = set()
        self.kept: dict[str, Rejection] = {}
        "By id, what the article that is kept becomes should an earlier one come."

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        refused = rejection_of(item, "dedupe", "duplicate", f"article {item.id} is already in this run")
        if item.id in self.seen:
            kept = self.kept.get(item.id)
            if kept is None or not precedes(item, kept):
                return refused
            self._withdraw(kept, item)
        self.seen.add(item.id)
        if self.crawler:
            self.kept[item.id] = refused
        return item

    def _withdraw(self, kept: Rejection, earlier: Article) -> None:
        assert self.crawler
        spider = cast("ArchivingSpider", self.crawler.spider)
        try:
            spider.run.withdraw_article(kept, earlier.lang)
        except ArchiveError as error:
            spider.archive_failed(error)
        self.crawler.stats.inc_value(f"newscrawl/{kept.step}/dropped/{kept.reason}")


def precedes(article: Article, other: Rejection) -> bool:
    """Whether the article's record stands before the other's in the archive."""
    one, two = article.warc, other.warc
    return bool(one and two and (one.file, one.offset) < (two.file, two.offset))
