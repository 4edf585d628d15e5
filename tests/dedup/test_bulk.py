"""Many documents at once give the clusters that they give when they are added in turn."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from dedup.made import NOW, text
from dedup.planted import EVENTS, copies, drawn, filled_forms, with_a_common_quote
from sqlalchemy import select

from newscrawl.dedup.bulk import TaskRunner, rebuild_clusters
from newscrawl.dedup.candidates import iter_candidates, list_holders, pair_documents
from newscrawl.dedup.fingerprints import Document, Fingerprints, winnow
from newscrawl.dedup.incremental import DAY, cluster_documents
from newscrawl.state.database import Database
from newscrawl.state.documents import ClusterMembership, DocumentTable
from newscrawl.state.encoding import page_key
from newscrawl.state.schema import cross_language_links, fingerprints
from newscrawl.state.schema import documents as documents_table

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
    table = DocumentTable(Database.open("sqlite://"))
    cluster_documents(table, documents, NOW + DAY)
    yield "one by one", list_memberships(table, documents)
    rebuild_clusters(table, [documents], NOW + DAY)
    yield "all at once", list_memberships(table, documents)


def list_memberships(table: DocumentTable, documents: list[Document]) -> list[ClusterMembership]:
    found = table.memberships(document.key for document in documents)
    return [found[document.key] for document in documents]


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
    near = dict(list_candidates(fingerprints))
    sets = [set(each.tolist()) for each in fingerprints]
    for at in range(0, len(documents), 7):
        sharing = {before for before in range(at) if len(sets[at] & sets[before]) >= 2}
        assert bool(sharing) == bool(near.get(at))
        assert set(near.get(at, ())) <= sharing


def list_candidates(fingerprints: list[Fingerprints]) -> list[tuple[int, list[int]]]:
    pairs = pair_documents(list_holders(fingerprints, 0))
    return list(iter_candidates(pairs, np.array(list(map(len, fingerprints)), np.uint8)))


def test_numbers_of_documents_have_64_bits() -> None:
    """Fingerprints of 40 bits, and more documents before these than fit into the 24 that are left."""
    alike = np.array([1, 2**20, 2**40 - 1], np.uint64)
    for before in (0, 2**24, 2**40):
        holders = list_holders([alike, np.array([5], np.uint64), alike], before)
        assert pair_documents(holders).tolist() == [(before + 2, before, 3)]


def test_nothing_is_near_nothing() -> None:
    assert list_candidates([]) == []
    assert list_candidates([np.empty(0, np.uint64)]) == []


def test_texts_days_apart_are_not_compared() -> None:
    body = drawn(random.Random(1), 100)
    documents = [text(body, f"{day}", published=NOW + day * DAY) for day in (0, 6, 14)]
    table = DocumentTable(Database.open("sqlite://"))
    rebuild_clusters(table, [documents], NOW + 14 * DAY)
    found = list_memberships(table, documents)
    assert [membership.cluster is not None for membership in found] == [True, True, False]


def long_archive() -> list[list[Document]]:
    """Sources of twelve days: pages in several versions, articles at two addresses, two languages."""
    dice = random.Random(23)
    _, documents = planted()
    bodies = [(lang, event[lang]) for event in EVENTS for lang in ("fr", "en")]
    documents += [
        text(body, f"https://x.example/event/{at}", outlet=f"outlet {at}", lang=lang, published=NOW)
        for at, (lang, body) in enumerate(bodies)
    ]
    spread = [
        replace(each, fetched_at=NOW + at * 12 * DAY // len(documents), published=NOW)
        for at, each in enumerate(dice.sample(documents, len(documents)))
    ]
    versions = [
        replace(each, article_id=f"{at:032}", fetched_at=NOW + 11 * DAY)
        for at, each in enumerate(spread[:40])
    ]
    elsewhere = [
        replace(each, key=page_key("elsewhere", each.url), fetched_at=each.fetched_at + 60)
        for each in spread[40:80]
    ]
    made = spread + versions + elsewhere
    return [made[at::7] for at in range(7)]


def rebuilt_tables(sources: list[list[Document]], shards: int, run: TaskRunner = map) -> list[Any]:
    """All rows that a rebuild writes."""
    database = Database.open("sqlite://")
    rebuild_clusters(DocumentTable(database), sources, NOW + 12 * DAY, shards=shards, run=run)
    with database.reading() as connection:
        found = [
            list(connection.execute(select(table).order_by(*table.primary_key.columns)))
            for table in (documents_table, fingerprints, cross_language_links)
        ]
    database.close()
    return found


def test_the_answer_does_not_depend_on_how_the_work_is_divided() -> None:
    sources = long_archive()
    expected = rebuilt_tables(sources, 1)
    assert all(expected)
    for shards in (3, 16):
        assert rebuilt_tables(sources, shards) == expected
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert rebuilt_tables(sources, 4, pool.map) == expected
    assert rebuilt_tables([[each for source in sources for each in source]], 1) == expected, "one source"


def test_of_each_page_the_text_that_was_fetched_last_counts() -> None:
    old, new = text("An old text.", "a"), text("A new text.", "a", published=NOW + 5)
    for sources in ([[old, new]], [[new], [old]]):
        (rows, *_) = rebuilt_tables(sources, 1)
        assert [row.latest_article_id for row in rows] == [new.article_id]


def test_what_cannot_be_read_is_handed_back() -> None:
    table = DocumentTable(Database.open("sqlite://"))
    result = rebuild_clusters(table, [[text("One text.", "a"), "a line is broken"], ["so is this"]], NOW)
    assert result.broken == ["a line is broken", "so is this"]
    assert result.counts.documents == 1
