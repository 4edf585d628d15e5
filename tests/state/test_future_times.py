"""One run under a clock that is years ahead: afterwards everything it stored is due, and named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from newscrawl.errors import Busy
from newscrawl.items import Link
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.due_outlets import (
    due_times,
    find_late_due_time,
    is_due,
    read_due,
    record_failure,
    refresh_due_times,
)
from newscrawl.state.encoding import page_key
from newscrawl.state.future_times import find_future_times, reset_future_times
from newscrawl.state.outlet_status import read_statuses
from newscrawl.state.refetch_policy import CLOCK_TOLERANCE, DAY, HOUR, QUARANTINE
from newscrawl.state.runs import LEASE_SECONDS, Holder, RunEnd, State
from newscrawl.state.sources import FetchResult, SourceConfig, find_due_sources, must_discover

NOW = 1_800_000_000
YEARS = 20 * 365 * DAY
FEED, PAGE = "https://paper.example/feed", "https://paper.example/1"
FILE = SourceConfig(configured=[("feed", FEED)], digest="rules")
OTHER = Holder(host="there", pid=2)
Opened = Callable[..., State]


def frontier(state: State, run: str, now: int) -> DatabaseFrontier:
    return DatabaseFrontier(state.urls, run, lambda: datetime.fromtimestamp(now, UTC))


def crawl(state: State, now: int, outcome: str = "too_short") -> None:
    """A run that reads the feed and finishes its page."""
    run = f"{state.urls.outlet}-{now}"
    state.runs.begin(run, state.holder, now)
    pages = frontier(state, run, now)
    pages.add([Link(url=PAGE, via="feed", from_url=FEED)])
    for link in pages.take(1):
        pages.finish(link.url, outcome)
    state.sources.record(FetchResult(url=FEED, outcome="ok", kind="feed", outlet_digest="rules"), now)
    state.runs.end(run, now, reason="finished")


@pytest.mark.parametrize("ahead", [YEARS, 400 * DAY, 45 * DAY])
def test_an_outlet_is_not_parked_by_a_run_in_the_future(opened: Opened, ahead: int) -> None:
    state = opened()
    crawl(state, NOW + ahead)
    assert due_times(state.database, {"paper": FILE}, NOW) == {"paper": NOW}
    assert is_due(state.database, "paper", FILE, NOW)
    assert [source.url for source in find_due_sources(FILE, state.sources.rows(), NOW)] == [FEED]
    assert must_discover(SourceConfig(configured=[], digest="other"), state.sources.rows(), NOW)
    assert frontier(state, "run2", NOW).counts()["pending"] == 1
    assert [link.url for link in frontier(state, "run2", NOW).take(2)] == [PAGE]


def test_the_next_run_stores_times_of_its_own(opened: Opened) -> None:
    """The page is not due for ever because its age is counted from a year that has not come."""
    state = opened()
    crawl(state, NOW + YEARS)
    crawl(state, NOW)
    row = state.urls.row(page_key("paper", PAGE))
    assert row
    assert (row.discovered_at, row.next_due) == (NOW, NOW + HOUR)
    assert not is_due(state.database, "paper", FILE, NOW + 60)
    assert list(find_future_times(state, NOW)) == []


def test_what_waits_long_by_right_is_left_waiting(opened: Opened) -> None:
    state = opened()
    crawl(state, NOW, "kills_the_run")
    assert frontier(state, "run2", NOW).take(1) == []
    assert state.urls.row(page_key("paper", PAGE)).next_due == NOW + QUARANTINE  # type: ignore[union-attr]
    patient = State.on(state.database, "weekly", state.holder, (400 * DAY,))
    crawl(patient, NOW)
    assert patient.urls.row(page_key("weekly", PAGE)).next_due == NOW + 400 * DAY  # type: ignore[union-attr]
    assert frontier(patient, "run3", NOW).take(1) == []
    files = {"weekly": FILE._replace(revisit_ages=(400 * DAY,)), "paper": FILE}
    assert min(due_times(state.database, files, NOW).values()) > NOW
    assert list(find_future_times(state, NOW)) == list(find_future_times(patient, NOW)) == []


def test_clocks_that_differ_a_little_are_both_right(opened: Opened) -> None:
    state = opened()
    crawl(state, NOW + CLOCK_TOLERANCE, "kills_the_run")
    assert frontier(state, "run2", NOW).take(1) == []
    ours, theirs = state, opened(holder=OTHER)
    ours.lease.acquire(NOW + CLOCK_TOLERANCE, lambda *_: False)
    with pytest.raises(Busy):
        theirs.lease.acquire(NOW, lambda *_: False)


def test_a_hold_from_the_future_holds_nothing(opened: Opened) -> None:
    state = opened()
    crawl(state, NOW - DAY)
    record_failure(state.database, "paper", "disk full", NOW + YEARS)
    assert due_times(state.database, {"paper": FILE}, NOW)["paper"] <= NOW
    assert is_due(state.database, "paper", FILE, NOW)


def test_a_lease_from_the_future_is_taken_and_its_holder_notices(opened: Opened) -> None:
    state, other = opened(), opened(holder=OTHER)
    state.lease.acquire(NOW + YEARS, lambda *_: False)
    assert read_statuses(state.database, NOW)["paper"].holder is None
    other.lease.acquire(NOW, lambda *_: False)
    assert not state.lease.renew(NOW + YEARS + 60)
    assert other.lease.read() == (OTHER, NOW, NOW + LEASE_SECONDS)


def test_the_time_that_an_outlet_keeps_does_not_park_it_either(opened: Opened) -> None:
    state = opened()
    for ahead in (45 * DAY, YEARS):
        crawl(state, NOW - HOUR)
        due = RunEnd(f"paper-{NOW - HOUR}", NOW, {}, True, NOW + ahead, FILE.digest, None)
        state.end_run(due, NOW)
        assert is_due(state.database, "paper", FILE, NOW)
        assert read_due(state.database, NOW) == {}
        assert [found.subject for found in find_future_times(state, NOW)] == ["the next crawl"]
        assert refresh_due_times(state.database, {"paper": FILE}, NOW) == {"paper"}
        assert read_due(state.database, NOW).keys() == {"paper"}
        assert list(find_future_times(state, NOW)) == []
        assert find_late_due_time(state, FILE, NOW) is None


def test_each_is_named_and_can_be_reset(opened: Opened) -> None:
    state = opened()
    crawl(state, NOW + YEARS)
    record_failure(state.database, "paper", "disk full", NOW + YEARS)
    state.lease.acquire(NOW + YEARS, lambda *_: False)
    state.hosts.pause("https://paper.example", NOW + YEARS)
    state.hosts.pause("https://unrelated.example", NOW + YEARS)
    assert {found.subject for found in find_future_times(state, NOW)} == {
        f"source {FEED}",
        f"page {PAGE}",
        "the pause of https://paper.example",
        "the hold after failed crawls",
        "the next crawl",
        "the lease",
    }
    assert min(found.seconds for found in find_future_times(state, NOW)) >= NOW + YEARS
    reset_future_times(state, NOW)
    assert list(find_future_times(state, NOW)) == []
    assert state.lease.read() is None
    assert state.sources.next_due() == NOW
