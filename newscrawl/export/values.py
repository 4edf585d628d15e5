"""Streams into files, packed or not: the same bytes give the same file."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO, cast

from newscrawl.export.tally import Tally

ENDINGS = {"none": "", "gz": ".gz", "zst": ".zst"}
GZIP_LEVEL = 6


@contextmanager
def packed(path: Path, packing: str) -> Iterator[BinaryIO]:
    """A new file at `path` to be written to; closed when the block ends."""
    with path.open("wb") as out, stream_into(out, packing) as stream:
        yield stream


@contextmanager
def stream_into(out: BinaryIO, packing: str) -> Iterator[BinaryIO]:
    """What is written to the stream is one member, or frame, in `out`."""
    if packing == "none":
        yield out
    elif packing == "gz":
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=GZIP_LEVEL) as stream:
            yield cast("BinaryIO", stream)
    else:
        with _zstd_stream(out) as stream:
            yield stream


@contextmanager
def _zstd_stream(out: BinaryIO) -> Iterator[BinaryIO]:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    with zstd.ZstdFile(out, mode="w") as stream:
        yield cast("BinaryIO", stream)


def packing_of(name: str) -> str:
    """How a file of this name is packed."""
    return next((packing for packing, ending in ENDINGS.items() if ending and name.endswith(ending)), "none")


_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"A spreadsheet runs a cell that begins so (OWASP, CSV injection); some take the wide forms for the others."
_NUL, _SHOWN = "\0", "\ufffd"
"Ends a string in C: readers of CSV and SQL functions lose what stands behind it."


def without_nul(text: str, tally: Tally) -> str:
    if _NUL not in text:
        return text
    tally.guarded += 1
    return text.replace(_NUL, _SHOWN)


def without_formula(text: str, tally: Tally) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula."""
    if not text.startswith(_FORMULA):
        return text
    tally.guarded += 1
    return f"'{text}"


DAY_CHARS = 10


def moment_of(text: str | None) -> datetime | None:
    """An aware moment in UTC; None where only the day is told, or no time that can be."""
    try:
        read = datetime.fromisoformat(text or "")
        return read.astimezone(UTC) if read.tzinfo else None
    except (ValueError, OverflowError):
        return None


def day_of(text: str | None) -> date | None:
    """The day as it was told, in its own zone; None when there is none."""
    try:
        return date.fromisoformat((text or "")[:DAY_CHARS])
    except ValueError:
        return None
