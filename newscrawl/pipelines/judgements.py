"""What the pipelines reject, for programs that have articles and no crawl: nothing here imports Scrapy."""

from __future__ import annotations

from newscrawl.items import Article, Rejection, reject_article


def find_rejection_reason(article: Article, min_chars: int) -> str | None:
    """The reason to reject an article; None for a sound article."""
    if article.page_type == "listing":
        return "listing"
    if not article.title:
        return "no_title"
    return "too_short" if article.char_count < min_chars else None


def reject_duplicate(article: Article) -> Rejection:
    """The rejection of an article whose id (normalised URL and text) its run has already."""
    return reject_article(article, "dedupe", "duplicate", f"article {article.id} is already in this run")
