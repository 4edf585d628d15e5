"""The report of a run: what it fetched, what became of it, and with which settings.

It is a file of its own, `<run>.report.json`. Those of quiet runs, which found no article, are lines of one
file for each WARC file that the runs of a day write to: `<WARC>.reports.ndjson`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from newscrawl.archive.manifest import add_to_manifest, remove_from_manifest
from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.storage import atomic_write
from newscrawl.warc.filenames import WARC_SUFFIX, parse_filename

REPORT_SUFFIX = ".report.json"
QUIET_REPORTS_SUFFIX = ".reports.ndjson"
"Not `.jsonl`, so that whoever reads the lines of articles need not know of it."
RECENT_FILES = 8
"Files of quiet runs in which a run that has just ended is looked for: each machine writes one a day."


class ReportedAlarm(BaseModel):
    """One alarm; docs/monitoring.md explains each name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    level: Literal["warning", "error"]
    "`error`: news is being lost; `warning`: someone should look."
    detail: str


class Report(BaseModel):
    """One run of one outlet."""

    # Later versions may have more fields.
    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_: str = Field(default="newscrawl.report/1", alias="schema")
    run: str
    "Run id: outlet, start, process."
    outlet: str
    started: str
    "RFC 3339 UTC, like `finished`."
    finished: str
    seconds: float
    reason: str
    "Scrapy's finish reason: `finished`, `shutdown`, `archive_error`, `machine_fault`, …"
    error: str | None = None
    "The error that ended the run early."
    alarms: list[ReportedAlarm] = Field(default_factory=list)
    "What is wrong with the outlet, judged by the figures of its runs and its `[expect]`."
    requests: int = 0
    "Requests sent, of every kind and attempt."
    pages: int = 0
    "Pages fetched as stories: articles plus rejections."
    articles: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    "Pages that became no article, by reason."
    sources: dict[str, int] = Field(default_factory=dict)
    "Feeds, sitemaps, section and API pages read, by outcome."
    frontier: dict[str, int] = Field(default_factory=dict)
    "Links by state when the run closed."
    languages: dict[str, int] = Field(default_factory=dict)
    "Articles by language."
    filled: dict[str, int] = Field(default_factory=dict)
    "Articles in which a field is filled, by field."
    statuses: dict[str, int] = Field(default_factory=dict)
    "Responses by HTTP status."
    traps: dict[str, int] = Field(default_factory=dict)
    "Links that were not followed because their URL looks endless, by kind."
    story_forms: dict[str, int] = Field(default_factory=dict)
    "Requests for other forms of stories by form and outcome, as `wordpress/read`."
    figures: dict[str, Any] = Field(default_factory=dict)
    "What later runs are measured against; see newscrawl/monitoring/metrics.py."
    warc_bytes: int = 0
    warc_records: int = 0
    warcs: list[str] = Field(default_factory=list)
    "File names, in order."
    warc_start: int = 0
    "Where its records begin in the first of them; those before are of earlier quiet runs."
    warc_end: int | None = None
    "Where they end in the last of them; behind may be those of later runs. None: with the file."
    versions: dict[str, str] = Field(default_factory=dict)
    settings_hash: str = ""
    "Digest of the settings that differ from Scrapy's defaults and affect what is written."
    outlet_hash: str = ""
    "Digest of the outlet file's content."
    settings: dict[str, str] = Field(default_factory=dict)
    "Settings that the run was started with, as text, without secrets."
    arguments: dict[str, str] = Field(default_factory=dict)
    "Spider arguments (-a)."
    memory: str | None = None
    "File name of the site memory the run used; None if there was none."
    learned: str | None = None
    "File name of the site memory the run left for the next run."
    replay_of: str | None = None
    "Run (else time, else folder) that was replayed; None for a live run. A replay writes no WARC."
    replay_missed: int = 0
    "Requests the replayed archive had no answer to."

    @field_validator("alarms", mode="before")
    @classmethod
    def _parse_old_alarms(cls, alarms: object) -> object:
        """Reports of earlier versions hold bare sentences, all of them about `[expect]`."""
        if not isinstance(alarms, list):
            return alarms
        old = {"name": "expectation", "level": "warning"}
        return [{**old, "detail": alarm} if isinstance(alarm, str) else alarm for alarm in alarms]

    @property
    def is_quiet(self) -> bool:
        """Whether the run ended well without an article."""
        return not self.articles and not self.error and self.reason == "finished" and self.replay_of is None

    def warc_part(self, name: str) -> tuple[int, int | None]:
        """Offset of the run's first record in one of its files, and the end of its last; None: the file's."""
        is_first, is_last = name == self.warcs[0], name == self.warcs[-1]
        return self.warc_start if is_first else 0, self.warc_end if is_last else None

    def has_record(self, pointer: WarcPointer) -> bool:
        """Whether a record was written by the run."""
        if pointer.file not in self.warcs:
            return False
        start, end = self.warc_part(pointer.file)
        return start <= pointer.offset and (end is None or pointer.offset < end)


