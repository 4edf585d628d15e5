"""Articles that are none are refused, and it is said why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from newscrawl.items import Article, Rejection, rejection_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class ValidatePipeline:
    """Let Articles pass that have a title and enough text."""

    def __init__(self, crawler: Crawler) -> None:
        self.shortest = crawler.settings.getint("NEWSCRAWL_BODY_MIN_CHARS")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Article) and (reason := fault(item, self.shortest)):
            return rejection_of(item, "validate", reason)
        return item


def fault(article: Article, shortest: int) -> str | None:
    """What keeps an article from being one, or None."""
    if article.page_type == "listing":
        return "listing"
    if not article.title:
        return "no_title"
    return "too_short" if article.char_count < shortest else None
