"""`newscrawl run --due`: what is due is crawled, within its time, and nothing else is."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.crawl import FAST, environment
from wire.edited_site import EditedSite
from wire.slow_site import SlowSite, write_slow_outlet

from newscrawl.archive.report import read_report
from newscrawl.cli import app
from newscrawl.cli.processes import PAUSE_SECONDS, CrawlProcess, CrawlResult, WorkerPool, crawl_outlets
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import NewscrawlError, StateError

COMMAND = Path(sys.executable).with_name("newscrawl")


def due_command(folder: Path, *args: str) -> list[str | Path]:
    options = {**FAST, "NEWSCRAWL_OUTLETS": folder / "outlets"}
    flags = [part for name, value in options.items() for part in ("-s", f"{name}={value}")]
    return [COMMAND, "run", "--due", "--archives", folder / "a", *args, *flags]


def run_due(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    settings = args.index("-s") if "-s" in args else len(args)
    command = [*due_command(folder, *args[:settings]), *args[settings:]]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


def make_due(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "a" / "state.sqlite")) as state, state:
        state.execute("UPDATE sources SET next_due = 1")
        state.execute("UPDATE outlets SET outlet_digest = NULL")


@pytest.mark.crawl
def test_what_is_due_is_crawled_and_then_nothing_is(tmp_path: Path) -> None:
    with serve_in_thread(Newsroom([demo_site("kamer_echo")])) as newsroom:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        file = (tmp_path / "outlets" / "kamer_echo.toml").read_text()
        shut = re.sub(r"(?m)^status.*$", "", file)
        (tmp_path / "outlets" / "shut.toml").write_text(f'status = "blocked"\nstatus_reason = "x"\n{shut}')
        first = run_due(tmp_path, "--json")
        assert first.returncode == 0, first.stderr
        (told,) = json.loads(first.stdout)
        assert told["outlet"] == "kamer_echo"
        assert told["report"]["articles"] > 10

        asked = len(newsroom.log)
        second = run_due(tmp_path)
        assert second.returncode == 0, second.stderr
        assert "nothing is due; the next outlet is in " in second.stderr
        assert len(newsroom.log) == asked

        make_due(tmp_path)
        (tmp_path / "outlets" / "broken.toml").write_text("title = ")
        third = run_due(tmp_path)
        assert third.returncode == 1, "a file that cannot be read is told of"
        assert "broken.toml" in third.stderr
        assert {one.status for one in newsroom.log[asked:]} >= {304}, "and costs no other its turn"


@pytest.mark.crawl
def test_who_crawls_already_is_left_alone(tmp_path: Path) -> None:
    site = SlowSite()
    with serve_in_thread(Newsroom([site])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        with subprocess.Popen(
            [*due_command(tmp_path), "-s", "DOWNLOAD_DELAY=0.3"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert site.enough.wait(60)
            other = run_due(tmp_path)
            process.terminate()
            assert (other.returncode, other.stdout) == (0, "")
            assert other.stderr.endswith("nothing is due\n"), "it is not even begun"
            assert process.wait(60) == 128 + signal.SIGTERM


@pytest.mark.crawl
@pytest.mark.parametrize("start", ["--fork", pytest.param("--no-fork", marks=pytest.mark.proof)])
def test_time_is_limited(tmp_path: Path, start: str) -> None:
    with serve_in_thread(Newsroom([SlowSite()])) as served:
        write_slow_outlet(served.bases["slow"], tmp_path / "outlets")
        # Slow enough to be still at work when its time is over.
        stopped = run_due(tmp_path, "--limit", "25", start, "-s", "DOWNLOAD_DELAY=0.3")
    assert stopped.returncode == 0, stopped.stderr
    assert "slow: stopped after 25 s" in stopped.stderr
    (report,) = tmp_path.glob("a/slow/*.report.json")
    assert read_report(report).reason == "shutdown"
    assert not list(tmp_path.glob("a/slow/*.open"))


def program(on_term: str) -> list[str]:
    """A process that prints `ready`, and does this when it gets SIGTERM."""
    text = (
        f"import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: {on_term})\n"
        "print('ready', flush=True)\nwhile True: time.sleep(0.05)"
    )
    return [sys.executable, "-c", text]


@pytest.mark.parametrize(
    ("on_term", "code"), [("sys.exit(0)", 0), ("None", -signal.SIGKILL)], ids=["closes", "hangs"]
)
def test_what_does_not_close_is_killed(on_term: str, code: int) -> None:
    process = CrawlProcess(0.2, grace=0.5)
    with process.start(program(on_term), subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        began = time.monotonic()
        assert process.wait() == code
        assert process.is_overdue
        assert time.monotonic() - began >= (0.7 if code else 0.2)


def test_a_crawl_is_terminated_once() -> None:
    process = CrawlProcess(60, grace=0.5)
    # Not print: the signal may come while the program still prints, and a stream may not be entered twice.
    with process.start(program("__import__('os').write(1, b'asked\\n')"), subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        process.terminate()
        assert child.stdout.readline() == b"asked\n"
        process.stop()
        assert child.stdout.read() == b""
        assert process.wait() == -signal.SIGKILL


def test_a_crawl_that_starts_while_all_are_stopped_ends_too() -> None:
    process = CrawlProcess(60, grace=5)
    process.terminate()
    with process.start([sys.executable, "-c", "import time; time.sleep(60)"], subprocess.DEVNULL):
        assert process.wait() == -signal.SIGTERM
    assert not process.is_overdue


@pytest.mark.crawl
def test_sigterm_ends_crawls_that_have_a_limit(tmp_path: Path) -> None:
    site = SlowSite()
    with serve_in_thread(Newsroom([site])) as served:
        for name in ("slow", "slow_too", "slow_three"):
            write_slow_outlet(served.bases["slow"], tmp_path / "outlets", name=name)
        with subprocess.Popen(
            due_command(tmp_path), cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL
        ) as process:
            assert site.enough.wait(60)
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM
    assert {read_report(path).reason for path in tmp_path.glob("a/*/*.report.json")} == {"shutdown"}
    assert not list(tmp_path.glob("a/*/*.open"))
    assert len(list(tmp_path.glob("a/*/crawl.log"))) <= 2, "what waited for its turn has not begun"


def test_workers_wait_while_no_outlet_can_be_crawled(tmp_path: Path) -> None:
    turns: list[str | None] = [None, None]
    began = time.monotonic()
    assert crawl_outlets(5, iter(turns), tmp_path, jobs=1) == []
    assert time.monotonic() - began >= 2 * PAUSE_SECONDS
    assert not list(tmp_path.iterdir())


def started_crawls(turns: Iterator[str | None], pools: list[WorkerPool], *, fails: bool = False) -> list[str]:
    """The crawls one thread begins until there is none left."""
    begun: list[str] = []

    def crawl(outlet: str, _: CrawlProcess) -> CrawlResult:
        begun.append(outlet)
        if fails:
            raise StateError("the database is locked")
        return CrawlResult(outlet=outlet, code=0, report=None, log=Path("log"), output="")

    pools.append(WorkerPool(turns, crawl))
    pools[0].work(None, grace=1)
    return begun


def test_a_crawl_whose_turn_comes_while_all_are_ended_does_not_begin() -> None:
    pools: list[WorkerPool] = []

    def turns() -> Iterator[str | None]:
        yield "first"
        pools[0].stop()  # as SIGTERM does while the next is looked up
        yield "second"

    assert started_crawls(turns(), pools) == ["first"]


def test_a_crawl_whose_end_cannot_be_recorded_lets_nobody_wait_for_it() -> None:
    pools: list[WorkerPool] = []
    with pytest.raises(StateError):
        started_crawls(chain(["first"], repeat(None, 3)), pools, fails=True)
    began = time.monotonic()
    pools[0].work(None, grace=1)
    assert time.monotonic() - began < PAUSE_SECONDS


def state_of(folder: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "a" / "state.sqlite")) as state, state:
        return state.execute(statement).fetchall()


def replayed(folder: Path) -> str:
    """What `newscrawl replay` says of the newest run."""
    report = max((folder / "a" / "kamer_echo").glob("*.report.json"))
    return CliRunner().invoke(app, ["replay", str(report)]).output


@pytest.mark.crawl
def test_only_what_is_due_is_asked_and_replays_tell_the_same(tmp_path: Path) -> None:
    site = EditedSite("kamer_echo", held_back=2)
    with serve_in_thread(Newsroom([site])) as newsroom:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        assert run_due(tmp_path).returncode == 0
        sources = {url for (url,) in state_of(tmp_path, "SELECT url FROM sources")}
        assert len(sources) == 3
        feed = min(url for url in sources if "feed" in url or "rss" in url)
        state_of(tmp_path, f"UPDATE sources SET next_due = 1 WHERE url = '{feed}'")
        state_of(tmp_path, "UPDATE outlets SET outlet_digest = NULL")
        # Three processes died beside this page, or so it seems.
        page = "SELECT min(id) FROM urls WHERE article_id IS NOT NULL"
        state_of(
            tmp_path,
            f"UPDATE urls SET crash_count = 3, in_flight_run = 'x', next_due = 1 WHERE id = ({page})",
        )
        news, before = site.publish(2), len(newsroom.log)
        second = run_due(tmp_path)
        assert second.returncode == 0, second.stderr
        asked = [one.received.split(b" ")[1].decode() for one in newsroom.log[before:]]
        asked = [path for path in asked if path != "/robots.txt"]
        assert asked[0] == feed.removeprefix(newsroom.bases["kamer_echo"])
        assert sorted(asked[1:]) == sorted(site.site.story_path(story) for story in news)
    (rejected,) = state_of(
        tmp_path, "SELECT next_due - last_fetched_at FROM urls WHERE reason = 'kills_the_run'"
    )
    assert rejected == (30 * 86_400,)
    assert replayed(tmp_path) == "identical\n"


@pytest.mark.crawl
def test_an_outlet_that_fails_is_left_alone_for_a_while(tmp_path: Path) -> None:
    write_slow_outlet("http://127.0.0.1:1", tmp_path / "outlets")
    options = ("-s", "RETRY_ENABLED=0")
    first = run_due(tmp_path, *options)
    assert first.returncode == 1, first.stderr
    assert "slow: no link was found" in first.stderr
    again = run_due(tmp_path, *options)
    assert again.returncode == 0
    left = re.search(r"nothing is due; the next outlet is in (\d+) s", again.stderr)
    assert left
    assert 840 < int(left[1]) <= 3600
    shown = CliRunner().invoke(app, ["status", "--archives", str(tmp_path / "a")])
    assert "held back" in shown.output


def test_what_to_crawl_is_due_or_without_an_end() -> None:
    for words in ([], ["some", "--due"], ["--due", "--forever"]):
        assert CliRunner().invoke(app, ["run", *words]).exit_code == 2


@pytest.mark.parametrize(
    "name", ["https://paul:kola-nut@127.0.0.1:9/", "paul:kola-nut@127.0.0.1", "../kola-nut"]
)
def test_what_cannot_be_an_outlet_makes_no_folder(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(app, ["crawl", name, "--archives", str(tmp_path / "a")])
    assert isinstance(result.exception, NewscrawlError)
    assert ("kola-nut" in str(result.exception)) == name.startswith("..")
    assert not list(tmp_path.rglob("*kola-nut*"))
    assert "kola-nut" not in result.output
