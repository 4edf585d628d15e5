"""`newscrawl fixture`: the bytes of a page as they were, and a draft that says it is one."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from wire.archived import answer, archived_run, story
from wire.crawl import environment

from newscrawl.archive.pages import find_archive_files
from newscrawl.cli import app
from newscrawl.cli.fixture import fixture_warc, read_fixture, slugify, wrap_html
from newscrawl.cli.target import ArchivedTarget, find_page
from newscrawl.demo.catalogue import demo_site, demo_sites
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import NewscrawlError
from newscrawl.warc.reader import ArchivedPage
from newscrawl.warc.verify import verify_warcs

URL = "http://example.org/harbour-wall"
PAGE = story("harbour")


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["fixture", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def draft(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_bytes(PAGE)
    return path


def test_a_saved_page_becomes_an_archive_and_a_draft(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "golden"
    result = run(saved, "--url", URL, "-o", out)
    assert result.stdout.split() == [str(out / f"harbour_wall{suffix}") for suffix in (".warc.gz", ".json")]
    page = read_fixture(out / "harbour_wall.warc.gz")
    assert (page.response.url, page.message.content) == (URL, PAGE)
    assert list(verify_warcs([out / "harbour_wall.warc.gz"])) == []
    drafted = draft(out, "harbour_wall")
    assert drafted["reviewed"] is False
    assert (drafted["title"], drafted["lang"], len(drafted["text"])) == ("News of the harbour", "en", 4)
    assert drafted["notice"] is None


def test_a_golden_is_not_overwritten_unasked(saved: Path, tmp_path: Path) -> None:
    run(saved, "--url", URL, "-o", tmp_path, "--name", "wall")
    (tmp_path / "wall.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NewscrawlError, match="--force"):
        run(saved, "--url", URL, "-o", tmp_path, "--name", "wall")
    assert (tmp_path / "wall.json").read_text(encoding="utf-8") == "{}"
    run(saved, "--url", URL, "-o", tmp_path, "--name", "wall", "--force")
    assert draft(tmp_path, "wall")["title"] == "News of the harbour"


def test_a_record_keeps_its_bytes_its_time_and_how_it_was_found(tmp_path: Path) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"quay {n}")) for n in range(3)}
    folder = archived_run(tmp_path / "archives", "echo", pages).folder
    (file,) = find_archive_files([folder])
    place = list(file.pages())[1]
    run(f"{file.path}:{place.pointer.offset}", "-o", tmp_path / "golden", "--name", "quay")
    before, now = (
        place_page(file.path, place.pointer.offset),
        read_fixture(tmp_path / "golden" / "quay.warc.gz"),
    )
    assert now.response.block == before.response.block == pages["http://example.org/1"]
    assert (now.response.date, now.metadata) == (before.response.date, before.metadata)
    assert draft(tmp_path / "golden", "quay")["title"] == "News of the quay 1"


def place_page(path: Path, offset: int) -> ArchivedPage:
    found = find_page(f"{path}:{offset}", url=None, archives=path.parent, at=None)
    assert isinstance(found, ArchivedTarget)
    return found.page


def test_saving_it_again_gives_the_same_bytes() -> None:
    exchange = wrap_html(URL, PAGE, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert fixture_warc("a.warc.gz", exchange) == fixture_warc("a.warc.gz", exchange)
    assert fixture_warc("a.warc.gz", exchange) != fixture_warc("b.warc.gz", exchange)


def test_a_page_without_a_story_is_drafted_as_rejected(tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    path.write_bytes(b"<html><head><title>Nothing</title></head><body></body></html>")
    result = run(path, "--url", URL, "-o", tmp_path)
    assert draft(tmp_path, "harbour_wall") == {"reviewed": False, "rejected": "no_text"}
    assert "rejected: no_text" in result.stderr


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://a.example/2025/03/Le-bac_de-Tollé/", "le_bac_de_toll"),
        ("https://a.example/", "a_example"),
        ("https://a.example/spip.php?article812", "spip_php_article812"),
        ("../../etc/passwd", "passwd"),
        ("..", "page"),
    ],
)
def test_a_name_is_no_path(text: str, name: str) -> None:
    assert slugify(text) == name


@pytest.mark.crawl
def test_a_page_is_fetched_as_a_crawl_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", "1")
    with serve_in_thread(Newsroom(demo_sites())) as room:
        site = demo_site("kamer_echo")
        url = room.bases[site.id] + site.story_path(site.desk.story[0])
        run(url, "--fetch", "-o", tmp_path, "--name", "fetched")
    page = read_fixture(tmp_path / "fetched.warc.gz")
    assert page.response.url == url
    assert page.message.status == 200
    assert list(verify_warcs([tmp_path / "fetched.warc.gz"])) == []
    assert draft(tmp_path, "fetched")["text"]


def test_a_page_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="no index"):
        run(URL, "--archives", tmp_path, "-o", tmp_path)
