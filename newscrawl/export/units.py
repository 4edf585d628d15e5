"""Units of work: what the runs of an outlet wrote on one day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from newscrawl.archive.finished import is_replay
from newscrawl.archive.owner import owner_of
from newscrawl.errors import NewscrawlError

LINES = ".jsonl"
_REJECTED = ".rejected.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """Lines that become one file."""

    outlet: str
    day: date
    "When the runs began, UTC."
    files: tuple[Path, ...]
    "The newest first."

    @property
    def key(self) -> str:
        return f"outlet={self.outlet}/date={self.day}"

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)


def outlets_in(archives: Path, wanted: Iterable[str]) -> list[str]:
    """The outlets asked for, or all that have lines; NewscrawlError names one that has none."""
    there = sorted(path.name for path in archives.glob("*/") if any(_lines_files(path)))
    asked = list(dict.fromkeys(wanted))
    if missing := sorted(set(asked) - set(there)):
        raise NewscrawlError(f"no finished run of {', '.join(missing)} under {archives}")
    if not there:
        raise NewscrawlError(f"no finished run under {archives}")
    return asked or there


def units_of(archives: Path, outlet: str) -> Iterator[Unit]:
    """The outlet's days, the last one first."""
    files = sorted(_lines_files(archives / outlet), reverse=True)
    for day, group in groupby(files, key=lambda found: found[0][:8]):
        began = date.fromisoformat(day)
        yield Unit(outlet=outlet, day=began, files=tuple(path for _, path in group))


def _lines_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """When its run began and the path of each file of articles that is closed; a replay's are no news."""
    for path in folder.glob(f"*{LINES}"):
        owner = owner_of(path.name)
        if not owner or path.name.endswith(_REJECTED) or not _is_day(owner.stamp[:8]):
            continue
        if not is_replay(path.parent, path.name.removesuffix(LINES)):
            yield owner.stamp, path


def _is_day(digits: str) -> bool:
    try:
        date.fromisoformat(digits)
    except ValueError:
        return False
    return True
