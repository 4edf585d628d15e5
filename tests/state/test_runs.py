"""What the next run is measured against, and which sources are given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from newscrawl.state.runs import Holder, State
from newscrawl.state.scheduling import standing_of
from newscrawl.state.schema import feeds
from newscrawl.state.sources import retired_sources

US = Holder(host="here", pid=1)
NOW = 1_700_000_000


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State.open(f"sqlite:///{tmp_path}/state.sqlite", "paper", US)
    yield opened
    opened.close()


def test_runs_that_ended_are_measured_in_their_order(state: State) -> None:
    other = State.of(state.database, "other", US)
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
    assert standing_of(state.database, "paper", NOW + 3).alarms == [walls]
    assert standing_of(state.database, "unheard_of", NOW).alarms == []


def test_sources_that_are_given_up_are_those_the_file_names(state: State) -> None:
    rows = [("a", NOW, NOW), ("b", NOW, None), ("c", None, NOW)]
    common = {"outlet": "paper", "interval": 900, "next_due": NOW, "looked": NOW, "outcome": "http_500"}
    with state.database.writing() as connection:
        for url, retired, changed in rows:
            values = {"url": url, "retired": retired, "changed": changed}
            connection.execute(insert(feeds).values(**common, **values))
    assert retired_sources(state.database, "paper", {"b", "c"}) == ["b"]
    assert retired_sources(state.database, "paper", ()) == ["a"]
    assert retired_sources(state.database, "other", ()) == []
