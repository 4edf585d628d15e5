"""What a crawl tells of itself when it ends: report, state, metrics, webhook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl
from wire.hook import Hook, hooked

from newscrawl.cli import app_of
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, running
from newscrawl.monitoring.alarm import NAMES

OUTLET = "kamer_echo"
SECRET = "/services/T0/s3cret"
EXPECT = "\n[expect]\narticles_min = 999\ntext_chars_min = 99999\n"
app = app_of(["status", "report", "verify", "doctor"])


def metrics(archives: Path) -> dict[tuple[str, ...], float]:
    """Samples of the outlet's file by name and labels other than the outlet."""
    [path] = (archives / "metrics").iterdir()
    assert path.name == f"{OUTLET}.prom"
    samples = [
        sample
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8"))
        for sample in family.samples
    ]
    assert {sample.labels.pop("outlet") for sample in samples} == {OUTLET}
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def standing(archives: Path) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, ["status", "--archives", str(archives), "--json"])
    [outlet] = json.loads(done.output)
    return done.exit_code, outlet


@pytest.mark.crawl
@pytest.mark.slow
def test_alarms_are_reported_kept_measured_and_told_once(tmp_path: Path) -> None:
    archives, outlets = tmp_path / "a", tmp_path / "outlets"
    with running(Newsroom([demo_site(OUTLET)])) as newsroom, hooked(Hook(statuses=[500])) as hook:
        write_outlets(newsroom.bases, outlets)
        [file] = outlets.rglob("*.toml")
        plain = file.read_text(encoding="utf-8")
        assert "[expect]" not in plain

        def run(expect: str) -> Crawl:
            file.write_text(plain + expect, encoding="utf-8")
            settings = {"NEWSCRAWL_OUTLETS": outlets, "NEWSCRAWL_WEBHOOK": hook.base + SECRET}
            done = crawl(OUTLET, archives=archives, **settings)
            assert done.code == 0, done.output
            assert SECRET not in done.output
            return done

        first = run(EXPECT)
        report = first.report
        assert [(one["name"], one["level"]) for one in report["alarms"]] == [
            ("articles_low", "error"),
            ("text_short", "error"),
        ]
        assert SECRET not in json.dumps(report)
        assert "WARNING: kamer_echo: articles_low: " in first.output
        assert "answered with status 500" in first.output
        figures = report["figures"]
        assert figures["articles"] == figures["new"] == len(first.articles) > 10
        assert figures["filled"]["title"] == len(first.articles)
        assert sorted(one["char_count"] for one in first.articles) == figures["lengths"]
        assert figures["kept"] == sum(figures["lengths"])
        assert figures["offered"] >= figures["pages"] > 0
        assert figures["listed"] >= figures["own"] > 0
        assert sum(figures["letters"].values()) > figures["kept"] / 2
        assert figures["bytes"] == report["warc_bytes"]

        told = metrics(archives)
        assert told["newscrawl_run_articles",] == report["articles"]
        assert told["newscrawl_run_pages", "article"] == report["articles"]
        assert told["newscrawl_run_warc_bytes",] == report["warc_bytes"]
        assert told["newscrawl_run_success",] == 1
        assert told["newscrawl_run_sources", "ok"] >= 1
        assert (
            told["newscrawl_next_due_timestamp_seconds",] > told["newscrawl_run_finished_timestamp_seconds",]
        )
        raised = {name for name in NAMES if told["newscrawl_alarm", name]}
        assert raised == {"articles_low", "text_short"}

        code, outlet = standing(archives)
        assert (code, outlet["alarms"]) == (1, report["alarms"])
        shown = CliRunner().invoke(app, ["status", "--archives", str(archives)], env={"COLUMNS": "200"})
        assert "text_short" in shown.output
        shown = CliRunner().invoke(app, ["report", "--archives", str(archives)], env={"COLUMNS": "200"})
        assert "text_short" in shown.output

        second = run(EXPECT)
        assert [one["name"] for one in second.report["alarms"]] == ["text_short"]
        run(EXPECT)
        last = run("")
        assert last.report["alarms"] == []
        assert standing(archives) == (0, standing(archives)[1] | {"alarms": []})

    runs = sorted(path.name.partition(".")[0] for path in last.folder.glob("*.report.json"))
    assert set(hook.paths) == {SECRET}
    # The first was refused, so that the second tells all; the third had nothing new.
    assert [(one["run"], one["raised"], one["cleared"]) for one in hook.messages] == [
        (runs[0], ["articles_low", "text_short"], []),
        (runs[1], ["text_short"], []),
        (runs[3], [], ["text_short"]),
    ]
    assert hook.messages[0]["outlet"] == OUTLET
    assert hook.messages[0]["alarms"] == report["alarms"]
    assert hook.messages[0]["report"]["articles"] == report["articles"]
    # The folder of the metrics is no outlet's.
    for command in (["verify", str(archives)], ["doctor", "--archives", str(archives)]):
        checked = CliRunner().invoke(app, command)
        assert checked.exit_code == 0, checked.output
