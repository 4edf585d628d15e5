"""The rolling window of texts on each database: who joins whom, what is let go, what is taken out."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dedup.made import NOW, text
from dedup.planted import drawn
from sqlalchemy import Row, event, func, select

from newscrawl.dedup.articles import lookup_keys
from newscrawl.dedup.bulk import rebuild_clusters
from newscrawl.dedup.fingerprints import Document
from newscrawl.dedup.incremental import DAY, DedupCounts, cluster_documents, remove_pages
from newscrawl.errors import StateError
from newscrawl.state.database import Database
from newscrawl.state.documents import ClusterMembership, DocumentSession, DocumentTable
from newscrawl.state.reconcile import mark_taken_down
from newscrawl.state.schema import fingerprints

DICE = random.Random(31)
STORY = [drawn(DICE, 50) for _ in range(6)]
WHOLE = "\n\n".join(STORY)
START = "\n\n".join(STORY[:2])
END = "\n\n".join(STORY[4:])
OTHER = drawn(DICE, 200)
MOST_STATEMENTS = 17
"At the end of a run, without the beginnings and ends of its three transactions."


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database.open(url)
    yield opened
    opened.close()


@pytest.fixture
def table(database: Database) -> DocumentTable:
    return DocumentTable(database)


def known(table: DocumentTable, *texts: Document) -> list[ClusterMembership]:
    found = table.memberships(each.key for each in texts)
    return [found[each.key] for each in texts]


def test_a_copy_gets_the_cluster_of_the_earlier_text_and_names_it(table: DocumentTable) -> None:
    first, alone = text(WHOLE, "a"), text(OTHER, "b", outlet="two")
    copy = text(START, "c", outlet="three", published=NOW + 60)
    assert cluster_documents(table, [first, alone], NOW) == DedupCounts(2, 0, 0)
    assert cluster_documents(table, [copy], NOW + 60) == DedupCounts(1, 1, 0)
    assert known(table, first, alone, copy) == [
        ClusterMembership(first.article_id, None, []),
        ClusterMembership(None, None, []),
        ClusterMembership(first.article_id, first.article_id, []),
    ]
    assert table.counts() == {"texts": 3, "clusters": 1, "duplicates": 1, "same_story": 0}


def test_the_name_of_a_cluster_stays_and_the_original_may_change(table: DocumentTable) -> None:
    first = text(WHOLE, "a", agency="AFP", published=NOW + 100)
    second = text(WHOLE, "b", outlet="two", published=NOW + 200)
    earlier = text(WHOLE, "c", outlet="three", published=NOW)
    agency = text(WHOLE, "d", outlet="wire", agency_of_outlet="AFP", published=NOW + 300)
    for each in (first, second, earlier, agency):
        cluster_documents(table, [each], NOW)
    found = known(table, first, second, earlier, agency)
    assert {each.cluster for each in found} == {first.article_id}
    assert [each.duplicate_of for each in found] == [agency.article_id] * 3 + [None]


def test_clusters_that_turn_out_to_be_one_take_the_name_of_the_first(table: DocumentTable) -> None:
    part = " ".join(STORY[1].split()[15:])
    texts = [text(START, "a"), text(START, "b", outlet="two")]
    texts += [text("\n\n".join((part, *STORY[2:4])), name, outlet=name) for name in ("x", "y")]
    cluster_documents(table, texts, NOW)
    before = known(table, *texts)
    cluster_documents(table, [text("\n\n".join(STORY[:4]), "z", outlet="z")], NOW)
    after = {each.cluster for each in known(table, *texts)}
    assert len({each.cluster for each in before}) == 2
    assert after == {texts[0].article_id}
    # Who kept the old name finds the new one by it: it is the id of an article.
    (old,) = {each.cluster for each in before} - after
    assert old is not None
    assert [row.cluster for row in table.find(old, "")] == [texts[0].article_id]


def test_a_digest_does_not_make_two_stories_one(table: DocumentTable) -> None:
    one, two = text(START, "a"), text(OTHER, "b", outlet="two")
    digest = text(f"{START}\n\n{OTHER}", "c", outlet="three")
    cluster_documents(table, [one, two, digest], NOW)
    found = known(table, one, two, digest)
    assert found[0].cluster is None or found[1].cluster is None
    assert found[2].cluster is not None


def test_a_new_version_takes_the_place_of_the_one_before(database: Database, table: DocumentTable) -> None:
    first, copy = text(WHOLE, "a"), text(WHOLE, "b", outlet="two", published=NOW + 1)
    edited = text(f"{WHOLE} Edited.", "a", published=NOW, fetched_at=NOW + 50)
    assert cluster_documents(table, [first, copy], NOW).documents == 2
    assert cluster_documents(table, [first, copy], NOW).documents == 0, "they are known"
    assert cluster_documents(table, [edited], NOW).documents == 1
    assert cluster_documents(table, [first], NOW).documents == 0, "an older version is nothing new"
    found = known(table, first, copy)
    assert [each.cluster for each in found] == [first.article_id] * 2
    assert found[1].duplicate_of == edited.article_id
    assert table.counts()["texts"] == 2


def test_old_texts_are_compared_no_more_and_what_was_found_stays(
    database: Database, table: DocumentTable
) -> None:
    first, copy = text(WHOLE, "a"), text(START, "b", outlet="two")
    cluster_documents(table, [first, copy], NOW)
    late = text(WHOLE, "c", outlet="three", published=NOW + 8 * DAY)
    cluster_documents(table, [], NOW + 8 * DAY)
    cluster_documents(table, [late], NOW + 8 * DAY)
    found = known(table, first, copy, late)
    assert [each.cluster for each in found] == [first.article_id, first.article_id, None]
    cluster_documents(table, [], NOW + 20 * DAY)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(fingerprints)).scalar_one() == 0


def test_two_languages_of_one_event_are_linked_whichever_comes_first(table: DocumentTable) -> None:
    english = text(
        "It was the mayor Anna Lund who met Per Berg of Voxara in Kolvik: 1,200 and 348 boats, 77 crowns.",
        "a",
        lang="en",
    )
    french = text(
        "La maire Anna Lund a vu à Kolvik le patron de Voxara, Per Berg : 1 200 bateaux, puis 348, à 77.",
        "b",
        lang="fr",
        outlet="two",
    )
    again = text(
        "À Kolvik, Per Berg (Voxara) a payé 77 couronnes ; 348 navires, 1200, et la maire, Anna Lund, signe.",
        "c",
        lang="fr",
        outlet="three",
    )
    assert cluster_documents(table, [english], NOW).same_story == 0
    assert cluster_documents(table, [french], NOW).same_story == 1
    assert cluster_documents(table, [again], NOW).same_story == 1
    found = known(table, english, french, again)
    assert sorted(found[0].same_story) == sorted([french.article_id, again.article_id])
    assert [each.same_story for each in found[1:]] == [[english.article_id]] * 2


def test_a_page_that_is_taken_down_leaves_nothing(database: Database, table: DocumentTable) -> None:
    texts = [text(WHOLE, name, outlet=name, published=NOW + at) for at, name in enumerate("abc")]
    cluster_documents(table, texts, NOW)
    remove_pages(table, [texts[0].key, b"unknown"])
    assert set(table.memberships(each.key for each in texts)) == {each.key for each in texts[1:]}
    assert [each.duplicate_of for each in known(table, *texts[1:])] == [None, texts[1].article_id]
    remove_pages(table, [texts[1].key])
    assert known(table, texts[2]) == [ClusterMembership(None, None, [])]
    remove_pages(table, [texts[2].key])
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(fingerprints)).scalar_one() == 0


def test_a_page_that_was_taken_down_after_its_line_was_read_is_not_stored_again(
    database: Database, table: DocumentTable
) -> None:
    outlets = ("paper", "two", "three")
    texts = [text(WHOLE, "a", outlet=outlet, published=NOW + at) for at, outlet in enumerate(outlets)]
    rebuild_clusters(table, [texts], NOW)
    mark_taken_down(database, "paper", ["a"], NOW)
    remove_pages(table, [texts[0].key])
    assert cluster_documents(table, texts, NOW) == DedupCounts(0, 0, 0)
    assert set(table.memberships(each.key for each in texts)) == {each.key for each in texts[1:]}
    rebuild_clusters(table, [texts], NOW)
    assert set(table.memberships(each.key for each in texts)) == {each.key for each in texts[1:]}
    assert [each.duplicate_of for each in known(table, *texts[1:])] == [None, texts[1].article_id]
    with database.reading() as connection:
        numbers = set(connection.execute(select(fingerprints.c.document_id)).scalars())
    assert len(numbers) == 2


def test_a_rebuild_that_the_database_refuses_is_an_error_that_names_it(
    database: Database, table: DocumentTable
) -> None:
    """PostgreSQL gets the rows past SQLAlchemy, which gives errors their common kind."""
    texts = [text(WHOLE, "a"), text(START, "b", outlet="two")]
    rebuild_clusters(table, [texts], NOW)
    nobody: Any = None
    with pytest.raises(StateError, match=re.escape(database.name)):
        rebuild_clusters(table, [[*texts, replace(texts[0], key=b"0123456789abcdef", url=nobody)]], NOW)
    assert table.counts()["texts"] == 2


def test_rebuilding_finds_the_same_and_goes_on_from_there(table: DocumentTable) -> None:
    texts = [
        text(body, name, outlet=name, published=NOW + at)
        for at, (name, body) in enumerate(zip("abcd", (WHOLE, START, OTHER, WHOLE), strict=True))
    ]
    cluster_documents(table, texts, NOW)
    before = known(table, *texts)
    assert rebuild_clusters(table, [texts], NOW).counts.documents == 4
    assert known(table, *texts) == before
    new = text(f"{OTHER} And more.", "e", outlet="e", published=NOW + 9)
    cluster_documents(table, [new], NOW)
    assert known(table, new)[0].duplicate_of == texts[2].article_id


def test_numbers_go_on_behind_those_of_a_rebuilt_table(table: DocumentTable) -> None:
    """The first tables of a database are rebuilt ones after a restore: no number was ever drawn."""
    texts = [text(WHOLE, "a"), text(OTHER, "b", outlet="two"), text(START, "c", outlet="three")]
    rebuild_clusters(table, [texts], NOW)
    assert cluster_documents(table, [text(END, "d", outlet="four")], NOW).documents == 1
    rebuild_clusters(table, [texts[:1]], NOW)
    assert cluster_documents(table, texts[1:], NOW).documents == 2
    rebuild_clusters(table, [], NOW)
    assert cluster_documents(table, texts, NOW).documents == 3


def test_crawls_that_end_at_once_find_each_others_texts(url: str, table: DocumentTable) -> None:
    """Three stories, each in every outlet, in an order of its own."""
    outlets = "abcdefgh"
    stories = [WHOLE, OTHER, drawn(DICE, 150)]
    texts = [
        [text(stories[(at + turn) % 3], f"{at}/{turn}", outlet=outlet) for turn in range(3)]
        for at, outlet in enumerate(outlets)
    ]
    databases = [Database.open(url) for _ in texts]
    threads = [
        threading.Thread(target=cluster_documents, args=(DocumentTable(each), documents, NOW))
        for each, documents in zip(databases, texts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in databases:
        each.close()
    found = known(table, *(each for documents in texts for each in documents))
    assert all(membership.cluster for membership in found)
    assert table.counts() == {"texts": 24, "clusters": 3, "duplicates": 21, "same_story": 0}


def test_a_run_waits_for_no_other_whose_texts_have_nothing_to_do_with_it(postgres_url: str) -> None:
    """Of two transactions at once neither holds a lock that the other needs."""
    impatient = Database.open(
        f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-c%20lock_timeout%3D5s"
    )
    table = DocumentTable(impatient)
    busy = Database.open(postgres_url)
    with DocumentTable(busy).writing() as rows:
        values = {
            "first_article_id": "x",
            "latest_article_id": "x",
            "outlet": "o",
            "url": "u",
            "published": 1,
        }
        rows.store([{"key": b"other", "fetched_at": NOW, **values}])
        texts = [text(WHOLE, name, outlet=name) for name in "ab"]
        assert cluster_documents(table, texts, NOW) == DedupCounts(2, 2, 0)
    for each in (impatient, busy):
        each.close()


def test_texts_that_were_stored_but_not_compared_are_compared_next_time(
    table: DocumentTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the process is killed between the two."""
    texts = [text(WHOLE, "a"), text(START, "b", outlet="two")]

    def die(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(table, "in_reading", die)
        with pytest.raises(KeyboardInterrupt):
            cluster_documents(table, texts, NOW)
    assert table.counts()["texts"] == 2
    third = text(WHOLE, "c", outlet="three", published=NOW + 1)
    assert cluster_documents(table, [third], NOW).copies == 1, "it is one of those that others join"
    assert cluster_documents(table, texts, NOW) == DedupCounts(2, 2, 0)
    assert {each.cluster for each in known(table, *texts, third)} == {texts[0].article_id}
    assert table.counts()["duplicates"] == 2
    assert cluster_documents(table, texts, NOW).documents == 0


def test_a_row_that_was_replaced_meanwhile_is_left_alone(
    table: DocumentTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is taken down between storing and joining, and its id given to another page."""
    texts = [text(WHOLE, "a"), text(START, "b", outlet="two")]
    compare, others = table.in_reading, [text(OTHER, "x"), text(END, "y", outlet="two")]

    def compare_and_replace(step: Any) -> Any:
        found = compare(step)
        rebuild_clusters(table, [others], NOW)
        return found

    monkeypatch.setattr(table, "in_reading", compare_and_replace)
    assert cluster_documents(table, texts, NOW) == DedupCounts(0, 0, 0)
    assert known(table, *others) == [ClusterMembership(None, None, [])] * 2
    assert table.counts()["texts"] == 2


def test_a_page_that_two_processes_store_at_once_has_the_fingerprints_of_one_text(
    database: Database, table: DocumentTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second does not see the row of the first when it looks for it, but when it inserts its own."""
    cluster_documents(table, [text(WHOLE, "a")], NOW)
    lock_pages, calls = DocumentSession.lock_pages, 0

    def overlook_first(session: DocumentSession, keys: Collection[bytes]) -> list[Row[Any]]:
        nonlocal calls
        calls += 1
        return [] if calls == 1 else lock_pages(session, keys)

    monkeypatch.setattr(DocumentSession, "lock_pages", overlook_first)
    edited = text(OTHER, "a", published=NOW + 1)
    assert cluster_documents(table, [edited], NOW) == DedupCounts(1, 0, 0)
    with database.reading() as connection:
        stored = set(connection.execute(select(fingerprints.c.fingerprint)).scalars())
    assert stored == set(lookup_keys(edited.tokens, edited.names))


@pytest.mark.parametrize("count", [12, 60])
def test_the_number_of_statements_does_not_depend_on_the_number_of_texts(
    database: Database, table: DocumentTable, count: int
) -> None:
    """Half of the texts are copies, all of them name people and figures in two languages."""
    dice = random.Random(5)
    names = "The mayor Anna Lund met Per Berg of Voxara in Kolvik: 1,200 and 348 boats, 77 crowns."
    bodies = [f"{drawn(dice, 80)} {names} {drawn(dice, 80)}" for _ in range(count // 2)]
    texts = [
        text(body, f"{at}", outlet=outlet, lang=lang)
        for outlet, lang in (("one", "en"), ("two", "fr"))
        for at, body in enumerate(bodies)
    ]
    cluster_documents(table, [text(OTHER, "before")], NOW)
    asked: list[str] = []

    def note_statement(*call: Any) -> None:
        _, _, statement, values, _, is_many = call
        is_repeated = is_many and isinstance(values, list) and database.name.startswith("postgresql")
        asked.extend([statement] * (len(values) if is_repeated else 1))

    with table.writing() as rows:
        engine = rows._connection.engine
    event.listen(engine, "before_cursor_execute", note_statement)
    found = cluster_documents(table, texts, NOW)
    assert (found.documents, found.copies) == (count, count)
    assert len(asked) <= MOST_STATEMENTS, asked


def test_what_every_run_asks_is_answered_by_an_index(tmp_path: Path) -> None:
    """Old rows stay for ever: nothing may look through them all."""
    database = Database.open(f"sqlite:///{tmp_path}/state.sqlite")
    table = DocumentTable(database)
    cluster_documents(table, [text(WHOLE, "a")], NOW)
    asked: list[str] = []
    with table.writing() as rows:
        connection = rows._connection
        driver = connection.connection.driver_connection
        assert driver
        driver.set_trace_callback(asked.append)
        rows.lock_fetched_before(NOW, 10)
        rows.id_range(NOW)
        rows.find_sharing([(1, 5, 2), (1, 6, 2)], [1], 10)
        rows.document_frequencies([5, 6], 1)
        rows.lock_pages([b"key"])
        rows.lock_clusters([1, 2])
        rows.update_clusters([(1, "a", None, None)])
        rows.members("x")
        rows.translations([1, 2])
        rows.row(b"key")
        driver.set_trace_callback(None)
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}").all() for one in asked]
    database.close()
    steps = [str(step[-1]) for plan in plans for step in plan]
    assert len(plans) >= 7
    tables = ("documents", "fingerprints", "cross_language_links")
    assert not [step for step in steps if step.startswith(tuple(f"SCAN {name}" for name in tables))], steps


def test_a_cluster_may_have_more_members_than_a_statement_has_parameters(table: DocumentTable) -> None:
    values = {"latest_article_id": "x", "outlet": "o", "url": "u", "published": 1, "fetched_at": NOW}
    members = range(1, 2**15 + 2)
    with table.replacing() as rows:
        rows.fill(
            {**values, "id": at, "key": at.to_bytes(16), "first_article_id": f"{at}", "cluster": "1"}
            for at in members
        )
    with table.writing() as rows:
        assert [row.id for row in rows.lock_clusters([2])] == [*members]
