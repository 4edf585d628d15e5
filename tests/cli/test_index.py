"""`newscrawl index`: builds, finds and exports, with outcomes a script can use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from crafted import PAGE, http, members, record
from typer.testing import CliRunner, Result

from newscrawl.cli.index import app
from newscrawl.errors import NewscrawlError
from newscrawl.warc.index import INDEX_NAME

URL = "http://example.org/story"
DATES = ["2026-05-01T10:00:00Z", "2026-05-03T10:00:00Z"]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """Two outlets that have the same page, the second two days later."""
    folder = tmp_path / "archives"
    for name, date in zip(("one", "two"), DATES, strict=True):
        (folder / name).mkdir(parents=True)
        page = record("response", URL, http(PAGE, "Content-Type: text/html"), date=date)
        post = record("response", URL, http(b"sent"), ("WARC-Concurrent-To", "<urn:x>"), number=2, date=date)
        (folder / name / f"{name}.warc.gz").write_bytes(members([page, post]))
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def built(archives: Path) -> Path:
    assert run("build", "--archives", archives).exit_code == 0
    return archives


def test_build_makes_an_index_in_each_folder_with_warc_files(archives: Path) -> None:
    first = json.loads(run("build", "--archives", archives, "--json").stdout)
    assert [(Path(row["folder"]).name, row["added"], row["records"]) for row in first] == [
        ("one", 1, 2),
        ("two", 1, 2),
    ]
    second = json.loads(run("build", archives / "one", "--json").stdout)
    assert [(row["added"], row["kept"]) for row in second] == [(0, 1)]
    assert not (archives / "empty" / INDEX_NAME).exists()


def test_build_shows_a_table(archives: Path) -> None:
    table = run("build", "--archives", archives).stdout
    assert "Indexes" in table
    assert "records" in table


def test_lookup_shows_every_capture_by_date(built: Path) -> None:
    found = json.loads(run("lookup", URL, "--archives", built, "--json").stdout)
    assert [row["date"][:10] for row in found] == ["2026-05-01"] * 2 + ["2026-05-03"] * 2
    assert [Path(row["folder"]).name for row in found] == ["one", "one", "two", "two"]
    assert (
        found[0] | {"file": "one.warc.gz", "offset": 0, "status": 200, "media_type": "text/html"} == found[0]
    )
    table = run("lookup", URL, "--archives", built)
    assert table.exit_code == 0
    assert "response" in table.stdout


@pytest.mark.parametrize(
    ("at", "day"), [("2026-05-01", "01"), ("2026-05-02T09:00:00Z", "01"), ("2027", "03")]
)
def test_lookup_at_a_time_shows_the_nearest(built: Path, at: str, day: str) -> None:
    found = json.loads(run("lookup", URL, "--at", at, "--archives", built, "--json").stdout)
    assert [row["date"][8:10] for row in found] == [day]


def test_lookup_of_what_is_not_there_fails_and_names_what_is_near(built: Path) -> None:
    missed = run("lookup", URL + "x", "--archives", built, "--json")
    assert (missed.exit_code, json.loads(missed.stdout)) == (1, [])
    assert "near: http://example.org/story" in missed.stderr
    assert run("lookup", URL, "--method", "POST", "--archives", built).exit_code == 1
    assert run("lookup", URL, "--run", "none", "--archives", built).exit_code == 1


def test_cdxj_is_sorted_over_all_folders_and_the_same_in_a_file(built: Path, tmp_path: Path) -> None:
    printed = run("cdxj", "--archives", built).stdout
    lines = printed.splitlines()
    assert len(lines) == 4
    assert lines == sorted(lines)
    out = tmp_path / "all.cdxj"
    assert run("cdxj", built / "one", built / "two", "--out", out).exit_code == 0
    assert out.read_text(encoding="ascii") == printed
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["build", "--archives", "nowhere"], "nowhere"),
        (["build", "nowhere"], "nowhere"),
        (["lookup", URL, "nowhere"], "nowhere"),
        (["cdxj", "{built}", "--out", "nowhere/out.cdxj"], "nowhere/out.cdxj"),
        (["lookup", URL, "{built}", "--at", "soon"], "soon"),
    ],
)
def test_what_cannot_be_used_is_named(built: Path, arguments: list[str], named: str) -> None:
    with pytest.raises(NewscrawlError, match=named):
        run(*(argument.format(built=built / "one") for argument in arguments))


def test_help_explains_each_command() -> None:
    for name in ("build", "lookup", "cdxj"):
        assert name in run("--help").stdout
        assert "--archives" in run(name, "--help").stdout
