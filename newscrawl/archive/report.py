"""The report a run leaves: `<run>.report.json`, what was fetched, what became of it, with what."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from newscrawl.archive.manifest import note_finished
from newscrawl.errors import ArchiveError
from newscrawl.warc.writer import sync_folder

SUFFIX = ".report.json"


class ReportedAlarm(BaseModel):
    """One alarm; docs/health.md explains each name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    level: Literal["warning", "error"]
    "`error`: news is being lost; `warning`: someone should look."
    detail: str


class Report(BaseModel):
    """One run of one outlet."""

    # A later version may say more.
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
    "Scrapy's finish reason: `finished`, `shutdown`, `archive_error`, …"
    error: str | None = None
    "The error that ended the run early."
    alarms: list[ReportedAlarm] = Field(default_factory=list)
    "What is wrong with the outlet, by the figures of its runs and its `[expect]`."
    requests: int = 0
    "Requests sent, of every kind and attempt."
    pages: int = 0
    "Pages that were to be stories: articles plus rejected."
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
    "Articles in which a field says something, by field."
    statuses: dict[str, int] = Field(default_factory=dict)
    "Responses by HTTP status."
    traps: dict[str, int] = Field(default_factory=dict)
    "Links that were not followed because their URL looks endless, by kind."
    figures: dict[str, Any] = Field(default_factory=dict)
    "What later runs are measured against; see newscrawl/monitoring/figures.py."
    warc_bytes: int = 0
    warc_records: int = 0
    warcs: list[str] = Field(default_factory=list)
    "File names, in order."
    versions: dict[str, str] = Field(default_factory=dict)
    settings_hash: str = ""
    "Digest of the settings that differ from Scrapy's defaults and bear on what is written."
    outlet_hash: str = ""
    "Digest of the outlet file's content."
    settings: dict[str, str] = Field(default_factory=dict)
    "Settings that were given to the run, as text; none that holds a secret."
    arguments: dict[str, str] = Field(default_factory=dict)
    "What was given to the spider with -a."
    memory: str | None = None
    "File name of what was learned of the outlet before, as the run used it; None where nothing was."
    learned: str | None = None
    "File name of the memory the run left for the next one."
    replay_of: str | None = None
    "Run (else time, else folder) that was replayed; None for a live run. A replay has no WARC of its own."
    replay_missed: int = 0
    "Requests the replayed archive had no answer to."

    @field_validator("alarms", mode="before")
    @classmethod
    def _of_sentences(cls, alarms: object) -> object:
        """Reports of earlier versions have bare sentences, about `[expect]` alone."""
        if not isinstance(alarms, list):
            return alarms
        old = {"name": "expectation", "level": "warning"}
        return [{**old, "detail": alarm} if isinstance(alarm, str) else alarm for alarm in alarms]


def write_report(folder: Path, report: Report) -> Path:
    """Write the report under its final name, whole or not at all."""
    path = folder / f"{report.run}{SUFFIX}"
    text = json.dumps(report.model_dump(mode="json", by_alias=True), indent=1, sort_keys=True)
    draft = path.with_suffix(".tmp")
    try:
        draft.write_text(text + "\n", encoding="utf-8")
        draft.rename(path)
        sync_folder(folder)
        note_finished(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
    return path


def read_report(path: Path) -> Report:
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error


def unreported_run(folder: Path) -> str | None:
    """The newest run of an outlet's folder, if it has left lines and no report: killed, or still at work."""
    runs = {path.name.partition(".")[0] for path in folder.glob("*.jsonl*")}
    newest = max(runs, default=None)
    return None if newest is None or (folder / f"{newest}{SUFFIX}").exists() else newest


def newest_reports(archives: Path, outlets: Iterable[str] = ()) -> list[Path]:
    """The last report of each outlet's folder, of all outlets or of those named."""
    wanted = set(outlets)
    folders = sorted(folder for folder in archives.glob("*/") if not wanted or folder.name in wanted)
    newest = (max(folder.glob(f"*{SUFFIX}"), default=None) for folder in folders)
    return [path for path in newest if path]
