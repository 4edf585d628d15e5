"""Crawls that are asked to slow down, to wait, or to stay away; and their replays, which wait for nobody."""

from __future__ import annotations

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
from typer.testing import CliRunner
from wire.archived import story
from wire.crawl import ROOT, Crawl, crawl, crawl_urls, environment, scrapy_command
from wire.server import WireServer, serving

from newscrawl.cli import app
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.warc.reader import iter_records

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

OUTLET = """
title = "The Gazette"
home = "{base}/"
country = "GB"
languages = ["en"]
timezone = "Europe/London"
kind = "regional"
feeds = ["{base}/feed"]
status = "active"
"""
DELAY = 1


class Gazette:
    """A small paper whose server says how it wants to be treated."""

    id = "gazette"

    def __init__(self) -> None:
        self.robots = f"User-agent: newscrawl\nCrawl-delay: {DELAY}\nDisallow: /closed\n"
        self.pages = ["/news/harbour", "/news/bridge", "/closed/one"]
        self.refusals: dict[str, Response] = {}
        "Answered once, by target."
        self.asked: list[tuple[float, str]] = []

    def respond(self, request: Request) -> Response:
        self.asked.append((time.time(), request.target))
        if refusal := self.refusals.pop(request.target, None):
            return refusal
        if request.path == "/robots.txt":
            return Response(body=self.robots.encode(), content_type="text/plain")
        if request.path == "/feed":
            items = "".join(f"<item><link>{request.base}{page}</link></item>" for page in self.pages)
            feed = f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'
            return Response(body=feed.encode(), content_type="application/rss+xml")
        return Response(body=story(request.path.rpartition("/")[2]))

    def targets(self) -> list[str]:
        """What was asked for since this was last called."""
        return [target for _, target in self.taken()]

    def taken(self) -> list[tuple[float, str]]:
        taken, self.asked = self.asked, []
        return taken


def refusal(status: int, after: int) -> Response:
    return Response(status=status, headers=(("Retry-After", str(after)),))


@pytest.fixture(scope="module")
def gazette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gazette, Path]]:
    site, folder = Gazette(), tmp_path_factory.mktemp("gazette")
    with serve_in_thread(Newsroom([site])) as newsroom:
        (folder / "gazette.toml").write_text(OUTLET.replace("{base}", newsroom.bases["gazette"]))
        yield site, folder


def crawled(folder: Path, **settings: object) -> Crawl:
    return crawl(
        "gazette",
        archives=folder / "a",
        NEWSCRAWL_OUTLETS=folder,
        NEWSCRAWL_FETCH_RIGHTS_FILES=0,
        # Without any, Scrapy 2.19 sends all that wait at once, whatever the limit of connections is.
        DOWNLOAD_DELAY=0.01,
        **settings,
    )


def replayed(done: Crawl) -> str:
    """What `newscrawl replay` says of the newest run."""
    run, archives = done.report["run"], str(done.folder.parent)
    return CliRunner().invoke(app, ["replay", run, "--archives", archives]).stdout


def state(folder: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "a" / "state.sqlite")) as database, database:
        return database.execute(statement).fetchall()


def gaps(done: Crawl, asked: list[tuple[float, str]]) -> list[float]:
    """Seconds between these requests as the crawl sent them; how long they took to come is no matter."""
    records = (record for path in done.warcs for record in iter_records(path) if record.kind == "request")
    sent = sorted(record.date.timestamp() for record in records)[-len(asked) :]
    assert all(0 <= came - left < DELAY / 2 for left, (came, _) in zip(sent, asked, strict=True))
    return [later - earlier for earlier, later in pairwise(sent)]


def test_a_host_gets_the_delay_and_the_wait_it_asks_for(gazette: tuple[Gazette, Path]) -> None:
    site, folder = gazette
    site.refusals = {"/news/harbour": refusal(503, 2 * DELAY)}
    # AutoThrottle would go down to the few milliseconds an answer takes.
    done = crawled(folder, AUTOTHROTTLE_ENABLED=1, AUTOTHROTTLE_START_DELAY=0)
    assert done.code == 0, done.output
    asked = site.taken()
    assert [target for _, target in asked][:2] == ["/robots.txt", "/feed"]
    assert sorted(target for _, target in asked[2:]) == ["/news/bridge", *["/news/harbour"] * 2]
    refused = next(place for place, (_, target) in enumerate(asked) if target == "/news/harbour")
    assert min(gaps(done, asked)) > 0.98 * DELAY
    assert gaps(done, asked)[refused] > 0.98 * 2 * DELAY
    assert done.report["articles"] == 2
    assert done.report["rejected"] == {"robots_txt": 1}


def test_a_robots_txt_is_remembered_for_a_day_with_all_it_says(gazette: tuple[Gazette, Path]) -> None:
    site, folder = gazette
    site.pages += ["/news/market", "/closed/two"]
    done = crawled(folder)
    asked = site.taken()
    assert [target for _, target in asked] == ["/feed", "/news/market"]
    assert min(gaps(done, asked)) > 0.98 * DELAY
    assert done.report["rejected"] == {"robots_txt": 1}
    assert replayed(done) == "identical\n"


