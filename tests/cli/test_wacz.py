"""`newscrawl wacz`: runs by id or report, one package."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from wire.archived import answer, archived_run, story

from newscrawl.archive.finished_runs import FinishedRun
from newscrawl.cli import app
from newscrawl.errors import ArchiveError


@pytest.fixture
def runs(tmp_path: Path) -> list[FinishedRun]:
    pages = {"http://example.org/pier": answer(story("pier"))}
    return [archived_run(tmp_path / "archives", name, pages, pid=ord(name)) for name in ("a", "b")]


def invoked(*args: str | Path) -> Result:
    result = CliRunner().invoke(app, ["wacz", *map(str, args)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def report_of(run: FinishedRun) -> Path:
    return run.folder / f"{run.report.run}.report.json"


def test_runs_are_packed_by_id_and_by_report(runs: list[FinishedRun], tmp_path: Path) -> None:
    out, archives = tmp_path / "x.wacz", tmp_path / "archives"
    done = invoked(runs[0].report.run, report_of(runs[1]), "-o", out, "--archives", archives)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "x.wacz: 2 pages" in done.stderr
    with zipfile.ZipFile(out) as archive:
        package = json.loads(archive.read("datapackage.json"))
        packed = {name for name in archive.namelist() if name.startswith("archive/")}
    assert packed == {f"archive/{run.warcs[0].name}" for run in runs}
    assert package["title"] == f"{runs[0].report.run}, {runs[1].report.run}"
    assert package["created"] == "2026-03-01T12:05:00Z"


def test_a_run_named_twice_is_packed_once(runs: list[FinishedRun], tmp_path: Path) -> None:
    report = report_of(runs[0])
    done = invoked(report, report, "-o", tmp_path / "x.wacz", "--title", "Once")
    assert "1 pages" in done.stderr
    with zipfile.ZipFile(tmp_path / "x.wacz") as archive:
        assert json.loads(archive.read("datapackage.json"))["title"] == "Once"


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ("a-20200101000000000-1", "no run 'a-20200101000000000-1' under "),
        ("../a", "is neither a run id"),
        ("*", "is neither a run id"),
        ("none.report.json", r"no such file: none\.report\.json"),
    ],
)
def test_a_run_that_is_not_there_is_named(
    runs: list[FinishedRun], tmp_path: Path, run: str, says: str
) -> None:
    with pytest.raises(ArchiveError, match=says):
        invoked(run, "-o", tmp_path / "x.wacz", "--archives", tmp_path / "archives")
    assert not (tmp_path / "x.wacz").exists()


@pytest.mark.parametrize("ending", [".warc.gz", ".jsonl"])
def test_what_is_missing_of_a_run_is_named(runs: list[FinishedRun], tmp_path: Path, ending: str) -> None:
    for path in runs[0].folder.glob(f"*{ending}"):
        path.unlink()
    with pytest.raises(ArchiveError, match=rf"no such file: .*{ending}"):
        invoked(report_of(runs[0]), "-o", tmp_path / "x.wacz")
    assert not list(tmp_path.glob("x.wacz*"))


def test_a_report_cannot_name_files_outside_its_folder(runs: list[FinishedRun], tmp_path: Path) -> None:
    path = report_of(runs[0])
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "warcs": ["../b/" + runs[1].warcs[0].name]}))
    with pytest.raises(ArchiveError, match="no such file: "):
        invoked(path, "-o", tmp_path / "x.wacz")
