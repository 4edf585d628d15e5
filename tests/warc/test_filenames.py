"""File names identify the process that writes them, and other names are rejected."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newscrawl.archive.run_files import make_run_id
from newscrawl.storage import try_lock
from newscrawl.warc.filenames import (
    WarcNameTemplate,
    has_file_open,
    is_running,
    parse_filename,
    sanitize_host,
)

START = datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=UTC)


@pytest.mark.parametrize("outlet", ["echo", "la-voix-2", "x.y"])
@pytest.mark.parametrize("suffix", ["", ".open", ".torn", ".torn.tmp"])
def test_names_of_warcs_tell_host_and_process(outlet: str, suffix: str) -> None:
    name = WarcNameTemplate(prefix=outlet, host="news-7.example", pid=42).name(START, 3) + suffix
    owner = parse_filename(name)
    assert owner
    assert (owner.outlet, owner.pid, owner.host) == (outlet, 42, "news_7.example")
    assert owner.stamp == "20260304050607891"


@pytest.mark.parametrize(
    "suffix",
    [".jsonl", ".jsonl.open", ".jsonl.sorting", ".rejected.jsonl.open", ".report.json", ".report.tmp"],
)
def test_names_of_runs_tell_the_process(suffix: str) -> None:
    owner = parse_filename(make_run_id("la-voix-2", START, 4242) + suffix)
    assert owner
    assert (owner.outlet, owner.stamp, owner.pid, owner.host) == (
        "la-voix-2",
        "20260304050607891",
        4242,
        None,
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "crawl.log",
        "MANIFEST.sha256",
        "wget.warc.gz.open",
        "echo-20260304050607891-0.jsonl",
        "echo-20260304050607891--1.jsonl.open",
        "echo-2026-7.jsonl",
        "../echo-20260304050607891-7.jsonl",
        "echo-20260304050607891-00000-a/b-7.warc.gz",
        "e" * 500 + "-20260304050607891-7.jsonl",
        "echo-20260304050607891-99999999999999999999.jsonl",
    ],
)
def test_other_names_tell_nothing(name: str) -> None:
    assert parse_filename(name) is None


def test_a_host_without_a_name_has_one_in_file_names() -> None:
    assert sanitize_host("") == "localhost"
    assert len(sanitize_host("h" * 300)) == 64


def test_this_process_runs_and_has_written_nothing_before_it_began(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert is_running(os.getpid(), (tmp_path / "a").stat().st_mtime)
    assert not is_running(os.getpid(), 1e9)


def test_a_process_that_ended_runs_no_more() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert not is_running(process.pid, 4e9)
    assert not is_running(1 << 40, 4e9)


def test_a_process_has_the_files_open_that_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb"):
        assert has_file_open(os.getpid(), path.stat())
    assert not has_file_open(os.getpid(), path.stat())
    with subprocess.Popen(["sleep", "600"]) as other, path.open("wb"):
        assert not has_file_open(other.pid, path.stat())
        other.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_the_owner_decides_where_a_process_cannot_be_looked_into(tmp_path: Path) -> None:
    """As another user sees the first process of the system."""
    path = tmp_path / "a"
    path.touch()
    file = path.stat()
    program = (
        "import os, sys; from newscrawl.warc.filenames import has_file_open; os.setuid(65534)\n"
        "file = os.stat_result(map(int, sys.argv[2:12]))\n"
        "print(has_file_open(int(sys.argv[1]), file))"
    )
    for owner, answer in ((0, "True"), (65534, "False")):
        fields = [*file[:4], owner, *file[5:10]]
        command = [sys.executable, "-c", program, str(os.getpid()), *map(str, fields)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == answer


def test_a_lock_is_held_until_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)
