"""Crawls that find nothing: what they leave, and that each run can be told from the others all the same."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_bucket_crawl import Paper
from typer.testing import CliRunner
from wire.crawl import Crawl, crawl
from wire.slow_site import write_slow_outlet

from newscrawl.archive.manifest import MANIFEST
from newscrawl.archive.report import REPORT_SUFFIX, newest_reports, reports_name
from newscrawl.cli import app
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.warc.reader import iter_records, parse_warc_fields

pytestmark = [pytest.mark.crawl, pytest.mark.slow]


@pytest.fixture
def paper() -> Paper:
    paper = Paper()
    paper.stories = 2
    return paper


@pytest.fixture
def archives(paper: Paper, tmp_path: Path) -> Iterator[Path]:
    with serve_in_thread(Newsroom([paper])) as newsroom:
        write_slow_outlet(newsroom.bases[paper.id], tmp_path / "outlets")
        yield tmp_path / "a"


def crawled(archives: Path) -> Crawl:
    done = crawl("slow", archives=archives, NEWSCRAWL_OUTLETS=archives.parent / "outlets")
    assert done.code == 0, done.output
    return done


def called(*words: object) -> str:
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    return done.output


def test_quiet_crawls_leave_two_files_and_each_is_known_by_its_run(
    archives: Path, paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSCRAWL_OUTLETS", str(archives.parent / "outlets"))
    first = crawled(archives)
    oldest = first.report["run"]
    assert first.report["articles"] == 2
    names = {path.name for path in first.folder.iterdir()}
    reports = [crawled(archives).report for _ in range(3)]
    (warc,) = {name for report in reports for name in report["warcs"]}
    assert {path.name for path in first.folder.iterdir()} - names == {warc, reports_name(warc)}

    paper.stories = 3
    found = crawled(archives).report
    assert (found["articles"], found["warcs"]) == (1, [warc])
    assert crawled(archives).report["warcs"] != [warc], "what found something ends the file"
    runs = [oldest, *(report["run"] for report in reports), found["run"]]
    assert [run for run, _ in newest_reports(first.folder, 9)][1:] == runs[::-1]

    check = ["sha256sum", "--strict", "-c", MANIFEST]
    assert subprocess.run(check, cwd=first.folder, capture_output=True, check=False).returncode == 0
    assert "no problem" in called("verify", "--strict", first.folder)
    assert "state and files agree" in called("check", "--archives", archives)
    for run in (reports[1]["run"], found["run"]):
        assert called("replay", run, "--archives", archives) == "identical\n"
    check_package(archives, runs, found)
    for outlet in json.loads(called("runs", "--archives", archives, "--json")):
        assert outlet["run"] == newest_reports(first.folder)[0][0]


def check_package(archives: Path, runs: list[str], found: dict[str, object]) -> None:
    """A package has the records of its run alone."""
    path = archives / "run.wacz"
    assert "1 pages" in called("wacz", found["run"], "-o", path, "--archives", archives)
    with zipfile.ZipFile(path) as package:
        (name,) = (name for name in package.namelist() if name.startswith("archive/"))
        package.extract(name, archives)
    records = list(iter_records(archives / name))
    assert len(records) == found["warc_records"]
    infos = [parse_warc_fields(record.block) for record in records if record.kind == "warcinfo"]
    assert [info["run"] for info in infos] == [found["run"]]
    assert "no problem" in called("verify", "--strict", path)
    # Two runs that share a file are one file of the package.
    called("wacz", *runs[1:3], "-o", path, "--archives", archives)
    with zipfile.ZipFile(path) as package:
        package.extract(name, archives)
    infos = [parse_warc_fields(one.block) for one in iter_records(archives / name) if one.kind == "warcinfo"]
    assert [info["run"] for info in infos] == runs[1:3]


def test_what_a_bucket_has_of_quiet_crawls_never_changes(
    archives: Path, paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = archives.parent
    url, state = f"file://{folder / 'bucket'}", f"sqlite:///{folder / 'state.sqlite'}"
    monkeypatch.setenv("NEWSCRAWL_OUTLETS", str(folder / "outlets"))

    def on(machine: str) -> Crawl:
        done = crawl(
            "slow",
            archives=folder / machine,
            NEWSCRAWL_ARCHIVES=url,
            NEWSCRAWL_SPOOL=folder / machine,
            NEWSCRAWL_STATE_URL=state,
            NEWSCRAWL_OUTLETS=folder / "outlets",
        )
        assert done.code == 0, done.output
        return done

    def stored() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (folder / "bucket" / "slow").iterdir()}

    on("one")
    quiet = []
    for machine in ("one", "one", "two"):
        before = stored()
        report = on(machine).report
        (warc,) = report["warcs"]
        assert stored().keys() - before.keys() == {warc, f"{report['run']}{REPORT_SUFFIX}"}
        assert {name for name, content in stored().items() if before.get(name, content) != content} == {
            MANIFEST
        }
        quiet.append(report["run"])
    check = ["sha256sum", "--strict", "-c", MANIFEST]
    bucket = folder / "bucket" / "slow"
    assert subprocess.run(check, cwd=bucket, capture_output=True, check=False).returncode == 0
    for run in quiet:
        assert "identical" in called("replay", run, "--archives", folder / "two")
