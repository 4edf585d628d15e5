"""The rules for pairs and clusters, which `bulk` and `incremental` share.

They decide which documents are copies of each other, which cluster a document joins, which member of a
cluster is the original, and which documents report the same event in two languages. `incremental` applies
them to the documents of a run, with the clusters in the database; `bulk` to all documents, in files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import log
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import numpy as np

from newscrawl.dedup.fingerprints import SKETCH_FIGURE, Document, NameSketch, Tokens
from newscrawl.dedup.similarity import is_copy, measure_overlap

MAX_CANDIDATES = 40
"Documents that a new document is compared with: those with the most fingerprints in common."
MIN_HEAD_SHARE = 0.25
"The first texts of two clusters must overlap by this share to be merged; a digest of both is no link."

LINK_SECONDS = 48 * 3600
"Documents published further apart than this report different events."
MIN_SHARED_NAMES, MIN_SHARED_FIGURES = 3, 2
"Without shared figures, a story cannot be distinguished from the next story about the same people."
MIN_NAME_SHARE, MIN_FIGURE_SHARE = 0.3, 0.5
"Shared part, by weight, of the names and figures of the document that has fewer."
MAX_LOOKUP_NAMES, MIN_SHARED_LOOKUPS = 12, 3
"Documents are looked up by their rarest names and must share so many of these."
_NO_LANGUAGE = frozenset({"mixed", "other", "und"})


class Candidate(NamedTuple):
    """A document that the new document may be a copy of."""

    id: int
    "Ascends with the time of the fetch."
    article_id: str
    outlet: str
    cluster: str | None
    published: int
    tokens: Tokens


class LinkText(Protocol):
    """What two languages are compared by: attributes of a document, or of its row."""

    @property
    def lang(self) -> str | None: ...

    @property
    def names(self) -> NameSketch: ...

    @property
    def published(self) -> int: ...

    @property
    def fetched_at(self) -> int: ...


class LoadedClusters:
    """The clusters that documents may join, those of their copies; documents are identified by their ids."""

    def __init__(
        self, tokens: Callable[[int], Tokens | None], clusters: Mapping[int, str] | None = None
    ) -> None:
        """`tokens`: those of a document, None if it is not compared any more."""
        self._tokens = tokens
        self.cluster: dict[int, str] = {}
        self.members: dict[str, list[int]] = {}
        "In ascending order."
        ids: dict[str, list[int]] = {}
        for document_id, cluster in (clusters or {}).items():
            ids.setdefault(cluster, []).append(document_id)
        for cluster, members in ids.items():
            self.assign(members, cluster)

    def first_id(self, cluster: str) -> int:
        return self.members[cluster][0]

    def first_tokens(self, cluster: str) -> Tokens | None:
        """Tokens of the first member that is still compared."""
        tokens = map(self._tokens, self.members[cluster])
        return next((each for each in tokens if each is not None), None)

    def merge(self, clusters: Collection[str], into: str) -> None:
        for name in clusters:
            if name != into:
                self.assign(self.members.pop(name), into)

    def assign(self, ids: Iterable[int], cluster: str) -> None:
        joining = list(ids)
        self.members[cluster] = sorted({*self.members.get(cluster, ()), *joining})
        for document_id in joining:
            self.cluster[document_id] = cluster


def join_cluster(
    document: Document, number: int, copies: Sequence[Candidate], store: LoadedClusters
) -> str | None:
    """Put the document into the cluster of its copies and return the cluster's name; None without copies.

    `copies` begin with the nearest. Clusters that the document joins together are merged into the oldest. A
    new cluster is named after the article of its earlier document.
    """

    def first_tokens(candidate: Candidate) -> Tokens:
        tokens = store.first_tokens(candidate.cluster) if candidate.cluster else None
        return candidate.tokens if tokens is None else tokens

    chosen = one_per_cluster(copies, first_tokens)
    if not chosen:
        return None
    clusters = [copy.cluster for copy in chosen if copy.cluster]
    if clusters:
        cluster = min(clusters, key=store.first_id)
    else:
        nearest = chosen[0]
        cluster = nearest.article_id if nearest.published <= document.published else document.article_id
    if len(clusters) > 1:
        store.merge(clusters, cluster)
    store.assign((number, *(copy.id for copy in chosen if not copy.cluster)), cluster)
    return cluster


def find_copies(tokens: Tokens, outlet: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Select the copies among the candidates, the nearest first; of equally near ones the earliest first."""
    copies: list[tuple[float, int, Candidate]] = []
    for candidate in candidates:
        overlap = measure_overlap(tokens, candidate.tokens)
        if is_copy(overlap, same_outlet=candidate.outlet == outlet):
            all_tokens = len(tokens) + len(candidate.tokens) - overlap.shared
            copies.append((-overlap.shared / max(1, all_tokens), candidate.id, candidate))
    return [candidate for *_, candidate in sorted(copies, key=itemgetter(0, 1))]


