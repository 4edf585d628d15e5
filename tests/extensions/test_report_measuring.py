"""A run is held against those that state remembers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from monitoring.made import BEGAN, Paper, month, run_at
from sqlalchemy import insert

from newscrawl.extensions.report import alarms_at_end, past_runs
from newscrawl.monitoring.figures import Figures, figures_text
from newscrawl.monitoring.history import DAY
from newscrawl.outlet import Outlet
from newscrawl.state.rows import moment_of
from newscrawl.state.runs import Holder, State
from newscrawl.state.schema import feeds

US = Holder(host="here", pid=1)
FEED = "https://paper.example/feed"
WEEKS = 3
END = BEGAN + WEEKS * 7 * DAY
OUTLET = Outlet.model_validate(
    {
        "id": "paper",
        "title": "Paper",
        "home": "https://paper.example/",
        "country": "CM",
        "languages": ["fr"],
        "timezone": "Africa/Douala",
        "kind": "national",
        "feeds": [FEED],
    }
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """That of an outlet which was crawled for three weeks."""
    opened = State.open(f"sqlite:///{tmp_path}/state.sqlite", "paper", US)
    for number, run in enumerate(month(Paper(), random.Random(1), days=WEEKS * 7)):
        opened.runs.begin(f"run{number}", US, run.started)
        how = {"reason": "killed" if run.failed else "finished"}
        opened.runs.end(f"run{number}", run.started + 60, figures=figures_text(run.figures), **how)
    yield opened
    opened.close()


def spider_of(state: State | None, playback: object = None) -> Any:
    run = SimpleNamespace(started=moment_of(END), playback=playback)
    return SimpleNamespace(name="paper", state=state, run=run, outlet=OUTLET, begins_anew=False)


def names(spider: Any, figures: Figures, failed: bool = False) -> list[str]:
    found = alarms_at_end(spider, figures, failed=failed, finished=moment_of(END) + timedelta(seconds=60))
    return [alarm.name for alarm in found]


def test_what_state_remembers_is_what_is_usual(state: State) -> None:
    usual = run_at(Paper(fails=0), END, random.Random(2)).figures
    assert usual.articles
    assert names(spider_of(state), usual) == []
    barren = Figures(pages=40, read=40, rejected={"too_short": 40}, sources={"ok": 1})
    assert names(spider_of(state), barren) == ["no_articles"]
    assert names(spider_of(None), barren) == ["no_articles"]
    assert names(spider_of(None), barren.model_copy(update={"pages": 19})) == []
    assert names(spider_of(None, playback=object()), barren) == []


def test_a_source_that_is_given_up_and_runs_that_fail_are_told(state: State) -> None:
    values = {"interval": 900, "next_due": END, "looked": END, "outcome": "http_500", "retired": END}
    with state.database.writing() as connection:
        connection.execute(insert(feeds).values(outlet="paper", url=FEED, **values))
    for number in range(2):
        state.runs.begin(f"late{number}", US, END - 20 + number)
        state.runs.end(f"late{number}", END - 10, reason="finished", error="no link was found")
    assert [run.failed for run in past_runs(spider_of(state), END - 20 - 1)] == [True, True]
    assert names(spider_of(state), Figures(), failed=True) == ["source_retired", "run_failing"]


def test_a_past_that_cannot_be_read_is_no_reason_to_say_nothing(
    state: State, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spider = spider_of(state)
    state.close()
    (tmp_path / "state.sqlite").unlink()
    barren = Figures(pages=40, read=40, rejected={"too_short": 40})
    assert names(spider, barren) == ["no_articles"]
    assert "judged without its past" in caplog.text
