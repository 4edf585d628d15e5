"""Run an export: outlet by outlet, a partition at a time, the last day first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from newscrawl import __version__
from newscrawl.archive.lines import describe_error
from newscrawl.dedup.articles import with_clusters
from newscrawl.export.manifest import ExportCounts
from newscrawl.export.partitions import (
    NO_CLUSTERS,
    PageSet,
    Partition,
    PartitionScan,
    digest_clusters,
    group_line_files,
    iter_partitions,
    read_lines,
    scan_partition,
)
from newscrawl.export.schemas import parse_day
from newscrawl.items import Article
from newscrawl.state.documents import DocumentTable


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which articles to export; by default all but those that their publisher reserves."""

    since: date | None = None
    until: date | None = None
    "Last day, included. An article counts by its day of publication, or of the fetch if that is unknown."
    languages: frozenset[str] = frozenset()
    mixed: bool | None = None
    page_types: frozenset[str] = frozenset()
    duplicates: bool = True
    reserved: bool = False
    "Whether to export texts that are reserved against use by machines."
    all_versions: bool = False
    "Otherwise only the last version of each page of an outlet."

    def refusal(self, article: Article) -> str | None:
        """Why an article is left out, as a short name; None if it is exported."""
        reasons = (
            ("reserved", article.rights.is_reserved and not self.reserved),
            ("language", bool(self.languages) and article.lang not in self.languages),
            # Each is named for the texts that are left out, which are those that were not asked for.
            ("not_mixed", self.mixed is True and not article.is_mixed),
            ("mixed", self.mixed is False and article.is_mixed),
            ("page_type", bool(self.page_types) and article.page_type not in self.page_types),
            ("duplicate", article.duplicate_of is not None and not self.duplicates),
            ("date", not self._in_days(article)),
        )
        return next((reason for reason, holds in reasons if holds), None)

    def as_dict(self) -> dict[str, Any]:
        """The selection as the manifest holds it."""
        return {
            name: sorted(value)
            if isinstance(value, frozenset)
            else (str(value) if isinstance(value, date) else value)
            for name, value in asdict(self).items()
        }

    def _in_days(self, article: Article) -> bool:
        if not (self.since or self.until):
            return True
        day = parse_day(article.published) or parse_day(article.fetched)
        if day is None:
            return False
        return (self.since or day) <= day <= (self.until or day)


def select_articles(
    scan: PartitionScan, selection: Selection, counts: ExportCounts, documents: DocumentTable | None = None
) -> Iterator[Article]:
    """Yield the selected articles; `counts` gets the reasons of the others.

    With `documents`, `cluster` and `duplicate_of` are the latest from the database.
    """
    if scan.older:
        counts.left_out["older_version"] += scan.older
    articles = _read_articles(scan, counts)
    for article in with_clusters(articles, documents) if documents else articles:
        if reason := selection.refusal(article):
            counts.left_out[reason] += 1
        else:
            yield article


def _read_articles(scan: PartitionScan, counts: ExportCounts) -> Iterator[Article]:
    for path, number, line in read_lines(scan):
        try:
            yield Article.model_validate_json(line)
        except ValidationError as error:
            counts.add_unreadable(f"{path}, line {number}: {describe_error(error)}")


class Sink(Protocol):
    """Where partitions go; each is written and recorded completely, or not at all."""

    def open(self) -> None: ...

    def find_counts(self, partition: Partition, inputs: str) -> ExportCounts | None:
        """The counts of a partition that was already written from these inputs."""
        ...

    def write(
        self, partition: Partition, inputs: str, articles: Iterable[Article], counts: ExportCounts
    ) -> None: ...

    def close(self) -> Path | None:
        """Finish; return the path if the export is a single file."""
        ...

    def abandon(self) -> None: ...


def run_export(
    archives: Path,
    outlets: Iterable[str],
    selection: Selection,
    sink: Sink,
    *,
    advanced: Callable[[int], None] = lambda _: None,
    documents: DocumentTable | None = None,
    files: Sequence[Path] = (),
) -> ExportCounts:
    """Export the selected articles of the outlets' finished runs; `advanced` is called with the bytes read.

    The lines of `files`, which belong to no run, are exported like those of an outlet of the file's name.
    With `documents`, clusters and originals are the latest from the database. Partitions that the sink
    already holds are not written again. NewscrawlError if something cannot be read or written: the complete
    partitions remain, and the next export continues from there.
    """
    total = ExportCounts()
    try:
        sink.open()
        for partitions in chain(
            (iter_partitions(archives, outlet) for outlet in outlets), group_line_files(files)
        ):
            pages = None if selection.all_versions else PageSet()
            for partition in partitions:
                total.add(_export_partition(partition, pages, selection, sink, documents))
                advanced(partition.bytes)
        if (single := sink.close()) is not None:
            total.files, total.bytes = 1, single.stat().st_size
    except BaseException:
        sink.abandon()
        raise
    return total


def _export_partition(
    partition: Partition,
    pages: PageSet | None,
    selection: Selection,
    sink: Sink,
    documents: DocumentTable | None,
) -> ExportCounts:
    scan = scan_partition(partition, pages)
    clusters = digest_clusters(scan, documents) if documents else NO_CLUSTERS
    inputs = f"{scan.digest} {clusters} {__version__}"
    if counts := sink.find_counts(partition, inputs):
        counts.skipped_partitions = 1
        return counts
    counts = ExportCounts()
    sink.write(partition, inputs, select_articles(scan, selection, counts, documents), counts)
    return counts
