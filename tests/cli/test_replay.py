"""`newscrawl replay`: a run is identical to its replay, or it is said where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl

from newscrawl.archive.finished_runs import find_run
from newscrawl.cli import app
from newscrawl.demo.catalogue import demo_sites, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.errors import ArchiveError, NewscrawlError

OUTLET = "fundy_courier"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    """A finished run whose servers are gone."""
    folder, archives = tmp_path_factory.mktemp("outlets"), tmp_path_factory.mktemp("archives")
    with serve_in_thread(Newsroom(demo_sites())) as served:
        write_outlets(served.bases, folder)
        return crawl(OUTLET, archives=archives, NEWSCRAWL_OUTLETS=folder)


@pytest.mark.crawl
def test_a_run_is_identical_to_its_replay(live: Crawl) -> None:
    (path,) = live.folder.glob("*.report.json")
    before = {path.name: path.read_bytes() for path in live.folder.iterdir()}
    done = CliRunner().invoke(app, ["replay", str(path)])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "identical\n", "")
    assert {path.name: path.read_bytes() for path in live.folder.iterdir()} == before


@pytest.mark.crawl
def test_a_run_that_was_changed_is_told_by_article_and_field(live: Crawl) -> None:
    path = live.folder / f"{live.report['run']}.jsonl"
    before = path.read_bytes()
    first = json.loads(before.splitlines()[0])
    title = json.dumps(first["title"], ensure_ascii=False).encode()
    path.write_bytes(before.replace(b'"title":' + title, b'"title":"Another title"', 1))
    try:
        args = [live.report["run"], "--archives", str(live.folder.parent)]
        shown = CliRunner().invoke(app, ["replay", *args])
        told = CliRunner().invoke(app, ["replay", *args, "--json"])
    finally:
        path.write_bytes(before)
    assert shown.exit_code == told.exit_code == 1
    assert f"  {first['url']}\n" in shown.stdout
    assert '- title: "Another title"' in shown.stdout
    data = json.loads(told.stdout)
    assert not data["identical"]
    assert data["differing"]["rejected"] == []
    (page,) = data["differing"]["articles"]
    assert page["url"] == first["url"]
    assert list(page["fields"]) == ["title"]


@pytest.mark.crawl
def test_other_settings_are_warned_of_and_show(live: Crawl) -> None:
    args = [
        live.report["run"],
        "--archives",
        str(live.folder.parent),
        "-s",
        "NEWSCRAWL_BODY_MIN_CHARS=100000",
    ]
    done = CliRunner().invoke(app, ["replay", *args])
    assert done.exit_code == 1
    assert "settings are not what they were in the run" in done.stderr
    assert "(no line)" in done.stdout


def test_a_run_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="no run 'x-1-2' under "):
        find_run("x-1-2", tmp_path)
    done = CliRunner().invoke(app, ["replay", str(tmp_path / "x.report.json")])
    assert isinstance(done.exception, ArchiveError)
