"""How the pages of a run ended, read off its lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from newscrawl.archive.report import SUFFIX, Report, read_report
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection
from newscrawl.warc.filenames import owner_of
from newscrawl.warc.writer import OPEN

_KINDS: tuple[tuple[str, type[Article | Rejection]], ...] = (
    (".jsonl", Article),
    (".rejected.jsonl", Rejection),
)


def ended_pages(folder: Path, run: str) -> Iterator[Article | Rejection]:
    """Articles and rejections of a run whose files are closed, in the order of the lines.

    A run that was killed before it opened its files has none. ArchiveError names a line that is no line.
    """
    for suffix, kind in _KINDS:
        path = folder / f"{run}{suffix}"
        try:
            with path.open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    yield _item(line, kind, path, number)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def left_open(folder: Path, run: str) -> bool:
    """Whether lines of a run stand in files that are not closed."""
    return any((folder / f"{run}{suffix}{OPEN}").exists() for suffix, _ in _KINDS)


def _item(line: bytes, kind: type[Article | Rejection], path: Path, number: int) -> Article | Rejection:
    try:
        return kind.model_validate(json.loads(line))
    except (ValueError, ValidationError) as error:
        raise ArchiveError(f"{path}, line {number}: {' '.join(str(error).split())[:200]}") from error


MAX_LINE_BYTES = 64 * 1024 * 1024
"A longer line is no article of ours."
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What a run left."""

    report: Report
    folder: Path

    @property
    def lines(self) -> Path:
        return _there(self.folder / f"{self.report.run}.jsonl")

    @property
    def warcs(self) -> list[Path]:
        """The archive files, in order; ArchiveError names one that is missing."""
        return [_there(self.folder / Path(name).name) for name in self.report.warcs]


def finished_run(run: str, archives: Path) -> FinishedRun:
    """The run of this id under `archives`, or the one whose report stands at this path."""
    path = Path(run)
    if not run.endswith(SUFFIX):
        path = _report_of(run, archives)
    return FinishedRun(report=read_report(_there(path)), folder=path.parent)


def _report_of(run: str, archives: Path) -> Path:
    if not _ID.fullmatch(run):
        raise ArchiveError(f"{run!r} is no run id and no path of a {SUFFIX} file")
    found = sorted(archives.glob(f"*/{run}{SUFFIX}"))
    if len(found) != 1:
        raise ArchiveError(f"{len(found) or 'no'} runs {run} under {archives}")
    return found[0]


def _there(path: Path) -> Path:
    if not path.is_file():
        raise ArchiveError(f"no such file: {path}")
    return path


def articles_of(runs: Iterable[FinishedRun]) -> Iterator[Article]:
    """The articles of runs, in their order; ArchiveError names a line that is none."""
    for run in runs:
        path = run.lines
        try:
            with path.open("rb") as stream:
                for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES), b""), 1):
                    yield _article(line, path, number)
        except OSError as error:
            raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def _article(line: bytes, path: Path, number: int) -> Article:
    try:
        return Article.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        raise ArchiveError(f"{path}, line {number}: {first['loc']}: {first['msg']}") from error


def last_end(runs: Iterable[FinishedRun]) -> datetime:
    """When the last of the runs ended, aware: the time of what is made from them."""
    try:
        return max(datetime.fromisoformat(run.report.finished) for run in runs)
    except (TypeError, ValueError) as error:
        raise ArchiveError(f"a report does not say when its run ended: {error}") from error


def live_runs(folder: Path) -> list[str]:
    """Ids of the runs of an outlet's folder that have closed their lines, the oldest first; no replays."""
    ids = sorted({path.name.partition(".")[0] for path in folder.glob("*.jsonl") if owner_of(path.name)})
    return [run for run in ids if not is_replay(folder, run)]


def is_replay(folder: Path, run: str) -> bool:
    """Whether a run repeated another; one whose report is missing or broken did not: its lines are there."""
    path = folder / f"{run}{SUFFIX}"
    try:
        return path.exists() and read_report(path).replay_of is not None
    except ArchiveError:
        return False
