"""`newscrawl check` sees each way in which state and files can differ, and fixes all that can be fixed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl

from newscrawl import settings
from newscrawl.archive.manifest import MANIFEST, file_sha256, read_manifest
from newscrawl.cli import app, check
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = pytest.mark.crawl

OUTLET = "val_sambre"
Harm = Callable[[Path], None]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    folder = tmp_path_factory.mktemp("check")
    archives, outlets = folder / "a", folder / "outlets"
    with serve_in_thread(Newsroom([demo_site(OUTLET)])) as served:
        write_outlets(served.bases, outlets)
        return crawl(OUTLET, archives=archives, NEWSCRAWL_OUTLETS=outlets)


@pytest.fixture
def archives(crawled: Crawl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to do harm to; the outlet's file is known."""
    monkeypatch.setattr(settings, "NEWSCRAWL_OUTLETS", [str(crawled.folder.parent.parent / "outlets")])
    return Path(shutil.copytree(crawled.folder.parent, tmp_path / "a"))


def run(command: str, archives: Path, *args: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, [command, "--archives", str(archives), "--json", *args])
    return done.exit_code, json.loads(done.stdout)


def kinds(archives: Path, *args: str) -> tuple[int, set[str]]:
    code, found = run("check", archives, *args)
    return code, {each["kind"] for each in found["disagreements"][OUTLET]}


def sql(statement: str) -> Harm:
    def harm(archives: Path) -> None:
        with closing(sqlite3.connect(archives / "state.sqlite")) as state, state:
            assert state.execute(statement).rowcount

    return harm


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Harm:
    def harm(archives: Path) -> None:
        (path,) = (archives / OUTLET).glob("*[0-9].jsonl")
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return harm


def leave_open(archives: Path) -> None:
    for path in (archives / OUTLET).glob("*.jsonl"):
        path.rename(f"{path}.open")
    sql("UPDATE runs SET finished = NULL, pid = 999999999")(archives)


def unlist(suffix: str) -> Harm:
    """The disk was full when files with this ending were to be added to the manifest."""

    def harm(archives: Path) -> None:
        path = archives / OUTLET / MANIFEST
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.endswith(f"{suffix}\n")))

    return harm


def cut_archive(archives: Path) -> None:
    (path,) = (archives / OUTLET).glob("*.warc.gz")
    os.truncate(path, path.stat().st_size // 2)


def test_after_a_run_all_agrees(archives: Path) -> None:
    assert kinds(archives) == (0, set())
    done = CliRunner().invoke(app, ["check", "--archives", str(archives)])
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "state and files agree: 1 outlets")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (sql("UPDATE urls SET version = 7 WHERE article_id IS NOT NULL"), "text_differs"),
        (sql("DELETE FROM urls WHERE article_id IS NOT NULL"), "page_unknown"),
        (sql("DELETE FROM urls"), "page_unknown"),
        (sql("UPDATE urls SET last_fetched_at = NULL, status = 'pending'"), "page_not_ended"),
        (lines(lambda all_: all_[2:]), "line_missing"),
        (leave_open, "file_open"),
        (unlist(".warc.gz"), "file_unlisted"),
        (unlist(".jsonl"), "file_unlisted"),
        (unlist(".report.json"), "file_unlisted"),
        (sql("UPDATE runs SET finished = NULL"), "run_killed"),
        (sql("UPDATE sources SET next_due = next_due + 630720000"), "time_in_future"),
        (sql("UPDATE urls SET next_due = next_due + 630720000"), "time_in_future"),
        (sql("UPDATE hosts SET paused_until = 2500000000"), "time_in_future"),
        (sql("UPDATE outlets SET failures = 1, not_before = 2500000000, reason = 'x'"), "time_in_future"),
        (sql("UPDATE outlets SET next_due = 2500000000"), "time_in_future"),
        (sql("UPDATE outlets SET next_due = unixepoch() + 6 * 86400"), "due_late"),
        (sql(f"INSERT INTO leases VALUES ('{OUTLET}', 'vm', 7, 1, 2500000000, 'x', '')"), "time_in_future"),
    ],
)
def test_what_differs_is_told_and_mended(archives: Path, harm: Harm, told: str) -> None:
    harm(archives)
    code, found = kinds(archives)
    assert code == 1
    assert told in found
    assert kinds(archives, "--fix") == (0, set())
    assert kinds(archives) == (0, set())


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (cut_archive, "record_missing"),
    ],
)
def test_what_cannot_be_mended_stays_told(archives: Path, harm: Harm, told: str) -> None:
    harm(archives)
    assert kinds(archives, "--fix") == (1, {told})


