"""Finished runs, found by id or report, and the lines that say how each of their pages ended."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX, read_articles, read_items
from newscrawl.archive.report import (
    QUIET_REPORTS_SUFFIX,
    REPORT_SUFFIX,
    Report,
    find_report,
    may_hold_report,
    read_report,
)
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection
from newscrawl.warc.reader import WarcPart

_MODELS: tuple[tuple[str, type[Article | Rejection]], ...] = (
    (ARTICLES_SUFFIX, Article),
    (REJECTED_SUFFIX, Rejection),
)
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


def read_run_lines(folder: Path, run: str) -> Iterator[Article | Rejection]:
    """Articles, then rejections of a run whose files are closed, in the order of the lines.

    A run that was killed before it opened its files has none. ArchiveError names a line that is invalid.
    """
    for suffix, model in _MODELS:
        try:
            yield from read_items(folder / f"{run}{suffix}", model)
        except ArchiveError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run that has ended, and where its files are."""

    report: Report
    folder: Path

    @property
    def lines(self) -> Path:
        """The file of its articles; see `find_lines`."""
        return self.find_lines(ARTICLES_SUFFIX)

    def find_lines(self, suffix: str) -> Path:
        """The file of its articles or rejections; an empty one if it left none because it has no such lines.

        ArchiveError when the file is missing.
        """
        path, report = self.folder / f"{self.report.run}{suffix}", self.report
        count = report.articles if suffix == ARTICLES_SUFFIX else sum(report.rejected.values())
        return _require_file(path) if count or path.exists() else Path(os.devnull)

    @property
    def warcs(self) -> list[Path]:
        """The archive files, in order; ArchiveError names one that is missing."""
        return [_require_file(self.folder / Path(name).name) for name in self.report.warcs]

    @property
    def warc_parts(self) -> list[WarcPart]:
        """Its part of each of these files."""
        return [
            WarcPart(path, *self.report.warc_part(name))
            for path, name in zip(self.warcs, self.report.warcs, strict=True)
        ]


def find_run(run: str, archives: Path) -> FinishedRun:
    """The run with this id under `archives`, or the run whose report this path names."""
    if run.endswith(REPORT_SUFFIX):
        path = _require_file(Path(run))
        return FinishedRun(report=read_report(path), folder=path.parent)
    if not _RUN_ID.fullmatch(run):
        raise ArchiveError(f"{run!r} is neither a run id nor the path of a {REPORT_SUFFIX} file")
    folders = {path.parent for path in archives.glob(f"*/{run}{REPORT_SUFFIX}")} or {
        path.parent for path in archives.glob(f"*/*{QUIET_REPORTS_SUFFIX}") if may_hold_report(path.name, run)
    }
    found = [
        FinishedRun(report=report, folder=folder)
        for folder in sorted(folders)
        if (report := find_report(folder, run))
    ]
    if not found:
        raise ArchiveError(f"no run {run!r} under {archives}; `newscrawl runs` names the last of each outlet")
    if len(found) > 1:
        raise ArchiveError(f"{len(found)} runs {run} under {archives}: name the report of one")
    return found[0]


def _require_file(path: Path) -> Path:
    if not path.is_file():
        raise ArchiveError(f"no such file: {path}")
    return path


def read_run_articles(runs: Iterable[FinishedRun]) -> Iterator[Article]:
    """The articles of several runs, in the order of the runs."""
    for run in runs:
        yield from read_articles(run.lines)


def latest_end(runs: Iterable[FinishedRun]) -> datetime:
    """When the last of the runs ended, aware; it dates what is made from them."""
    try:
        return max(datetime.fromisoformat(run.report.finished) for run in runs)
    except (TypeError, ValueError) as error:
        raise ArchiveError(f"a report does not say when its run ended: {error}") from error
