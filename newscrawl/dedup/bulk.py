"""Rebuild all clusters from millions of documents, in memory.

`newscrawl dedup find --rebuild` runs this over the whole archive. Fingerprints are sorted rather than looked
up singly, which is what makes it fast. The clusters are those that `incremental` finds document by
document within its window, by the same rules. Of several good links to another language the two may choose
different ones: `incremental` counts the holders of a name by the hour, and the new document among them.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from newscrawl.dedup.articles import document_columns, lookup_keys
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
from newscrawl.dedup.fingerprints import MIN_SHARED_FINGERPRINTS, Document, Tokens, winnow
from newscrawl.dedup.incremental import DAY, WINDOW_DAYS, DedupCounts
from newscrawl.state.documents import DocumentTable
from newscrawl.state.urls import BATCH as ROWS_PER_STATEMENT
from newscrawl.state.urls import batches

DOCUMENT_BITS = 24
"Bits beside those of a fingerprint in a 64-bit number, which limits how many documents fit."
MAX_NAME_FREQUENCY = 300
"Names that more documents have are not looked up."
DOCUMENTS_PER_BATCH, FINGERPRINTS_PER_PART = 10_000, 2_000_000
_DOCUMENT_MASK = np.uint64((1 << DOCUMENT_BITS) - 1)
_SHIFT = np.uint64(DOCUMENT_BITS)
_ROW_SHIFT = np.uint64(DOCUMENT_BITS - 1)
"Rows have a bit less than documents, because lookup keys mark names with a bit above the fingerprint."
_ROW_MASK = np.uint64((1 << DOCUMENT_BITS - 1) - 1)


class CrossLink(NamedTuple):
    """Two documents, by index, that report the same event in two languages."""

    first: int
    second: int
    score: float


class MemoryClusters:
    """Clusters of documents that are identified by their index; a ClusterStore."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self.cluster: list[str | None] = [None] * len(documents)
        self.members: dict[str, list[int]] = {}
        "In ascending order."

    def candidate(self, index: int) -> Candidate:
        document = self._documents[index]
        return Candidate(
            index,
            document.article_id,
            document.outlet,
            self.cluster[index],
            document.published,
            document.tokens,
        )

    def first_id(self, cluster: str) -> int:
        return self.members[cluster][0]

    def first_tokens(self, cluster: str) -> Tokens:
        return self._documents[self.first_id(cluster)].tokens

    def merge(self, clusters: Collection[str], into: str) -> None:
        for name in clusters:
            if name != into:
                self.assign(self.members.pop(name), into)

    def assign(self, ids: Iterable[int], cluster: str) -> None:
        joining = list(ids)
        self.members[cluster] = sorted({*self.members.get(cluster, ()), *joining})
        for index in joining:
            self.cluster[index] = cluster


def rebuild_clusters(
    table: DocumentTable, documents: Sequence[Document], now: int, *, days: int = WINDOW_DAYS
) -> DedupCounts:
    """Replace the whole table by the clusters of these documents, which are in the order of their fetches."""
    clusters, links = build_clusters(documents, days * DAY), list(find_links(documents))
    duplicates = dict(_iter_duplicates(clusters, documents))
    since = now - days * DAY
    with table.writing() as rows:
        rows.clear()
        rows.add_all(
            document_columns(document)
            | {"id": index + 1, "first_article_id": document.article_id}
            | {"cluster": clusters.cluster[index], "duplicate_of": duplicates.get(index)}
            | ({} if document.fetched_at >= since else {"token_sketch": None, "name_sketch": None})
            for index, document in enumerate(documents)
        )
        rows.add_fingerprints(_iter_lookup_keys(documents, since))
        for first, second, score in links:
            rows.link(first + 1, second + 1, score)
    return DedupCounts(len(documents), sum(map(len, clusters.members.values())), len(links))


def _iter_duplicates(clusters: MemoryClusters, documents: Sequence[Document]) -> Iterator[tuple[int, str]]:
    """Indices of documents that repeat another, and the id of that other article."""
    for members in clusters.members.values():
        original = choose_original([documents[index] for index in members])
        yield from ((index, original.article_id) for index in members if documents[index] is not original)


