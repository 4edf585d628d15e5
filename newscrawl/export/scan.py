"""A first look at a unit: where its lines stand, and which of them are the last version of their page."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from newscrawl.errors import NewscrawlError
from newscrawl.export.seen import DIGEST_BYTES, SeenPages, page_digest
from newscrawl.export.units import Unit

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
