"""An outlet is due when the first of its sources or pages is, or when it has never run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest
from wire.many_outlets import fill, server_milliseconds

from newscrawl.items import Link
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.due_outlets import (
    FIRST_RUNS_SHARE,
    LONGEST_BACKOFF_SECONDS,
    REVISIT_SLACK,
    Agenda,
    Rotation,
    due_times,
    find_late_due_time,
    find_next_due,
    is_due,
    read_backoff,
    read_due,
    read_next_due,
    record_failure,
    refresh_due_times,
)
from newscrawl.state.encoding import page_key
from newscrawl.state.future_times import reset_future_times
from newscrawl.state.runs import LEASE_SECONDS, Holder, RunEnd, State
from newscrawl.state.sources import SHORTEST_SECONDS, FetchResult, SourceConfig

NOW = 1_800_000_000
US = Holder(host="here", pid=1)
FILE = SourceConfig(configured=[("feed", "a"), ("feed", "b")], digest="rules")
OTHER = SourceConfig(configured=[("feed", "x")], digest="rules")
Opened = Callable[..., State]


def a_run(state: State, run: str, began: int, *urls: str, reason: str = "finished") -> None:
    state.runs.begin(run, US, began)
    for url in urls:
        state.sources.record(FetchResult(url=url, outcome="ok", outlet_digest="rules"), began + 5)
    state.runs.end(run, began + 10, reason=reason)


def test_an_outlet_that_never_ran_is_due(opened: Opened) -> None:
    state = opened()
    assert due_times(state.database, {"paper": FILE}, NOW) == {}
    assert is_due(state.database, "paper", FILE, NOW)
    state.runs.begin("r1", US, NOW)
    assert is_due(state.database, "paper", FILE, NOW), "and one whose run was killed before it asked anything"


def test_the_first_source_or_page_makes_it_due(opened: Opened) -> None:
    paper, other = opened(), opened("other")
    files = {"paper": FILE, "other": OTHER}
    a_run(other, "o1", NOW - 500, "x")
    a_run(paper, "r1", NOW, "a", "b")
    by_source = due_times(paper.database, files, NOW)["paper"]
    assert by_source > NOW + 5
    assert not is_due(paper.database, "paper", FILE, by_source - 1)
    assert is_due(paper.database, "paper", FILE, by_source)
    frontier = DatabaseFrontier(paper.urls, "r1", lambda: datetime.fromtimestamp(NOW + 7, UTC))
    frontier.add([Link(url="https://paper.example/1", via="feed")])
    assert due_times(paper.database, files, NOW) == {"other": by_source - 500, "paper": NOW + 7}
    # A look at a known page waits for company, but not for ever.
    key = page_key("paper", "https://paper.example/1")
    paper.urls.change([{"at": key, "status": "done", "next_due": NOW + 10}])
    assert due_times(paper.database, files, NOW)["paper"] == min(NOW + 10 + REVISIT_SLACK, by_source)


def test_what_is_left_for_long_is_not_first_for_ever(opened: Opened) -> None:
    """Whoever has much to fetch is due from one run to the next: others must have their turn in between."""
    state = opened()
    frontier = DatabaseFrontier(state.urls, "r0", lambda: datetime.fromtimestamp(NOW - 90_000, UTC))
    frontier.add([Link(url="https://paper.example/1", via="feed")])
    a_run(state, "r1", NOW, "a", "b", reason="shutdown")
    assert due_times(state.database, {"paper": FILE}, NOW) == {"paper": NOW}


def test_a_source_that_its_file_names_no_more_makes_nothing_due(opened: Opened) -> None:
    state = opened()
    a_run(state, "r1", NOW, "a", "b")
    a_run(state, "r2", NOW + 90_000, "a")
    only = SourceConfig(configured=[("feed", "a")], digest="rules")
    assert due_times(state.database, {"paper": only}, NOW + 90_000)["paper"] > NOW + 90_000
    assert due_times(state.database, {"paper": FILE}, NOW + 90_000)["paper"] == NOW + 90_000, (
        "b has waited longer"
    )
    # A changed file is read at once.
    changed = only._replace(digest="other rules")
    assert is_due(state.database, "paper", changed, NOW + 90_000)


def test_who_fails_waits_longer_and_longer_until_it_goes_well(opened: Opened) -> None:
    state = opened()
    waits = [record_failure(state.database, "paper", "no contact", NOW) - NOW for _ in range(9)]
    assert waits[:4] == [900, 1800, 3600, 7200]
    assert waits[-1] == LONGEST_BACKOFF_SECONDS
    backoff = read_backoff(state.database, "paper")
    assert backoff
    assert (backoff.failures, backoff.reason) == (9, "no contact")
    assert due_times(state.database, {"paper": FILE}, NOW) == {"paper": backoff.not_before}
    assert not is_due(state.database, "paper", FILE, backoff.not_before - 1)
    assert is_due(state.database, "paper", FILE, backoff.not_before)
    state.runs.begin("r1", US, NOW)
    state.end_run(RunEnd("r1", NOW, {}, True, NOW - 5, FILE.digest, None), NOW)
    assert is_due(state.database, "paper", FILE, NOW)
    assert read_backoff(state.database, "paper") is None


def turns(moments: dict[str, int], **hosts: str) -> Rotation:
    agenda = Agenda(moments, moments.keys())
    return Rotation({name: {host} for name, host in hosts.items()}, lambda _: agenda)


def given(some: Rotation, count: int, now: int = NOW) -> list[str | None]:
    return [some.next(now) for _ in range(count)]


def test_whoever_has_waited_longest_has_the_turn() -> None:
    some = turns({"b": NOW - 9, "a": NOW - 5, "c": NOW + 1, "gone": 1}, a="a", b="b", c="c", new="new")
    assert given(some, 4) == ["b", "a", "new", None]
    assert some.next(NOW + 1) == "c"


def test_no_host_is_asked_by_two_at_a_time() -> None:
    some = turns({"a": NOW - 9, "b": NOW - 5, "c": NOW}, a="one", b="one", c="two")
    assert given(some, 3) == ["a", "c", None]
    some.release("a")
    assert some.next(NOW) == "b"


def test_what_is_still_due_after_its_crawl_is_not_begun_again_at_once() -> None:
    some = turns({"a": NOW - 9}, a="a")
    assert some.next(NOW) == "a"
    some.release("a")
    assert not some.is_any_running
    assert some.next(NOW + SHORTEST_SECONDS - 1) is None
    assert some.next(NOW + SHORTEST_SECONDS) == "a"


@pytest.mark.parametrize("count", [FIRST_RUNS_SHARE, 3 * FIRST_RUNS_SHARE])
def test_first_runs_have_their_share_where_others_take_all_turns(count: int) -> None:
    names = {f"old{n}": f"old{n}" for n in range(50)} | {f"new{n}": f"new{n}" for n in range(50)}
    some = turns({f"old{n}": NOW for n in range(50)}, **names)
    first = [name for name in given(some, count) if name and name.startswith("new")]
    assert len(first) == count // FIRST_RUNS_SHARE


def close_run(state: State, run: str, began: int, *, config: SourceConfig = FILE) -> int:
    """End a run as a crawl does; when the outlet is due."""
    due = max(find_next_due(state, config, began + 10), began)
    state.end_run(RunEnd(run, began + 10, {"reason": "finished"}, True, due, config.digest, None), began + 10)
    return due


def test_the_time_an_outlet_keeps_is_that_of_its_rows(opened: Opened) -> None:
    state = opened()
    state.runs.begin("r1", US, NOW)
    assert read_due(state.database, NOW) == {"paper": NOW}, "until the run has ended"
    for url in ("a", "b"):
        state.sources.record(FetchResult(url=url, outcome="ok", outlet_digest="rules"), NOW + 5)
    due = close_run(state, "r1", NOW)
    assert due_times(state.database, {"paper": FILE}, NOW) == {"paper": due}
    assert read_due(state.database, due - 1) == {}
    assert read_due(state.database, due) == {"paper": due}
    assert read_next_due(state.database, {"paper"}, NOW) == due
    assert read_next_due(state.database, {"other"}, NOW) is None
    # More is left than one run fetches: it is due at once, after whoever has waited longer.
    frontier = DatabaseFrontier(state.urls, "r2", lambda: datetime.fromtimestamp(NOW + 50, UTC))
    state.runs.begin("r2", US, NOW + 60)
    frontier.add([Link(url="https://paper.example/1", via="feed")])
    assert close_run(state, "r2", NOW + 60) == NOW + 60
    assert read_due(state.database, NOW + 100) == {"paper": NOW + 60}


def test_who_is_being_crawled_is_nobody_elses_turn(opened: Opened) -> None:
    paper, other = opened(), opened("other", holder=Holder(host="there", pid=2, token="b"))
    for state in (paper, other):
        state.runs.begin(f"{state.urls.outlet}-1", state.holder, NOW)
    other.lease.acquire(NOW, lambda *_: False)
    assert read_due(paper.database, NOW) == {"paper": NOW}
    assert not is_due(paper.database, "other", FILE, NOW)
    # Its process has died, or cannot be heard any more.
    assert read_due(paper.database, NOW, lambda holder, _: holder.pid == 2).keys() == {"paper", "other"}
    assert is_due(paper.database, "other", FILE, NOW, lambda holder, _: holder.pid == 2)
    assert read_due(paper.database, NOW + LEASE_SECONDS).keys() == {"paper", "other"}


def test_a_changed_file_and_a_repair_have_the_time_found_again(opened: Opened) -> None:
    state = opened()
    a_run(state, "r1", NOW, "a", "b")
    close_run(state, "r1", NOW)
    assert refresh_due_times(state.database, {"paper": FILE}, NOW + 20) == {"paper"}
    assert read_due(state.database, NOW + 20) == {}
    changed = FILE._replace(digest="other rules")
    assert is_due(state.database, "paper", changed, NOW + 20)
    refresh_due_times(state.database, {"paper": changed}, NOW + 20)
    assert read_due(state.database, NOW + 20) == {"paper": NOW}
    # What a repair set back makes the outlet due.
    close_run(state, "r1", NOW)
    frontier = DatabaseFrontier(state.urls, "r2", lambda: datetime.fromtimestamp(NOW + 15, UTC))
    frontier.add([Link(url="https://paper.example/1", via="feed")])
    late = find_late_due_time(state, FILE, NOW + 20)
    assert late
    assert late[1] == NOW + 15
    assert not is_due(state.database, "paper", FILE, NOW + 20)
    reset_future_times(state, NOW + 20)
    assert find_late_due_time(state, FILE, NOW + 20) is None
    assert is_due(state.database, "paper", FILE, NOW + 20)
    refresh_due_times(state.database, {"paper": FILE}, NOW + 20)
    assert read_due(state.database, NOW + 20) == {"paper": NOW + 15}


def test_a_failed_run_is_held_back_though_more_is_due(opened: Opened) -> None:
    state = opened()
    until = record_failure(state.database, "paper", "no contact", NOW)
    state.runs.begin("r1", US, NOW)
    assert read_due(state.database, until - 1) == {}
    state.end_run(RunEnd("r1", NOW, {"reason": "finished"}, False, NOW, FILE.digest, None), NOW)
    assert read_due(state.database, until - 1) == {}
    assert read_due(state.database, until) == {"paper": until}


def test_postgresql_finds_what_is_due_in_an_index(postgres_url: str) -> None:
    """With a few thousand outlets; `tests/bench/due.py` has 10,000 with a million pages."""
    with closing(Database.open(postgres_url)) as database:
        fill(database, 3000, 10, NOW)
        assert len(read_due(database, NOW)) > 20
        assert server_milliseconds(database, NOW) < 10
