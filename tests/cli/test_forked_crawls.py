"""Crawls that are forked: they end as processes of their own do, and none of them costs another anything."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from wire import faulty_spiders
from wire.crawl import FAST, ROOT
from wire.slow_site import SlowSite, write_slow_outlet

from newscrawl.archive.finished_runs import FinishedRun
from newscrawl.archive.lines import read_articles
from newscrawl.archive.report import newest_reports, read_report
from newscrawl.cli import forked_crawls
from newscrawl.cli.fork_server import MESSAGE_BYTES, REACTOR
from newscrawl.cli.forked_crawls import CrawlForker, ForkServer, ServerLost
from newscrawl.cli.processes import (
    SCRAPY,
    CrawlProcess,
    CrawlResult,
    Launch,
    crawl_environment,
    crawl_outlet,
    forking,
    start_process,
)
from newscrawl.demo.catalogue import compare_texts, demo_site, demo_sites, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.spiders.worker_parent import can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="this system cannot fork crawls")

GOOD = ("kamer_echo", "deccan_wire")
COMMAND = Path(sys.executable).with_name("newscrawl")
FAULTY = ("raising", "blocking", "dying")
BLOCKED_SECONDS = 8.0


@pytest.fixture(autouse=True)
def _spiders_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    for name in [name for name in os.environ if name.startswith("NEWSCRAWL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def launch() -> Iterator[Launch]:
    with forking() as launched:
        yield launched


def settings(folder: Path) -> Mapping[str, object]:
    return {**FAST, "NEWSCRAWL_OUTLETS": folder / "outlets"}


def write_faulty_outlet(base: str, folder: Path, name: str) -> None:
    write_slow_outlet(base, folder, name=name)
    path = folder / f"{name}.toml"
    spider = f'spider = "{faulty_spiders.__name__}.{name.title()}Spider"\n'
    path.write_text(spider + path.read_text())


def crawl(
    launch: Launch, folder: Path, outlet: str, seconds: float | None = None
) -> tuple[CrawlResult, bool]:
    """Crawl an outlet; how it ended, and whether it took too long."""
    process = CrawlProcess(seconds, 0.5 if seconds else None, launch)
    return crawl_outlet(process, outlet, folder / "a", settings(folder)), process.is_overdue


@pytest.mark.crawl
@pytest.mark.slow
def test_a_crawl_that_raises_hangs_or_dies_costs_no_neighbour(tmp_path: Path, launch: Launch) -> None:
    sites = [demo_site(name) for name in GOOD]
    with serve_in_thread(Newsroom(sites)) as newsroom, ThreadPoolExecutor() as threads:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        for name in FAULTY:
            write_faulty_outlet(newsroom.bases[GOOD[0]], tmp_path / "outlets", name)
        limits = dict.fromkeys((*GOOD, *FAULTY)) | {"blocking": BLOCKED_SECONDS}
        running = {
            name: threads.submit(crawl, launch, tmp_path, name, seconds) for name, seconds in limits.items()
        }
        ended = {name: future.result() for name, future in running.items()}
    results = {name: result for name, (result, _) in ended.items()}
    assert {name: result.code for name, result in results.items()} == {
        **dict.fromkeys(GOOD, 0),
        "raising": 1,
        "blocking": -signal.SIGKILL,
        "dying": -signal.SIGKILL,
    }
    assert [name for name, (_, is_overdue) in ended.items() if is_overdue] == ["blocking"]
    assert "raising" in results["raising"].last_line
    assert "the spider is broken" in results["raising"].log.read_text()
    for name in GOOD:
        report = results[name].report
        assert report, results[name].output
        texts = {
            article.url: article.text
            for article in read_articles(tmp_path / "a" / name / f"{report.run}.jsonl")
        }
        compared = compare_texts(texts, name)
        assert not [*compared.different, *compared.missing, *compared.unexpected]
    # The same server goes on.
    assert crawl(launch, tmp_path, "dying")[0].code == -signal.SIGKILL


def test_a_command_line_that_is_wrong_ends_as_it_does_in_a_process(tmp_path: Path, launch: Launch) -> None:
    write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets")
    results = [crawl(each, tmp_path, "nobody")[0] for each in (launch, start_process)]
    assert [result.code for result in results] == [2, 2]
    assert {result.last_line for result in results} == {
        "no outlet is named 'nobody'; `newscrawl list` shows all"
    }


@pytest.mark.crawl
def test_a_crawl_outlives_its_server_and_the_next_has_another(tmp_path: Path) -> None:
    site = SlowSite()
    with (
        serve_in_thread(Newsroom([site])) as served,
        ThreadPoolExecutor() as threads,
        CrawlForker(crawl_environment()) as forker,
    ):
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        process = CrawlProcess(None, None, lambda words, output: forker.start(words[len(SCRAPY) :], output))
        running = threads.submit(crawl_outlet, process, "slow", tmp_path / "a", settings(tmp_path))
        assert site.enough.wait(120)
        first = forker.server
        assert first
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        served_before = site.served
        while site.served == served_before:
            time.sleep(0.01)
        assert not running.done()
        process.terminate()
        result = running.result(120)
        assert result.report
        assert (result.code, result.report.reason) == (0, "shutdown")
        assert not list((tmp_path / "a" / "slow").glob("*.open"))
        with (tmp_path / "log").open("wb") as output:
            assert forker.start(["version"], output).wait() == 0
        assert forker.server is not first
    assert (tmp_path / "log").read_text().startswith("Scrapy ")


@pytest.mark.crawl
def test_crawls_outlive_the_command_that_asked_for_them(tmp_path: Path) -> None:
    site = SlowSite()
    with serve_in_thread(Newsroom([site])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        flags = [word for name, value in settings(tmp_path).items() for word in ("-s", f"{name}={value}")]
        command = [COMMAND, "crawl", "slow", "--archives", tmp_path / "a", *flags]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            assert site.enough.wait(120)
            process.kill()
        (path,) = (tmp_path / "a" / "slow").glob("*.rejected.jsonl.open")
        crawling = int(path.name.partition(".")[0].rpartition("-")[2])
        server = int(Path(f"/proc/{crawling}/stat").read_text().rpartition(")")[2].split()[1])
        ended = os.pidfd_open(server)
        served_before = site.served
        while site.served == served_before:
            time.sleep(0.01)
        os.kill(crawling, signal.SIGTERM)
        # The server ends with the last of its crawls.
        assert select.select([ended], [], [], 120)[0]
        os.close(ended)
    (report,) = (tmp_path / "a" / "slow").glob("*.report.json")
    assert read_report(report).reason == "shutdown"
    assert not list((tmp_path / "a" / "slow").glob("*.open"))


def test_a_server_that_cannot_start_leaves_the_crawl_to_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forked_crawls, "_PROGRAM", "raise SystemExit(3)")
    write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets")
    with forking() as launch:
        result, _ = crawl(launch, tmp_path, "nobody")
    assert result.code == 2
    assert "no outlet is named 'nobody'" in result.last_line


def test_a_server_is_renewed_after_so_many_crawls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_crawls, "RENEWED_AFTER", 2)
    pids = []
    with CrawlForker(crawl_environment()) as forker, (tmp_path / "log").open("wb") as output:
        for _ in range(3):
            assert forker.start(["version"], output).wait() == 0
            assert forker.server
            pids.append(forker.server.pid)
    assert pids[0] == pids[1] != pids[2]


def test_what_does_not_fit_into_a_message_is_refused(tmp_path: Path) -> None:
    server = ForkServer(crawl_environment())
    with (tmp_path / "log").open("wb") as output, pytest.raises(ServerLost, match="too long"):
        server.start(["version", "x" * MESSAGE_BYTES], output)
    server.close()
    server.wait()


def test_the_server_has_no_reactor_and_a_single_thread(tmp_path: Path) -> None:
    """Otherwise a fork of it may hang; what a quiet crawl needs is there already, and nothing else."""
    code = (
        "import os, sys\nfrom newscrawl.cli.fork_server import load_components\nload_components()\n"
        "print(len(os.listdir('/proc/self/task')), *sorted(sys.modules), sep='\\n')"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], env=crawl_environment(), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert listed[0] == "1"
    assert REACTOR not in listed
    assert {"newscrawl.spiders.outlet", "newscrawl.extraction", "scrapy.core.engine"} <= set(listed)
    # One page in thirty, other databases, and what is switched off.
    assert {"trafilatura", "psycopg", "aiohttp", "tldextract", "fsspec"}.isdisjoint(listed)


@pytest.mark.crawl
def test_a_quiet_crawl_imports_next_to_nothing_and_starts_nothing(tmp_path: Path, launch: Launch) -> None:
    with serve_in_thread(Newsroom([SlowSite()])) as served:
        write_faulty_outlet(served.bases["slow"], tmp_path / "outlets", "listing")
        options = {**settings(tmp_path), "NEWSCRAWL_PAGES_MAX": 0}
        code = (
            "import sys\nfrom newscrawl.cli.fork_server import load_components\nload_components()\n"
            "print(*sys.modules, sep='\\n')"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", code], env=crawl_environment(), capture_output=True, text=True, check=True
        ).stdout.split()
        result = crawl_outlet(CrawlProcess(None, None, launch), "listing", tmp_path / "a", options)
    assert result.code == 0, result.output
    folder = tmp_path / "a" / "listing"
    assert (folder / faulty_spiders.CHILDREN).read_text() == "", "no process for extraction"
    used = set((folder / faulty_spiders.MODULES).read_text().split())
    late = used - set(loaded)
    assert REACTOR in late
    assert len(late) <= 12, sorted(late)


VOLATILE = ("fetched", "run", "warc", "settings_hash", "extracted", "discovery")
"A story that two sources list is found by the one that answers first."


def stable_lines(result: CrawlResult) -> list[dict[str, Any]]:
    """The lines of a run but for times, ids and places."""
    assert result.report, result.output
    lines = []
    for suffix in (".jsonl", ".rejected.jsonl"):
        finished = FinishedRun(report=result.report, folder=result.log.parent)
        for text in finished.find_lines(suffix).read_text().splitlines():
            line = json.loads(text)
            lines.append({name: value for name, value in line.items() if name not in VOLATILE})
    return sorted(lines, key=lambda line: line["url"])


@pytest.mark.crawl
@pytest.mark.slow
def test_a_fork_leaves_what_a_process_leaves(tmp_path: Path, launch: Launch) -> None:
    """A first run and a quiet one of each: the same lines, the same counts, reports of their own."""
    with serve_in_thread(Newsroom([demo_site(GOOD[0])], remember=False)) as newsroom:
        runs = {}
        # The first crawl alone finds the site busy at times.
        for name, each in (("before", launch), ("fork", launch), ("process", start_process)):
            write_outlets(newsroom.bases, tmp_path / name / "outlets")
            runs[name] = [crawl(each, tmp_path / name, GOOD[0])[0] for _ in range(2)]
    for forked, started in zip(runs["fork"], runs["process"], strict=True):
        assert (forked.code, started.code) == (0, 0)
        assert stable_lines(forked) == stable_lines(started)
        assert forked.report
        assert started.report
        assert forked.report.sources.keys() == started.report.sources.keys()
        for field in ("requests", "articles", "rejected", "statuses", "languages"):
            assert getattr(forked.report, field) == getattr(started.report, field), field
    assert [result.report.articles > 10 for result in runs["fork"] if result.report] == [True, False]
    reported = newest_reports(tmp_path / "fork" / "a" / GOOD[0], 3)
    assert [run for run, _ in reversed(reported)] == [
        result.report.run for result in runs["fork"] if result.report
    ]


@pytest.mark.proof
def test_64_forks_leave_what_64_processes_leave(tmp_path: Path, launch: Launch) -> None:
    """Sixteen outlets of each demo site, with archives of their own: a first run and a quiet one of each."""
    sites = demo_sites()
    with serve_in_thread(Newsroom(sites, remember=False)) as newsroom, ThreadPoolExecutor(8) as threads:

        def crawl_twice(each: Launch, folder: Path, outlet: str) -> list[CrawlResult]:
            return [crawl(each, folder, outlet)[0] for _ in range(2)]

        def crawl_all(each: Launch, name: str, times: int) -> list[list[CrawlResult]]:
            names = [site.id for _ in range(times) for site in sites]
            places = [(tmp_path / name / str(number), outlet) for number, outlet in enumerate(names)]
            for folder, _ in places:
                write_outlets(newsroom.bases, folder / "outlets")
            return [*threads.map(lambda place: crawl_twice(each, *place), places)]

        # The first crawl alone finds the sites busy at times.
        crawl_all(launch, "before", 1)
        forked, started = (
            crawl_all(each, name, 16) for each, name in ((launch, "fork"), (start_process, "process"))
        )
    assert len(forked) == len(started) == 64
    for ours, theirs in zip(forked, started, strict=True):
        assert [result.code for result in (*ours, *theirs)] == [0] * 4
        assert [stable_lines(result) for result in ours] == [stable_lines(result) for result in theirs]


@pytest.mark.crawl
@pytest.mark.slow
def test_a_quiet_crawl_costs_a_part_of_a_process(tmp_path: Path) -> None:
    """The small form of tests/bench/no_start.py, in a process of its own, which adopts orphans."""
    code = "from bench.no_start import *\nwith prepared() as made: print(*compare_quiet(*made, rounds=1))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ratio, private = map(float, done.stdout.splitlines()[-1].split())
    assert ratio < 0.16
    assert private < 60e6


def test_a_server_that_is_a_fork_ends_crawls_as_another_does(tmp_path: Path) -> None:
    """As `newscrawl crawl` starts it; without a crawl it loads nothing and ends."""
    (tmp_path / "own_spider.py").write_text("Own = 5\n")
    (tmp_path / "outlets").mkdir()
    write_slow_outlet("http://127.0.0.1:9", tmp_path / "outlets")
    path = tmp_path / "outlets" / "slow.toml"
    path.write_text('spider = "own_spider.Own"\n' + path.read_text())
    code = (
        "import sys, threading\nfrom newscrawl.cli.forked_crawls import CrawlForker, ForkedServer\n"
        "from newscrawl.cli.processes import crawl_environment\n"
        "with CrawlForker(crawl_environment()) as idle:\n    idle.fork_early()\n"
        "with CrawlForker(crawl_environment()) as forker, open(sys.argv[1], 'wb') as output:\n"
        "    forker.fork_early()\n    server = forker.server\n"
        "    print(isinstance(server._process, ForkedServer))\n"
        "    print(forker.start(['version'], output).wait(), forker.start(['nothing'], output).wait())\n"
        "    crawl = ['crawl', 'slow', '-s', 'NEWSCRAWL_OUTLETS=outlets']\n"
        "    print(forker.start(crawl, output).wait())\n"
        "    print(forker.server is server, 'scrapy' in sys.modules)\n"
        "    threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "    with CrawlForker(crawl_environment()) as late:\n"
        "        late.fork_early()\n        print(late.server)\n"
    )
    # A script, as the command is: Python looks for modules beside it, not in the working folder.
    script = tmp_path / "scripts" / "command"
    script.parent.mkdir()
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "log"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["True", "0 2", "2", "True False", "None"]
    log = (tmp_path / "log").read_text()
    assert log.startswith("Scrapy ")
    assert "own_spider.Own is not an OutletSpider" in log


@pytest.mark.crawl
def test_without_what_all_crawls_share_for_workers_a_crawl_starts_its_own(tmp_path: Path) -> None:
    with (
        serve_in_thread(Newsroom([demo_site(GOOD[0])])) as newsroom,
        CrawlForker(crawl_environment()) as forker,
        (tmp_path / "log").open("wb") as output,
    ):
        write_outlets(newsroom.bases, tmp_path / "outlets")
        assert forker.start(["version"], output).wait() == 0
        assert forker.server
        server = forker.server.pid
        # The parent of all workers, and the process that removes what they leave.
        tracker, parent = map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())
        for process in (tracker, parent):
            os.kill(process, signal.SIGKILL)
        result, _ = crawl(lambda words, stream: forker.start(words[len(SCRAPY) :], stream), tmp_path, GOOD[0])
    assert result.code == 0, result.output
    assert result.report
    assert result.report.articles > 10
    assert "extractor_crash" not in result.report.rejected


def test_a_worker_writes_to_the_log_of_its_crawl(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open("ab") as stream:
        crawling = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stderr=stream)
    code = (
        f"import logging\nfrom newscrawl.workers import begin_work\nbegin_work({crawling.pid})\n"
        "logging.getLogger('page').warning('a page is odd')"
    )
    with crawling:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b""
    assert log.read_text() == "before\npage: a page is odd\n"
