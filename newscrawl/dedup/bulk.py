"""Rebuild all clusters, of more documents than fit into memory, in any number of processes.

`newscrawl dedup find --rebuild` runs this over the whole archive. Its steps hand their rows to each other
through files (`shuffle`), divided into shards by fingerprint, by page, by day or by component, and only the
last step touches the database. Fingerprints are sorted rather than looked up singly, which is what makes it
fast. The clusters are those that `incremental` finds document by document within its window, by the same
rules. Of several good links to another language the two may choose different ones: `incremental` counts the
holders of a name by the hour, and the new document among them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from newscrawl.dedup.articles import NAME_KEY, document_columns
from newscrawl.dedup.candidates import HOLDER, PAIR, list_holders, pair_documents
from newscrawl.dedup.components import COPY, MEMBER, find_all_copies, join_components, label_components
from newscrawl.dedup.document_files import ROW, DocumentFiles, write_source
from newscrawl.dedup.fingerprints import (
    FINGERPRINT_BITS,
    MIN_SHARED_FINGERPRINTS,
    WINNOW_WINDOW,
    Document,
    NameSketch,
    winnow,
)
from newscrawl.dedup.incremental import DAY, WINDOW_DAYS, DedupCounts, remove_documents
from newscrawl.dedup.shuffle import Rows, Shuffle, replace_file
from newscrawl.dedup.translations import HISTORY_SECONDS, CrossLink, find_links
from newscrawl.state.documents import DocumentSession, DocumentTable

DOCUMENTS_PER_SHARD = 100_000
"A step that sorts the fingerprints of so many takes about 500 MB."
PAGE_SHARDS = 16
LINK_DAYS = 8
"Days that are linked in one step, unless there are more documents than a shard has."
NAME_BITS = 32
_NO_NUMBERS = np.empty(0, np.uint64)

Task = TypeVar("Task")
Result = TypeVar("Result")
Source = Iterable[Document | str]
"Documents, and what could not be read, in words."


class TaskRunner(Protocol):
    """Does a task for each of some values, in processes or here; results come in the order of the values."""

    def __call__(self, task: Callable[[Task], Result], values: Iterable[Task], /) -> Iterable[Result]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """Where the files of a rebuild are, and how its work is divided."""

    folder: Path
    shards: int
    seconds: int
    "Documents that were fetched further apart are not compared."
    since: int
    "Documents fetched since this second are compared with those of later runs."
    source_count: int = 0
    days: tuple[int, ...] = ()
    "Days since the epoch on which documents were fetched, in ascending order."
    starts: tuple[int, ...] = (0,)
    "The number of the first document of each day, and behind them that of all documents."

    @property
    def pages(self) -> Shuffle:
        """Rows by the page's key."""
        return self._shuffle("pages", ROW, PAGE_SHARDS, self.source_count)

    @property
    def day_rows(self) -> Shuffle:
        """Rows of the last document of each page, by day."""
        return self._shuffle("day_rows", ROW, len(self.days), PAGE_SHARDS)

    @property
    def holders(self) -> Shuffle:
        """Fingerprints by their value."""
        return self._shuffle("holders", HOLDER, self.shards, len(self.days))

    @property
    def lookups(self) -> Shuffle:
        """Fingerprints, then names of recent documents, in the order of the shards."""
        return self._shuffle("lookups", HOLDER, 2 * self.shards, len(self.days))

    @property
    def pairs(self) -> Shuffle:
        """Pairs that share fingerprints, by the day of the later document."""
        return self._shuffle("pairs", PAIR, len(self.days), self.shards)

    @property
    def components(self) -> Shuffle:
        """Pairs of copies, by their component."""
        return self._shuffle("components", COPY, self.shards, 1)

    @property
    def members(self) -> Shuffle:
        """Documents in clusters, by their day."""
        return self._shuffle("members", MEMBER, len(self.days), self.shards)

    @property
    def sources(self) -> Path:
        return self.folder / "sources"

    @property
    def sorted_days(self) -> Path:
        return self.folder / "sorted_days"

    @property
    def frequencies(self) -> Path:
        """How many fingerprints each document has, at most MIN_SHARED_FINGERPRINTS."""
        return self.folder / "frequencies.npy"

    def documents(self) -> DocumentFiles:
        return DocumentFiles(self.sources, self.sorted_days, self.starts)

    def find_days(self, numbers: Rows) -> Rows:
        """The indices of the days of documents."""
        return np.searchsorted(self.starts, numbers, side="right") - 1

    def _shuffle(self, name: str, row: np.dtype[Any], shards: int, tasks: int) -> Shuffle:
        return Shuffle(folder=self.folder / name, row=row, shards=shards, tasks=tasks)


class RebuildResult(NamedTuple):
    """What a rebuild found, and what it could not read."""

    counts: DedupCounts
    broken: list[str]


