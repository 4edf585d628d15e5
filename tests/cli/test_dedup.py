"""`newscrawl dedup`: runs find copies when they end, and the command shows who carried a story."""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lines_made import article
from typer.testing import CliRunner
from wire.crawl import crawl

from newscrawl.cli import app, dedup
from newscrawl.cli.dedup import list_sources
from newscrawl.cli.rebuild_workers import FOLDER_PREFIX, running_tasks
from newscrawl.dedup.articles import with_clusters
from newscrawl.dedup.bulk import rebuild_clusters
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.demo.stories import read_desk
from newscrawl.errors import NewscrawlError
from newscrawl.items import Article
from newscrawl.state.database import Database, database_url
from newscrawl.state.documents import DocumentTable

OUTLETS = ("deccan_wire", "kamer_echo", "val_sambre")


def said(*words: object) -> Any:
    """What the command prints as JSON."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def planted() -> set[frozenset[str]]:
    """Titles of stories that desks repeat, with the outlets that have them."""
    repeats = {}
    for outlet in OUTLETS:
        for story in read_desk(outlet).listed:
            if story.copy_of and story.copy_of.split("/")[0] in OUTLETS:
                repeats.setdefault(story.copy_of, {story.copy_of.split("/")[0]}).add(outlet)
    return {frozenset(outlets) for outlets in repeats.values()}


def clusters(state: Path) -> dict[str, list[tuple[str, str | None]]]:
    """Outlets and originals of the members of each cluster."""
    with closing(sqlite3.connect(state)) as database:
        rows = database.execute(
            "SELECT cluster, outlet, duplicate_of FROM documents WHERE cluster IS NOT NULL"
        )
        found: dict[str, list[tuple[str, str | None]]] = {}
        for name, outlet, original in rows:
            found.setdefault(name, []).append((outlet, original))
    return found


@pytest.mark.slow
@pytest.mark.crawl
def test_runs_find_the_copies_of_other_outlets_and_the_command_shows_them(tmp_path: Path) -> None:
    archives, state = tmp_path / "a", tmp_path / "a" / "state.sqlite"
    given = {"archives": archives, "NEWSCRAWL_OUTLETS": tmp_path / "outlets"}
    with serve_in_thread(Newsroom([demo_site(outlet) for outlet in OUTLETS])) as newsroom:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        first = crawl(OUTLETS[0], **given)
        assert "0 of" in first.output, "nothing to repeat yet"
        second = crawl(OUTLETS[1], **given)
        off = crawl(OUTLETS[2], **given, NEWSCRAWL_DEDUP=0)
    assert [done.code for done in (first, second, off)] == [0, 0, 0], second.output + off.output
    assert "articles have copies" in second.output
    assert "articles have copies" not in off.output
    lines = {path: path.read_bytes() for path in archives.glob("*/*.jsonl")}

    before = clusters(state)
    assert {outlet for each in before.values() for outlet, _ in each} == set(OUTLETS[:2])
    counts = said("dedup", "--archives", archives, "--json")
    assert counts["looked_at"] == len(off.articles)
    assert counts["broken"] == 0
    found = clusters(state)
    assert set(before) <= set(found), "names stay"
    assert {frozenset(outlet for outlet, _ in each) for each in found.values()} == planted()
    assert all(sum(original is None for _, original in each) == 1 for each in found.values())
    assert said("dedup", "--archives", archives, "--json")["looked_at"] == 0

    filled = list(with_copies_of(archives))
    assert sum(article.duplicate_of is not None for article in filled) == counts["duplicates"]
    assert {article.cluster for article in filled} - {None} == set(found)
    assert len(filled) == counts["texts"]

    name = next(iter(found))
    story = said("dedup", "show", name, "--archives", archives, "--diff", "--json")
    assert story["cluster"] == name
    assert len(story["members"]) == len(found[name])
    copy = next(member for member in story["members"] if member["duplicate_of"])
    assert copy["kept"] > 0.9
    assert copy["own"] < 0.1
    assert any(side["original"] == side["copy"] for side in copy["sides"])
    by_url = said("dedup", "show", copy["url"], "--archives", archives, "--json")
    assert by_url["cluster"] == name
    table = CliRunner().invoke(app, ["dedup", "show", name, "--archives", str(archives), "--diff"])
    assert copy["outlet"] in table.output

    anew = said("dedup", "--archives", archives, "--rebuild", "--json")
    assert anew["looked_at"] == anew["texts"] == counts["texts"]
    again = clusters(state)
    assert sorted(map(sorted_members, again.values())) == sorted(map(sorted_members, found.values()))
    assert {path: path.read_bytes() for path in archives.glob("*/*.jsonl")} == lines, (
        "lines are not rewritten"
    )
    assert CliRunner().invoke(app, ["check", "--archives", str(archives)]).exit_code == 0


def with_copies_of(archives: Path) -> Iterator[Article]:
    """The articles of all lines, with what state knows of them."""
    lines = (
        line for path in sorted(archives.glob("*/*[0-9].jsonl")) for line in path.read_bytes().splitlines()
    )
    database = Database.open(database_url("", archives))
    yield from with_clusters(map(Article.model_validate_json, lines), DocumentTable(database))
    database.close()


def sorted_members(members: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    return sorted((outlet, original or "") for outlet, original in members)


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    for words, problem in (
        (["show", "https://news.example.org/x"], "no article https://news.example.org/x in state"),
        (["nowhere"], "no lines of nowhere"),
        (["find", "nowhere"], "no lines of nowhere"),
        (["nowhere", "--rebuild"], "--rebuild looks at all outlets"),
    ):
        done = CliRunner().invoke(app, ["dedup", *words, "--archives", str(tmp_path)])
        assert problem in str(done.exception)


@pytest.mark.parametrize("words", [["--diff"], ["show", "x", "--rebuild"], ["show"]])
def test_options_belong_to_their_command(tmp_path: Path, words: list[str]) -> None:
    done = CliRunner().invoke(app, ["dedup", *words, "--archives", str(tmp_path)])
    assert done.exit_code == 2


def test_a_broken_line_is_told_and_the_other_runs_are_read(tmp_path: Path) -> None:
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "paper-20260101000000000-1.jsonl").write_text("{not a line}\n")
    done = CliRunner().invoke(app, ["dedup", "--archives", str(tmp_path), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["broken"] == 1


def end_process(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_of_a_rebuild_is_an_error_that_says_so() -> None:
    with pytest.raises(NewscrawlError, match="--rebuild changed nothing"), running_tasks(2) as (run, _):
        list(run(end_process, range(4)))


def test_a_rebuild_that_cannot_write_its_files_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "paper").mkdir(parents=True)
    (tmp_path / "a" / "paper" / "paper-20260101000000000-1.jsonl").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    for jobs in ("1", "2"):
        done = CliRunner().invoke(
            app, ["dedup", "--rebuild", "--archives", str(tmp_path / "a"), "--jobs", jobs]
        )
        assert f"its files are in {tmp_path / 'absent'}, TMPDIR" in str(done.exception)


def write_run(folder: Path, number: int) -> None:
    """A run of a day of its own, with an article."""
    line = article(
        number,
        source="paper",
        url_requested=f"https://x.example/{number}",
        fetched=f"2026-03-0{number + 1}T05:06:07.000000Z",
    )
    folder.mkdir(exist_ok=True)
    path = folder / f"paper-2026030{number + 1}000000000-1.jsonl"
    path.write_text(f"{line.model_dump_json(by_alias=True)}\n")


def test_a_run_that_ends_during_a_rebuild_is_compared_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it stored itself was replaced with everything else."""
    write_run(tmp_path / "paper", 0)

    def rebuild_late(*arguments: Any, **options: Any) -> Any:
        result = rebuild_clusters(*arguments, **options)
        write_run(tmp_path / "paper", 1)
        return result

    monkeypatch.setattr(dedup, "rebuild_clusters", rebuild_late)
    counts = said("dedup", "--rebuild", "--archives", tmp_path, "--json", "--jobs", "1")
    assert (counts["looked_at"], counts["texts"]) == (2, 2)


