"""What the next run is measured against, and which sources are given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from newscrawl.errors import Busy
from newscrawl.state.outlet_status import read_statuses
from newscrawl.state.runs import LAST_RUNS, LEASE_SECONDS, Holder, RunEnd, State
from newscrawl.state.schema import sources
from newscrawl.state.sources import find_retired_sources

US = Holder(host="here", pid=1)
NOW = 1_700_000_000


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State.open(f"sqlite:///{tmp_path}/state.sqlite", "paper", US)
    yield opened
    opened.close()


def test_runs_that_ended_are_measured_in_their_order(state: State) -> None:
    other = State.on(state.database, "other", US)
    for number in (3, 1, 2, 0):
        state.runs.begin(f"run{number}", US, NOW + number)
        state.runs.end(f"run{number}", NOW + 9, reason="finished", figures=f'{{"pages": {number}}}')
    state.runs.begin("run4", US, NOW + 4)
    other.runs.begin("theirs", US, NOW + 2)
    other.runs.end("theirs", NOW + 9)
    assert [(row.id, row.figures) for row in state.runs.measured(NOW)] == [
        ("run1", '{"pages": 1}'),
        ("run2", '{"pages": 2}'),
        ("run3", '{"pages": 3}'),
    ]


def test_what_stands_is_of_the_last_run_that_was_judged(state: State) -> None:
    walls = {"name": "walls", "level": "error", "detail": "of old"}
    state.runs.begin("run1", US, NOW)
    state.runs.end(
        "run1", NOW, reason="finished", alarms=f'{{"standing": [{str(walls).replace(chr(39), chr(34))}]}}'
    )
    state.runs.begin("run2", US, NOW + 1)
    state.runs.end("run2", NOW + 1, reason="killed")
    state.runs.begin("run3", US, NOW + 2)
    statuses = read_statuses(state.database, NOW + 3, ["paper", "unheard_of"])
    assert [status.alarms for status in statuses.values()] == [[walls], []]


def test_old_runs_are_removed_but_for_the_last_and_those_that_have_not_ended(state: State) -> None:
    theirs = State.on(state.database, "other", US)
    theirs.runs.begin("theirs", US, NOW)
    theirs.runs.end("theirs", NOW)
    for number in range(2 * LAST_RUNS):
        state.runs.begin(f"run{number}", US, NOW + number)
        if number != 3:
            state.runs.end(f"run{number}", NOW + number, reason="finished")

    def end_another(before: int) -> list[str]:
        state.runs.begin("last", US, NOW + 99)
        state.end_run(RunEnd("last", NOW + 99, {"reason": "finished"}, True, None, None, before), NOW + 99)
        return [row.id for row in state.runs.measured(0)]

    assert len(end_another(NOW + 5)) == 2 * LAST_RUNS - 4
    kept = end_another(NOW + 99)
    assert kept == [f"run{number}" for number in range(LAST_RUNS + 1, 2 * LAST_RUNS)] + ["last"]
    assert [row.id for row in state.runs.unfinished()] == ["run3"]
    assert [row.id for row in theirs.runs.measured(0)] == ["theirs"]


def test_sources_that_are_given_up_are_those_the_file_names(state: State) -> None:
    rows = [("a", NOW, NOW), ("b", NOW, None), ("c", None, NOW)]
    common = {
        "outlet": "paper",
        "interval": 900,
        "next_due": NOW,
        "last_fetched_at": NOW,
        "outcome": "http_500",
    }
    with state.database.writing() as connection:
        for url, retired, changed in rows:
            values = {"url": url, "retired_at": retired, "last_changed_at": changed}
            connection.execute(insert(sources).values(**common, **values))
    stored = state.sources.rows()
    assert find_retired_sources(stored, {"b", "c"}) == ["b"]
    assert find_retired_sources(stored, ()) == ["a"]
    assert find_retired_sources({}, ()) == []


OTHER = Holder(host="there", pid=2)
NOW = 1_800_000_000


def never(_: Holder, __: int) -> bool:
    return False


def test_the_same_outlet_is_held_once(opened) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = opened(), opened(holder=OTHER)
    ours.lease.acquire(NOW, never)
    with pytest.raises(Busy, match="paper is being crawled by process 1 on here since 2027-01-15T"):
        theirs.lease.acquire(NOW + 1, never)
    opened("other_paper", OTHER).lease.acquire(NOW, never)
    ours.lease.acquire(NOW + 2, never)
    ours.lease.release()
    theirs.lease.acquire(NOW + 3, never)
    assert not ours.lease.renew(NOW + 4)
    ours.lease.release()
    assert theirs.lease.renew(NOW + 4)


def test_a_dead_holder_loses_it_at_once_a_silent_one_in_time(opened) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = opened(), opened(holder=OTHER)
    ours.lease.acquire(NOW, never)
    theirs.lease.acquire(NOW + 1, lambda holder, taken: holder.pid == 1 and taken == NOW)
    assert not ours.lease.renew(NOW + 2)
    with pytest.raises(Busy):
        ours.lease.acquire(NOW + LEASE_SECONDS, never)
    ours.lease.acquire(NOW + 1 + LEASE_SECONDS, never)
    assert not theirs.lease.renew(NOW + 2 + LEASE_SECONDS)


def test_renewing_keeps_it(opened) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = opened(), opened(holder=OTHER)
    ours.lease.acquire(NOW, never)
    assert ours.lease.renew(NOW + LEASE_SECONDS - 1)
    with pytest.raises(Busy):
        theirs.lease.acquire(NOW + LEASE_SECONDS + 1, never)


@pytest.mark.parametrize(
    "twin",
    [
        Holder(host="here", pid=1, token="b", pid_namespace="boot pid:[1]"),
        Holder(host="here", pid=1, token="b", pid_namespace="boot pid:[2]"),
        Holder(host="here", pid=1, token="b"),
        Holder(host="here", pid=1),
    ],
)
def test_processes_of_one_name_and_number_are_two(opened, twin: Holder) -> None:  # type: ignore[no-untyped-def]
    ours = opened(holder=Holder(host="here", pid=1, token="a", pid_namespace="boot pid:[1]"))
    theirs = opened(holder=twin)
    ours.lease.acquire(NOW, never)
    with pytest.raises(Busy):
        theirs.lease.acquire(NOW + 1, never)
    theirs.lease.release()
    assert not theirs.lease.renew(NOW + 2)
    assert ours.lease.renew(NOW + 3)
    assert ours.lease.read() == (ours.holder, NOW, NOW + 3 + LEASE_SECONDS)
    theirs.lease.acquire(NOW + 4 + LEASE_SECONDS, never)
    assert not ours.lease.renew(NOW + 5 + LEASE_SECONDS)
    ours.lease.release()
    assert theirs.lease.renew(NOW + 6 + LEASE_SECONDS)
