"""An outlet is due when the first of its sources or pages is, or when it has never run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from newscrawl.items import Link
from newscrawl.state.due import due_moments, is_due
from newscrawl.state.feeds import Told
from newscrawl.state.kept import KeptFrontier
from newscrawl.state.leases import Holder
from newscrawl.state.state import State

NOW = 1_800_000_000
US = Holder(host="here", pid=1)
Opened = Callable[..., State]


def a_run(state: State, run: str, began: int, *urls: str, reason: str = "finished") -> None:
    state.runs.begin(run, US, began)
    for url in urls:
        state.feeds.told(Told(url=url, outcome="ok"), began + 5)
    state.runs.end(run, began + 10, reason=reason)


def test_an_outlet_that_never_ran_is_due(opened: Opened) -> None:
    state = opened()
    assert due_moments(state.database) == {}
    assert is_due(state.database, "paper", NOW)
    state.runs.begin("r1", US, NOW)
    assert is_due(state.database, "paper", NOW), "nor one whose run was killed before it asked anything"


def test_the_first_source_or_page_makes_it_due(opened: Opened) -> None:
    paper, other = opened(), opened("other")
    a_run(other, "o1", NOW - 500, "x")
    a_run(paper, "r1", NOW, "a", "b")
    by_source = due_moments(paper.database)["paper"]
    assert by_source > NOW + 5
    assert not is_due(paper.database, "paper", by_source - 1)
    assert is_due(paper.database, "paper", by_source)
    frontier = KeptFrontier(paper.pages, "r1", lambda: datetime.fromtimestamp(NOW + 7, UTC))
    frontier.found([Link(url="https://paper.example/1", via="feed")])
    assert due_moments(paper.database) == {"other": by_source - 500, "paper": NOW + 7}


def test_a_source_that_is_asked_no_more_makes_nothing_due(opened: Opened) -> None:
    state = opened()
    a_run(state, "r1", NOW, "a", "b")
    a_run(state, "r2", NOW + 90_000, "a")
    moment = due_moments(state.database)["paper"]
    assert moment > NOW + 90_000
    # A run that was stopped may not have come to all of its sources.
    a_run(state, "r3", moment, reason="shutdown")
    assert due_moments(state.database) == {"paper": moment}
