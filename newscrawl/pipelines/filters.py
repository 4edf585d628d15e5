"""Articles that are none are refused, and it is said why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self, cast

from scrapy.exceptions import DropItem

from newscrawl.errors import ArchiveError
from newscrawl.extraction.metadata.rights import decided
from newscrawl.items import Article, Rejection, rejection_of
from newscrawl.outlet import policy_named
from newscrawl.pipelines.store import FILLED, filled

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from newscrawl.spiders.base import ArchivingSpider


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


class Kept(NamedTuple):
    """An article of the run, should it have to go."""

    refused: Rejection
    "What it becomes when an earlier one comes."
    filled: list[str]
    "Its fields that were counted as filled."


class DedupePipeline:
    """Of Articles with one id (normalised URL and text) keep the first of the archive, refuse the others.

    Pages are extracted side by side and may come in any order; which of them stays must not depend on it.
    """

    def __init__(self, crawler: Crawler | None = None) -> None:
        self.crawler = crawler
        self.seen: set[str] = set()
        self.kept: dict[str, Kept] = {}
        "By id."

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        refused = rejection_of(item, "dedupe", "duplicate", f"article {item.id} is already in this run")
        if item.id in self.seen:
            kept = self.kept.get(item.id)
            if kept is None or not precedes(item, kept.refused):
                return refused
            self._withdraw(kept, item)
        self.seen.add(item.id)
        if self.crawler:
            self.kept[item.id] = Kept(refused, filled(item))
        return item

    def _withdraw(self, kept: Kept, earlier: Article) -> None:
        assert self.crawler
        spider, stats = cast("ArchivingSpider", self.crawler.spider), self.crawler.stats
        try:
            spider.run.withdraw_article(kept.refused, earlier.lang)
            spider.frontier.withdrawn(kept.refused.url_requested, kept.refused.reason)
        except ArchiveError as error:
            spider.archive_failed(error)
        stats.inc_value(f"newscrawl/{kept.refused.step}/dropped/{kept.refused.reason}")
        for name in kept.filled:
            stats.inc_value(f"{FILLED}{name}", -1)


def precedes(article: Article, other: Rejection) -> bool:
    """Whether the article's record stands before the other's in the archive."""
    one, two = article.warc, other.warc
    return bool(one and two and (one.file, one.offset) < (two.file, two.offset))
