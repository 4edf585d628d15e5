"""What is no outlet's fault holds none back: a spool that is full, a database that is away."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from wire.cluster import COMMAND
from wire.crawl import FAST, crawl, environment
from wire.slow_site import write_slow_outlet

from newscrawl.archive.manifest import MANIFEST
from newscrawl.errors import NOT_ITS_FAULT

NAME, CONTENT = "memory-1.json", b'{"a": {}}'


def fill(spool: Path) -> None:
    """Leave a file of an outlet to be sent, of as many bytes as there may be."""
    for folder in (".waiting", "other"):
        (spool / folder).mkdir(parents=True)
    (spool / "other" / NAME).write_bytes(CONTENT)
    (spool / "other" / MANIFEST).write_text(f"{hashlib.sha256(CONTENT).hexdigest()}  {NAME}\n")
    (spool / ".waiting" / "other.json").write_text(f'{{"since": 1, "bytes": {len(CONTENT)}}}')


@pytest.mark.crawl
def test_a_full_spool_counts_against_no_outlet(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    fill(spool)
    (tmp_path / "far").write_text("no folder, so nothing can be sent")
    for number in range(3):
        write_slow_outlet(f"http://127.0.0.{number + 1}:9", tmp_path / "outlets", f"paper{number}")
    settings = {
        **FAST,
        "NEWSCRAWL_OUTLETS": tmp_path / "outlets",
        "NEWSCRAWL_SPOOL_MAX_BYTES": str(len(CONTENT)),
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
    assert result["code"] == NOT_ITS_FAULT
    assert "spool_full: 9 bytes of 1 outlets wait" in done.stderr
    with closing(sqlite3.connect(spool / "state.sqlite")) as state:
        rows = state.execute("SELECT failures, not_before, reason FROM outlets").fetchall()
    assert all(not failures and not not_before for failures, not_before, _ in rows)


@pytest.mark.crawl
def test_a_spool_that_can_be_emptied_is_no_longer_full(tmp_path: Path) -> None:
    far, spool = tmp_path / "far", tmp_path / "spool"
    far.mkdir()
    fill(spool)
    write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets")
    done = crawl(
        "slow",
        archives=spool,
        NEWSCRAWL_ARCHIVES=f"file://{far}",
        NEWSCRAWL_SPOOL=spool,
        NEWSCRAWL_SPOOL_MAX_BYTES=len(CONTENT),
        NEWSCRAWL_OUTLETS=tmp_path / "outlets",
        RETRY_TIMES=0,
    )
    assert done.code == 1, done.output  # it began, and found a port that nobody serves
    assert "spool_full" not in done.output
    assert (far / "other" / NAME).read_bytes() == CONTENT
    assert not list((spool / ".waiting").iterdir())


@pytest.mark.crawl
def test_a_database_that_is_away_is_no_fault_of_the_outlet(tmp_path: Path) -> None:
    write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets")
    url = "postgresql+psycopg://newscrawl:secret@127.0.0.1:9/newscrawl"
    options = {"NEWSCRAWL_OUTLETS": tmp_path / "outlets", "NEWSCRAWL_STATE_URL": url}
    done = crawl("slow", archives=tmp_path / "a", **options)
    assert done.code == NOT_ITS_FAULT, done.output
    assert "secret" not in done.output
