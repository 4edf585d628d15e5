"""The report of a run, `<run>.report.json`: what it fetched, what became of it, and with which settings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from newscrawl.archive.manifest import add_to_manifest
from newscrawl.errors import ArchiveError
from newscrawl.storage import atomic_write

REPORT_SUFFIX = ".report.json"


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


def write_report(folder: Path, report: Report) -> Path:
    """Write the report under its final name, whole or not at all."""
    path = folder / f"{report.run}{REPORT_SUFFIX}"
    text = json.dumps(report.model_dump(mode="json", by_alias=True), indent=1, sort_keys=True)
    with atomic_write(path) as out:
        out.write(f"{text}\n".encode())
    add_to_manifest(path)
    return path


def read_report(path: Path) -> Report:
    """ArchiveError when it is missing or invalid."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error


def is_replay(folder: Path, run: str) -> bool:
    """Whether a run repeated another; a run whose report is missing or broken counts as live."""
    path = folder / f"{run}{REPORT_SUFFIX}"
    try:
        return path.exists() and read_report(path).replay_of is not None
    except ArchiveError:
        return False


def unreported_run(folder: Path) -> str | None:
    """The newest run of an outlet's folder if it left lines but no report: it was killed or still runs."""
    runs = {path.name.partition(".")[0] for path in folder.glob("*.jsonl*")}
    newest = max(runs, default=None)
    return None if newest is None or (folder / f"{newest}{REPORT_SUFFIX}").exists() else newest


def newest_reports(archives: Path, outlets: Iterable[str] = ()) -> list[Path]:
    """The last report of each outlet, or of each of the named outlets."""
    wanted = set(outlets)
    folders = sorted(folder for folder in archives.glob("*/") if not wanted or folder.name in wanted)
    newest = (max(folder.glob(f"*{REPORT_SUFFIX}"), default=None) for folder in folders)
    return [path for path in newest if path]
