"""Partitions of an export: an outlet's lines of a day, and which of them are the last of their page."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from itertools import groupby
from pathlib import Path

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX, iter_lines
from newscrawl.archive.report import is_replay
from newscrawl.errors import NewscrawlError
from newscrawl.export.schemas import parse_day
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import page_key
from newscrawl.state.urls import batches
from newscrawl.warc.filenames import parse_filename

BUCKETS = 1 << 14
DIGEST_BYTES = 16
BUCKET_BYTES = 14
"Part of a digest that is stored: the first two bytes choose its bucket."
_NO_PAGE = bytes(DIGEST_BYTES)
"Digest of a line that does not name its page."
NO_CLUSTERS = "-"
"Digest of a partition without clusters."
# Quotes inside a text are escaped, so these match only keys; no nested object has keys of these names.
_STRING = rb'"((?:[^"\\]|\\.){0,65536})"'
_URL_NORM = re.compile(rb'"url_norm":\s?' + _STRING)
_URL_REQUESTED = re.compile(rb'"url_requested":\s?' + _STRING)
_FETCHED = re.compile(rb'"fetched":\s?"(\d{4}-\d\d-\d\d)')
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
"What the name of a folder does not hold."
_SOURCE = re.compile(rb'"source":\s?' + _STRING)


def page_digest(name: bytes) -> bytes:
    return blake2b(name, digest_size=DIGEST_BYTES).digest()


class PageSet:
    """A set of page digests that takes 14 bytes a page.

    An outlet may have millions of pages, and a set of Python objects takes seven times as much.
    """

    def __init__(self) -> None:
        self._buckets: list[bytearray | None] = [None] * BUCKETS
        self.count = 0

    def add(self, digest: bytes) -> bool:
        """Add a digest; return whether it is new."""
        number, rest = int.from_bytes(digest[:2], "big") % BUCKETS, digest[2:]
        bucket = self._buckets[number]
        if bucket is None:
            bucket = self._buckets[number] = bytearray()
        if _bucket_contains(bucket, rest):
            return False
        bucket += rest
        self.count += 1
        return True


def _bucket_contains(bucket: bytearray, rest: bytes) -> bool:
    at = bucket.find(rest)
    while at >= 0 and at % BUCKET_BYTES:
        at = bucket.find(rest, at + 1)
    return at >= 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Partition:
    """The lines of an outlet's day, which become a file."""

    outlet: str
    day: date
    "UTC day on which the runs started."
    files: tuple[Path, ...]
    "The newest first."

    @property
    def key(self) -> str:
        return f"outlet={self.outlet}/date={self.day}"

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)


@dataclass(kw_only=True)
class LineIndex:
    """Selected lines of a file: their numbers, offsets and lengths."""

    path: Path
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, number: int, offset: int, length: int) -> None:
        self.numbers.append(number)
        self.offsets.append(offset)
        self.lengths.append(length)


@dataclass(frozen=True, kw_only=True)
class PartitionScan:
    """The selected lines of a partition."""

    files: tuple[LineIndex, ...]
    older: int
    "Lines left out because a later line is of the same page."
    digest: str
    "Digest of all lines and of the selection."


def outlets_in(archives: Path, names: Iterable[str]) -> list[str]:
    """The named outlets, or all that have lines; NewscrawlError if an outlet has none."""
    available = sorted(path.name for path in archives.glob("*/") if any(_iter_files(path)))
    selected = list(dict.fromkeys(names))
    if missing := sorted(set(selected) - set(available)):
        raise NewscrawlError(f"no finished run of {', '.join(missing)} under {archives}")
    if not available:
        raise NewscrawlError(f"no finished run under {archives}")
    return selected or available


def iter_partitions(archives: Path, outlet: str) -> Iterator[Partition]:
    """The partitions of an outlet, the last day first."""
    files = sorted(_iter_files(archives / outlet), reverse=True)
    for day, group in groupby(files, key=lambda file: file[0][:8]):
        paths = tuple(path for _, path in group)
        yield Partition(outlet=outlet, day=date.fromisoformat(day), files=paths)


def group_line_files(paths: Iterable[Path]) -> Iterator[list[Partition]]:
    """Named files of lines, as `newscrawl extract` writes them, as partitions: a group of those of each name.

    The articles of an archive of another program belong to no outlet and no run. So the name of the file
    stands for the outlet (none can have it, because of the dot), and the day of the last fetch in it for that
    of the run. NewscrawlError if a file is missing.
    """
    groups: dict[str, dict[date, list[Path]]] = {}
    for path in dict.fromkeys(path.absolute() for path in paths):
        if not path.is_file():
            raise NewscrawlError(f"no such file of lines: {path}")
        name = _UNSAFE.sub("_", path.name)
        groups.setdefault(name, {}).setdefault(_read_last_day(path), []).append(path)
    for name, days in groups.items():
        yield [
            Partition(outlet=name, day=day, files=tuple(files))
            for day, files in sorted(days.items(), reverse=True)
        ]


