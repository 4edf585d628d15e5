"""Add new documents to the clusters in the database, comparing them with those of the last days.

Every run does this when it ends; `newscrawl dedup` does it for articles that no run has compared. `bulk`
rebuilds all clusters at once, by the same rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from newscrawl.dedup.articles import NAME_KEY, document_columns, lookup_keys
from newscrawl.dedup.clusters import (
    LINK_SECONDS,
    MAX_CANDIDATES,
    MIN_SHARED_LOOKUPS,
    Candidate,
    best_link,
    choose_original,
    is_linkable,
    join_cluster,
    may_translate,
    rarest_names,
)
from newscrawl.dedup.fingerprints import (
    MIN_SHARED_FINGERPRINTS,
    Document,
    Tokens,
    unpack_names,
    unpack_tokens,
    winnow,
)
from newscrawl.state.documents import DocumentSession, DocumentTable
from newscrawl.state.urls import batches

WINDOW_DAYS = 7
"Stories are copied within days, so older documents are not compared."
DAY = 86_400
DOCUMENTS_PER_TRANSACTION = 50
"Other crawls wait no longer than a transaction takes."
MAX_EXPIRED = 200
"Old documents that a transaction expires."


class DedupCounts(NamedTuple):
    """How many documents were compared, and with what result."""

    documents: int = 0
    copies: int = 0
    "Documents in a cluster."
    same_story: int = 0
    "Documents linked to another language."

    def plus(self, other: DedupCounts) -> DedupCounts:
        return DedupCounts(*map(sum, zip(self, other, strict=True)))


class DatabaseClusters:
    """Clusters in the database, by the rows of their members; a ClusterStore."""

    def __init__(self, rows: DocumentSession) -> None:
        self._rows = rows

    def first_id(self, cluster: str) -> int:
        return min(int(row.id) for row in self._rows.members(cluster))

    def first_tokens(self, cluster: str) -> Tokens | None:
        row = self._rows.head(cluster)
        return unpack_tokens(row.token_sketch) if row else None

    def merge(self, clusters: Collection[str], into: str) -> None:
        self._rows.merge(clusters, into)

    def assign(self, ids: Iterable[int], cluster: str) -> None:
        for row in ids:
            self._rows.change(row, {"cluster": cluster})


def cluster_documents(
    table: DocumentTable, documents: Iterable[Document], now: int, *, days: int = WINDOW_DAYS
) -> DedupCounts:
    """Look for copies of each document, the oldest first, among those of the last days; skip stored ones."""
    counts = DedupCounts()
    for batch in batches(documents, DOCUMENTS_PER_TRANSACTION):
        with table.writing() as rows:
            for document in batch:
                row = rows.row(document.key)
                if row is None or (
                    row.latest_article_id != document.article_id and row.fetched_at <= document.fetched_at
                ):
                    counts = counts.plus(_add_document(rows, document, row))
    with table.writing() as rows:
        expire_documents(rows, now - days * DAY)
    return counts


def expire_documents(rows: DocumentSession, before: int, most: int = MAX_EXPIRED) -> int:
    """Drop the tokens of old documents, but not their clusters; return how many there were."""
    old = rows.fetched_before(before, most)
    for row in old:
        _remove_lookup_keys(rows, row)
        rows.change(row.id, {"token_sketch": None, "name_sketch": None})
    return len(old)


def remove_pages(table: DocumentTable, keys: Iterable[bytes]) -> None:
    """Remove the documents of these pages (`page_key`); other members of their clusters stay."""
    with table.writing() as rows:
        for key in keys:
            if row := rows.row(key):
                _remove_lookup_keys(rows, row)
                rows.remove(row.id)
                _update_original(rows, row.cluster)


def _remove_lookup_keys(rows: DocumentSession, row: Any) -> None:
    if row.token_sketch is not None:
        rows.remove_fingerprints(
            row.id, lookup_keys(unpack_tokens(row.token_sketch), unpack_names(row.name_sketch))
        )


def _update_original(rows: DocumentSession, cluster: str | None) -> None:
    """Point every member at the original; a cluster with a single member left is dissolved."""
    members = rows.members(cluster) if cluster else []
    if len(members) == 1:
        rows.change(members[0].id, {"cluster": None, "duplicate_of": None})
    elif cluster and members:
        original = choose_original(members)
        rows.set_original(cluster, original.id, original.latest_article_id)


def _add_document(rows: DocumentSession, document: Document, row: Any) -> DedupCounts:
    """Store and compare a document; `row` is the previous document of its page, or None."""
    fingerprints = winnow(document.tokens).tolist()
    names = [NAME_KEY | name for name in document.names.tolist()]
    number = _store_document(rows, document, row)
    rows.add_fingerprints((key, number) for key in (*fingerprints, *names))
    cluster = row.cluster if row is not None else None
    if cluster is None and fingerprints:
        candidates = _find_candidates(rows, number, fingerprints)
        cluster = join_cluster(document, number, candidates, DatabaseClusters(rows))
    _update_original(rows, cluster)
    is_linked = is_linkable(document.lang, document.names) and _link_document(rows, document, number, names)
    return DedupCounts(1, int(cluster is not None), int(is_linked))


def _store_document(rows: DocumentSession, document: Document, row: Any) -> int:
    """Insert the document, or update the row of its page; return the row's number."""
    values = document_columns(document)
    if row is None:
        return rows.add(values | {"first_article_id": document.article_id})
    _remove_lookup_keys(rows, row)
    rows.change(row.id, values)
    return int(row.id)


def _find_candidates(rows: DocumentSession, number: int, fingerprints: list[int]) -> list[Candidate]:
    """The documents that share the most fingerprints with this row."""
    least = min(MIN_SHARED_FINGERPRINTS, len(fingerprints))
    return [
        Candidate(
            row.id,
            row.first_article_id,
            row.outlet,
            row.cluster,
            row.published,
            unpack_tokens(row.token_sketch),
        )
        for row in rows.rows(rows.find_sharing(fingerprints, number, least, MAX_CANDIDATES))
    ]


def _link_document(rows: DocumentSession, document: Document, number: int, names: list[int]) -> bool:
    """Link the document to the same event in another language; return whether there is any."""
    since = rows.first_id_since(document.fetched_at - LINK_SECONDS)
    rare = rarest_names(names, rows.document_frequencies(names, since))
    candidates = [
        (row.id, unpack_names(row.name_sketch))
        for row in rows.rows(rows.find_sharing(rare, number, MIN_SHARED_LOOKUPS, MAX_CANDIDATES, since))
        if may_translate(document, row)
    ]
    if not candidates:
        return False
    keys = {*names, *(NAME_KEY | int(name) for _, sketch in candidates for name in sketch)}
    frequencies = {key - NAME_KEY: count for key, count in rows.document_frequencies([*keys], since).items()}
    best = best_link(document.names, candidates, frequencies, rows.last_id() - since + 1)
    if best:
        rows.link(number, *best)
    return best is not None