def write_report(folder: Path, report: Report) -> Path:
    """Write the report under its final name, whole or not at all."""
    path = folder / f"{report.run}{REPORT_SUFFIX}"
    text = json.dumps(report.model_dump(mode="json", by_alias=True), indent=1, sort_keys=True)
    with atomic_write(path) as out:
        out.write(f"{text}\n".encode())
    add_to_manifest(path)
    return path


def write_quiet_report(folder: Path, report: Report) -> Path:
    """Add the report of a quiet run to those beside its only WARC file, whole or not at all.

    Where that lacks the reports of the earlier runs, the run gets a file of its own. The caller must be the
    only writer in the folder.
    """
    (warc,) = report.warcs
    path = folder / reports_name(warc)
    line = json.dumps(report.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
    earlier = b""
    if report.warc_start:
        try:
            earlier = path.read_bytes()
        except FileNotFoundError:
            # A copy of what a bucket has may leave its spool at any time: nothing may take its place there.
            return write_report(folder, report)
        except OSError as error:
            raise ArchiveError(f"cannot read {path}: {error.strerror}") from error
    with atomic_write(path) as out:
        out.write(earlier + line.encode() + b"\n")
        # Before the rename: killed between the two, a repair adds the file again with its new digest.
        remove_from_manifest(path)
    add_to_manifest(path)
    return path


def reports_name(warc: str) -> str:
    """The file with the reports of the quiet runs whose records are in this WARC file."""
    return warc.removesuffix(WARC_SUFFIX) + QUIET_REPORTS_SUFFIX


def read_report(path: Path) -> Report:
    """ArchiveError when it is missing or invalid."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error


def read_quiet_reports(path: Path) -> list[Report]:
    """The reports in a file of them, of which it has one at least, the oldest first.

    ArchiveError when it is missing or invalid.
    """
    try:
        return [Report.model_validate_json(line) for line in path.read_bytes().splitlines() or [b""]]
    except (OSError, ValidationError) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error


def find_report(folder: Path, run: str) -> Report | None:
    """The report of a run of an outlet's folder; None if it left none, ArchiveError if it is invalid."""
    return next(report for _, report in iter_reports(folder, [run]))


def iter_reports(folder: Path, runs: Iterable[str]) -> Iterator[tuple[str, Report | None]]:
    """The runs and their reports, None for a run that left none.

    Of runs that come in order, each file is read once. ArchiveError if one that may hold the report of a run
    is invalid.
    """
    files = _list_quiet_files(folder)
    read = lru_cache(2 * RECENT_FILES)(_read_reports_by_run)
    for run in runs:
        path = folder / f"{run}{REPORT_SUFFIX}"
        if path.is_file():
            yield run, read_report(path)
        else:
            found = (read(file).get(run) for day in _file_days(run) for file in files[day])
            yield run, next(filter(None, found), None)


def find_report_file(folder: Path, run: str) -> Path | None:
    """The file that holds the report of a run; ArchiveError if one that may hold it is invalid."""
    path = folder / f"{run}{REPORT_SUFFIX}"
    if path.is_file():
        return path
    files = _list_quiet_files(folder)
    days = _file_days(run)
    return next((path for day in days for path in files[day] if run in _read_reports_by_run(path)), None)


def _list_quiet_files(folder: Path) -> dict[str, list[Path]]:
    """The files of quiet reports by the day on which their WARC file was begun."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.glob(f"*{QUIET_REPORTS_SUFFIX}")):
        if name := parse_filename(path.name):
            files[name.stamp[:8]].append(path)
    return files


def _read_reports_by_run(path: Path) -> dict[str, Report]:
    return {report.run: report for report in read_quiet_reports(path)}


def may_hold_report(name: str, run: str) -> bool:
    """Whether a file with this name may hold the report of a quiet run."""
    file = parse_filename(name)
    return name.endswith(QUIET_REPORTS_SUFFIX) and file is not None and file.stamp[:8] in _file_days(run)


def _file_days(run: str) -> list[str]:
    """Days on which a quiet run's file may have begun: the run's, or the next if it began near midnight."""
    name = parse_filename(f"{run}{REPORT_SUFFIX}")
    try:
        began = date.fromisoformat(name.stamp[:8]) if name else None
        return [f"{began + timedelta(days=days):%Y%m%d}" for days in range(2)] if began else []
    except (ValueError, OverflowError):
        return []


def is_replay(folder: Path, run: str) -> bool:
    """Whether a run repeated another; a run whose report is missing or broken counts as live."""
    path = folder / f"{run}{REPORT_SUFFIX}"
    try:
        return path.exists() and read_report(path).replay_of is not None
    except ArchiveError:
        return False


def unreported_run(folder: Path) -> str | None:
    """The newest run of an outlet's folder if it left lines but no report: it was killed or still runs."""
    newest = max((path.name.partition(".")[0] for path in folder.glob("*.jsonl*")), default="")
    if not newest or (folder / f"{newest}{REPORT_SUFFIX}").exists():
        return None
    # A run may have had no lines.
    reported = next(iter(newest_reports(folder)), None)
    return newest if reported is None or reported[0] < newest else None


def newest_reports(folder: Path, limit: int = 1) -> list[tuple[str, Report | ArchiveError]]:
    """Run and report of an outlet's last runs, the newest first; in place of an invalid report the error.

    Where a file with the reports of several runs is invalid, it counts as one run of its name.
    """
    own = sorted(path.name.removesuffix(REPORT_SUFFIX) for path in folder.glob(f"*{REPORT_SUFFIX}"))
    found: dict[str, Report | ArchiveError] = {}
    for path in sorted(folder.glob(f"*{QUIET_REPORTS_SUFFIX}"), reverse=True):
        if len(found) >= limit:
            break
        try:
            found |= {report.run: report for report in read_quiet_reports(path)}
        except ArchiveError as error:
            found[path.name.removesuffix(QUIET_REPORTS_SUFFIX)] = error
    for run in own[-limit:]:
        try:
            found[run] = read_report(folder / f"{run}{REPORT_SUFFIX}")
        except ArchiveError as error:
            found[run] = error
    return sorted(found.items(), key=lambda pair: pair[0], reverse=True)[:limit]


def list_reported_runs(folder: Path) -> set[str]:
    """Ids of the runs that have left reports; of quiet runs, those of the last files only."""
    runs = {path.name.removesuffix(REPORT_SUFFIX) for path in folder.glob(f"*{REPORT_SUFFIX}")}
    for path in sorted(folder.glob(f"*{QUIET_REPORTS_SUFFIX}"))[-RECENT_FILES:]:
        with suppress(ArchiveError):
            runs.update(report.run for report in read_quiet_reports(path))
    return runs
