"""What is shown while work goes on: the line of the crawls, and `newscrawl status --watch`."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from newscrawl.cli import app
from newscrawl.cli.crawl_progress import MOST_NAMES, _estimate_rest, _name_running
from newscrawl.cli.processes import LineCounter
from newscrawl.state.database import Database, database_url
from newscrawl.warc.writer import OPEN_SUFFIX


def test_pages_are_articles_and_rejections_of_crawls_that_run(tmp_path: Path) -> None:
    folder = tmp_path / "echo"
    folder.mkdir()
    old = folder / f"echo-1.jsonl{OPEN_SUFFIX}"
    old.write_bytes(b"{}\n" * 9)
    os.utime(old, (1, 1))
    counter = LineCounter(tmp_path)
    (folder / f"echo-2.jsonl{OPEN_SUFFIX}").write_bytes(b"{}\n{}\n{")
    (folder / f"echo-2.rejected.jsonl{OPEN_SUFFIX}").write_bytes(b"{}\n")
    assert counter.count("echo") == (3, 2)
    with (folder / f"echo-2.jsonl{OPEN_SUFFIX}").open("ab") as lines:
        lines.write(b"}\n{}\n")
    assert counter.count("echo") == (5, 4)
    assert counter.count("nobody") == (0, 0)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], "crawling"),
        (["echo"], "echo"),
        (["echo", "wire"], "echo, wire"),
        (["cameroon-tribune", "echo", "wire"], "cameroon-tribune, 2 more"),
        (["connectionivoirienne"], "connectionivoirienne"),
    ],
)
def test_the_outlets_at_work_have_room(names: list[str], shown: str) -> None:
    assert _name_running(names) == shown
    assert len(shown) <= MOST_NAMES + len(", 2 more")


@pytest.mark.parametrize(
    ("seconds", "done", "total", "shown"),
    [(10, 0, 5, "–"), (10, 1, None, "–"), (10, 5, 5, "–"), (10, 1, 5, "40 s"), (60, 2, 40, "19 min")],
)
def test_the_rest_takes_as_long_as_what_is_done(
    seconds: float, done: int, total: int | None, shown: str
) -> None:
    assert _estimate_rest(seconds, done, total) == shown


def test_status_stays_on_the_screen_until_ctrl_c(tmp_path: Path) -> None:
    Database.open(database_url("", tmp_path)).close()
    command = [
        Path(sys.executable).with_name("newscrawl"),
        "status",
        "--archives",
        tmp_path,
        "--watch",
        "0.2",
    ]
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        command, stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(terminal)
        shown, end = b"", time.monotonic() + 60
        while shown.count(b"\x1b[2J") < 3 and time.monotonic() < end:
            if select.select([screen], [], [], 1)[0]:
                shown += os.read(screen, 65_536)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    os.close(screen)
    # Each time the cursor goes home and the screen is emptied.
    assert shown.count(b"\x1b[2J") >= 3
    assert b"Traceback" not in shown


def test_a_program_does_not_watch() -> None:
    done = CliRunner().invoke(app, ["status", "--watch", "1", "--json"])
    assert done.exit_code == 2
    assert "a program asks again by itself" in done.stderr
