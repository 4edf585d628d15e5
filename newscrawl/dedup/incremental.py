"""Add new documents to the clusters in the database, comparing them with those of the last days.

Every run does this when it ends; `newscrawl dedup` does it for articles that no run has compared. `bulk`
rebuilds all clusters at once, by the same rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from newscrawl.dedup.articles import NAME_KEY, document_columns, lookup_keys, name_keys
from newscrawl.dedup.clusters import (
    LINK_SECONDS,
    MAX_CANDIDATES,
    MIN_SHARED_LOOKUPS,
    Candidate,
    LoadedClusters,
    best_link,
    choose_original,
    find_copies,
    is_linkable,
    join_cluster,
    may_translate,
    rarest_names,
)
from newscrawl.dedup.fingerprints import (
    MIN_SHARED_FINGERPRINTS,
    Document,
    NameSketch,
    Tokens,
    unpack_names,
    unpack_tokens,
    winnow,
)
from newscrawl.state.documents import NOT_COMPARED, DocumentSession, DocumentTable
from newscrawl.state.refetch_policy import HOUR
from newscrawl.state.urls import batches

WINDOW_DAYS = 7
"Stories are copied within days, so older documents are not compared."
DAY = 86_400
DOCUMENTS_PER_BATCH = 100
"Documents that are stored and compared by the same statements."
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


class PageOvertaken(Exception):
    """Another process stored another text of a page at the same moment."""


class Comparison(NamedTuple):
    """What some documents repeat, by their ids."""

    copies: dict[int, list[Candidate]]
    "The nearest first."
    links: list[tuple[int, int, float]]
    "Documents with others that report the same event in another language, and the scores."
    pages: dict[int, bytes]
    "Keys of the documents and of the others, since their rows may be gone by now."


def cluster_documents(
    table: DocumentTable, documents: Iterable[Document], now: int, *, days: int = WINDOW_DAYS
) -> DedupCounts:
    """Look for copies of each document among those of the last days, in the order given; skip stored ones.

    Texts are committed before they are compared: of two that are stored at the same moment at least one is
    compared with the other, though nothing is locked while they are compared.
    """
    counts = DedupCounts()
    for batch in _batch_documents(documents):
        counts = counts.plus(_cluster_batch(table, batch))
    before = now - days * DAY
    if table.in_reading(lambda rows: rows.has_fetched_before(before)):
        table.in_transaction(lambda rows: expire_documents(rows, before))
    return counts


def _batch_documents(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents that follow each other, no page twice, fetched within an hour."""
    batch: dict[bytes, Document] = {}
    for document in documents:
        times = [document.fetched_at, *(other.fetched_at for other in batch.values())]
        is_full = len(batch) >= DOCUMENTS_PER_BATCH or max(times) - min(times) > HOUR
        if is_full or document.key in batch:
            yield list(batch.values())
            batch = {}
        batch[document.key] = document
    if batch:
        yield list(batch.values())


def _cluster_batch(table: DocumentTable, documents: Sequence[Document]) -> DedupCounts:
    fingerprints = {document.key: winnow(document.tokens).tolist() for document in documents}
    store = partial(_store_texts, documents=documents, fingerprints=fingerprints)
    while True:
        try:
            stored = table.in_transaction(store)
            break
        except PageOvertaken:
            continue
    if not stored:
        return DedupCounts()
    comparison = table.in_reading(partial(_compare, documents=stored, fingerprints=fingerprints))
    return table.in_transaction(partial(_store_clusters, documents=stored, comparison=comparison))


def _store_texts(
    rows: DocumentSession, documents: Sequence[Document], fingerprints: Mapping[bytes, Sequence[int]]
) -> dict[int, Document]:
    """Store new texts of pages, to be compared; return them by their ids, in ascending order.

    `fingerprints`: of each document, by its key.
    """
    keys = [document.key for document in documents]
    previous = {row.key: row for row in rows.lock_pages(keys)}
    # Their lines may have been read before the takedown.
    taken_down = rows.list_taken_down(keys)
    new = {
        document.key: document
        for document in documents
        if document.key not in taken_down and _is_new(document, previous.get(document.key))
    }
    if not new:
        return {}
    rows.remove_fingerprints(_list_lookups(row for key, row in previous.items() if key in new))
    stored = rows.store(
        [
            document_columns(document)
            | {"first_article_id": document.article_id, "latest_article_id": NOT_COMPARED}
            for document in new.values()
        ]
    )
    for row in stored:
        if row.key not in previous and row.first_article_id != new[row.key].article_id:
            raise PageOvertaken
    found = {int(row.id): new[row.key] for row in stored}
    rows.add_fingerprints(
        [
            (key, number)
            for number, each in found.items()
            for key in (*fingerprints[each.key], *name_keys(each.names))
        ]
    )
    return found