@pytest.mark.parametrize("size", [1, 64_000_000])
def test_a_rebuild_reads_every_run_whatever_the_size_of_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(dedup, "SOURCE_BYTES", size)
    for number in range(3):
        write_run(tmp_path / "paper", number)
    sources = list(list_sources([tmp_path / "paper"], None))
    assert len(sources) == (3 if size == 1 else 1)
    counts = said("dedup", "--rebuild", "--archives", tmp_path, "--json", "--jobs", "1", "--shards", "2")
    assert (counts["looked_at"], counts["broken"]) == (3, 0)


KILLED = """
import os, sys, threading
from pathlib import Path
from newscrawl.cli.rebuild_workers import FOLDER_PREFIX, running_tasks

def hang(number):
    print(os.getpid(), flush=True)
    threading.Event().wait()

if __name__ == "__main__":
    with running_tasks(2) as (run, folder):
        (folder / "a folder").mkdir()
        list(run(hang, range(3)))
"""


@pytest.fixture
def files() -> Iterator[Path]:
    """A folder of short name: sockets of processes stand in it, whose paths have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_a_rebuild_that_is_ended_leaves_no_process_and_no_file(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """What SIGKILL leaves behind, the next rebuild removes; it leaves the folders of those that still run."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = {**os.environ, "TMPDIR": str(files)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment) as rebuild:
        assert rebuild.stdout
        workers = [os.pidfd_open(int(rebuild.stdout.readline())) for _ in range(2)]
        monkeypatch.setattr(tempfile, "tempdir", str(files))
        (folder,) = files.glob(f"{FOLDER_PREFIX}*")
        os.utime(folder, (0, 0))
        with running_tasks(1) as (_, other):
            assert {folder, other} == set(files.glob(f"{FOLDER_PREFIX}*"))
        rebuild.send_signal(number)
        for worker in workers:
            assert select.select([worker], [], [], 60)[0], "the process has not ended"
            os.close(worker)
    assert folder.exists() == (number == signal.SIGKILL)
    with running_tasks(1):
        assert not folder.exists()
