"""What the pipelines reject, for programs that have articles and no crawl: nothing here imports Scrapy."""

from __future__ import annotations

from dataclasses import dataclass

from newscrawl.extraction.metadata.rights import apply_rights_policy
from newscrawl.items import Article, Rejection, RightsPolicy, reject_article


def find_rejection_reason(article: Article, min_chars: int) -> str | None:
    """The reason to reject an article; None for a sound article."""
    if article.page_type == "listing":
        return "listing"
    if not article.title:
        return "no_title"
    return "too_short" if article.char_count < min_chars else None


@dataclass(frozen=True)
class ArticleJudge:
    """What the pipelines do with an article before it is written, without regard to the others of its run."""

    min_chars: int
    policy: RightsPolicy
    "For reserved pages."

    def __call__(self, item: Article | Rejection) -> Article | Rejection:
        if isinstance(item, Rejection):
            return item
        if reason := find_rejection_reason(item, self.min_chars):
            return reject_article(item, "validate", reason)
        return apply_rights_policy(item, self.policy)


def reject_duplicate(article: Article) -> Rejection:
    """The rejection of an article whose id (normalised URL and text) its run has already."""
    return reject_article(article, "dedupe", "duplicate", f"article {article.id} is already in this run")
