"""Streams into files, packed or not: the same bytes give the same file."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

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