def rebuild_clusters(
    table: DocumentTable,
    sources: Iterable[Source],
    now: int,
    *,
    days: int = WINDOW_DAYS,
    shards: int = 0,
    scratch: Path | None = None,
    run: TaskRunner = map,
) -> RebuildResult:
    """Replace the whole table by the clusters of these documents, of each page the one fetched last.

    A source is read in the process that takes its task, so it must be picklable where `run` starts
    processes. `shards` divides the fingerprints; 0: by the number of documents. It makes no difference to the
    result. `scratch` is the folder for its files; None: that of the system.
    """
    # What cannot be removed is no reason to fail: the table may have been replaced.
    with TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
        space = Workspace(
            folder=Path(folder), shards=max(1, shards), seconds=days * DAY, since=now - days * DAY
        )
        space, broken = _sort_documents(space, sources, run)
        if not shards:
            space = replace(space, shards=1 + space.starts[-1] // DOCUMENTS_PER_SHARD)
        members = _find_clusters(space, run)
        links = [link for found in run(partial(_link_span, space), _link_spans(space)) for link in found]
        with table.replacing() as rows, space.documents() as documents:
            _write_tables(space, rows, documents, links)
    return RebuildResult(DedupCounts(space.starts[-1], members, len(links)), broken)


def _sort_documents(
    space: Workspace, sources: Iterable[Source], run: TaskRunner
) -> tuple[Workspace, list[str]]:
    """Store the documents of all sources and number them by the time of the fetch."""
    for folder in (space.sources, space.sorted_days):
        folder.mkdir()
    stored = list(run(partial(_store_source, space), enumerate(sources)))
    broken = [message for source in stored for message in source.broken]
    days = sorted(set[int]().union(*(source.days for source in stored)))
    space = replace(space, days=tuple(days), source_count=len(stored))
    _finish(run(partial(_select_latest, space), range(PAGE_SHARDS)), space.pages)
    counts = _finish(run(partial(_sort_day, space), range(len(space.days))), space.day_rows)
    return replace(space, starts=tuple(accumulate(counts, initial=0))), broken


def _find_clusters(space: Workspace, run: TaskRunner) -> int:
    """Find the copies and join them into clusters; return the number of their members."""
    days = range(len(space.days))
    frequencies = list(run(partial(_list_fingerprints, space), days))
    np.save(space.frequencies, np.concatenate([np.empty(0, np.uint8), *frequencies]))
    _finish(run(partial(_pair_shard, space), range(space.shards)), space.holders)
    found = _finish(run(partial(_compare_day, space), days), space.pairs)
    copies = np.concatenate([np.empty(0, COPY), *found])
    with space.documents() as documents:
        labels = label_components(copies, documents)
    space.components.write(0, copies, labels % space.shards)
    return sum(_finish(run(partial(_join_shard, space), range(space.shards)), space.components))


def _finish(results: Iterable[Result], consumed: Shuffle) -> list[Result]:
    """Wait for all results, and remove the files that they were made of."""
    finished = list(results)
    shutil.rmtree(consumed.folder, ignore_errors=True)
    return finished


class _StoredSource(NamedTuple):
    days: set[int]
    broken: list[str]


def _store_source(space: Workspace, numbered: tuple[int, Source]) -> _StoredSource:
    number, source = numbered
    broken: list[str] = []
    rows = write_source(space.sources, number, _iter_readable(source, broken))
    space.pages.write(number, rows, rows["key"][:, 1] % PAGE_SHARDS)
    return _StoredSource(set((rows["fetched_at"] // DAY).tolist()), broken)


def _iter_readable(source: Source, broken: list[str]) -> Iterator[Document]:
    """The documents of a source; what could not be read is appended to `broken`."""
    for document in source:
        if isinstance(document, str):
            broken.append(document)
        else:
            yield document


def _select_latest(space: Workspace, shard: int) -> None:
    """Of each page the document that was fetched last, of several the one that was read last."""
    rows = space.pages.read(shard)
    order = np.lexsort((rows["fetched_at"], rows["key"][:, 1], rows["key"][:, 0]))
    keys = rows["key"][order]
    is_last = np.ones(len(order), bool)
    is_last[:-1] = np.any(keys[1:] != keys[:-1], axis=1)
    latest = rows[order[is_last]]
    space.day_rows.write(shard, latest, np.searchsorted(space.days, latest["fetched_at"] // DAY))


def _sort_day(space: Workspace, day: int) -> int:
    rows = space.day_rows.read(day)
    order = np.lexsort((rows["offset"], rows["source"], rows["article_id"], rows["fetched_at"]))
    with replace_file(space.sorted_days / f"{day:08}.npy") as file:
        np.save(file, rows[order])
    return len(rows)


def _list_fingerprints(space: Workspace, day: int) -> Rows:
    """Hand on the fingerprints of a day; return how many each document has."""
    with space.documents() as documents:
        numbers = documents.numbers(day)
        fingerprints = [winnow(documents.tokens(number)) for number in numbers]
        is_recent = documents.day_rows(day)["fetched_at"] >= space.since
        names = [
            documents.names(number) | np.uint64(NAME_KEY) if recent else _NO_NUMBERS
            for number, recent in zip(numbers, is_recent.tolist(), strict=True)
        ]
    holders = list_holders(fingerprints, numbers.start)
    space.holders.write(day, holders, holders["fingerprint"] % np.uint64(space.shards))
    recent = is_recent[holders["number"] - numbers.start]
    lookups = np.concatenate((holders[recent], list_holders(names, numbers.start)))
    space.lookups.write(day, lookups, _order_lookups(lookups["fingerprint"], space.shards))
    return np.minimum(list(map(len, fingerprints)), MIN_SHARED_FINGERPRINTS).astype(np.uint8)


def _order_lookups(keys: Rows, shards: int) -> Rows:
    """Shards of about one size that are in the order of the keys: fingerprints, then names.

    A fingerprint is the smallest of a window, so small ones are more frequent.
    """
    is_name = keys >= NAME_KEY
    rank = 1 - (1 - np.minimum(keys / 2.0**FINGERPRINT_BITS, 1)) ** WINNOW_WINDOW
    rank[is_name] = (keys[is_name] - np.uint64(NAME_KEY)) / 2.0**NAME_BITS
    shard: Rows = np.minimum((rank * shards).astype(np.int64), shards - 1) + shards * is_name
    return shard


def _pair_shard(space: Workspace, shard: int) -> None:
    pairs = pair_documents(space.holders.read(shard))
    space.pairs.write(shard, pairs, space.find_days(pairs["later"]))


def _compare_day(space: Workspace, day: int) -> Rows:
    frequencies = np.load(space.frequencies, mmap_mode="r")
    with space.documents() as documents:
        return find_all_copies(space.pairs.read(day), frequencies, documents, space.seconds)


def _join_shard(space: Workspace, shard: int) -> int:
    with space.documents() as documents:
        members = join_components(space.components.read(shard), documents)
    space.members.write(shard, members, space.find_days(members["number"]))
    return len(members)


def _link_spans(space: Workspace) -> list[range]:
    """Days that are linked in one step."""
    spans: list[range] = []
    for day in range(len(space.days)):
        if spans:
            start = spans[-1].start
            documents = space.starts[day + 1] - space.starts[start]
            if space.days[day] - space.days[start] < LINK_DAYS and documents <= DOCUMENTS_PER_SHARD:
                spans[-1] = range(start, day + 1)
                continue
        spans.append(range(day, day + 1))
    return spans


class _StoredText(NamedTuple):
    lang: str | None
    names: NameSketch
    published: int
    fetched_at: int


_NO_NAMES = np.empty(0, np.uint32)


def _link_span(space: Workspace, span: range) -> list[CrossLink]:
    since = (space.days[span.start] * DAY - HISTORY_SECONDS) // DAY
    earliest = int(np.searchsorted(space.days, since))
    with space.documents() as documents:
        texts = [text for day in range(earliest, span.stop) for text in _iter_texts(documents, day)]
    first = space.starts[earliest]
    return list(find_links(texts, first=first, start=space.starts[span.start] - first))


def _iter_texts(documents: DocumentFiles, day: int) -> Iterator[_StoredText]:
    """What two languages are compared by; without names where a document has too few of them."""
    rows = documents.day_rows(day)
    times = zip(
        rows["published"].tolist(), rows["fetched_at"].tolist(), rows["is_linkable"].tolist(), strict=True
    )
    for number, (published, fetched_at, is_linkable) in zip(documents.numbers(day), times, strict=True):
        if is_linkable:
            document = documents.document(number)
            yield _StoredText(document.lang, document.names, published, fetched_at)
        else:
            yield _StoredText(None, _NO_NAMES, published, fetched_at)


def _write_tables(
    space: Workspace, rows: DocumentSession, documents: DocumentFiles, links: Iterable[CrossLink]
) -> None:
    """Replace what the database has; the id of a document is its number plus 1."""
    rows.fill(columns for day in range(len(space.days)) for columns in _iter_columns(space, documents, day))
    for shard in range(2 * space.shards):
        lookups = space.lookups.read(shard)
        lookups = lookups[np.lexsort((lookups["number"], lookups["fingerprint"]))]
        rows.fill_fingerprints(
            zip(lookups["fingerprint"].tolist(), (lookups["number"] + 1).tolist(), strict=True)
        )
    rows.fill_links((first + 1, second + 1, score) for first, second, score in links)
    # Their lines were read before the takedown.
    remove_documents(rows, rows.list_taken_down())


def _iter_columns(space: Workspace, documents: DocumentFiles, day: int) -> Iterator[dict[str, Any]]:
    members = {number: names for number, *names in space.members.read(day).tolist()}
    for number in documents.numbers(day):
        document = documents.document(number)
        columns = document_columns(document) | {"id": number + 1, "first_article_id": document.article_id}
        cluster, original = members.get(number, (-1, -1))
        columns |= {
            "cluster": documents.document(cluster).article_id if cluster >= 0 else None,
            "duplicate_of": documents.document(original).article_id if original >= 0 else None,
        }
        if document.fetched_at < space.since:
            columns |= {"token_sketch": None, "name_sketch": None}
        yield columns
