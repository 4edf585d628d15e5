"""From candidates to clusters: documents of a rebuild are compared, and joined component by component.

Documents that no chain of copies connects do not influence each other, so every component is joined by
itself, its documents in the order of their fetches: as if there were no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from newscrawl.dedup.candidates import iter_candidates
from newscrawl.dedup.clusters import Candidate, LoadedClusters, choose_original, find_copies, join_cluster
from newscrawl.dedup.document_files import DocumentFiles
from newscrawl.dedup.shuffle import Rows

COPY = np.dtype([("later", "<i8"), ("earlier", "<i8")])
"A document, and an earlier one that it is a copy of."
MEMBER = np.dtype([("number", "<i8"), ("cluster", "<i8"), ("original", "<i8")])
"A document in a cluster, the document that names the cluster, and the one that it repeats; or -1."


def find_all_copies(
    pairs: Rows, fingerprints: NDArray[np.uint8], documents: DocumentFiles, seconds: int
) -> Rows:
    """Compare the pairs that were fetched within `seconds`; a document's nearest copy comes first."""
    found: list[tuple[int, int]] = []
    for later, earlier in iter_candidates(pairs, fingerprints):
        since = documents.row(later)["fetched_at"] - seconds
        near = [number for number in earlier if documents.row(number)["fetched_at"] >= since]
        if near:
            document = documents.document(later)
            candidates = (make_candidate(documents, number) for number in near)
            copies = find_copies(document.tokens, document.outlet, candidates)
            found += ((later, copy.id) for copy in copies)
    return np.array(found, COPY)


def make_candidate(documents: DocumentFiles, number: int, cluster: str | None = None) -> Candidate:
    document = documents.document(number)
    return Candidate(
        number, document.article_id, document.outlet, cluster, document.published, document.tokens
    )


def label_components(copies: Rows, documents: DocumentFiles) -> NDArray[np.int64]:
    """For each pair of copies a number that it shares with exactly the pairs of its component.

    Pages with the same article id are connected too: the clusters that begin with them have one name.
    """
    numbers, nodes = np.unique(np.concatenate((copies["later"], copies["earlier"])), return_inverse=True)
    article_ids = documents.article_ids(numbers)
    order = np.argsort(article_ids, kind="stable")
    is_same = np.flatnonzero(article_ids[order][1:] == article_ids[order][:-1])
    left = np.concatenate((nodes[: len(copies)], order[is_same]))
    right = np.concatenate((nodes[len(copies) :], order[is_same + 1]))
    labels = np.arange(len(numbers))
    while np.any(labels[left] != labels[right]):
        lowest = np.minimum(labels[left], labels[right])
        for side in (left, right):
            np.minimum.at(labels, labels[side], lowest)
            np.minimum.at(labels, side, lowest)
        while np.any(labels != labels[labels]):
            labels = labels[labels]
    return labels[left[: len(copies)]]


def join_components(copies: Rows, documents: DocumentFiles) -> Rows:
    """Join whole components, whose pairs are in the order of the later document, its nearest copy first."""
    clusters = LoadedClusters(documents.tokens)
    for number, pairs in groupby(copies.tolist(), itemgetter(0)):
        near = [make_candidate(documents, earlier, clusters.cluster.get(earlier)) for _, earlier in pairs]
        join_cluster(documents.document(number), number, near, clusters)
    return np.array(list(_iter_members(clusters, documents)), MEMBER)


def _iter_members(clusters: LoadedClusters, documents: DocumentFiles) -> Iterator[tuple[int, int, int]]:
    """Members, the document that names their cluster, and the original that they repeat or -1."""
    for name, numbers in clusters.members.items():
        members = [(number, documents.document(number)) for number in numbers]
        original = choose_original([document for _, document in members])
        naming = next(number for number, document in members if document.article_id == name)
        first = next(number for number, document in members if document is original)
        for number in numbers:
            yield number, naming, -1 if number == first else first