def _is_new(document: Document, row: Any) -> bool:
    return row is None or (
        row.latest_article_id != document.article_id and row.fetched_at <= document.fetched_at
    )


def _list_lookups(rows: Iterable[Any]) -> list[tuple[int, int]]:
    """The fingerprints and names of rows, each with the row's id."""
    return [
        (key, row.id)
        for row in rows
        if row.token_sketch is not None
        for key in lookup_keys(unpack_tokens(row.token_sketch), unpack_names(row.name_sketch))
    ]


def _compare(
    rows: DocumentSession, documents: Mapping[int, Document], fingerprints: Mapping[bytes, Sequence[int]]
) -> Comparison:
    """Compare stored documents with all others, and with those among themselves that have lower ids."""
    lookups = [
        (number, key, min(MIN_SHARED_FINGERPRINTS, len(fingerprints[document.key])))
        for number, document in documents.items()
        for key in fingerprints[document.key]
    ]
    sharing = rows.find_sharing(lookups, [*documents], MAX_CANDIDATES)
    others = {row.id: row for row in rows.rows({pair.other_id for pair in sharing})}
    candidates: dict[int, list[Candidate]] = defaultdict(list)
    for number, other in sharing:
        if other in others and others[other].token_sketch is not None:
            candidates[number].append(_make_candidate(others[other]))
    copies = {
        number: find_copies(documents[number].tokens, documents[number].outlet, near)
        for number, near in candidates.items()
    }
    links, linked = _find_links(rows, documents)
    pages = {row.id: row.key for row in (*others.values(), *linked)}
    partners = {copy.id for found in copies.values() for copy in found} | {link[1] for link in links}
    keys = {number: document.key for number, document in documents.items()}
    keys |= {number: key for number, key in pages.items() if number in partners}
    return Comparison(copies, links, keys)


def _make_candidate(row: Any) -> Candidate:
    tokens = unpack_tokens(row.token_sketch)
    return Candidate(row.id, row.first_article_id, row.outlet, row.cluster, row.published, tokens)


def _find_links(
    rows: DocumentSession, documents: Mapping[int, Document]
) -> tuple[list[tuple[int, int, float]], list[Any]]:
    """Documents with others about the same event in another language, the scores, and the others' rows."""
    linkable = {
        number: document
        for number, document in documents.items()
        if is_linkable(document.lang, document.names)
    }
    if not linkable:
        return [], []
    earliest = min(document.fetched_at for document in linkable.values())
    since, last = rows.id_range(earliest - LINK_SECONDS)
    frequencies = NameFrequencies(documents, since)
    frequencies.load(rows, (document.names for document in linkable.values()))
    lookups = [
        (number, NAME_KEY | name, MIN_SHARED_LOOKUPS)
        for number, document in linkable.items()
        for name in rarest_names(document.names.tolist(), frequencies.seen_by(number, [document.names]))
    ]
    sharing = rows.find_sharing(lookups, [*documents], MAX_CANDIDATES, since)
    others = {row.id: row for row in rows.rows({pair.other_id for pair in sharing})}
    near: dict[int, list[tuple[int, NameSketch]]] = defaultdict(list)
    for number, other in sharing:
        row = others.get(other)
        if row is not None and row.name_sketch is not None and may_translate(linkable[number], row):
            near[number].append((other, unpack_names(row.name_sketch)))
    frequencies.load(rows, (names for found in near.values() for _, names in found))
    links = []
    for number, found in near.items():
        seen = frequencies.seen_by(number, [linkable[number].names, *(names for _, names in found)])
        texts = last - since + 1 - sum(other > number for other in documents)
        if best := best_link(linkable[number].names, found, seen, texts):
            links.append((number, *best))
    return links, list(others.values())


class NameFrequencies:
    """How many documents have a name, for each of some new ones: those that came before it, and itself."""

    def __init__(self, documents: Mapping[int, Document], since: int) -> None:
        """Of documents whose ids begin with `since`."""
        self._since = since
        self._counts: dict[int, int] = {}
        self._own: dict[int, list[int]] = defaultdict(list)
        "New documents that have a name."
        for number, document in documents.items():
            if number >= since:
                for name in document.names.tolist():
                    self._own[name].append(number)

    def load(self, rows: DocumentSession, sketches: Iterable[NameSketch]) -> None:
        """Count the names that were not counted yet."""
        names = set(chain.from_iterable(names.tolist() for names in sketches)) - set(self._counts)
        found = rows.document_frequencies([NAME_KEY | name for name in names], self._since)
        self._counts |= {name: found.get(NAME_KEY | name, 0) for name in names}

    def seen_by(self, number: int, sketches: Iterable[NameSketch]) -> dict[int, int]:
        """The frequencies of names for one of the new documents."""
        return {
            name: self._counts[name] - sum(other > number for other in self._own.get(name, ()))
            for names in sketches
            for name in names.tolist()
        }


