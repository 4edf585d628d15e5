"""What version 0.1 wrote is read, checked, extracted, exported and crawled on with by this version."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from wire.crawl import crawl
from wire.version_0_1 import FOLDER, OUTLET, PORT, RUN, copy_archives, read_rows

from newscrawl.cli import app
from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.outlet import read_outlet

FILE = FOLDER / f"{OUTLET}.toml"


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archives of version 0.1, and the settings with which they were crawled."""
    monkeypatch.setenv("NEWSCRAWL_OUTLETS", str(FOLDER))
    monkeypatch.setattr("newscrawl.settings.NEWSCRAWL_OUTLETS", [FOLDER])
    return copy_archives(tmp_path)


def newscrawl(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Lines without the program that made them, how sure it is of them, and its reasons to leave text out."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    own = {"extractor", "quality", "removed"}
    return [{key: value for key, value in line.items() if key not in own} for line in lines]


def by_page(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["url_requested"]: line for line in lines}


def test_the_archive_is_sound(archives: Path) -> None:
    verified = newscrawl("verify", archives / OUTLET)
    assert verified.exit_code == 0, verified.output


def test_state_and_lines_agree(archives: Path) -> None:
    checked = newscrawl("check", "--archives", archives)
    assert checked.exit_code == 0, checked.output


def test_its_pages_are_extracted_to_the_same_lines(archives: Path) -> None:
    out = archives / "again.jsonl"
    extracted = newscrawl("extract", archives / OUTLET, "-o", out)
    assert extracted.exit_code == 0, extracted.output
    articles = read_lines(archives / OUTLET / f"{RUN}.jsonl")
    assert len(articles) == 17
    assert by_page(read_lines(out)) == by_page(articles)


def test_its_articles_are_exported_with_their_clusters(archives: Path) -> None:
    out = archives / "articles.jsonl"
    exported = newscrawl("export", "--archives", archives, "--format", "jsonl", "-o", out)
    assert exported.exit_code == 0, exported.output
    rows = read_lines(out)
    copies = {row[3]: row[13] for row in read_rows(f"sqlite:///{archives}/state.sqlite")["documents"]}
    assert {row["id"]: row["cluster"] for row in rows} == copies
    assert any(copies.values())


def test_its_outlet_file_means_the_same(archives: Path, caplog: pytest.LogCaptureFixture) -> None:
    outlet = read_outlet(FILE)
    assert outlet.article_urls
    assert "article is the old name of a key" in caplog.text
    digests = {row[8] for row in read_rows(f"sqlite:///{archives}/state.sqlite")["feeds"]}
    assert digests == {outlet.digest}, "so no source has to be read anew"


@pytest.mark.crawl
def test_a_crawl_goes_on_with_it(archives: Path) -> None:
    """Nothing is fetched a second time but what is due, and that is asked whether it has changed."""
    with closing(sqlite3.connect(archives / "state.sqlite")) as state, state:
        # Whenever this runs: nothing is due but one article, nor are the site's files about rights.
        state.execute("UPDATE urls SET next_due = unixepoch() + 20 * 86400 WHERE next_due IS NOT NULL")
        state.execute("UPDATE hosts SET signals_looked = unixepoch()")
        ((due,),) = state.execute("SELECT url FROM urls WHERE article IS NOT NULL ORDER BY id LIMIT 1")
        state.execute("UPDATE urls SET next_due = 1 WHERE url = ?", (due,))
    before = read_lines(archives / OUTLET / f"{RUN}.jsonl")
    with serve_in_thread(Newsroom([demo_site(OUTLET)], first_port=PORT)) as newsroom:
        done = crawl(OUTLET, archives=archives, NEWSCRAWL_OUTLETS=FOLDER)
        log = [entry for entry in newsroom.log if b"GET /robots.txt" not in entry.received]
    assert done.code == 0, done.output
    assert "article is the old name of a key" in done.output
    report = done.report
    assert (report["error"], report["pages"], report["articles"]) == (None, 1, 0)
    assert [line["reason"] for line in done.rejected if line["url_requested"] == due] == ["not_modified"]
    assert {entry.status for entry in log} == {304}
    assert len(log) == 4, "three sources and the page"
    assert read_lines(archives / OUTLET / f"{RUN}.jsonl") == before
    replayed = newscrawl("replay", report["run"], "--archives", archives)
    assert replayed.output == "identical\n"
    checked = newscrawl("check", "--archives", archives)
    assert checked.exit_code == 0, checked.output
