"""Runs know of each other: what has not changed is not sent again, what has becomes a new version."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl
from wire.edited_site import ADDED, EditedSite
from wire.postgres import temporary_cluster

from newscrawl.cli import app
from newscrawl.demo.catalogue import OUTLET_FILES, demo_site, write_outlets
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import LogEntry, Newsroom, serve_in_thread
from newscrawl.warc.reader import iter_records

pytestmark = pytest.mark.crawl

OUTLET = "kamer_echo"


class Paper:
    """A served outlet, its archive, and what each run asked for."""

    def __init__(self, site: EditedSite, newsroom: Newsroom, folder: Path) -> None:
        self.site, self.newsroom, self.folder = site, newsroom, folder
        write_outlets(newsroom.bases, folder / "outlets")
        self.base = newsroom.bases[site.id]

    def crawl(self, **settings: object) -> tuple[Crawl, list[LogEntry]]:
        before = len(self.newsroom.log)
        outlets = self.folder / "outlets"
        done = crawl(self.site.id, archives=self.folder / "a", NEWSCRAWL_OUTLETS=outlets, **settings)
        assert done.code == 0, done.output
        log = [one for one in self.newsroom.log[before:] if target(one) != "/robots.txt"]
        return done, log

    @property
    def lines(self) -> list[dict[str, object]]:
        paths = sorted((self.folder / "a" / self.site.id).glob("*[0-9].jsonl"))
        return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def target(exchange: LogEntry) -> str:
    return exchange.received.split(b" ")[1].decode()


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    site = EditedSite(OUTLET, held_back=3)
    with serve_in_thread(Newsroom([site])) as newsroom:
        yield Paper(site, newsroom, tmp_path)


def replayed(done: Crawl) -> str:
    """What `newscrawl replay` says of the newest run."""
    run, archives = done.report["run"], str(done.folder.parent)
    return CliRunner().invoke(app, ["replay", run, "--archives", archives]).output


def test_an_unchanged_newsroom_answers_304_and_news_is_all_that_is_fetched(paper: Paper) -> None:
    first, asked = paper.crawl()
    assert first.report["articles"] == len(paper.lines) > 10
    assert {one.status for one in asked} >= {200, 404}

    second, asked = paper.crawl()
    assert [one.status for one in asked] == [304] * 3
    assert all(b"If-None-Match: " in one.received for one in asked)
    assert second.report["seconds"] < 2
    assert (second.report["pages"], second.report["error"]) == (0, None)
    with second.warcs[-1].open("rb") as stream:
        kinds = [record.kind for record in iter_records(stream)]
    assert kinds.count("revisit") == 3

    edited = paper.site.edit(paper.site.site.desk.story[3])
    news = paper.site.publish(3)
    third, asked = paper.crawl()
    pages = [target(one) for one in asked if "/20" in target(one)]
    assert sorted(pages) == sorted(paper.site.site.story_path(story) for story in (edited, *news))
    assert third.report["articles"] == 4
    (again,) = [line for line in paper.lines if line["version"] == 2]
    (before,) = [line for line in paper.lines if line["id"] == again["previous_id"]]
    assert again["url"] == before["url"] == paper.site.url(edited, paper.base)
    assert ADDED in str(again["text"])
    assert ADDED not in str(before["text"])
    assert again["changed"] == ["text"]

    # Each of the runs comes out the same from the archive alone.
    assert replayed(third) == "identical\n"
    assert CliRunner().invoke(app, ["verify", str(third.folder)]).exit_code == 0


def test_a_changed_headline_is_a_version_too(paper: Paper) -> None:
    paper.crawl()
    story = paper.site.site.desk.story[3]
    paper.site.retitle(story, "Another headline for the same story")
    second, _ = paper.crawl()
    assert second.report["articles"] == 1
    (again,) = [line for line in paper.lines if line["version"] == 2]
    (before,) = [line for line in paper.lines if line["url"] == again["url"] and line["version"] == 1]
    assert again["title"] == "Another headline for the same story"
    assert (again["id"], again["previous_id"]) == (before["id"], before["id"])
    assert again["text"] == before["text"]
    assert again["changed"] == ["title"]
    assert replayed(second) == "identical\n"
    archives = ["--archives", str(paper.folder / "a")]
    assert CliRunner().invoke(app, ["check", *archives]).exit_code == 0
    third, _ = paper.crawl()
    assert third.report["articles"] == 0
    done = CliRunner().invoke(app, ["dedup", *archives, "--json"])
    assert done.exit_code == 0, done.output
    out = paper.folder / "export"
    words = ["export", *archives, "-f", "text", "-o", str(out), "--all-versions"]
    assert CliRunner().invoke(app, words).exit_code == 0
    texts = [path.read_text() for path in out.rglob(f"{again['id']}*.txt")]
    assert sorted(text.splitlines()[0] for text in texts) == sorted(
        [str(again["title"]), str(before["title"])]
    )


def test_a_page_that_is_due_is_asked_whether_it_has_changed(paper: Paper) -> None:
    articles = paper.crawl()[0].report["articles"]
    with sqlite3.connect(paper.folder / "a" / "state.sqlite") as state:
        state.execute("UPDATE urls SET next_due = 1 WHERE article_id IS NOT NULL")
    state.close()
    second, asked = paper.crawl()
    # One story is known by a page that leads to it.
    pages = [one for one in asked if "/20" in target(one) and one.status not in (301, 302)]
    assert len(pages) == articles > 10
    assert {one.status for one in pages} == {304}
    assert second.report["rejected"] == {"not_modified": len(pages)}
    assert second.report["error"] is None
    with second.warcs[-1].open("rb") as stream:
        records = list(iter_records(stream))
    revisits = [record for record in records if record.kind == "revisit" and "/20" in record.url]
    assert len(revisits) == len(pages)
    assert all("server-not-modified" in record.headers["warc-profile"] for record in revisits)
    assert replayed(second) == "identical\n"


def test_a_changed_outlet_file_has_its_sources_read_again(paper: Paper) -> None:
    paper.crawl()
    path = paper.folder / "outlets" / f"{OUTLET}.toml"
    path.write_text(path.read_text().replace('status = "active"', 'status = "active"\nexclude_urls = ["/x"]'))
    _, asked = paper.crawl()
    assert [one.status for one in asked] == [200] * 3


def test_what_a_limit_left_comes_next_time_the_newest_first(paper: Paper) -> None:
    first, _ = paper.crawl(NEWSCRAWL_PAGES_MAX=5)
    left = first.report["frontier"]["pending"]
    assert left > 10
    assert replayed(first) == "identical\n"
    second, asked = paper.crawl()
    assert [one.status for one in asked if "/20" not in target(one)][:3] == [304] * 3
    assert second.report["frontier"]["pending"] == 0
    assert second.report["frontier"]["resumed"] == left
    assert len({line["id"] for line in paper.lines}) == len(paper.lines)
    assert replayed(second) == "identical\n"


def test_another_page_that_leads_to_a_known_story_is_no_second_line(paper: Paper) -> None:
    """The redirect is listed in the first run; its story's own page, in a run before that."""
    paper.crawl()
    with sqlite3.connect(paper.folder / "a" / "state.sqlite") as state:
        found = state.execute(
            "UPDATE urls SET status = 'pending', next_due = 1, reason = NULL WHERE reason = 'duplicate'"
        )
        assert found.rowcount == 1
    state.close()
    second, _ = paper.crawl()
    assert second.report["rejected"] == {"known": 1}
    assert len({line["id"] for line in paper.lines}) == len(paper.lines)
    assert replayed(second) == "identical\n"


