"""The archive by outlet and day, counted off its lines: articles, languages, lengths, chrome, failures."""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import ValidationError

from newscrawl.archive.finished_runs import MAX_LINE_BYTES, live_runs
from newscrawl.errors import ArchiveError
from newscrawl.items import Rights
from newscrawl.state.duplicates import CopyTable
from newscrawl.state.rows import key_of

OTHER = "other"
NOT_COUNTED = frozenset({"unchanged", "not_modified", "duplicate", "known"})
"Rejections that are no failures: nothing new was there."
_DAY_CHARS = 10
_SHOWN_TITLE_CHARS = 200


@dataclass(slots=True)
class Day:
    """What one outlet's lines of one day say."""

    articles: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    "Articles by `lang`; those of both French and English are `mixed`."
    lengths: array[int] = field(default_factory=lambda: array("Q"))
    "Code points of each text."
    removed: int = 0
    "Code points that were dropped as chrome, as far as lines tell of them."
    syndicated: int = 0
    copies: int = 0
    "Articles that state knows to repeat another."
    failures: Counter[str] = field(default_factory=Counter)
    "Rejected pages by reason, those left out that had nothing new."

    @property
    def median_length(self) -> int | None:
        return int(median(self.lengths)) if self.lengths else None

    @property
    def chrome_share(self) -> float | None:
        """Part of the text on the pages that was dropped, 0 to 1."""
        whole = self.removed + sum(self.lengths)
        return self.removed / whole if whole else None

    def add(self, other: Day) -> None:
        self.articles += other.articles
        self.languages.update(other.languages)
        self.lengths.extend(other.lengths)
        self.removed += other.removed
        self.syndicated += other.syndicated
        self.copies += other.copies
        self.failures.update(other.failures)


@dataclass(slots=True)
class Stats:
    """Outlet to day (`2026-03-01`, UTC, when the page was fetched) to what was counted."""

    days: dict[str, dict[str, Day]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Day)))
    newest: dict[str, str] = field(default_factory=dict)
    "Title of each outlet's newest article that is not reserved: pages of figures are handed on."
    broken: list[str] = field(default_factory=list)
    "Lines that are none, each with its file and number."

    def total(self, outlet: str | None = None) -> Day:
        """One outlet's days as one, or those of all."""
        sum_of = Day()
        for name in self.days if outlet is None else [outlet]:
            for day in self.days[name].values():
                sum_of.add(day)
        return sum_of


def stats_of(
    folders: Iterable[Path],
    since: str = "",
    until: str = "9999",
    read: Callable[[int], None] = lambda _: None,
    copies: CopyTable | None = None,
) -> Stats:
    """Count the finished lines of outlets' folders, of days from `since` to `until`.

    `read` is told bytes; `copies` knows which articles repeat another.
    """
    stats = Stats()
    for folder in folders:
        newest = ("", "")
        for path in line_files(folder):
            keys: dict[str, list[bytes]] = defaultdict(list)
            for number, data in enumerate(_lines(path, stats, read), 1):
                if data is None:
                    stats.broken.append(f"{path}, line {number}")
                    continue
                day = str(data.get("fetched") or data.get("published") or "")[:_DAY_CHARS]
                if not since <= day <= until:
                    continue
                _count(stats.days[folder.name][day], data)
                if "text_sha256" in data:
                    keys[day].append(key_of(folder.name, str(data.get("url_requested"))))
                    if not _is_reserved(data):
                        newest = max(newest, (str(data.get("fetched")), str(data.get("title") or "")))
            for day, of_day in keys.items():
                stats.days[folder.name][day].copies += _copies_among(of_day, copies)
        if newest[1]:
            stats.newest[folder.name] = newest[1][:_SHOWN_TITLE_CHARS]
    return stats


def _copies_among(keys: list[bytes], copies: CopyTable | None) -> int:
    if copies is None:
        return 0
    return sum(copied.duplicate_of is not None for copied in copies.of_pages(keys).values())


def line_files(folder: Path) -> Iterator[Path]:
    """The files of articles and of rejections of a folder's runs; replays are no news."""
    for run in live_runs(folder):
        paths = (folder / f"{run}.jsonl", folder / f"{run}.rejected.jsonl")
        yield from (path for path in paths if path.is_file())


def _lines(path: Path, stats: Stats, read: Callable[[int], None]) -> Iterator[dict[str, Any] | None]:
    """Each line as data, None for one that cannot be read."""
    try:
        with path.open("rb") as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                read(len(line))
                yield _data(line)
    except OSError as error:
        stats.broken.append(str(ArchiveError(f"cannot read {path}: {error.strerror}")))


def _data(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and ("text_sha256" in data or "reason" in data) else None


def _is_reserved(data: Mapping[str, Any]) -> bool:
    """Whether it stays out of exports; rights that cannot be read are taken for reserved."""
    try:
        return Rights.model_validate(data.get("rights") or {}).is_reserved
    except ValidationError:
        return True


def _count(day: Day, data: Mapping[str, Any]) -> None:
    if "text_sha256" not in data:
        if data["reason"] not in NOT_COUNTED:
            day.failures[str(data["reason"])] += 1
        return
    day.articles += 1
    day.languages["mixed" if data.get("is_mixed") else str(data.get("lang") or OTHER)] += 1
    day.lengths.append(int(data.get("char_count") or 0))
    day.removed += sum(int(each.get("chars") or 0) for each in data.get("removed") or ())
    day.syndicated += bool((data.get("syndication") or {}).get("is_syndicated"))
