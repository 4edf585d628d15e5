"""State copied into another database: every row, or none; what waits goes on waiting."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from dedup.made import text
from dedup.planted import drawn
from wire import postgres

from newscrawl.dedup.bulk import rebuild_clusters
from newscrawl.dedup.incremental import cluster_documents
from newscrawl.errors import StateError
from newscrawl.items import Link
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import new_url_row
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import page_key
from newscrawl.state.runs import Holder, Lease
from newscrawl.state.transfer import copy_database
from newscrawl.state.urls import UrlTable

NOW = 1_780_000_000
PAGES = 2500
DICE = random.Random(7)


def filled(path: Path) -> Database:
    database = Database.open(f"sqlite:///{path}")
    rows = []
    for number in range(PAGES):
        url = f"http://example.org/{number}"
        rows.append(
            new_url_row("example", page_key("example", url), url, Link(url=url, via="feed"), NOW + number)
        )
    UrlTable(database, "example").add(rows)
    return database


def pages_of(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row)[1:] for row in UrlTable(database, "example").all()]


def copied(source: Database, target: Database) -> None:
    before = pages_of(source)
    assert copy_database(source, target, NOW)["urls"] == PAGES
    assert pages_of(target) == before == pages_of(source)
    # Numbers go on behind those that were copied.
    url = "http://example.org/new"
    UrlTable(target, "example").add(
        [new_url_row("example", page_key("example", url), url, Link(url=url, via="feed"), NOW)]
    )
    assert len(pages_of(target)) == PAGES + 1
    with pytest.raises(StateError, match="is not empty"):
        copy_database(source, target, NOW)


def test_every_row_is_copied(tmp_path: Path) -> None:
    source, target = filled(tmp_path / "a.sqlite"), Database.open(f"sqlite:///{tmp_path / 'b.sqlite'}")
    copied(source, target)
    source.close()
    target.close()


def test_postgresql_takes_it_and_gives_it_back(tmp_path: Path) -> None:
    with postgres.temporary_cluster() as url:
        source, target = filled(tmp_path / "a.sqlite"), Database.open(url)
        copied(source, target)
        back = Database.open(f"sqlite:///{tmp_path / 'c.sqlite'}")
        assert copy_database(target, back, NOW)["urls"] == PAGES + 1
        for database in (source, target, back):
            database.close()


def test_copied_documents_do_not_stand_in_the_way_of_new_ones(tmp_path: Path) -> None:
    with postgres.temporary_cluster() as url:
        source, target = Database.open(f"sqlite:///{tmp_path / 'a.sqlite'}"), Database.open(url)
        rebuild_clusters(
            DocumentTable(source), [[text(drawn(DICE, 80), "a"), text(drawn(DICE, 80), "b")]], NOW
        )
        assert copy_database(source, target, NOW)["documents"] == 2
        new = text(drawn(DICE, 80), "c")
        assert cluster_documents(DocumentTable(target), [new], NOW).documents == 1
        source.close()
        target.close()


def test_what_is_in_use_is_not_copied(tmp_path: Path) -> None:
    source, target = filled(tmp_path / "a.sqlite"), Database.open(f"sqlite:///{tmp_path / 'b.sqlite'}")
    Lease(source, "example", Holder(host="here", pid=1)).acquire(NOW, lambda *_: False)
    with pytest.raises(StateError, match="example being crawled"):
        copy_database(source, target, NOW)
    assert copy_database(source, target, NOW + 10_000)["urls"] == PAGES
    source.close()
    target.close()
