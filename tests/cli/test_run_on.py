"""`newscrawl run --on`: crawls on workers, which cost no outlet anything when the cluster fails.

Archives are a folder that all share, or a bucket.
"""

from __future__ import annotations

import errno
import json
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from cli.test_full_spool import fill
from cli.test_run import due_command
from typer.testing import CliRunner
from wire.archived import story
from wire.cluster import COMMAND, Cluster, start_cluster
from wire.crawl import FAST, environment
from wire.s3 import StoppableBucket, stoppable_bucket
from wire.slow_site import SlowSite, write_slow_outlet

from newscrawl import settings
from newscrawl.cli import app, cluster_crawls, crawl_places
from newscrawl.cli.cluster_crawls import ClusterCrawl, CrawlEnd, CrawlOrder, crawling_on, run_crawl_order
from newscrawl.cli.crawl_places import CrawlPlace
from newscrawl.cli.processes import LOG_NAME, Launch, start_process
from newscrawl.cli.ui import parse_path
from newscrawl.cli.worker_archives import WorkerArchives
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.engine import ClusterLost, LocalEngine
from newscrawl.engine.cluster import RETRIES, ClusterEngine
from newscrawl.errors import NOT_ITS_FAULT, MachineFault, NewscrawlError
from newscrawl.warc.index import INDEX_NAME

STORIES = 4


class SmallSite:
    """A home page and a few stories."""

    def __init__(self, name: str) -> None:
        self.id = name

    def respond(self, request: Request) -> Response:
        if request.path == "/robots.txt":
            return Response(status=404, body=b"")
        if request.path == "/":
            links = "".join(f'<p><a href="/story/{n}">Story number {n}</a></p>' for n in range(STORIES))
            return Response(body=f"<html><body>{links}</body></html>".encode())
        return Response(body=story(f"{self.id} {request.path}"))


@contextmanager
def serving(folder: Path, *names: str) -> Iterator[None]:
    """Outlets of these names, with their files in the folder."""
    with serve_in_thread(Newsroom(list(map(SmallSite, names)))) as newsroom:
        for name, base in newsroom.bases.items():
            write_slow_outlet(base, folder / "outlets", name)
        yield


@dataclass(frozen=True)
class Machines:
    """A cluster whose worker crawls into a bucket, by a spool of its own."""

    cluster: Cluster
    bucket: StoppableBucket
    spool: Path
    settings: dict[str, str]
    "Those that a command has too."


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Their worker has no outlet files."""
    folder = tmp_path_factory.mktemp("machines")
    (folder / "empty").mkdir()
    with pytest.MonkeyPatch.context() as patch, stoppable_bucket(patch) as bucket:
        shared = {
            "NEWSCRAWL_ARCHIVES": f"{bucket.url}/news",
            "NEWSCRAWL_STATE_URL": f"sqlite:///{folder}/state.sqlite",
        }
        spool, empty = f"{folder}/worker_spool", f"{folder}/empty"
        own = {"NEWSCRAWL_SPOOL": spool, "NEWSCRAWL_OUTLETS": empty}
        with start_cluster("--crawls", "2", workers=1, **shared, **own) as started:
            yield Machines(started, bucket, Path(spool), shared)


@pytest.fixture
def cluster(machines: Machines) -> Cluster:
    return machines.cluster


def start(folder: Path, cluster: Cluster, *args: str) -> subprocess.Popen[str]:
    """`newscrawl run --due --on` into a folder."""
    state = f"NEWSCRAWL_STATE_URL=sqlite:///{folder}/a/state.sqlite"
    command = due_command(folder, "--on", cluster.address, "--jobs", "3", "--json", "-s", state)
    return start_command([*command, *args], folder)


def start_command(command: list[str | Path], folder: Path, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**environment(), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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
    with serving(tmp_path, "echo", "wire"):
        results, _ = end(start(tmp_path, cluster))
        found = {result["outlet"]: (result["code"], result["report"]["articles"]) for result in results}
        assert found == {"echo": (0, STORIES), "wire": (0, STORIES)}
        for outlet in found:
            (lines,) = (
                path for path in (tmp_path / "a" / outlet).glob("*.jsonl") if ".rejected." not in path.name
            )
            assert {json.loads(line)["source"] for line in lines.read_text().splitlines()} == {outlet}
            # SQLite's files are not safe in a folder that machines share.
            assert not list((tmp_path / "a" / outlet).glob(f"{INDEX_NAME}*"))
    with closing(sqlite3.connect(tmp_path / "a" / "state.sqlite")) as state:
        runs = state.execute("SELECT outlet, host FROM runs ORDER BY outlet").fetchall()
    assert runs == [("echo", platform.node()), ("wire", platform.node())]


@pytest.fixture
def spool(machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of the commands of this process, which have the settings of the workers otherwise."""
    for name, value in machines.settings.items():
        monkeypatch.setattr(settings, name, value)
    monkeypatch.setattr(settings, "NEWSCRAWL_SPOOL", str(tmp_path / "spool"))
    return tmp_path / "spool"