def test_a_host_that_wants_to_be_left_alone_is_left_alone_by_later_runs(
    gazette: tuple[Gazette, Path],
) -> None:
    site, folder = gazette
    state(folder, "UPDATE hosts SET robots_fetched_at = robots_fetched_at - 86400")
    site.robots = ""
    fresh = [f"/news/story-{number}" for number in range(12)]
    site.pages += fresh
    site.refusals = {page: refusal(429, 3600) for page in fresh}
    done = crawled(folder)
    first, second, *pages = site.targets()
    assert [first, second] == ["/robots.txt", "/feed"], "a day has passed"
    assert len(pages) == 1
    assert done.report["rejected"] == {"host_paused": len(fresh)}
    ((until,),) = state(folder, "SELECT paused_until FROM hosts")
    assert 3500 < until - time.time() <= 3600
    paused = state(folder, "SELECT status, next_due, failures FROM urls WHERE reason = 'host_paused'")
    assert paused == [("failed", until, 0)] * len(fresh)
    assert replayed(done) == "identical\n"

    done = crawled(folder)
    assert site.targets() == []
    assert done.report["sources"] == {"feed/host_paused": 1}
    assert state(folder, "SELECT outcome, next_due, failures FROM sources") == [("host_paused", until, 0)]
    assert replayed(done) == "identical\n"


def test_hosts_that_refuse_or_keep_silent_are_given_up(tmp_path: Path) -> None:
    busy: list[float] = []

    class Busy:
        id = "busy"

        def respond(self, request: Request) -> Response:
            if request.path == "/robots.txt":
                return Response(status=404)
            busy.append(time.monotonic())
            return Response(status=503)

    with serve_in_thread(Newsroom([Busy()])) as newsroom, serving(WireServer()) as mute:
        urls = [f"{newsroom.bases['busy']}/{number}" for number in range(20)]
        urls += [f"{mute.base}/hang?{number}" for number in range(20)]
        done = crawl_urls(
            urls,
            tmp_path,
            NEWSCRAWL_BACKOFF_SECONDS=0.2,
            NEWSCRAWL_FETCH_RIGHTS_FILES=0,
            DOWNLOAD_TIMEOUT=0.5,
            DOWNLOAD_DELAY=0.01,
        )
        hung = [one for one in mute.log if one.path.startswith("/hang")]
    # When an attempt fails, the next is on its way.
    assert 5 <= len(hung) <= 6
    waits = [later - earlier for earlier, later in pairwise(busy)]
    assert len(waits) == 3
    assert all(wait > least for wait, least in zip(waits, (0.18, 0.36, 0.72), strict=True))
    reasons = done.report["rejected"]
    assert reasons["host_paused"] + reasons.get("timeout", 0) + reasons.get("http_503", 0) == len(urls)
    assert reasons["host_paused"] > 30
    assert replayed(done) == "identical\n"


def test_a_crawl_that_waits_for_a_host_ends_when_it_is_told_to(tmp_path: Path) -> None:
    gazette = Gazette()
    gazette.robots = ""
    gazette.refusals = {f"/{number}": refusal(503, 100) for number in range(9)}
    with serve_in_thread(Newsroom([gazette])) as newsroom:
        listed = tmp_path / "urls.txt"
        listed.write_text("".join(f"{newsroom.bases['gazette']}/{number}\n" for number in range(9)))
        command = scrapy_command(
            "crawl",
            "urls",
            "-a",
            f"file={listed}",
            archives=tmp_path,
            NEWSCRAWL_FETCH_RIGHTS_FILES=0,
            DOWNLOAD_DELAY=0.01,
        )
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
        ) as running_crawl:
            while len(gazette.asked) < 2:
                time.sleep(0.05)
            time.sleep(1)
            told = time.monotonic()
            running_crawl.send_signal(signal.SIGTERM)
            running_crawl.wait(60)
    assert time.monotonic() - told < 30
    done = Crawl(0, "", tmp_path / "urls")
    assert len(gazette.asked) == 2
    assert done.report["reason"] == "shutdown"


def test_a_redirect_to_another_host_keeps_that_hosts_pace(tmp_path: Path) -> None:
    site = Gazette()
    with serve_in_thread(Newsroom([site])) as newsroom:
        base = newsroom.bases["gazette"]
        other = base.replace("127.0.0.1", "localhost")
        # The home's host is first met by way of a feed that another host sends there.
        outlet = OUTLET.replace("{base}/feed", f"{base}/away").replace("{base}", other)
        (tmp_path / "gazette.toml").write_text(outlet)
        items = "".join(f"<item><link>{other}{page}</link></item>" for page in site.pages)
        feed = f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'
        site.refusals = {
            "/away": Response(status=302, headers=(("Location", f"{other}/there"),)),
            "/there": Response(body=feed.encode(), content_type="application/rss+xml"),
        }
        done = crawled(tmp_path, NEWSCRAWL_CONTACT="desk@example.org")
    assert done.code == 0, done.output
    asked = site.taken()
    targets = [target for _, target in asked]
    assert targets[:4] == ["/robots.txt", "/away", "/robots.txt", "/there"]
    assert sorted(targets[4:]) == ["/news/bridge", "/news/harbour"]
    assert min(gaps(done, asked[2:])) > 0.98 * DELAY
