"""kill -9 at any moment of an export: nothing half-written has a final name, and the next one goes on."""

from __future__ import annotations

import hashlib
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from lines_made import article, write_run
from wire.crawl import ROOT, environment

pytestmark = pytest.mark.slow

DAYS, PAGES = 10, 40
KILLS = 3
PLACES = {"parquet": "out", "jsonl": "a.jsonl.gz", "sqlite": "a.db", "text": "out"}
WATCHED = """
import atexit, signal, sys, time
import pyarrow.json, pyarrow.parquet
from newscrawl.cli import app

out, after, *command = sys.argv[1:]
began = None

def watch(event, arguments):
    global began
    if event == "open" and began is None and str(arguments[0]).startswith(out):
        began = time.process_time()
        if float(after):
            signal.setitimer(signal.ITIMER_PROF, float(after))

sys.addaudithook(watch)
atexit.register(lambda: print("CPU", time.process_time() - began))
app(command)
"""
"""The command, ended by a signal that nothing catches once it has worked for so many seconds of CPU.

They count from the first file it opens where it writes to: a kill before that meets nothing."""


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "archives"
    for day in range(DAYS):
        made = [article(day * PAGES // 2 + n, f"Day {day}. " + "Words of it. " * 200) for n in range(PAGES)]
        write_run(folder, made, day=f"202603{day + 1:02d}")
    return folder


def ended(archives: Path, form: str, out: Path, after: float = 0) -> subprocess.CompletedProcess[str]:
    """An export that was killed, or ran to its end."""
    command = ["export", "-f", form, "-o", str(out), "--archives", str(archives)]
    return subprocess.run(
        [sys.executable, "-c", WATCHED, str(out.parent), str(after), *command],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def content(out: Path) -> dict[str, str]:
    """What is there: of a database its rows, of all else the bytes."""
    if out.suffix == ".db":
        with sqlite3.connect(out) as base:
            rows = base.execute("SELECT * FROM articles ORDER BY row").fetchall()
            assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {"rows": hashlib.sha256(repr([row[2:] for row in rows]).encode()).hexdigest()}
    files = [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())
    return {
        path.relative_to(out.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def visible(out: Path) -> dict[str, str]:
    """What has a final name; the manifest apart, which grows."""
    found = content(out) if out.exists() else {}
    hidden = ("/.", "/_export.")
    return {name: digest for name, digest in found.items() if not any(mark in name for mark in hidden)}


def assert_whole(out: Path, wanted: Path) -> None:
    """Whatever has a final name is as it will be in the end, and folders lack nothing."""
    found, final = visible(out), visible(wanted)
    assert found.items() <= final.items()
    folders = {name.rpartition("/")[0] for name in found}
    assert found == {name: digest for name, digest in final.items() if name.rpartition("/")[0] in folders}


@pytest.mark.parametrize("form", PLACES)
def test_a_killed_export_is_gone_on_with(archives: Path, tmp_path: Path, form: str) -> None:
    dice = random.Random(form)
    wanted, out = (tmp_path / name / PLACES[form] for name in ("whole", "killed"))
    undisturbed = ended(archives, form, wanted)
    assert undisturbed.returncode == 0, undisturbed.stderr
    seconds = float(undisturbed.stdout.rpartition("CPU ")[2])
    kills = 0
    for _ in range(KILLS):
        # Each goes on from the one before, so less and less is left to do.
        kills += ended(archives, form, out, dice.uniform(0, seconds / 2)).returncode == -signal.SIGPROF
        assert_whole(out, wanted)
    assert kills
    assert ended(archives, form, out).returncode == 0
    assert content(out) == content(wanted)
    leavings = [
        path.name for path in out.parent.rglob("*") if path.name.endswith((".part", ".journal", ".lock"))
    ]
    assert not leavings
