"""Turn documents into database columns, and clusters into fields of articles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from newscrawl.dedup.fingerprints import (
    FINGERPRINT_BITS,
    Document,
    NameSketch,
    Tokens,
    pack_names,
    pack_tokens,
    winnow,
)
from newscrawl.items import Article
from newscrawl.state.documents import ClusterMembership, DocumentTable
from newscrawl.state.encoding import page_key
from newscrawl.state.urls import batches

NAME_KEY = 1 << FINGERPRINT_BITS
"Set in the lookup keys of names, so that they never equal a fingerprint."
BATCH = 500


def document_columns(document: Document) -> dict[str, Any]:
    """The columns that a document fills."""
    columns = {field.name: getattr(document, field.name) for field in fields(document)}
    columns["latest_article_id"] = columns.pop("article_id")
    columns["token_sketch"] = pack_tokens(columns.pop("tokens"))
    columns["name_sketch"] = pack_names(columns.pop("names"))
    return columns


def lookup_keys(tokens: Tokens, names: NameSketch) -> list[int]:
    """The numbers that a document is looked up by: fingerprints and names."""
    return [*winnow(tokens).tolist(), *name_keys(names)]


def name_keys(names: NameSketch) -> list[int]:
    """The numbers that a document is looked up by for its names."""
    return [NAME_KEY | name for name in names.tolist()]


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