def _store_clusters(
    rows: DocumentSession, documents: Mapping[int, Document], comparison: Comparison
) -> DedupCounts:
    """Join documents to the clusters of their copies, as these are now, and mark them as compared."""
    pages = comparison.pages
    locked = {row.id: row for row in rows.lock_clusters(pages)}
    # Rows may have been removed since, and their ids given to others, or have got a newer text.
    present = {number: row for number, row in locked.items() if pages.get(number, row.key) == row.key}
    own = {
        number: document
        for number, document in documents.items()
        if number in present and present[number].fetched_at == document.fetched_at
    }
    copies = {
        number: [copy for copy in found if copy.id in present]
        for number, found in comparison.copies.items()
        if number in own and present[number].cluster is None
    }
    clusters = LoadedClusters(
        _load_first_tokens(rows, present.values(), own, copies.values()).get,
        {number: row.cluster for number, row in present.items() if row.cluster is not None},
    )
    for number, found in sorted(copies.items()):
        near = [copy._replace(cluster=clusters.cluster.get(copy.id)) for copy in found]
        join_cluster(own[number], number, near, clusters)
    latest = {number: document.article_id for number, document in own.items()}
    names = {clusters.cluster[number] for number in own if number in clusters.cluster}
    _update_clusters(rows, present, {name: clusters.members[name] for name in names}, latest)
    links = [link for link in comparison.links if link[0] in own and link[1] in present]
    rows.link(links)
    members = sum(number in clusters.cluster for number in own)
    return DedupCounts(len(own), members, len(links))


def _load_first_tokens(
    rows: DocumentSession,
    present: Iterable[Any],
    documents: Mapping[int, Document],
    copies: Collection[Sequence[Candidate]],
) -> dict[int, Tokens]:
    """The tokens that decide whether two clusters are merged; none where no document joins two."""
    if not any(len(found) > 1 for found in copies):
        return {}
    tokens = {number: document.tokens for number, document in documents.items()}
    tokens |= {copy.id: copy.tokens for found in copies for copy in found}
    heads: dict[str, int] = {}
    for row in present:
        if row.cluster is not None and row.has_tokens:
            heads.setdefault(row.cluster, row.id)
    missing = rows.rows(set(heads.values()) - set(tokens))
    return tokens | {row.id: unpack_tokens(row.token_sketch) for row in missing}


def _update_clusters(
    rows: DocumentSession,
    present: Mapping[int, Any],
    clusters: Mapping[str, Sequence[int]],
    latest: Mapping[int, str],
) -> None:
    """Store clusters and point their members at the original; a single member is in no cluster.

    `latest`: article ids of new texts.
    """
    found: dict[int, tuple[str | None, str | None]] = dict.fromkeys(latest, (None, None))
    for name, members in clusters.items():
        if len(members) == 1:
            found[members[0]] = (None, None)
            continue
        original = choose_original([present[number] for number in members])
        article_id = latest.get(original.id) or original.latest_article_id or original.first_article_id
        found |= {number: (name, None if number == original.id else article_id) for number in members}
    rows.update_clusters(
        [
            (number, latest.get(number, row.latest_article_id), *found[number])
            for number, row in sorted(present.items())
            if number in latest or (number in found and (row.cluster, row.duplicate_of) != found[number])
        ]
    )


def expire_documents(rows: DocumentSession, before: int, most: int = MAX_EXPIRED) -> int:
    """Drop the tokens of old documents, but not their clusters; return how many there were."""
    old = rows.lock_fetched_before(before, most)
    if old:
        rows.remove_fingerprints(_list_lookups(old))
        rows.forget_texts([row.id for row in old])
    return len(old)


def remove_pages(table: DocumentTable, keys: Collection[bytes]) -> None:
    """Remove the documents of these pages (`page_key`); other members of their clusters stay."""
    table.in_transaction(partial(remove_documents, keys=keys))


def remove_documents(rows: DocumentSession, keys: Collection[bytes]) -> None:
    """The same within a transaction."""
    for batch in batches(keys):
        removed = {row.id: row for row in rows.lock_pages(batch)}
        rows.remove_fingerprints(_list_lookups(removed.values()))
        members = {row.id: row for row in rows.lock_clusters(removed) if row.id not in removed}
        rows.remove(removed)
        clusters: dict[str, list[int]] = defaultdict(list)
        for number, row in members.items():
            clusters[row.cluster].append(number)
        _update_clusters(rows, members, clusters, {})
