"""`newscrawl dedup`: runs find copies when they end, and the command shows who carried a story."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from wire.crawl import crawl

from newscrawl.cli import app
from newscrawl.dedup.articles import with_clusters
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.demo.stories import read_desk
from newscrawl.items import Article
from newscrawl.state.database import Database, database_url
from newscrawl.state.documents import DocumentTable

OUTLETS = ("deccan_wire", "kamer_echo", "val_sambre")


def said(*words: object) -> Any:
    """What the command prints as JSON."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def planted() -> set[frozenset[str]]:
    """Titles of stories that desks repeat, with the outlets that have them."""
    repeats = {}
    for outlet in OUTLETS:
        for story in read_desk(outlet).listed:
            if story.copy_of and story.copy_of.split("/")[0] in OUTLETS:
                repeats.setdefault(story.copy_of, {story.copy_of.split("/")[0]}).add(outlet)
    return {frozenset(outlets) for outlets in repeats.values()}


def clusters(state: Path) -> dict[str, list[tuple[str, str | None]]]:
    """Outlets and originals of the members of each cluster."""
    with closing(sqlite3.connect(state)) as database:
        rows = database.execute(
            "SELECT cluster, outlet, duplicate_of FROM documents WHERE cluster IS NOT NULL"
        )
        found: dict[str, list[tuple[str, str | None]]] = {}
        for name, outlet, original in rows:
            found.setdefault(name, []).append((outlet, original))
    return found


@pytest.mark.slow
@pytest.mark.crawl
def test_runs_find_the_copies_of_other_outlets_and_the_command_shows_them(tmp_path: Path) -> None:
    archives, state = tmp_path / "a", tmp_path / "a" / "state.sqlite"
    given = {"archives": archives, "NEWSCRAWL_OUTLETS": tmp_path / "outlets"}
    with serve_in_thread(Newsroom([demo_site(outlet) for outlet in OUTLETS])) as newsroom:
        write_outlets(newsroom.bases, tmp_path / "outlets")
        first = crawl(OUTLETS[0], **given)
        assert "0 of" in first.output, "nothing to repeat yet"
        second = crawl(OUTLETS[1], **given)
        off = crawl(OUTLETS[2], **given, NEWSCRAWL_DEDUP=0)
    assert [done.code for done in (first, second, off)] == [0, 0, 0], second.output + off.output
    assert "articles have copies" in second.output
    assert "articles have copies" not in off.output
    lines = {path: path.read_bytes() for path in archives.glob("*/*.jsonl")}

    before = clusters(state)
    assert {outlet for each in before.values() for outlet, _ in each} == set(OUTLETS[:2])
    counts = said("dedup", "--archives", archives, "--json")
    assert counts["looked_at"] == len(off.articles)
    assert counts["broken"] == 0
    found = clusters(state)
    assert set(before) <= set(found), "names stay"
    assert {frozenset(outlet for outlet, _ in each) for each in found.values()} == planted()
    assert all(sum(original is None for _, original in each) == 1 for each in found.values())
    assert said("dedup", "--archives", archives, "--json")["looked_at"] == 0

    filled = list(with_copies_of(archives))
    assert sum(article.duplicate_of is not None for article in filled) == counts["duplicates"]
    assert {article.cluster for article in filled} - {None} == set(found)
    assert len(filled) == counts["texts"]

    name = next(iter(found))
    story = said("dedup", "show", name, "--archives", archives, "--diff", "--json")
    assert story["cluster"] == name
    assert len(story["members"]) == len(found[name])
    copy = next(member for member in story["members"] if member["duplicate_of"])
    assert copy["kept"] > 0.9
    assert copy["own"] < 0.1
    assert any(side["original"] == side["copy"] for side in copy["sides"])
    by_url = said("dedup", "show", copy["url"], "--archives", archives, "--json")
    assert by_url["cluster"] == name
    table = CliRunner().invoke(app, ["dedup", "show", name, "--archives", str(archives), "--diff"])
    assert copy["outlet"] in table.output

    anew = said("dedup", "--archives", archives, "--rebuild", "--json")
    assert anew["looked_at"] == anew["texts"] == counts["texts"]
    again = clusters(state)
    assert sorted(map(sorted_members, again.values())) == sorted(map(sorted_members, found.values()))
    assert {path: path.read_bytes() for path in archives.glob("*/*.jsonl")} == lines, (
        "lines are not rewritten"
    )
    assert CliRunner().invoke(app, ["check", "--archives", str(archives)]).exit_code == 0


def with_copies_of(archives: Path) -> Iterator[Article]:
    """The articles of all lines, with what state knows of them."""
    lines = (
        line for path in sorted(archives.glob("*/*[0-9].jsonl")) for line in path.read_bytes().splitlines()
    )
    database = Database.open(database_url("", archives))
    yield from with_clusters(map(Article.model_validate_json, lines), DocumentTable(database))
    database.close()


def sorted_members(members: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    return sorted((outlet, original or "") for outlet, original in members)


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    for words, problem in (
        (["show", "https://news.example.org/x"], "no article https://news.example.org/x in state"),
        (["nowhere"], "no lines of nowhere"),
        (["find", "nowhere"], "no lines of nowhere"),
        (["nowhere", "--rebuild"], "--rebuild looks at all outlets"),
    ):
        done = CliRunner().invoke(app, ["dedup", *words, "--archives", str(tmp_path)])
        assert problem in str(done.exception)


@pytest.mark.parametrize("words", [["--diff"], ["show", "x", "--rebuild"], ["show"]])
def test_options_belong_to_their_command(tmp_path: Path, words: list[str]) -> None:
    done = CliRunner().invoke(app, ["dedup", *words, "--archives", str(tmp_path)])
    assert done.exit_code == 2


def test_a_broken_line_is_told_and_the_other_runs_are_read(tmp_path: Path) -> None:
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "paper-20260101000000000-1.jsonl").write_text("{not a line}\n")
    done = CliRunner().invoke(app, ["dedup", "--archives", str(tmp_path), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["broken"] == 1
