"""The report of a run, its metrics and alarms."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lines_made import article
from monitoring.made import BEGAN, Paper, month, run_at
from scrapy.settings import Settings
from scrapy.statscollectors import StatsCollector
from sqlalchemy import insert

from newscrawl.archive.report import Report, ReportedAlarm, read_report
from newscrawl.extensions.report import count_witness, find_run_alarms, past_runs
from newscrawl.items import KindChars, Quality
from newscrawl.monitoring.history import DAY
from newscrawl.monitoring.metrics import RunMetrics, dump_metrics
from newscrawl.outlet import Outlet
from newscrawl.spiders.run_context import recorded_settings, settings_digest
from newscrawl.state.encoding import from_epoch
from newscrawl.state.runs import Holder, State
from newscrawl.state.schema import sources


def test_alarms_of_earlier_versions_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    values = {"run": "r", "outlet": "o", "started": "", "finished": "", "seconds": 1, "reason": "finished"}
    path.write_text(json.dumps(values | {"alarms": ["4 articles, at least 5 expected"]}), encoding="utf-8")
    [alarm] = read_report(path).alarms
    assert alarm == ReportedAlarm(
        name="expectation", level="warning", detail="4 articles, at least 5 expected"
    )
    again = Report.model_validate(read_report(path).model_dump(mode="json", by_alias=True))
    assert again.alarms == [alarm]


def digest(**changed: object) -> str:
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    settings.setdict(changed, priority="cmdline")
    return settings_digest(settings)


def test_the_digest_tells_settings_that_change_what_is_written() -> None:
    assert digest() == digest(NEWSCRAWL_ARCHIVES="/elsewhere", NEWSCRAWL_CONTACT="a@b.example")
    assert digest() == digest(NEWSCRAWL_WEBHOOK="https://hook.example/s3cret")
    different = [
        digest(),
        digest(NEWSCRAWL_BODY_MIN_CHARS=9000),
        digest(NEWSCRAWL_EXTRACT_SECONDS=1),
        digest(ITEM_PIPELINES={}),
        digest(RETRY_TIMES=9),
    ]
    assert len(set(different)) == len(different)


def test_the_address_of_a_webhook_is_told_nowhere() -> None:
    settings = Settings()
    settings.setmodule("newscrawl.settings")
    settings.set("NEWSCRAWL_WEBHOOK", "https://hook.example/s3cret", priority="cmdline")
    assert "s3cret" not in json.dumps(recorded_settings(settings))


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
        opened.runs.end(f"run{number}", run.started + 60, figures=dump_metrics(run.metrics), **how)
    yield opened
    opened.close()


def spider_of(state: State | None, replay_index: object = None) -> Any:
    run = SimpleNamespace(started=from_epoch(END), replay_index=replay_index)
    return SimpleNamespace(name="paper", state=state, run=run, outlet=OUTLET, is_first_run=False)


def names(spider: Any, figures: RunMetrics, failed: bool = False) -> list[str]:
    found = find_run_alarms(spider, figures, failed=failed, finished=from_epoch(END) + timedelta(seconds=60))
    return [alarm.name for alarm in found]


def test_what_state_remembers_is_what_is_usual(state: State) -> None:
    usual = run_at(Paper(fails=0), END, random.Random(2)).metrics
    assert usual.articles
    assert names(spider_of(state), usual) == []
    barren = RunMetrics(pages=40, read=40, rejected={"too_short": 40}, sources={"ok": 1})
    assert names(spider_of(state), barren) == ["no_articles"]
    assert names(spider_of(None), barren) == ["no_articles"]
    assert names(spider_of(None), barren.model_copy(update={"pages": 19})) == []
    assert names(spider_of(None, replay_index=object()), barren) == []


def test_the_statistics_count_what_classifier_and_witness_have() -> None:
    stats = StatsCollector(SimpleNamespace(settings=Settings()))  # type: ignore[arg-type]
    whole = Quality(
        witness="feed",
        witness_common_chars=90,
        witness_extra_chars=[KindChars(kind="p", chars=10), KindChars(kind="caption", chars=2)],
        witness_missed_chars=[KindChars(kind="li", chars=5)],
    )
    partial = Quality(witness="api", witness_common_chars=50, flags=["witness_partial"])
    for quality in (whole, whole, partial, Quality()):
        count_witness(stats, article(quality=quality))
    assert stats.get_stats() == {
        "newscrawl/witness/whole": 2,
        "newscrawl/witness/partial": 1,
        "newscrawl/witness/common_chars": 180,
        "newscrawl/witness/extra_chars/p": 20,
        "newscrawl/witness/extra_chars/caption": 4,
        "newscrawl/witness/missed_chars/li": 10,
    }


def test_a_source_that_is_given_up_and_runs_that_fail_are_told(state: State) -> None:
    values = {
        "interval": 900,
        "next_due": END,
        "last_fetched_at": END,
        "outcome": "http_500",
        "retired_at": END,
    }
    with state.database.writing() as connection:
        connection.execute(insert(sources).values(outlet="paper", url=FEED, **values))
    for number in range(2):
        state.runs.begin(f"late{number}", US, END - 20 + number)
        state.runs.end(f"late{number}", END - 10, reason="finished", error="no link was found")
    assert [run.failed for run in past_runs(spider_of(state), END - 20 - 1)] == [True, True]
    assert names(spider_of(state), RunMetrics(), failed=True) == ["source_retired", "run_failing"]


def test_a_past_that_cannot_be_read_is_no_reason_to_say_nothing(
    state: State, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spider = spider_of(state)
    state.close()
    (tmp_path / "state.sqlite").unlink()
    barren = RunMetrics(pages=40, read=40, rejected={"too_short": 40})
    assert names(spider, barren) == ["no_articles"]
    assert "alarms disregard earlier runs" in caplog.text
