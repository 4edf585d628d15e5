"""Statistics of the archive by outlet and day, counted from its lines."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import ValidationError

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX, iter_lines, list_live_runs
from newscrawl.errors import ArchiveError
from newscrawl.items import Quality, Rights
from newscrawl.monitoring.agreement import WITHOUT_WITNESS, Agreement, read_agreement, sum_agreements
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import page_key

NO_FAILURE = frozenset({"unchanged", "not_modified", "duplicate", "known"})
"Rejections of pages that had nothing new."
_DAY_CHARS = 10
_TITLE_CHARS = 200


@dataclass(slots=True)
class DayStats:
    """An outlet's day."""

    articles: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    "Articles by `lang`; `mixed` for texts in both French and English."
    lengths: array[int] = field(default_factory=lambda: array("Q"))
    "Code points of each text."
    removed: int = 0
    "Code points that were removed as boilerplate, as far as the lines have them."
    syndicated: int = 0
    copies: int = 0
    "Articles that are duplicates of others, according to the database."
    agreement: Agreement = field(default_factory=Agreement)
    "Of the classifier with the feeds and APIs that have the articles too."
    failures: Counter[str] = field(default_factory=Counter)
    "Rejected pages by reason, without pages that had nothing new."

    @property
    def median_length(self) -> int | None:
        return int(median(self.lengths)) if self.lengths else None

    @property
    def chrome_share(self) -> float | None:
        """Share of the text on the pages that was removed, from 0 to 1."""
        whole = self.removed + sum(self.lengths)
        return self.removed / whole if whole else None

    def add_article(self, data: Mapping[str, Any]) -> None:
        self.articles += 1
        self.languages["mixed" if data.get("is_mixed") else str(data.get("lang") or "other")] += 1
        self.lengths.append(int(data.get("char_count") or 0))
        self.removed += sum(int(block.get("chars") or 0) for block in data.get("removed") or ())
        self.syndicated += bool((data.get("syndication") or {}).get("is_syndicated"))
        if agreement := _read_line_agreement(data):
            self.agreement = sum_agreements([self.agreement, agreement])

    def add_rejection(self, data: Mapping[str, Any]) -> None:
        if data["reason"] not in NO_FAILURE:
            self.failures[str(data["reason"])] += 1

    def add(self, other: DayStats) -> None:
        self.articles += other.articles
        self.languages.update(other.languages)
        self.lengths.extend(other.lengths)
        self.removed += other.removed
        self.syndicated += other.syndicated
        self.copies += other.copies
        self.agreement = sum_agreements([self.agreement, other.agreement])
        self.failures.update(other.failures)


@dataclass(slots=True)
class ArchiveStats:
    """Counts by outlet and by the day of the fetch (`2026-03-01`, UTC)."""

    days: dict[str, dict[str, DayStats]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(DayStats))
    )
    newest: dict[str, str] = field(default_factory=dict)
    "Title of each outlet's newest article; reserved articles are skipped, since statistics get published."
    broken: list[str] = field(default_factory=list)
    "File and number of each unreadable line."

    def total(self, outlet: str | None = None) -> DayStats:
        """The sum of an outlet's days, or of all days."""
        total = DayStats()
        for name in self.days if outlet is None else [outlet]:
            for day in self.days[name].values():
                total.add(day)
        return total


def count_archive(
    folders: Iterable[Path],
    since: str = "",
    until: str = "9999",
    advanced: Callable[[int], None] = lambda _: None,
    documents: DocumentTable | None = None,
) -> ArchiveStats:
    """Count the finished lines of outlets' folders, for the days from `since` to `until`.

    `advanced` is called with the bytes read; `documents` has the duplicates.
    """
    stats = ArchiveStats()
    for folder in folders:
        outlet, newest = folder.name, ("", "")
        for path in line_files(folder):
            keys: dict[str, list[bytes]] = defaultdict(list)
            for data in _iter_line_fields(path, stats.broken, advanced):
                day = str(data.get("fetched") or data.get("published") or "")[:_DAY_CHARS]
                if not since <= day <= until:
                    continue
                if "text_sha256" not in data:
                    stats.days[outlet][day].add_rejection(data)
                    continue
                stats.days[outlet][day].add_article(data)
                keys[day].append(page_key(outlet, str(data.get("url_requested"))))
                if not _is_reserved(data):
                    newest = max(newest, (str(data.get("fetched")), str(data.get("title") or "")))
            if documents:
                for day, keys_of_day in keys.items():
                    memberships = documents.memberships(keys_of_day).values()
                    stats.days[outlet][day].copies += sum(
                        found.duplicate_of is not None for found in memberships
                    )
        if newest[1]:
            stats.newest[outlet] = newest[1][:_TITLE_CHARS]
    return stats


def line_files(folder: Path) -> Iterator[Path]:
    """The files of articles and of rejections of a folder's runs, without replays."""
    for run in list_live_runs(folder):
        paths = (folder / f"{run}{suffix}" for suffix in (ARTICLES_SUFFIX, REJECTED_SUFFIX))
        yield from (path for path in paths if path.is_file())


def _iter_line_fields(
    path: Path, broken: list[str], advanced: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    """The fields of each article and rejection; other lines are added to `broken`."""
    try:
        for line in iter_lines(path):
            advanced(len(line.raw))
            data = line.fields
            if data and ("text_sha256" in data or "reason" in data):
                yield data
            else:
                broken.append(f"{path}, line {line.number}")
    except ArchiveError as error:
        broken.append(str(error))


def _read_line_agreement(data: Mapping[str, Any]) -> Agreement | None:
    """That of an article's line; None without a witness, and where another version wrote another form."""
    quality = data.get("quality") or {}
    if quality.get("witness", WITHOUT_WITNESS) == WITHOUT_WITNESS:
        return None
    try:
        return read_agreement(Quality.model_validate(quality))
    except ValidationError:
        return None


def _is_reserved(data: Mapping[str, Any]) -> bool:
    """Whether exports leave the article out; unreadable rights count as reserved."""
    try:
        return Rights.model_validate(data.get("rights") or {}).is_reserved
    except ValidationError:
        return True