def one_per_cluster(
    copies: Sequence[Candidate], first_tokens: Callable[[Candidate], Tokens]
) -> list[Candidate]:
    """Pick a copy from each cluster that the document belongs to; `copies` begin with the nearest.

    `first_tokens` returns the first text of a candidate's cluster. Only clusters whose first texts overlap
    with that of the nearest copy are chosen.
    """
    if not copies:
        return []
    nearest = copies[0]
    head, chosen, clusters = first_tokens(nearest), [nearest], {nearest.cluster or nearest.id}
    for candidate in copies[1:]:
        if (candidate.cluster or candidate.id) in clusters:
            continue
        clusters.add(candidate.cluster or candidate.id)
        if measure_overlap(head, first_tokens(candidate)).share >= MIN_HEAD_SHARE:
            chosen.append(candidate)
    return chosen


def choose_original(members: Sequence[Any]) -> Any:
    """The member that others name as their source, else the agency's own, else the earliest.

    Members are rows of `documents` or documents, in ascending order.
    """
    named = {member.original_url for member in members}
    agencies = {member.agency for member in members if member.agency}
    originals = (
        [member for member in members if member.url in named]
        or [member for member in members if member.agency_of_outlet in agencies]
        or members
    )
    return min(originals, key=lambda member: member.published)


def base_language(lang: str | None) -> str | None:
    """The language without its region; None for a document in several languages or none."""
    base = (lang or "").partition("-")[0]
    return None if not base or base in _NO_LANGUAGE else base


def is_linkable(lang: str | None, names: NameSketch) -> bool:
    """Whether a document has enough names and figures to be looked for in other languages."""
    figures = int(np.count_nonzero(names & SKETCH_FIGURE))
    return (
        bool(base_language(lang))
        and figures >= MIN_SHARED_FIGURES
        and len(names) - figures >= MIN_SHARED_NAMES
    )


def may_translate(document: LinkText, other: Any) -> bool:
    """Whether a document and another, or its row, are in different languages and of the same days."""
    languages = {base_language(document.lang), base_language(other.lang)}
    return len(languages - {None}) == 2 and bool(abs(document.published - other.published) <= LINK_SECONDS)


def rarest_names(names: Iterable[int], frequencies: Mapping[int, int]) -> list[int]:
    """The names that the fewest documents have."""
    return sorted(names, key=lambda name: (frequencies.get(name, 0), name))[:MAX_LOOKUP_NAMES]


def best_link(
    names: NameSketch,
    candidates: Iterable[tuple[int, NameSketch]],
    frequencies: Mapping[int, int],
    documents: int,
) -> tuple[int, float] | None:
    """The candidate with the highest score, the first among equals, and its score; None if none scores."""
    scores = [(number, score_link(names, other, frequencies, documents)) for number, other in candidates]
    best = max(scores, key=itemgetter(1), default=None)
    return best if best and best[1] else None


def score_link(
    first: NameSketch, second: NameSketch, frequencies: Mapping[int, int], documents: int
) -> float:
    """How much of the names and figures is shared; 0 if the documents do not report the same event.

    `frequencies` says how many of all documents have a name: a name that everybody uses proves little.
    """
    shared = np.intersect1d(first, second, assume_unique=True)
    figures = int(np.count_nonzero(shared & SKETCH_FIGURE))
    if figures < MIN_SHARED_FIGURES or len(shared) - figures < MIN_SHARED_NAMES:
        return 0.0
    weights = {
        int(name): log((documents + 1) / max(1, frequencies.get(int(name), 1)))
        for name in np.union1d(first, second)
    }
    name_share, figure_share = (_shared_weight(weights, first, second, kind) for kind in (0, SKETCH_FIGURE))
    if name_share < MIN_NAME_SHARE or figure_share < MIN_FIGURE_SHARE:
        return 0.0
    return round((name_share + figure_share) / 2, 3)


def _shared_weight(weights: Mapping[int, float], first: NameSketch, second: NameSketch, kind: int) -> float:
    """Weight of the shared names (or figures) relative to the document that has fewer of them."""
    ours, theirs = (
        {int(name) for name in names if name & SKETCH_FIGURE == kind} for names in (first, second)
    )
    smaller = min(sum(weights[name] for name in names) for names in (ours, theirs))
    return sum(weights[name] for name in ours & theirs) / max(smaller, 1e-9)
