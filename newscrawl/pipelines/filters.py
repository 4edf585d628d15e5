"""Rejects articles with a reason: without title or text, duplicates, and pages that reserve their rights."""

from __future__ import annotations

from typing import NamedTuple

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from newscrawl.errors import ArchiveError
from newscrawl.extraction.metadata.rights import apply_rights_policy
from newscrawl.items import Article, Rejection, reject_article
from newscrawl.outlet import parse_rights_policy
from newscrawl.pipelines.judgements import find_rejection_reason, reject_duplicate
from newscrawl.pipelines.store import FILL_RATE_STATS, filled_fields
from newscrawl.spiders.base import CrawlerComponent


class ValidatePipeline(CrawlerComponent):
    """Passes Articles that have a title and enough text."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.min_chars = crawler.settings.getint("NEWSCRAWL_BODY_MIN_CHARS")

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Article) and (reason := find_rejection_reason(item, self.min_chars)):
            return reject_article(item, "validate", reason)
        return item


class RightsPipeline(CrawlerComponent):
    """Writes the outlet's policy, or else the crawl's, onto reserved articles; `skip` rejects them."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.policy = parse_rights_policy(crawler.settings["NEWSCRAWL_RIGHTS"])

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        outlet = self.spider.outlet
        outcome = apply_rights_policy(item, (outlet and outlet.rights) or self.policy)
        for name in item.rights.reserved_by:
            self.crawler.stats.inc_value(f"newscrawl/reserved/{name}")
        return outcome


class ArchivedDuplicatesPipeline(CrawlerComponent):
    """Rejects Articles whose id (normalised URL and text) another page's line in the archive has."""

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        spider = self.spider
        try:
            duplicate = spider.frontier.find_duplicate(item)
        except ArchiveError as error:
            spider.stop_on_archive_error(error)
            raise DropItem(f"not written: {error}") from error
        return reject_article(item, "dedupe", "known", duplicate) if duplicate else item


class RunArticle(NamedTuple):
    """An article that the run has written and may have to withdraw."""

    rejection: Rejection
    "Its line once an earlier duplicate comes."
    filled_fields: list[str]
    "The fields whose filling was counted."


class DuplicatesPipeline(CrawlerComponent):
    """Of a run's Articles with the same id (normalised URL and text), passes the first in the archive.

    Pages are extracted in parallel and finish in any order, which must not decide the article that stays.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.articles: dict[str, RunArticle] = {}
        "By id."

    def process_item(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        rejection = reject_duplicate(item)
        if earlier := self.articles.get(item.id):
            if not precedes(item, earlier.rejection):
                return rejection
            self._withdraw(earlier, item)
        self.articles[item.id] = RunArticle(rejection, filled_fields(item))
        return item

    def _withdraw(self, article: RunArticle, successor: Article) -> None:
        spider, stats = self.spider, self.crawler.stats
        try:
            spider.run.withdraw_article(article.rejection, successor.lang)
            spider.frontier.withdraw(article.rejection.url_requested, article.rejection.reason)
        except ArchiveError as error:
            spider.stop_on_archive_error(error)
        stats.inc_value(f"newscrawl/{article.rejection.step}/dropped/{article.rejection.reason}")
        for name in article.filled_fields:
            stats.inc_value(f"{FILL_RATE_STATS}{name}", -1)


def precedes(article: Article, other: Rejection) -> bool:
    """Whether the article's record stands before the other's in the archive."""
    first, second = article.warc, other.warc
    return bool(first and second and (first.file, first.offset) < (second.file, second.offset))
