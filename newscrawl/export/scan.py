"""A first look at a unit: where its lines stand, and which of them are the last version of their page."""

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

from newscrawl.archive.finished_runs import is_replay
from newscrawl.errors import NewscrawlError
from newscrawl.state.duplicates import CopyTable
from newscrawl.state.rows import key_of
from newscrawl.state.urls import batches
from newscrawl.warc.filenames import owner_of

DRAWERS = 1 << 14
DIGEST_BYTES = 16
REST_BYTES = 14
"Of a digest of 16 bytes, behind the two that name its drawer."


def page_digest(name: bytes) -> bytes:
    """What a page is known by."""
    return blake2b(name, digest_size=DIGEST_BYTES).digest()


class SeenPages:
    """A set of digests: 14 bytes a page, however many there are.

    A set of Python objects takes seven times as much, and an outlet may have millions of pages.
    """

    def __init__(self) -> None:
        self._drawers: list[bytearray | None] = [None] * DRAWERS
        self.count = 0

    def add(self, digest: bytes) -> bool:
        """Whether it is new."""
        number, rest = int.from_bytes(digest[:2], "big") % DRAWERS, digest[2:]
        drawer = self._drawers[number]
        if drawer is None:
            drawer = self._drawers[number] = bytearray()
        if _holds(drawer, rest):
            return False
        drawer += rest
        self.count += 1
        return True


def _holds(drawer: bytearray, rest: bytes) -> bool:
    at = drawer.find(rest)
    while at >= 0 and at % REST_BYTES:
        at = drawer.find(rest, at + 1)
    return at >= 0


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


_NO_PAGE = bytes(DIGEST_BYTES)
"Of a line that tells no page."
MAX_LINE_BYTES = 64 * 1024 * 1024
"A longer line is no article of ours."
# Quotes inside a text are escaped, so this can be nothing but the key; no part has one of that name.
_PAGE = re.compile(rb'"url_norm":\s?"((?:[^"\\]|\\.){0,65536})"')


@dataclass(kw_only=True)
class Lines:
    """The lines of one file that are wanted: their numbers, offsets and lengths."""

    path: Path
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("Q"))


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What of a unit is wanted."""

    files: tuple[Lines, ...]
    older: int
    "Lines left out because a later one is of the same page."
    digest: str
    "Of the bytes that were read and of what is wanted of them."


def scan(unit: Unit, seen: SeenPages | None) -> Scan:
    """Look at all lines of a unit; with `seen`, pages met already stay out, and those met now are added."""
    digest, older, files = blake2b(digest_size=16), 0, []
    for path in unit.files:
        found, pages = _lines_of(path, digest)
        kept = found if seen is None else _newest(found, pages, seen)
        older += len(found.numbers) - len(kept.numbers)
        digest.update(kept.numbers.tobytes())
        files.append(kept)
    return Scan(files=tuple(files), older=older, digest=digest.hexdigest())


def _lines_of(path: Path, digest: blake2b) -> tuple[Lines, bytearray]:
    """Every line, and the digests of their pages one behind the other."""
    lines, pages, offset = Lines(path=path), bytearray(), 0
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES), b""), 1):
                digest.update(line)
                lines.numbers.append(number)
                lines.offsets.append(offset)
                lines.lengths.append(len(line))
                page = _page_of(line)
                pages += page_digest(page) if page else _NO_PAGE
                offset += len(line)
    except OSError as error:
        raise NewscrawlError(f"cannot read {path}: {error.strerror}") from error
    return lines, pages


def _page_of(line: bytes) -> bytes:
    if match := _PAGE.search(line):
        return match[1]
    try:
        return (
            json.dumps(json.loads(line)["url_norm"], ensure_ascii=False).strip('"').encode("utf-8", "replace")
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""


def _newest(found: Lines, pages: bytearray, seen: SeenPages) -> Lines:
    """The lines of pages that are new to `seen`, the last of each; a line without a page always stays."""
    kept = Lines(path=found.path)
    wanted = array("Q")
    for n in reversed(range(len(found.numbers))):
        page = bytes(pages[n * DIGEST_BYTES : (n + 1) * DIGEST_BYTES])
        if page == _NO_PAGE or seen.add(page):
            wanted.append(n)
    for n in reversed(wanted):
        kept.numbers.append(found.numbers[n])
        kept.offsets.append(found.offsets[n])
        kept.lengths.append(found.lengths[n])
    return kept


def read_lines(scanned: Scan) -> Iterator[tuple[Path, int, bytes]]:
    """File, number and bytes of each wanted line, the newest run first, its lines in their order."""
    for lines in scanned.files:
        try:
            with lines.path.open("rb") as stream:
                for number, offset, length in zip(lines.numbers, lines.offsets, lines.lengths, strict=True):
                    stream.seek(offset)
                    yield lines.path, number, stream.read(length)
        except OSError as error:
            raise NewscrawlError(f"cannot read {lines.path}: {error.strerror}") from error


_STRING = rb'"((?:[^"\\]|\\.){0,65536})"'
_ASKED = re.compile(rb'"url_requested":\s?' + _STRING)
_SOURCE = re.compile(rb'"source":\s?' + _STRING)
"No part of an article has a key of these names."


NO_COPIES = "-"
"The digest where no copies are known."


def copies_digest(scanned: Scan, table: CopyTable) -> str:
    """Of the clusters and originals of all pages: another one, and the unit is to be written again."""
    digest, found = blake2b(digest_size=16), False
    for batch in batches(_keys(scanned)):
        known = table.of_pages(batch)
        for key in batch:
            if (copied := known.get(key)) and copied.cluster:
                found = True
                digest.update(
                    b"%b %b %b " % (key, copied.cluster.encode(), (copied.duplicate_of or "").encode())
                )
    return digest.hexdigest() if found else NO_COPIES


def _keys(scanned: Scan) -> Iterator[bytes]:
    for _, _, line in read_lines(scanned):
        if asked := _ASKED.search(line):
            source = _SOURCE.search(line)
            yield key_of(_text(source[1]) if source else "", _text(asked[1]))


def _text(escaped: bytes) -> str:
    try:
        return str(json.loads(b'"' + escaped + b'"'))
    except ValueError:
        return escaped.decode("utf-8", "replace")