def _read_last_day(path: Path) -> date:
    """The day of the last fetch; the first day of Unix time if no line has one."""
    days = (match[1].decode() for line in iter_lines(path) if (match := _FETCHED.search(line.raw)))
    return parse_day(max(days, default=None)) or date(1970, 1, 1)


def _iter_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Start of the run and path of each finished file of articles, without replays."""
    for path in folder.glob(f"*{ARTICLES_SUFFIX}"):
        name = parse_filename(path.name)
        if not name or path.name.endswith(REJECTED_SUFFIX) or not parse_day(name.stamp[:8]):
            continue
        if not is_replay(path.parent, path.name.removesuffix(ARTICLES_SUFFIX)):
            yield name.stamp, path


def scan_partition(partition: Partition, pages: PageSet | None) -> PartitionScan:
    """Read all lines; with `pages`, select the newest of each page that it lacks, and add those to it."""
    digest, older, files = blake2b(digest_size=16), 0, []
    for path in partition.files:
        lines, page_digests = _index_lines(path, digest)
        selected = lines if pages is None else _select_newest(lines, page_digests, pages)
        older += len(lines.numbers) - len(selected.numbers)
        digest.update(selected.numbers.tobytes())
        files.append(selected)
    return PartitionScan(files=tuple(files), older=older, digest=digest.hexdigest())


def _index_lines(path: Path, digest: blake2b) -> tuple[LineIndex, bytearray]:
    """Index every line, and concatenate the digests of their pages."""
    lines, page_digests = LineIndex(path=path), bytearray()
    for line in iter_lines(path):
        digest.update(line.raw)
        lines.add(line.number, line.start, len(line.raw))
        page = _read_page(line.raw)
        page_digests += page_digest(page) if page else _NO_PAGE
    return lines, page_digests


def _read_page(line: bytes) -> bytes:
    if match := _URL_NORM.search(line):
        return match[1]
    try:
        return (
            json.dumps(json.loads(line)["url_norm"], ensure_ascii=False).strip('"').encode("utf-8", "replace")
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""


def _select_newest(lines: LineIndex, page_digests: bytearray, pages: PageSet) -> LineIndex:
    """Select the last line of each page that is not in `pages`, and every line without a page."""
    newest = array("Q")
    for n in reversed(range(len(lines.numbers))):
        page = bytes(page_digests[n * DIGEST_BYTES : (n + 1) * DIGEST_BYTES])
        if page == _NO_PAGE or pages.add(page):
            newest.append(n)
    selected = LineIndex(path=lines.path)
    for n in reversed(newest):
        selected.add(lines.numbers[n], lines.offsets[n], lines.lengths[n])
    return selected


def read_lines(scan: PartitionScan) -> Iterator[tuple[Path, int, bytes]]:
    """File, number and bytes of each selected line: the newest run first, its lines in their order."""
    for lines in scan.files:
        try:
            with lines.path.open("rb") as stream:
                for number, offset, length in zip(lines.numbers, lines.offsets, lines.lengths, strict=True):
                    stream.seek(offset)
                    yield lines.path, number, stream.read(length)
        except OSError as error:
            raise NewscrawlError(f"cannot read {lines.path}: {error.strerror}") from error


def digest_clusters(scan: PartitionScan, table: DocumentTable) -> str:
    """Digest the clusters and originals of all pages: if it changes, the partition is written again."""
    digest, has_clusters = blake2b(digest_size=16), False
    for batch in batches(_iter_page_keys(scan)):
        memberships = table.memberships(batch)
        for key in batch:
            if (membership := memberships.get(key)) and membership.cluster:
                has_clusters = True
                original = membership.duplicate_of or ""
                digest.update(b"%b %b %b " % (key, membership.cluster.encode(), original.encode()))
    return digest.hexdigest() if has_clusters else NO_CLUSTERS


def _iter_page_keys(scan: PartitionScan) -> Iterator[bytes]:
    for _, _, line in read_lines(scan):
        if url := _URL_REQUESTED.search(line):
            source = _SOURCE.search(line)
            yield page_key(_unescape(source[1]) if source else "", _unescape(url[1]))


def _unescape(escaped: bytes) -> str:
    try:
        return str(json.loads(b'"' + escaped + b'"'))
    except ValueError:
        return escaped.decode("utf-8", "replace")