@pytest.mark.parametrize(
    ("harm", "told", "mended"),
    [
        (lines(lambda all_: [*all_, all_[0]]), "line_twice", {"repeated": 1}),
        (
            lines(lambda all_: [*all_[:-1], all_[-1][:40]]),
            "line_broken",
            {"set_aside": 1, "extracted": 1},
        ),
        (
            lines(lambda all_: [*all_[:3], b"\0\xff{\n", b'{"id": 1}\n', *all_[4:]]),
            "line_broken",
            {"set_aside": 2, "extracted": 1},
        ),
        (lines(lambda all_: all_[2:]), "line_missing", {"extracted": 2}),
    ],
)
def test_damaged_lines_are_set_aside_and_made_again_from_the_archive(
    archives: Path,
    crawled: Crawl,
    harm: Harm,
    told: str,
    mended: dict[str, int],
) -> None:
    harm(archives)
    assert kinds(archives) == (1, {told})
    code, found = run("check", archives, "--fix")
    assert (code, found["disagreements"]) == (0, {OUTLET: []})
    assert {name: count for name, count in found["mended"][OUTLET].items() if count} == mended
    (path,) = (archives / OUTLET).glob("*[0-9].jsonl")
    assert path.read_bytes() == (crawled.folder / path.name).read_bytes(), "as if nothing had been"
    assert read_manifest(archives / OUTLET)[path.name] == file_sha256(path)
    aside = list((archives / OUTLET).glob("*.jsonl.broken"))
    assert sum(len(one.read_bytes().splitlines()) for one in aside) == mended.get("set_aside", 0)


def test_a_run_that_remembers_nothing_is_none_of_its_business(archives: Path, tmp_path: Path) -> None:
    with serve_in_thread(Newsroom([demo_site("fundy_courier")])) as served:
        write_outlets(served.bases, tmp_path / "o")
        options = {"NEWSCRAWL_OUTLETS": tmp_path / "o", "NEWSCRAWL_STATE_URL": "sqlite://"}
        assert crawl("fundy_courier", archives=archives, **options).report["articles"]
    code, found = run("check", archives)
    assert (code, found["disagreements"]) == (0, {OUTLET: []})


def test_a_fix_that_takes_long_does_not_take_its_own_lease_for_one_of_a_wrong_clock(
    archives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring, began = check.bring_files, time.time()
    hours = 0

    def bring_for_hours(*args: Any) -> None:
        nonlocal hours
        bring(*args)
        hours += 2

    monkeypatch.setattr(check, "bring_files", bring_for_hours)
    monkeypatch.setattr(time, "time", lambda: began + hours * 3600)
    code, found = run("check", archives, "--fix")
    assert (code, found["disagreements"]) == (0, {OUTLET: []})


def test_a_lost_database_is_made_again_from_the_lines(archives: Path) -> None:
    for path in archives.glob("state.sqlite*"):
        path.unlink()
    assert kinds(archives) == (1, {"page_unknown"})
    assert kinds(archives, "--fix") == (0, set())


def test_status_tells_how_the_outlet_stands(archives: Path, crawled: Crawl) -> None:
    code, (found,) = run("status", archives, OUTLET)
    assert code == 0
    assert found["articles_day"] == found["articles_week"] == crawled.report["articles"]
    assert (found["waiting"], found["failed"], found["feeds_failing"], found["runs_failed"]) == (0, 0, 0, 0)
    assert found["last_reason"] == "finished"
    assert found["last_run"] < found["next_due"]
    sql("UPDATE runs SET reason = 'archive_error', error = 'No space left'")(archives)
    sql("UPDATE urls SET status = 'failed' WHERE status = 'gone'")(archives)
    code, (found,) = run("status", archives)
    assert (code, found["runs_failed"], found["failed"]) == (1, 1, 2)
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["status", "--archives", str(archives)]).stdout
    assert "val_sambre" in shown
    assert "No space left" in shown
    assert "runs 1" in shown


def test_an_outlet_that_never_ran_is_named(archives: Path) -> None:
    done = CliRunner().invoke(app, ["status", "--archives", str(archives), "nobody"])
    assert str(done.exception) == "state has no run of nobody; `newscrawl list` shows the outlets"
