"""Lines with what state knows of their copies: for whoever hands them on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newscrawl.items import Article
from newscrawl.state.copies import Copied, CopyTable
from newscrawl.state.pages import batches
from newscrawl.state.rows import key_of

BATCH = 500


def with_copies(articles: Iterable[Article], table: CopyTable) -> Iterator[Article]:
    """The articles in their order, `cluster` and `duplicate_of` filled where copies are known."""
    for batch in batches(articles, BATCH):
        keys = [key_of(article.source or "", article.url_requested) for article in batch]
        known = table.of_pages(keys)
        yield from (_filled(article, known.get(key)) for article, key in zip(batch, keys, strict=True))


def _filled(article: Article, copied: Copied | None) -> Article:
    if copied is None or copied.cluster is None:
        return article
    found = {"cluster": copied.cluster, "duplicate_of": copied.duplicate_of}
    return article.model_copy(update=found)