def run_in_bucket(
    machines: Machines, folder: Path, *words: str, code: int = 0
) -> tuple[list[dict[str, Any]], str]:
    flags = [part for name, value in FAST.items() for part in ("-s", f"{name}={value}")]
    command = [COMMAND, "run", "--due", "--on", machines.cluster.address, "--json", *flags]
    command += ["-s", f"NEWSCRAWL_OUTLETS={folder / 'outlets'}", *words]
    own_spool = f"{folder}/spool"
    return end(start_command(command, folder, NEWSCRAWL_SPOOL=own_spool, **machines.settings), code)


def invoke(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.crawl
@pytest.mark.slow
def test_machines_that_share_nothing_but_a_bucket(machines: Machines, tmp_path: Path, spool: Path) -> None:
    """Crawls of workers, and what other commands make of them on workers, which have no file at first."""
    outlet, on = "echo", ("--on", machines.cluster.address)
    with serving(tmp_path, outlet):
        (result,), _ = run_in_bucket(machines, tmp_path)
    assert (result["code"], result["report"]["articles"]) == (0, STORIES)
    assert {f"news/{outlet}/{name}" for name in result["report"]["warcs"]} <= {*machines.bucket.names()}
    # The log is that of the worker.
    assert Path(result["log"]) == spool / outlet / "crawl.log"
    assert f"{machines.spool}/{outlet}/crawl.log" in Path(result["log"]).read_text()
    assert not list((spool / ".waiting").glob("*"))

    url = f"{machines.bucket.url}/news"
    invoke("extract", url, "-o", tmp_path / "here.jsonl", "--jobs", 1)
    checked = invoke("verify", url, "--json")
    anew = invoke("dedup", "--rebuild", "--json", "--archives", url, "--jobs", 1)
    for words, said in (
        (("extract", url, "-o", tmp_path / "there.jsonl", *on), None),
        (("verify", url, "--json", *on), checked),
        (("dedup", "--rebuild", "--json", "--archives", url, "--scratch", tmp_path, *on), anew),
    ):
        shutil.rmtree(machines.spool / outlet)
        assert said in {invoke(*words), None}
        assert list((machines.spool / outlet).glob("*")), "the worker has fetched what it needed"
    built = invoke("index", "build", "--archives", url, "--json", *on)
    assert json.loads(built)[0]["folder"] == f"{spool}/{outlet}"
    assert (spool / outlet / INDEX_NAME).is_file()
    assert (tmp_path / "there.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()


@pytest.mark.crawl
@pytest.mark.slow
def test_a_fault_of_every_worker_ends_the_command_and_counts_against_no_outlet(
    machines: Machines, tmp_path: Path
) -> None:
    """It is tried three times: of the only machine here the spool is full and the bucket away."""
    write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets", "full")
    shutil.rmtree(machines.spool, ignore_errors=True)
    fill(machines.spool)
    machines.bucket.stop()
    try:
        _, errors = run_in_bucket(machines, tmp_path, "-s", "NEWSCRAWL_SPOOL_MAX_BYTES=1", code=1)
    finally:
        machines.bucket.start()
        shutil.rmtree(machines.spool)
    assert errors.count("a unit is tried again") == RETRIES
    assert "full: spool_full: 9 bytes of 1 outlets wait" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    state = machines.settings["NEWSCRAWL_STATE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(state)) as database:
        held_back = database.execute("SELECT outlet FROM outlets WHERE failures > 0 OR not_before > 0")
        assert held_back.fetchall() == []


def write_order(folder: Path, bucket: str = "") -> CrawlOrder:
    """A crawl of an outlet `echo` in a folder, or in the spool that this folder is."""
    log = folder / "echo" / LOG_NAME
    log.parent.mkdir(parents=True)
    log.touch()
    archives = WorkerArchives(folder=folder, bucket=bucket)
    place = CrawlPlace(archives=archives, state="", digest="")
    return CrawlOrder(
        key="1", arguments=(), log=log, place=place, outlet="echo", outlet_file=b"title = 'Echo'"
    )


def launch_python(program: str) -> Launch:
    """Runs this program instead of any crawl."""
    return lambda _, output: start_process([sys.executable, "-c", program], output)


def test_what_a_worker_s_machine_is_to_blame_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = write_order(tmp_path / "a")

    def crawl_by(program: str) -> CrawlEnd:
        monkeypatch.setattr(cluster_crawls, "_launch", lambda: launch_python(program))
        return run_crawl_order(order)

    assert crawl_by("raise SystemExit(1)").code == 1
    with pytest.raises(MachineFault, match=r"^echo: spool_full$"):
        crawl_by(f"print('begins'); print('echo: spool_full'); raise SystemExit({NOT_ITS_FAULT})")
    with pytest.raises(MachineFault, match=f"^echo: exit code {NOT_ITS_FAULT}$"):
        crawl_by(f"raise SystemExit({NOT_ITS_FAULT})")
    with pytest.raises(MachineFault, match=r"^cannot read \S+crawl.log: No such file"):
        crawl_by(f"import os; os.remove({str(order.log)!r})")
    with pytest.raises(MachineFault, match="is not there on"):
        crawl_by("")
    order.log.touch()

    def fail(error: Exception) -> Launch:
        raise error

    for error in (OSError(errno.ENOSPC, "No space left"), NewscrawlError("no process could be started")):
        monkeypatch.setattr(cluster_crawls, "_launch", partial(fail, error))
        with pytest.raises(MachineFault, match=r"No space left|no process could be started"):
            run_crawl_order(order)
    # What the crawl itself says is no fault of the machine.
    monkeypatch.setattr(cluster_crawls, "_crawl", lambda *_: fail(OSError(errno.EACCES, "denied")))
    with pytest.raises(PermissionError):
        run_crawl_order(order)


def test_a_spool_that_cannot_be_written_is_the_machine_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"file://{tmp_path}/far"
    monkeypatch.setattr(settings, "NEWSCRAWL_ARCHIVES", bucket)
    monkeypatch.setattr(settings, "NEWSCRAWL_SPOOL", str(tmp_path / "worker"))
    order = write_order(tmp_path / "spool", bucket)
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "echo").write_text("no folder")
    with pytest.raises(MachineFault, match=r"^cannot write \S+/worker/echo/crawl.log: File exists"):
        run_crawl_order(order)


def test_a_crawl_has_ended_even_if_its_log_cannot_be_written_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    order = write_order(tmp_path / "spool")
    monkeypatch.setattr(cluster_crawls, "run_crawl_order", lambda _: CrawlEnd(7, 3, b"the end\n"))
    with order.log.open("rb") as output:
        crawl = ClusterCrawl(cast("ClusterEngine", LocalEngine()), order, output)
        assert (crawl.wait(10), crawl.pid) == (3, 7)
    assert "echo: the worker's log is not in" in caplog.text
    with order.log.open("ab") as output:
        assert ClusterCrawl(cast("ClusterEngine", LocalEngine()), order, output).wait(10) == 3
    assert order.log.read_bytes() == b"the end\n"


def test_workers_of_other_places_get_no_crawls(
    machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    def connect_from(archives: str, **options: str) -> str:
        with (
            pytest.raises(ClusterLost) as found,
            crawling_on(machines.cluster.address, parse_path(archives), options),
        ):
            pass
        assert "s3cret" not in str(found.value)
        assert str(found.value).startswith("worker tcp://")
        return str(found.value)

    bucket = f"{machines.bucket.url}/news"
    own = machines.settings["NEWSCRAWL_STATE_URL"]
    with crawling_on(machines.cluster.address, parse_path(bucket), {}):
        pass
    monkeypatch.setattr(settings, "NEWSCRAWL_STATE_URL", "postgresql://me:s3cret@db/news")
    text = connect_from(bucket)
    assert f"the state is {own} there instead of postgresql://***@db/news" in text
    monkeypatch.setattr(settings, "NEWSCRAWL_STATE_URL", own)
    monkeypatch.setattr(settings, "NEWSCRAWL_SPOOL", str(tmp_path / "other"))
    text = connect_from(f"{machines.bucket.url}/other")
    assert f"NEWSCRAWL_ARCHIVES is {bucket} there instead of {machines.bucket.url}/other" in text
    monkeypatch.setattr(crawl_places, "_PROBE", "other-{}")
    text = connect_from(str(tmp_path / "new"))
    assert f"{tmp_path}/new, with the archives, is another folder there: workers share it" in text
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    text = connect_from(str(spool), NEWSCRAWL_STATE_URL="sqlite:////proc/self/cwd/state.sqlite")
    assert "with the state database, is another folder there: workers share it, or the state is one" in text
    assert not [*tmp_path.rglob(".newscrawl-*"), *tmp_path.rglob("other-*")]


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
def test_an_end_of_the_cluster_counts_against_no_outlet(tmp_path: Path) -> None:
    """The crawl itself goes on, and ends under its lease."""
    (tmp_path / "empty").mkdir()
    with (
        start_cluster("--crawls", "2", workers=1, NEWSCRAWL_OUTLETS=f"{tmp_path}/empty") as cluster,
        serve_in_thread(Newsroom([SlowSite()])) as served,
    ):
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
        cluster.kill_workers()
        end(process)
        assert failures(tmp_path) == 0
        assert_goes_on_and_ends(tmp_path)
        reports = sorted(tmp_path.glob("a/slow/*.report.json"))
        runs = [json.loads(path.read_text()) for path in reports]
        assert all(one["finished"] <= other["started"] for one, other in pairwise(runs))
