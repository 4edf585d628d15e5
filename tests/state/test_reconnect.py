"""A database that is away for a while: what was asked of it is done once it is back, or fails in time."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from dedup.made import text as text_of_page
from dedup.planted import drawn
from sqlalchemy import Connection, text
from wire.postgres import Cluster, stoppable_cluster

from newscrawl.dedup.incremental import DedupCounts, cluster_documents
from newscrawl.errors import DatabaseAway, StateError
from newscrawl.items import Link
from newscrawl.state import database as database_module
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import DatabaseFrontier, new_url_row
from newscrawl.state.documents import DocumentTable
from newscrawl.state.due_outlets import is_due
from newscrawl.state.encoding import from_epoch, page_key
from newscrawl.state.runs import Holder, RunEnd, State
from newscrawl.state.sources import SourceConfig

US = Holder(host="here", pid=1, token="a")
NOW = 1_800_000_000
FILE = SourceConfig(configured=[("feed", "https://paper.example/feed")], digest="rules")
END = RunEnd("run1", NOW, {"reason": "finished"}, True, NOW + 60, "rules", NOW - 90 * 86_400)
AWAY = 1.0
DICE = random.Random(7)
BODY = drawn(DICE, 200)
COPIES = [text_of_page(BODY, "story", outlet=outlet) for outlet in ("a", "b")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with stoppable_cluster() as cluster:
        yield cluster


@pytest.fixture
def state(cluster: Cluster) -> Iterator[State]:
    opened = State.open(cluster.url, "paper", US)
    yield opened
    opened.close()


def restart_soon(cluster: Cluster) -> threading.Timer:
    """Stop the server now, and start it when somebody has been waiting for it."""
    cluster.stop()
    timer = threading.Timer(AWAY, cluster.start)
    timer.start()
    return timer


def test_a_server_that_restarts_is_waited_for(state: State, cluster: Cluster) -> None:
    """Whatever a crawl asks first, it gets its answer."""
    clock = from_epoch(NOW)
    frontier = DatabaseFrontier(state.urls, "run1", lambda: clock)
    url = "https://paper.example/1"
    steps = [
        lambda: state.lease.acquire(NOW, lambda *_: False),
        lambda: state.runs.begin("run1", US, NOW),
        lambda: frontier.add([Link(url=url, via="feed")]),
        lambda: frontier.take(1),
        lambda: frontier.finish(url, "too_short"),
        lambda: state.hosts.pause("https://paper.example", NOW + 60),
        lambda: state.lease.renew(NOW),
        state.sources.rows,
        lambda: state.end_run(END, NOW),
        lambda: cluster_documents(DocumentTable(state.database), COPIES, NOW),
    ]
    for step in steps:
        thread = restart_soon(cluster)
        step()
        thread.join()
    row = state.urls.row(page_key("paper", url))
    assert row
    assert (row.status, row.reason, row.run) == ("rejected", "too_short", "run1")
    assert state.hosts.paused_until("https://paper.example", NOW) == NOW + 60
    assert state.runs.unfinished() == []
    assert state.lease.read() is None
    assert not is_due(state.database, "paper", FILE, NOW + 59)
    assert is_due(state.database, "paper", FILE, NOW + 60)
    assert DocumentTable(state.database).counts()["duplicates"] == 1


def test_copies_are_compared_once_though_the_connection_was_cut(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction that broke is taken from its beginning."""
    writing, cuts = state.database.writing, 0
    table, before = DocumentTable(state.database), DocumentTable(state.database).counts()

    def begin() -> AbstractContextManager[Connection]:
        nonlocal cuts
        cuts += 1
        return cut_off(writing()) if cuts in (1, 3) else writing()

    monkeypatch.setattr(state.database, "writing", begin)
    new = [text_of_page(drawn(DICE, 200), name) for name in "xy"]
    assert cluster_documents(table, new, NOW) == DedupCounts(2, 0, 0)
    assert cuts == 5, "texts and clusters twice, then old texts"
    assert table.counts()["texts"] == before["texts"] + 2


def test_a_connection_that_is_cut_within_a_transaction_is_no_loss(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of a batch are all there, none of them twice, though the server cut it off with its answer."""
    cuts = 0

    def rows() -> Iterator[dict[str, object]]:
        for number in range(2500):
            url = f"https://paper.example/batch/{number}"
            yield new_url_row("paper", page_key("paper", url), url, Link(url=url, via="feed"), NOW)

    committing = state.database.committing

    def begin() -> AbstractContextManager[Connection]:
        nonlocal cuts
        cuts += 1
        return cut_off(committing()) if cuts in (1, 3) else committing()

    monkeypatch.setattr(state.database, "committing", begin)
    state.urls.add(rows())
    assert cuts == 5, "three batches, two of them twice"
    assert state.urls.count_due(NOW) == 2500


@contextmanager
def cut_off(transaction: AbstractContextManager[Connection]) -> Iterator[Connection]:
    """A transaction, or a statement, whose connection the server closes before it confirms it."""
    with transaction as connection:
        yield connection
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_what_is_away_for_good_is_given_up(
    state: State, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "AWAY_SECONDS", 1.0)
    cluster.stop()
    try:
        with pytest.raises(DatabaseAway, match="postgres"):
            state.lease.renew(NOW)
    finally:
        cluster.start()


def test_a_command_does_not_wait_for_a_database_that_is_not_there(cluster: Cluster) -> None:
    cluster.stop()
    try:
        began = time.monotonic()
        with pytest.raises(StateError):
            Database.open(cluster.url)
        assert time.monotonic() - began < AWAY * 5
    finally:
        cluster.start()


def test_an_error_of_our_own_is_not_repeated(state: State) -> None:
    began = time.monotonic()
    with state.database.writing() as connection:
        connection.execute(text("ALTER TABLE hosts RENAME TO elsewhere"))
    with pytest.raises(StateError) as raised:
        state.hosts.pause("https://paper.example", NOW)
    assert not isinstance(raised.value, DatabaseAway)
    assert time.monotonic() - began < AWAY * 5
    with state.database.writing() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO hosts"))


def test_a_locked_file_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where SQLite itself does not wait for it any longer."""
    monkeypatch.setattr(database_module, "BUSY_MILLISECONDS", 50)
    state = State.open(f"sqlite:///{tmp_path}/state.sqlite", "paper", US)
    with closing(sqlite3.connect(tmp_path / "state.sqlite", check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(AWAY, other.rollback)
        timer.start()
        state.hosts.pause("https://paper.example", NOW + 60)
        timer.join()
    assert state.hosts.paused_until("https://paper.example", NOW) == NOW + 60
    state.close()