def test_state_may_lie_in_postgresql(paper: Paper) -> None:
    with temporary_cluster() as url:
        first, _ = paper.crawl(NEWSCRAWL_STATE_URL=url)
        articles = first.report["articles"]
        second, asked = paper.crawl(NEWSCRAWL_STATE_URL=url)
        options = ["--archives", str(paper.folder / "a"), "--state", url]
        assert CliRunner().invoke(app, ["check", *options]).exit_code == 0
        shown = CliRunner().invoke(app, ["status", *options, "--json"])
    assert [one.status for one in asked] == [304] * 3
    assert second.report["pages"] == 0
    assert json.loads(shown.stdout)[0]["articles_day"] == articles
    assert not (paper.folder / "a" / "state.sqlite").exists()
    assert "postgresql:" not in json.dumps(second.report)


class Stubborn:
    """Says that nothing has changed whoever asks, until it is asked a second time."""

    id = "stubborn"

    def __init__(self) -> None:
        self.page = demo_site("val_sambre")

    def respond(self, request: Request) -> Response:
        if "article" in request.target and not request.earlier:
            return Response(status=304, content_type=None)
        return self.page.respond(request)


def test_a_304_that_nobody_asked_for_is_no_page(tmp_path: Path) -> None:
    with serve_in_thread(Newsroom([Stubborn()])) as newsroom:
        write_outlets(newsroom.bases, tmp_path)
        text = (OUTLET_FILES / "val_sambre.toml").read_text().replace("{base}", newsroom.bases["stubborn"])
        (tmp_path / "stubborn.toml").write_text(text)
        done = crawl("stubborn", archives=tmp_path / "a", NEWSCRAWL_OUTLETS=tmp_path)
        assert done.report["rejected"]["http_304"] > 10
        with closing(sqlite3.connect(tmp_path / "a" / "state.sqlite")) as state, state:
            state.execute("UPDATE urls SET next_due = 1 WHERE reason = 'http_304'")
        done = crawl("stubborn", archives=tmp_path / "a", NEWSCRAWL_OUTLETS=tmp_path)
    assert done.report["articles"] > 10
