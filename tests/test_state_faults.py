"""A database that is locked is waited for; one that cannot be written ends the crawl, and nothing is lost."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.archived import story
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command
from wire.postgres import stoppable_cluster
from wire.slow_site import write_slow_outlet

from newscrawl.cli import app
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = pytest.mark.crawl

OUTLET = "fundy_courier"
STORIES = 16
LOCKED_SECONDS = 2.0
MOST_KEPT = 4
"Lines that survive a power cut."


class Watched:
    """A demo outlet that tells when its first story is asked for."""

    id = OUTLET

    def __init__(self) -> None:
        self.site = demo_site(OUTLET)
        self.begun = threading.Event()
        self.stories = 0
        self.middle: Callable[[], None] = lambda: None
        "Called once, before half of the stories are served."

    def respond(self, request: Request) -> Response:
        if request.path.startswith(("/story/", "/recit/")):
            self.begun.set()
            self.stories += 1
            if self.stories == STORIES // 2:
                self.middle()
        return self.site.respond(request)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched()
    with serve_in_thread(Newsroom([watched])) as served:
        write_outlets(served.bases, tmp_path / "outlets")
        yield watched


def options(folder: Path) -> dict[str, object]:
    return {"archives": folder / "a", "NEWSCRAWL_OUTLETS": folder / "outlets"}


def check(done: Crawl, *args: str) -> None:
    """All stories are there, once, and state agrees."""
    ids = [line["id"] for line in done.articles]
    assert len(ids) == len(set(ids)) == STORIES
    archives = str(done.folder.parent)
    told = CliRunner().invoke(app, ["check", "--archives", archives, *args])
    assert told.exit_code == 0, told.output


def test_a_locked_database_is_waited_for(site: Watched, tmp_path: Path) -> None:
    def lock() -> None:
        site.begun.wait(60)
        with closing(sqlite3.connect(tmp_path / "a" / "state.sqlite", timeout=30)) as state:
            state.execute("BEGIN IMMEDIATE")
            threading.Event().wait(LOCKED_SECONDS)
            state.rollback()

    thread = threading.Thread(target=lock)
    thread.start()
    done = crawl(OUTLET, **options(tmp_path))  # type: ignore[arg-type]
    thread.join()
    assert done.code == 0, done.output
    assert done.report["seconds"] > LOCKED_SECONDS / 2
    check(done)


@pytest.mark.parametrize("limit", [60_000, 210_000, 260_000])
def test_a_state_that_cannot_be_written_ends_the_crawl(site: Watched, tmp_path: Path, limit: int) -> None:
    """The first limit is met when the tables are made, the others in the crawl."""
    command = scrapy_command("crawl", OUTLET, NEWSCRAWL_WARC_MAX_BYTES=20_000, **options(tmp_path))  # type: ignore[arg-type]
    cut = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert cut.returncode == 1
    assert cut.stderr.splitlines()[-1].startswith(f"{OUTLET}: state sqlite:///")
    done = crawl(OUTLET, **options(tmp_path))  # type: ignore[arg-type]
    assert done.code == 0, done.output
    check(done)


def test_a_table_that_is_gone_ends_the_crawl_and_blames_no_page(site: Watched, tmp_path: Path) -> None:
    assert crawl(OUTLET, **options(tmp_path)).code == 0  # type: ignore[arg-type]
    with closing(sqlite3.connect(tmp_path / "a" / "state.sqlite")) as state, state:
        state.execute("UPDATE urls SET next_due = 0")
        state.execute("DROP TABLE hosts")
    done = crawl(OUTLET, **options(tmp_path))  # type: ignore[arg-type]
    assert done.code == 1, done.output
    assert done.report["reason"] == "archive_error"
    assert "no such table: hosts" in done.report["error"]
    assert "UnboundLocalError" not in done.output
    assert "download_error" not in {line["reason"] for line in done.rejected}


@pytest.mark.parametrize(
    "kept", [pytest.param(0, marks=pytest.mark.proof), 1, pytest.param(MOST_KEPT, marks=pytest.mark.proof)]
)
def test_articles_whose_lines_a_power_cut_took_are_fetched_again(
    site: Watched, tmp_path: Path, kept: int
) -> None:
    """State was written, or stands on another machine, and the last lines were still in memory."""
    slow = {"CONCURRENT_REQUESTS_PER_DOMAIN": 1, "DOWNLOAD_DELAY": 0.5}
    command = scrapy_command("crawl", OUTLET, **slow, **options(tmp_path))  # type: ignore[arg-type]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert site.begun.wait(60)
    (lines,) = (tmp_path / "a" / OUTLET).glob("*[0-9].jsonl.open")
    while lines.read_bytes().count(b"\n") <= MOST_KEPT:
        assert process.poll() is None
        threading.Event().wait(0.05)
    process.kill()
    process.wait()
    written = lines.read_bytes().splitlines(keepends=True)
    lines.write_bytes(b"".join(written[:kept]))
    done = crawl(OUTLET, **options(tmp_path))  # type: ignore[arg-type]
    assert done.code == 0, done.output
    assert not [line for line in done.rejected if line["reason"] == "unchanged"]
    check(done)


@pytest.mark.parametrize("seconds", [pytest.param(0.5, marks=pytest.mark.proof), 4.0])
def test_a_server_that_fails_over_costs_nothing(site: Watched, tmp_path: Path, seconds: float) -> None:
    with stoppable_cluster() as cluster:

        def fail_over() -> None:
            cluster.stop()
            threading.Timer(seconds, cluster.start).start()

        site.middle = fail_over
        done = crawl(OUTLET, NEWSCRAWL_STATE_URL=cluster.url, **options(tmp_path))  # type: ignore[arg-type]
        assert done.code == 0, done.output
        assert "waiting for it" in done.output
        assert {line["reason"] for line in done.rejected}.isdisjoint({"archive_error", "download_error"})
        check(done, "--state", cluster.url)


def test_an_outlet_is_due_after_a_run_under_a_clock_that_was_years_ahead(
    site: Watched, tmp_path: Path
) -> None:
    done = crawl(OUTLET, **options(tmp_path))  # type: ignore[arg-type]
    years = 20 * 365 * 86_400
    with closing(sqlite3.connect(tmp_path / "a" / "state.sqlite")) as state, state:
        state.execute(f"UPDATE runs SET started = started + {years}, finished = finished + {years}")
        state.execute(
            f"UPDATE sources SET next_due = next_due + {years}, last_fetched_at = last_fetched_at + {years}"
        )
        state.execute(
            f"UPDATE urls SET next_due = next_due + {years}, discovered_at = discovered_at + {years},"
            f" first_archived_at = first_archived_at + {years}, last_fetched_at = last_fetched_at + {years}"
        )
    archives = str(tmp_path / "a")
    told = CliRunner().invoke(app, ["check", "--archives", archives])
    assert told.exit_code == 1
    assert "time_in_future: source http" in told.output
    assert "a clock was wrong" in told.output
    asked = site.stories
    again = crawl(OUTLET, NEWSCRAWL_ONLY_DUE=1, **options(tmp_path))  # type: ignore[arg-type]
    assert again.code == 0, again.output
    assert site.stories > asked
    check(done)
    asked = site.stories
    assert crawl(OUTLET, NEWSCRAWL_ONLY_DUE=1, **options(tmp_path)).code == 0  # type: ignore[arg-type]
    assert site.stories == asked, "the next are an hour away"


class ThreeStories:
    """A paper so small that the outcomes of all its pages are stored at the end of the crawl."""

    id = "slow"

    def __init__(self, database: Path) -> None:
        self.database = database

    def respond(self, request: Request) -> Response:
        if request.path == "/robots.txt":
            return Response(status=404)
        if request.path == "/":
            links = "".join(f'<p><a href="/story/{n}">Story number {n}</a></p>' for n in range(3))
            return Response(body=f"<html><body>{links}</body></html>".encode())
        self.change_state(
            "CREATE TRIGGER IF NOT EXISTS fault BEFORE UPDATE OF reason ON urls "
            "BEGIN SELECT RAISE(ABORT, 'no outcome can be stored'); END"
        )
        return Response(body=story(request.path))

    def change_state(self, statement: str) -> None:
        with closing(sqlite3.connect(self.database, timeout=30)) as state, state:
            state.execute(statement)


def test_outcomes_that_cannot_be_stored_at_the_end_are_read_from_the_lines(tmp_path: Path) -> None:
    paper = ThreeStories(tmp_path / "a" / "state.sqlite")
    with serve_in_thread(Newsroom([paper])) as served:
        write_slow_outlet(served.bases[paper.id], tmp_path / "outlets")
        done = crawl(paper.id, **options(tmp_path))  # type: ignore[arg-type]
        assert done.code == 1, done.output
        assert "no outcome can be stored" in done.report["error"]
        assert (done.report["articles"], done.report["frontier"]["article"]) == (3, 3)
        paper.change_state("DROP TRIGGER fault")
        done = crawl(paper.id, **options(tmp_path))  # type: ignore[arg-type]
    assert done.code == 0, done.output
    assert "was killed: 3 pages ended, 0 wait again" in done.output
    assert len(done.articles) == 3
    told = CliRunner().invoke(app, ["check", "--archives", str(tmp_path / "a")])
    assert told.exit_code == 0, told.output
