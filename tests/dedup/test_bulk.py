"""Many documents at once give the clusters that they give when they are added in turn."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
from dedup.made import NOW, text
from dedup.planted import EVENTS, copies, drawn, filled_forms, with_a_common_quote

from newscrawl.dedup.bulk import build_clusters, find_candidates, rebuild_clusters
from newscrawl.dedup.fingerprints import Document, winnow
from newscrawl.dedup.incremental import DAY, cluster_documents
from newscrawl.state.database import Database
from newscrawl.state.documents import ClusterMembership, DocumentTable

RECALL = 0.97


def planted() -> tuple[list[str], list[Document]]:
    """Copies and texts that only look like them, shuffled: the story of each, and the documents."""
    dice = random.Random(21)
    made = [*copies(dice), *filled_forms(dice, 25), *with_a_common_quote(dice)]
    dice.shuffle(made)
    documents = [
        text(each.text, f"https://x.example/{at}", outlet=each.outlet, published=NOW + at)
        for at, each in enumerate(made)
    ]
    return [each.story for each in made], documents


def count_pairs(stories: list[str], clusters: list[str | None]) -> tuple[int, int, int]:
    """Pairs of the same story that are found and missed, and wrong pairs of different stories."""
    found = missed = wrong = 0
    for at, story in enumerate(stories):
        for before in range(at):
            is_pair = clusters[at] is not None and clusters[at] == clusters[before]
            found += is_pair and story == stories[before]
            wrong += is_pair and story != stories[before]
            missed += not is_pair and story == stories[before]
    return found, missed, wrong


def cluster_both_ways(documents: list[Document]) -> Iterator[tuple[str, list[ClusterMembership]]]:
    """What each algorithm stores of the same documents, in a database of its own."""
    for cluster in (cluster_documents, rebuild_clusters):
        table = DocumentTable(Database.open("sqlite://"))
        cluster(table, documents, NOW + DAY)
        found = table.memberships(document.key for document in documents)
        yield cluster.__name__, [found[document.key] for document in documents]


def test_both_algorithms_find_the_same_copies_and_no_strangers() -> None:
    stories, documents = planted()
    outcomes = []
    for name, memberships in cluster_both_ways(documents):
        outcomes.append(memberships)
        found, missed, wrong = count_pairs(stories, [membership.cluster for membership in memberships])
        print(f"{name}: {found} pairs found, {missed} missed, {wrong} wrong")
        assert wrong == 0, "precision"
        assert found / (found + missed) >= RECALL
    assert outcomes[0] == outcomes[1]


def test_both_algorithms_link_the_same_events_and_no_others() -> None:
    """Events in two languages, with a copy of each, among other stories about the same people."""
    made = []
    for number, event in enumerate(EVENTS):
        made += [(f"{number}", lang, event[lang]) for lang in ("fr", "en", "en")]
        made += [(f"{number}, other", "fr", other) for other in event["others"]]
    random.Random(22).shuffle(made)
    documents = [
        text(body, f"{at}", outlet=f"outlet {at}", lang=lang, published=NOW + at)
        for at, (_, lang, body) in enumerate(made)
    ]
    events = {document.article_id: event for document, (event, _, _) in zip(documents, made, strict=True)}
    linked = []
    for _, memberships in cluster_both_ways(documents):
        pairs = [
            (events[document.article_id], {events[other] for other in membership.same_story})
            for document, membership in zip(documents, memberships, strict=True)
        ]
        assert all(others <= {event} for event, others in pairs), "precision"
        linked.append({event for event, others in pairs if others})
    assert linked[0] == linked[1]
    assert len(linked[0]) >= 0.9 * len(EVENTS), "recall"


def test_no_copy_escapes_the_fingerprints() -> None:
    """Comparing texts that share fingerprints finds what comparing all pairs would find."""
    _, documents = planted()
    fingerprints = [winnow(document.tokens) for document in documents]
    near = dict(find_candidates(fingerprints))
    sets = [set(each.tolist()) for each in fingerprints]
    for at in range(0, len(documents), 7):
        sharing = {before for before in range(at) if len(sets[at] & sets[before]) >= 2}
        assert bool(sharing) == bool(near.get(at))
        assert set(near.get(at, ())) <= sharing


def test_nothing_is_near_nothing() -> None:
    assert list(find_candidates([])) == []
    assert list(find_candidates([np.empty(0, np.uint64)])) == []


def test_texts_days_apart_are_not_compared() -> None:
    body = drawn(random.Random(1), 100)
    documents = [text(body, f"{day}", published=NOW + day * DAY) for day in (0, 6, 14)]
    clusters = build_clusters(documents, 7 * DAY)
    assert [cluster is not None for cluster in clusters.cluster] == [True, True, False]
