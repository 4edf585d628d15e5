"""A spool that is full is no fault of any outlet: nothing is crawled, and nothing is held back."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from wire.cluster import COMMAND
from wire.crawl import FAST, environment
from wire.slow_site import write_slow_outlet

from newscrawl.errors import NO_ROOM


@pytest.mark.crawl
def test_a_full_spool_counts_against_no_outlet(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    (spool / ".waiting").mkdir(parents=True)
    (spool / ".waiting" / "other.json").write_text('{"since": 1, "bytes": 9}')
    (tmp_path / "far").mkdir()
    for number in range(3):
        write_slow_outlet(f"http://127.0.0.{number + 1}:9", tmp_path / "outlets", f"paper{number}")
    settings = {
        **FAST,
        "NEWSCRAWL_OUTLETS": tmp_path / "outlets",
        "NEWSCRAWL_SPOOL_MAX_BYTES": "9",
    }
    flags = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    archives = ("--archives", f"file://{tmp_path}/far")
    done = subprocess.run(
        [COMMAND, "run", "--due", "--json", "--jobs", "1", "--no-fork", *archives, *flags],
        env={**environment(), "NEWSCRAWL_SPOOL": str(spool)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    # The others would not begin either, so they do not try.
    (result,) = json.loads(done.stdout)
    assert result["code"] == NO_ROOM
    assert "spool_full: 9 bytes of 1 outlets wait" in done.stderr
    with closing(sqlite3.connect(spool / "state.sqlite")) as state:
        rows = state.execute("SELECT failures, not_before, reason FROM outlets").fetchall()
    assert all(not failures and not not_before for failures, not_before, _ in rows)
