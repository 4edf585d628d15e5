"""Turn articles into documents for comparison, documents into database columns, and clusters into fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from newscrawl.dedup.fingerprints import (
    FINGERPRINT_BITS,
    Document,
    NameSketch,
    Tokens,
    pack_names,
    pack_tokens,
    sketch_names,
    tokenize,
    winnow,
)
from newscrawl.extraction.metadata.names import agency_short_name
from newscrawl.items import Article
from newscrawl.state.documents import ClusterMembership, DocumentTable
from newscrawl.state.encoding import epoch_seconds, page_key
from newscrawl.state.urls import batches
from newscrawl.urls import normalize_url

NAME_KEY = 1 << FINGERPRINT_BITS
"Set in the lookup keys of names, so that they never equal a fingerprint."
BATCH = 500
_NO_SINGLE_STORY = frozenset({"listing", "forum", "product", "liveblog"})
"Page types that hold many stories or none."


def make_document(article: Article, *, is_wire: bool = False) -> Document | None:
    """Prepare an article for comparison; None if it is not a single story.

    `is_wire`: an agency runs its outlet.
    """
    if article.page_type in _NO_SINGLE_STORY or not article.fetched:
        return None
    fetched = datetime.fromisoformat(article.fetched)
    original, publisher = article.syndication.original_url, article.publisher or ""
    return Document(
        key=page_key(article.source or "", article.url_requested),
        article_id=article.id,
        outlet=article.source or article.domain or "",
        url=article.url_norm,
        title=_clean(article.title),
        lang=article.lang,
        published=epoch_seconds(_publication_time(article.published, fetched)),
        fetched_at=epoch_seconds(fetched),
        agency=_clean(article.syndication.agency),
        agency_of_outlet=agency_short_name(publisher) or (publisher or None if is_wire else None),
        original_url=_clean(normalize_url(original)) if original else None,
        tokens=tokenize(article.text),
        names=sketch_names(article.text),
    )


def _clean(text: str | None) -> str | None:
    """Remove the characters that PostgreSQL rejects."""
    return text and text.replace("\0", "").encode("utf-8", "replace").decode()


def _publication_time(published: str | None, fetched: datetime) -> datetime:
    """When the article came out: never after the fetch, and the end of the day if the hour is unknown."""
    try:
        moment = datetime.fromisoformat(published or "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return fetched
    return min(moment, fetched)


def document_columns(document: Document) -> dict[str, Any]:
    """The columns that a document fills."""
    columns = {field.name: getattr(document, field.name) for field in fields(document)}
    columns["latest_article_id"] = columns.pop("article_id")
    columns["token_sketch"] = pack_tokens(columns.pop("tokens"))
    columns["name_sketch"] = pack_names(columns.pop("names"))
    return columns


def lookup_keys(tokens: Tokens, names: NameSketch) -> list[int]:
    """The numbers that a document is looked up by: fingerprints and names."""
    return [*winnow(tokens).tolist(), *(NAME_KEY | name for name in names.tolist())]


def with_clusters(articles: Iterable[Article], table: DocumentTable) -> Iterator[Article]:
    """Yield the articles in their order, with the `cluster` and `duplicate_of` that are in the database."""
    for batch in batches(articles, BATCH):
        keys = [page_key(article.source or "", article.url_requested) for article in batch]
        memberships = table.memberships(keys)
        yield from (
            _with_cluster(article, memberships.get(key)) for article, key in zip(batch, keys, strict=True)
        )


def _with_cluster(article: Article, membership: ClusterMembership | None) -> Article:
    if membership is None or membership.cluster is None:
        return article
    update = {"cluster": membership.cluster, "duplicate_of": membership.duplicate_of}
    return article.model_copy(update=update)
