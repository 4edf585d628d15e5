"""`newscrawl run --on`: crawls on workers, which cost no outlet anything when the cluster fails."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cli.test_run import due_command
from wire.cluster import Cluster, start_cluster
from wire.crawl import environment
from wire.slow_site import SlowSite, write_slow_outlet

from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread

OUTLETS = ("kamer_echo", "deccan_wire")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Its workers have no outlet files."""
    (tmp_path / "empty").mkdir()
    with start_cluster("--crawls", "2", NEWSCRAWL_OUTLETS=str(tmp_path / "empty")) as started:
        yield started


def start(folder: Path, cluster: Cluster, *args: str) -> subprocess.Popen[str]:
    command = [*due_command(folder, "--on", cluster.address, "--jobs", "3", "--json"), *args]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end(process: subprocess.Popen[str], code: int = 0) -> tuple[list[dict[str, Any]], str]:
    output, errors = process.communicate(timeout=180)
    assert process.returncode == code, errors
    return json.loads(output) if output else [], errors


def failures(folder: Path) -> int:
    """Failed crawls in a row that state counts, of all outlets."""
    with closing(sqlite3.connect(folder / "a" / "state.sqlite")) as state:
        (count,) = state.execute("SELECT coalesce(sum(failures), 0) FROM outlets").fetchone()
    return int(count)


@pytest.mark.crawl
@pytest.mark.slow
def test_what_is_due_is_crawled_by_the_workers(tmp_path: Path, cluster: Cluster) -> None:
    with serve_in_thread(Newsroom(list(map(demo_site, OUTLETS)))) as newsroom:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        results, _ = end(start(tmp_path, cluster))
        assert {result["outlet"] for result in results} == set(OUTLETS)
        assert all(result["report"]["articles"] > 10 for result in results)
        assert {result["code"] for result in results} == {0}
        for outlet in OUTLETS:
            (lines,) = (
                path for path in (tmp_path / "a" / outlet).glob("*.jsonl") if ".rejected." not in path.name
            )
            assert {json.loads(line)["source"] for line in lines.read_text().splitlines()} == {outlet}
        _, errors = end(start(tmp_path, cluster))
        assert "nothing is due" in errors


def wait_for_pages(folder: Path) -> Path:
    """The lines of a crawl that has begun to write them."""
    limit = time.monotonic() + 90
    while not (found := [path for path in folder.glob("a/slow/*.jsonl.open") if path.stat().st_size]):
        assert time.monotonic() < limit
        time.sleep(0.05)
    return found[0]


@pytest.mark.proof
@pytest.mark.crawl
@pytest.mark.slow
def test_sigterm_ends_the_crawls_of_the_workers_in_order(tmp_path: Path, cluster: Cluster) -> None:
    with serve_in_thread(Newsroom([SlowSite()])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        process = start(tmp_path, cluster, "-s", "DOWNLOAD_DELAY=0.3")
        wait_for_pages(tmp_path)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=90)
        assert process.returncode == 128 + signal.SIGTERM
    (report,) = (tmp_path / "a" / "slow").glob("*.report.json")
    assert json.loads(report.read_text())["reason"] == "shutdown"
    assert not list((tmp_path / "a" / "slow").glob("*.open"))


@pytest.mark.proof
@pytest.mark.crawl
@pytest.mark.slow
def test_an_end_of_the_cluster_counts_against_no_outlet(tmp_path: Path, cluster: Cluster) -> None:
    """The crawl itself goes on, and ends under its lease."""
    with serve_in_thread(Newsroom([SlowSite()])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        process = start(tmp_path, cluster, "-s", "DOWNLOAD_DELAY=0.2", "-s", "NEWSCRAWL_PAGES_MAX=60")
        wait_for_pages(tmp_path)
        cluster.kill_scheduler()
        _, errors = end(process, 1)
        assert "has gone" in errors
        assert failures(tmp_path) == 0
        assert_goes_on_and_ends(tmp_path)


def assert_goes_on_and_ends(folder: Path) -> None:
    limit = time.monotonic() + 120
    while not (reports := list((folder / "a" / "slow").glob("*.report.json"))):
        assert time.monotonic() < limit
        time.sleep(0.1)
    report = json.loads(reports[0].read_text())
    assert (report["reason"], report["error"]) == ("finished", None)
    assert report["articles"] > 0


@pytest.mark.proof
@pytest.mark.crawl
@pytest.mark.slow
def test_a_killed_worker_counts_against_no_outlet(tmp_path: Path, cluster: Cluster) -> None:
    """The worker that takes over finds the outlet leased to the crawl that goes on."""
    with serve_in_thread(Newsroom([SlowSite()])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        process = start(tmp_path, cluster, "-s", "DOWNLOAD_DELAY=0.2", "-s", "NEWSCRAWL_PAGES_MAX=60")
        wait_for_pages(tmp_path)
        cluster.kill_workers(2)
        end(process)
        assert failures(tmp_path) == 0
        assert_goes_on_and_ends(tmp_path)
        reports = sorted(tmp_path.glob("a/slow/*.report.json"))
        runs = [json.loads(path.read_text()) for path in reports]
        assert all(one["finished"] <= other["started"] for one, other in pairwise(runs))
