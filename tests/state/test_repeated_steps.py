"""A step that was committed without an answer is taken again, and counts once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from newscrawl.errors import DatabaseAway
from newscrawl.items import Link
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.encoding import page_key
from newscrawl.state.runs import State

NOW = 1_800_000_000
URL = "https://paper.example/quay"


def lose_first_answer(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next transaction is committed, and then the connection is gone."""
    writing, losses = state.database.writing, 0

    @contextmanager
    def lost(transaction: AbstractContextManager[Connection]) -> Iterator[Connection]:
        with transaction as connection:
            yield connection
        raise DatabaseAway("the connection was lost")

    def begin() -> AbstractContextManager[Connection]:
        nonlocal losses
        losses += 1
        return lost(writing()) if losses == 1 else writing()

    monkeypatch.setattr(state.database, "writing", begin)


def test_a_crash_is_counted_once(opened: Callable[..., State], monkeypatch: pytest.MonkeyPatch) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", lambda: datetime.fromtimestamp(NOW, UTC))
    frontier.add([Link(url=URL, via="feed")])
    frontier.take(1)
    lose_first_answer(state, monkeypatch)
    assert state.urls.record_crash("run1") == 1
    row = state.urls.row(page_key(state.urls.outlet, URL))
    assert row
    assert row.crash_count == 1