def _iter_lookup_keys(documents: Sequence[Document], since: int) -> Iterator[tuple[int, int]]:
    """Lookup keys and rows of the documents of the last days, sorted, because that is inserted fastest."""
    recent = [index for index, document in enumerate(documents) if document.fetched_at >= since]
    keys = [
        np.array(lookup_keys(documents[index].tokens, documents[index].names), np.uint64) for index in recent
    ]
    if not keys:
        return
    packed = np.concatenate(keys) << _ROW_SHIFT
    packed |= np.repeat(np.array(recent, np.uint64) + np.uint64(1), list(map(len, keys)))
    packed.sort()
    for part in np.array_split(packed, len(packed) // ROWS_PER_STATEMENT + 1):
        yield from zip((part >> _ROW_SHIFT).tolist(), (part & _ROW_MASK).tolist(), strict=True)


def build_clusters(documents: Sequence[Document], seconds: int) -> MemoryClusters:
    """Cluster documents that are in the order of their fetches, at most so many seconds apart."""
    clusters = MemoryClusters(documents)
    for index, earlier in find_candidates(winnow(document.tokens) for document in documents):
        document = documents[index]
        near = (at for at in earlier if document.fetched_at - documents[at].fetched_at <= seconds)
        join_cluster(document, index, map(clusters.candidate, near), clusters)
    return clusters


def find_candidates(fingerprints: Iterable[NDArray[np.uint64]]) -> Iterator[tuple[int, list[int]]]:
    """Indices in ascending order, each with earlier ones that share fingerprints, the most shared first."""
    packed, counts = _pack_fingerprints(fingerprints)
    packed.sort()
    pairs = np.concatenate([np.empty(0, np.uint64), *map(_pair_documents, _split_sorted(packed))])
    del packed
    codes, shared = np.unique(pairs, return_counts=True)
    later = (codes >> _SHIFT).astype(np.int64)
    earlier = (codes & _DOCUMENT_MASK).astype(np.int64)
    enough = shared >= np.minimum(MIN_SHARED_FINGERPRINTS, np.minimum(counts[later], counts[earlier]))
    later, earlier, shared = later[enough], earlier[enough], shared[enough]
    order = np.lexsort((earlier, -shared, later))
    later, earlier = later[order], earlier[order]
    ends = np.flatnonzero(np.diff(later, append=-1)) + 1
    for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=False):
        if end > start:
            yield int(later[start]), earlier[start : min(end, start + MAX_CANDIDATES)].tolist()


def _pack_fingerprints(
    fingerprints: Iterable[NDArray[np.uint64]],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Every fingerprint with its document in the low bits, and the number of fingerprints per document."""
    packed, counts = [np.empty(0, np.uint64)], list[NDArray[np.int64]]()
    for number, batch in enumerate(batches(fingerprints, DOCUMENTS_PER_BATCH)):
        lengths = np.array(list(map(len, batch)), np.int64)
        indices = np.arange(len(batch), dtype=np.uint64) + np.uint64(number * DOCUMENTS_PER_BATCH)
        packed.append(np.concatenate(batch) << _SHIFT | np.repeat(indices, lengths))
        counts.append(lengths)
    return np.concatenate(packed), np.concatenate([np.empty(0, np.int64), *counts])


def _split_sorted(packed: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    """Split sorted fingerprints into parts that fit into memory, never between equal fingerprints."""
    start = 0
    while start < len(packed):
        last = packed[min(start + FINGERPRINTS_PER_PART, len(packed)) - 1]
        end = int(np.searchsorted(packed, last | _DOCUMENT_MASK, side="right"))
        yield packed[start:end]
        start = end


def _pair_documents(packed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Pair each document that has a fingerprint with the previous and the first that have it: later, earlier.

    All pairs of a phrase that thousands share would be too many, and copies share other fingerprints too.
    """
    is_same = np.concatenate(([False], packed[1:] >> _SHIFT == packed[:-1] >> _SHIFT))
    here = np.flatnonzero(is_same)
    first = np.maximum.accumulate(np.where(is_same, 0, np.arange(len(packed), dtype=np.int64)))[here]
    is_third = first < here - 1
    document = packed[here] & _DOCUMENT_MASK
    previous, earliest = packed[here - 1] & _DOCUMENT_MASK, packed[first[is_third]] & _DOCUMENT_MASK
    return np.concatenate((document << _SHIFT | previous, document[is_third] << _SHIFT | earliest))


def find_links(documents: Sequence[Document]) -> Iterator[CrossLink]:
    """Link each document to the best earlier document that reports the same event in another language."""
    holders: dict[int, deque[int]] = defaultdict(deque)
    for index, document in enumerate(documents):
        if not is_linkable(document.lang, document.names):
            continue
        names = document.names.tolist()
        since = document.fetched_at - LINK_SECONDS
        for name in names:
            while holders[name] and documents[holders[name][0]].fetched_at < since:
                holders[name].popleft()
        if link := _best_earlier(index, documents, holders):
            yield link
        for name in names:
            holders[name].append(index)


def _best_earlier(
    index: int, documents: Sequence[Document], holders: Mapping[int, deque[int]]
) -> CrossLink | None:
    document = documents[index]
    frequencies = {name: len(holders[name]) for name in document.names.tolist()}
    rare = [
        name for name in rarest_names(frequencies, frequencies) if 0 < frequencies[name] <= MAX_NAME_FREQUENCY
    ]
    shared = Counter(other for name in rare for other in holders[name])
    near = [other for other, count in shared.most_common(MAX_CANDIDATES) if count >= MIN_SHARED_LOOKUPS]
    candidates = [
        (other, documents[other].names) for other in near if may_translate(document, documents[other])
    ]
    every_name = chain.from_iterable(names.tolist() for _, names in candidates)
    frequencies |= {name: len(holders[name]) for name in every_name if name in holders}
    best = best_link(document.names, candidates, frequencies, index + 1)
    return CrossLink(best[0], index, best[1]) if best else None
