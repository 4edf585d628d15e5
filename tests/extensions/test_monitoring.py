"""Metrics files, state, and the webhook after a run."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl
from wire.mailbox import Mailbox, serve_mailbox
from wire.webhook import Webhook, serve_webhook

from newscrawl.archive.report import newest_reports
from newscrawl.cli import app
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.extensions.monitoring import is_web_url, post_json
from newscrawl.monitoring.alarms import NAMES

OUTLET = "kamer_echo"
SLACK_PATH = "/services/T0/s3cret"
EXPECT = "\n[expect]\narticles_min = 999\ntext_chars_min = 99999\n"


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
    with (
        serve_in_thread(Newsroom([demo_site(OUTLET)])) as newsroom,
        serve_webhook(Webhook(statuses=[500])) as hook,
        serve_mailbox(Mailbox()) as mailbox,
    ):
        write_outlets(newsroom.bases, outlets)
        [file] = outlets.rglob("*.toml")
        plain = file.read_text(encoding="utf-8")
        assert "[expect]" not in plain

        def run(expect: str) -> Crawl:
            file.write_text(plain + expect, encoding="utf-8")
            settings = {"NEWSCRAWL_OUTLETS": outlets, "NEWSCRAWL_WEBHOOK": hook.base + SLACK_PATH}
            settings |= {
                "NEWSCRAWL_MAIL_SERVER": f"127.0.0.1:{mailbox.port}",
                "NEWSCRAWL_MAIL": "a@b.example",
            }
            done = crawl(OUTLET, archives=archives, **settings)
            assert done.code == 0, done.output
            assert SLACK_PATH not in done.output
            return done

        first = run(EXPECT)
        report = first.report
        assert [(one["name"], one["level"]) for one in report["alarms"]] == [
            ("articles_low", "error"),
            ("text_short", "error"),
        ]
        assert SLACK_PATH not in json.dumps(report)
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
        # The API has the whole stories; standfirsts, which it lacks, are no part of the text anyway.
        assert figures["witness_whole"] > 10
        assert "witness_extra" not in figures

        told = metrics(archives)
        assert told["newscrawl_run_articles",] == report["articles"]
        assert told["newscrawl_run_pages", "article"] == report["articles"]
        assert told["newscrawl_run_warc_bytes",] == report["warc_bytes"]
        assert told["newscrawl_run_success",] == 1
        assert told["newscrawl_run_witness_precision",] == told["newscrawl_run_witness_recall",] == 1
        assert told["newscrawl_run_witnesses", "whole"] == figures["witness_whole"]
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
        shown = CliRunner().invoke(app, ["runs", "--archives", str(archives)], env={"COLUMNS": "200"})
        assert "text_short" in shown.output

        second = run(EXPECT)
        assert [one["name"] for one in second.report["alarms"]] == ["text_short"]
        run(EXPECT)
        last = run("")
        assert last.report["alarms"] == []
        assert standing(archives) == (0, standing(archives)[1] | {"alarms": []})

    runs = sorted(run for run, _ in newest_reports(last.folder, 9))
    assert set(hook.paths) == {SLACK_PATH}
    # The first was refused, so that the second tells all; the third had nothing new.
    assert [(one["run"], one["raised"], one["cleared"]) for one in hook.messages] == [
        (runs[0], ["articles_low", "text_short"], []),
        (runs[1], ["text_short"], []),
        (runs[3], [], ["text_short"]),
    ]
    # By mail too, which was taken the first time: then one of the two alarms was over.
    assert [mail["subject"] for mail in mailbox.mails] == [
        "newscrawl: kamer_echo: articles_low, text_short",
        "newscrawl: kamer_echo: articles_low is over",
        "newscrawl: kamer_echo: text_short is over",
    ]
    assert f"last run: {runs[0]}, ended " in mailbox.mails[0].get_content()
    assert hook.messages[0]["text"].startswith("newscrawl: kamer_echo: articles_low, text_short\n")
    assert hook.messages[0]["outlet"] == OUTLET
    assert hook.messages[0]["alarms"] == report["alarms"]
    assert hook.messages[0]["report"]["articles"] == report["articles"]
    # Nobody has to build an index.
    looked_up = ["index", "lookup", first.articles[0]["url"], "--archives", str(archives), "--json"]
    captures = json.loads(CliRunner().invoke(app, looked_up).stdout)
    assert {capture["run"] for capture in captures} >= {runs[0]}
    # The folder of the metrics is no outlet's.
    for command in (["verify", str(archives)], ["check", "--archives", str(archives)]):
        checked = CliRunner().invoke(app, command)
        assert checked.exit_code == 0, checked.output


SECRET = "/s3cret?token=t0ken"


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that begins to answer and never gets to the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        wire, _ = listener.accept()
        with wire:
            wire.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.1):
                wire.sendall(b"X")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    thread.join()
    listener.close()


def test_a_message_is_taken() -> None:
    with serve_webhook(Webhook()) as hook:
        assert post_json(hook.base + SECRET, {"outlet": "écho"})
    assert hook.messages == [{"outlet": "écho"}]
    assert hook.paths == [SECRET]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refusal_is_logged_without_the_address(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with serve_webhook(Webhook(statuses=[status])) as hook:
        assert not post_json(hook.base + SECRET, {})
    assert caplog.records[0].levelno == logging.WARNING
    assert str(status) in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "address", ["http://u:s3cret@127.0.0.1:1", "http://127.0.0.1:9/s3cret", "http://[::s3cret"]
)
def test_what_cannot_be_reached_is_logged_without_the_address(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not post_json(address, {}, seconds=5)
    assert "the webhook did not get the alarms: " in caplog.text
    assert "s3cret" not in caplog.text


def test_nobody_is_waited_for(dripping: str, caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    assert not post_json(dripping, {}, seconds=0.5)
    assert time.monotonic() - began < 2
    assert "no answer within 0.5 s" in caplog.text


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "hook.example/x", "http://", "ftp://a.example/", "http://["]
)
def test_only_the_web_is_posted_to(url: str) -> None:
    assert not is_web_url(url)
    assert is_web_url("https://hook.example/x")
