"""Stories over several pages from one run to the next: a later look at them, and a run that is killed."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from paged_stories import PagedStory
from stories_made import paragraphs
from typer.testing import CliRunner
from wire.crawl import ROOT, Crawl, crawl, environment, scrapy_command

from newscrawl.archive.takedown import find_takedown
from newscrawl.cli import app
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.state.refetch_policy import RETRY_DELAYS

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

OUTLET = "paged"
STORY = PagedStory(path="/2026/wall/", count=3)
FILE = """
title = "Selby Post"
home = "{base}/"
country = "GB"
languages = ["en"]
timezone = "Europe/London"
kind = "regional"
sections = ["{base}/"]
article_urls = ["/2026/[a-z]+/$"]
"""


class PagedSite:
    """A home page that links the story, and its pages with validators."""

    id = OUTLET

    def __init__(self) -> None:
        self.pages = {STORY.address(number): STORY.html(number) for number in range(1, STORY.count + 1)}
        self.asked: list[str] = []
        self.conditional: list[str] = []
        self.failing: dict[str, int] = {}
        "Status by the path of a page that fails."
        self.before: Callable[[str], None] = lambda _: None
        "Called with the path of a page before it is sent."

    def respond(self, request: Request) -> Response:
        self.asked.append(request.path)
        if request.path == "/":
            return Response(body=f'<html><body><a href="{STORY.path}">The wall</a></body></html>'.encode())
        html = self.pages.get(request.path)
        if status := self.failing.get(request.path):
            return Response(status=status, body=b"")
        if html is None:
            return Response(status=404, body=b"")
        self.before(request.path)
        if "if-none-match" in request.headers:
            self.conditional.append(request.path)
        return Response(body=html.encode(), etag=True)


class Paper:
    """The served site, its archive and its runs."""

    def __init__(self, site: PagedSite, base: str, folder: Path) -> None:
        self.site, self.folder = site, folder
        self.archives, self.outlets = folder / "archives", folder / "outlets"
        self.outlets.mkdir()
        (self.outlets / f"{OUTLET}.toml").write_text(FILE.format(base=base))

    def crawl(self) -> Crawl:
        self.site.asked.clear()
        done = crawl(OUTLET, archives=self.archives, NEWSCRAWL_OUTLETS=self.outlets)
        assert done.code == 0, done.output
        return done

    def make_due(self) -> None:
        self.change("UPDATE urls SET next_due = 1 WHERE next_due IS NOT NULL")

    def change(self, statement: str, *values: int) -> None:
        with closing(sqlite3.connect(self.archives / "state.sqlite")) as state, state:
            state.execute(statement, values)

    def rows(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.archives / "state.sqlite")) as state:
            state.row_factory = sqlite3.Row
            return [dict(row) for row in state.execute("SELECT * FROM urls")]

    @property
    def lines(self) -> list[dict[str, Any]]:
        paths = sorted((self.archives / OUTLET).glob("*[0-9].jsonl"))
        return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    site = PagedSite()
    with serve_in_thread(Newsroom([site])) as newsroom:
        yield Paper(site, newsroom.bases[OUTLET], tmp_path)


def texts(line: dict[str, Any]) -> list[str]:
    return [block["text"] for block in line["blocks"]]


def replayed(done: Crawl) -> str:
    run, archives = done.report["run"], str(done.folder.parent)
    return CliRunner().invoke(app, ["replay", run, "--archives", archives]).output


def extracted(paper: Paper) -> list[dict[str, Any]]:
    """The lines that an extraction of the whole archive gives."""
    out = paper.folder / "again.jsonl"
    command = ["extract", str(paper.archives / OUTLET), "--out", str(out), "--jobs", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in out.read_bytes().splitlines()]


def versions(lines: list[dict[str, Any]]) -> list[tuple[str, int, str, list[str]]]:
    return [(line["id"], line["version"], line["text"], line["quality"]["flags"]) for line in lines]


def test_a_changed_second_page_makes_a_version(paper: Paper) -> None:
    first = paper.crawl()
    (line,) = paper.lines
    assert texts(line) == STORY.text
    paper.make_due()
    again = paper.crawl()
    assert again.report["rejected"] == {"unchanged": 1}
    assert STORY.address(2) in paper.site.asked
    assert STORY.path not in paper.site.conditional

    changed = paragraphs(700, skip=900)
    paper.site.pages[STORY.address(2)] = STORY.html(2, changed)
    paper.make_due()
    third = paper.crawl()
    old, new = paper.lines
    assert (old["version"], new["version"], new["previous_id"]) == (1, 2, old["id"])
    assert new["changed"] == ["text"]
    assert texts(new) == [*STORY.lines(1), *changed, *STORY.lines(3)]
    assert [replayed(done) for done in (first, again, third)] == ["identical\n"] * 3


def test_a_page_that_was_missing_completes_the_story_later(paper: Paper) -> None:
    whole = paper.site.pages.pop(STORY.address(2))
    paper.crawl()
    (line,) = paper.lines
    assert texts(line) == [*STORY.lines(1), *STORY.lines(3)]
    assert "pages_missing" in line["quality"]["flags"]
    paper.site.pages[STORY.address(2)] = whole
    paper.make_due()
    paper.crawl()
    new = paper.lines[-1]
    assert (texts(new), new["version"]) == (STORY.text, 2)
    assert "pages_missing" not in new["quality"]["flags"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_page_that_fails_for_a_moment_takes_nothing_from_the_text(paper: Paper, status: int) -> None:
    first = paper.crawl()
    paper.site.failing[STORY.address(2)] = status
    paper.make_due()
    again = paper.crawl()
    (line,) = paper.lines
    assert texts(line) == STORY.text
    assert again.report["rejected"] == {"story_incomplete": 1}
    assert again.rejected[0]["detail"] == "2 of the 3 pages of version 1"
    (row,) = paper.rows()
    # It is looked at again soon, not when it would have been without the failure.
    assert (row["status"], row["article_id"]) == ("failed", line["id"])
    assert row["next_due"] - row["last_fetched_at"] == RETRY_DELAYS[0]

    paper.site.failing.clear()
    paper.make_due()
    third = paper.crawl()
    assert third.report["rejected"] == {"unchanged": 1}
    assert paper.rows()[0]["failures"] == 0
    assert [replayed(done) for done in (first, again, third)] == ["identical\n"] * 3
    assert [new["id"] for new in extracted(paper)] == [line["id"]]


def test_a_page_that_is_gone_shortens_the_story_at_once(paper: Paper) -> None:
    first = paper.crawl()
    del paper.site.pages[STORY.address(2)]
    paper.make_due()
    again = paper.crawl()
    old, new = paper.lines
    assert texts(new) == [*STORY.lines(1), *STORY.lines(3)]
    assert (new["version"], new["previous_id"]) == (2, old["id"])
    assert "pages_missing" in new["quality"]["flags"]
    assert [replayed(done) for done in (first, again)] == ["identical\n"] * 2
    assert versions(extracted(paper)) == versions([old, new])


@pytest.mark.proof
def test_pages_that_fail_at_every_look_are_gone_in_the_end(paper: Paper) -> None:
    paper.crawl()
    paper.site.failing[STORY.address(2)] = 500
    for failures in (1, len(RETRY_DELAYS)):
        paper.make_due()
        assert paper.crawl().report["rejected"] == {"story_incomplete": 1}
        assert paper.rows()[0]["failures"] == failures
        # The looks between the first and the last are as these two.
        paper.change("UPDATE urls SET failures = max(failures, ?)", len(RETRY_DELAYS) - 1)
    paper.make_due()
    last = paper.crawl()
    old, new = paper.lines
    assert (new["version"], new["previous_id"]) == (2, old["id"])
    assert texts(new) == [*STORY.lines(1), *STORY.lines(3)]
    assert "pages_missing" in new["quality"]["flags"]
    assert replayed(last) == "identical\n"
    assert versions(extracted(paper)) == versions([old, new])
    # The shorter text is the archived one now: the same failure is no news of it.
    paper.make_due()
    assert paper.crawl().report["rejected"] == {"unchanged": 1}


def test_an_outlet_may_leave_following_pages(paper: Paper) -> None:
    path = paper.outlets / f"{OUTLET}.toml"
    path.write_text(path.read_text() + "follow_pages = false\n")
    done = paper.crawl()
    (line,) = paper.lines
    assert STORY.address(2) not in paper.site.asked
    assert texts(line) == STORY.lines(1)
    assert "pages_missing" in line["quality"]["flags"]
    assert [page["warc"] is not None for page in line["pages"]] == [True, False, False]
    assert replayed(done) == "identical\n"


def test_a_story_on_one_page_that_grows_a_second(paper: Paper) -> None:
    paper.site.pages[STORY.path] = STORY.html(1, links="")
    paper.crawl()
    assert texts(paper.lines[0]) == STORY.lines(1)
    paper.site.pages[STORY.path] = STORY.html(1)
    paper.make_due()
    paper.crawl()
    assert texts(paper.lines[-1]) == STORY.text


def test_a_kill_between_two_pages_has_the_story_fetched_again(paper: Paper) -> None:
    reached = threading.Event()

    def stop_at(path: str) -> None:
        if path == STORY.address(3) and not reached.is_set():
            reached.set()
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            process.send_signal(signal.SIGKILL)

    paper.site.before = stop_at
    command = scrapy_command("crawl", OUTLET, archives=paper.archives, NEWSCRAWL_OUTLETS=paper.outlets)
    with (paper.folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=log, stderr=log)
    assert reached.wait(60), (paper.folder / "log").read_text()
    process.wait()
    assert paper.lines == []

    repaired = CliRunner().invoke(app, ["repair", str(paper.archives / OUTLET)])
    assert repaired.exit_code == 0, repaired.output
    paper.crawl()
    (line,) = paper.lines
    assert texts(line) == STORY.text
    assert "pages_missing" not in line["quality"]["flags"]

    # In the archive of the killed run the story is cut, and says so.
    out = paper.folder / "extracted.jsonl"
    done = CliRunner().invoke(
        app, ["extract", str(paper.archives / OUTLET), "--out", str(out), "--jobs", "1"]
    )
    assert done.exit_code == 0, done.output
    cut, whole = (json.loads(line) for line in out.read_bytes().splitlines())
    assert texts(cut) == [*STORY.lines(1), *STORY.lines(2)]
    assert "pages_missing" in cut["quality"]["flags"]
    assert whole["id"] == line["id"]


def test_a_takedown_takes_all_pages_of_a_story(paper: Paper) -> None:
    done = paper.crawl()
    (line,) = paper.lines
    first, second, _ = (page["url"] for page in line["pages"])
    assert b"".join(map(unpack, done.warcs)).count(STORY.lines(2)[0].encode()) == 1
    command = ["takedown", second, "--erase", "--archives", str(paper.archives)]
    taken = CliRunner().invoke(app, command)
    assert taken.exit_code == 0, taken.output
    assert paper.lines == []
    assert [rejected["reason"] for rejected in done.rejected] == ["taken_down"]
    content = b"".join(map(unpack, done.warcs))
    for number in range(1, STORY.count + 1):
        assert STORY.lines(number)[0].encode() not in content
    assert CliRunner().invoke(app, ["verify", str(done.folder)]).exit_code == 0
    paper.make_due()
    crawl(OUTLET, archives=paper.archives, NEWSCRAWL_OUTLETS=paper.outlets)
    assert first not in [line["url"] for line in paper.lines]


def test_following_pages_are_found_for_a_takedown_without_any_line(paper: Paper) -> None:
    done = paper.crawl()
    (line,) = paper.lines
    for path in done.folder.glob("*.jsonl"):
        path.unlink()
    takedown = find_takedown(done.folder, [line["url"]], with_exchanges=True)
    spans = [span for spans in takedown.exchanges.values() for span in spans]
    assert [span.url for span in spans] == [page["url"] for page in line["pages"]]


def unpack(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())
