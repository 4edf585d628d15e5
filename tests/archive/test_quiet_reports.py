"""Reports of quiet runs are found by run, however many there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newscrawl.archive import report
from newscrawl.archive.report import (
    Report,
    find_report,
    find_report_file,
    iter_reports,
    reports_name,
    write_quiet_report,
    write_report,
)
from newscrawl.archive.run_files import make_run_id
from newscrawl.errors import ArchiveError

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def report_at(moment: datetime, file: datetime, start: int = 0) -> Report:
    return Report(
        run=make_run_id("echo", moment, 7),
        outlet="echo",
        started=moment.isoformat(),
        finished=moment.isoformat(),
        seconds=0,
        reason="finished",
        warcs=[f"echo-{file:%Y%m%d%H%M%S}000-00000-here-7.warc.gz"],
        warc_start=start,
    )


@pytest.fixture
def reports(tmp_path: Path) -> list[Report]:
    """Of three days, in order; the first run of each began right before midnight, and its file after."""
    made = []
    for day in range(3):
        midnight = MIDNIGHT + timedelta(days=day)
        for place, seconds in enumerate((-1, 3600, 7200)):
            made.append(report_at(midnight + timedelta(seconds=seconds), midnight, place))
            write_quiet_report(tmp_path, made[-1])
    return made


def test_each_file_of_reports_is_read_once(
    tmp_path: Path, reports: list[Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = report_at(MIDNIGHT + timedelta(hours=5), MIDNIGHT)
    write_report(tmp_path, own)
    found = {one.run: one for one in (*reports, own)}
    killed = [make_run_id("echo", MIDNIGHT + timedelta(days=days), 9) for days in (0, 1, 400)]
    runs = sorted([*found, *killed, "no-run"])
    read: list[Path] = []
    real = report.read_quiet_reports

    def read_and_count(path: Path) -> list[Report]:
        read.append(path)
        return real(path)

    monkeypatch.setattr(report, "read_quiet_reports", read_and_count)
    assert list(iter_reports(tmp_path, runs)) == [(run, found.get(run)) for run in runs]
    assert sorted(read) == sorted(tmp_path.glob("*.reports.ndjson"))


def test_a_broken_file_is_in_the_way_of_its_own_runs_alone(tmp_path: Path, reports: list[Report]) -> None:
    broken = tmp_path / reports_name(reports[0].warcs[0])
    broken.write_text("{")
    for found in (find_report, find_report_file):
        with pytest.raises(ArchiveError, match=broken.name):
            found(tmp_path, reports[1].run)
    assert find_report(tmp_path, reports[-1].run) == reports[-1]
    assert find_report_file(tmp_path, reports[-1].run) == tmp_path / reports_name(reports[-1].warcs[0])
