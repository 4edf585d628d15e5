"""Finished runs, found by id or by the path of their report."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from wire.archived import answer, archived_run, story

from newscrawl.archive.finished_runs import FinishedRun, find_run, latest_end, read_run_articles
from newscrawl.errors import ArchiveError


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    return archived_run(tmp_path / "archives", "echo", {"http://example.org/pier": answer(story("pier"))})


def test_an_id_and_a_path_lead_to_the_same_run(run: FinishedRun, tmp_path: Path) -> None:
    by_path = find_run(f"{run.folder}/{run.report.run}.report.json", tmp_path / "elsewhere")
    assert find_run(run.report.run, tmp_path / "archives") == by_path
    assert [path.name for path in by_path.warcs] == run.report.warcs
    assert [article.title for article in read_run_articles([by_path])] == ["News of the pier"]


def test_an_id_that_stands_for_two_is_refused(run: FinishedRun, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "archives" / "copy")
    with pytest.raises(ArchiveError, match=f"2 runs {run.report.run} under "):
        find_run(run.report.run, tmp_path / "archives")


def test_the_last_end_of_several_counts(run: FinishedRun) -> None:
    later = run.report.model_copy(update={"finished": "2026-03-01T14:00:00+01:00"})
    earlier = run.report.model_copy(update={"finished": "2026-03-01T12:30:00Z"})
    runs = [FinishedRun(report=report, folder=run.folder) for report in (later, earlier)]
    assert latest_end(runs) == datetime(2026, 3, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize("finished", ["yesterday", ""])
def test_a_report_without_an_end_is_an_error(run: FinishedRun, finished: str) -> None:
    report = run.report.model_copy(update={"finished": finished})
    with pytest.raises(ArchiveError, match="when its run ended"):
        latest_end([FinishedRun(report=report, folder=run.folder)])


def test_a_report_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.report.json").write_text("[]")
    with pytest.raises(ArchiveError, match=r"cannot read .*x\.report\.json"):
        find_run(str(tmp_path / "x.report.json"), tmp_path)
