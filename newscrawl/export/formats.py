"""Formats of exported files: how each is written and compressed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, cast

from newscrawl.archive.lines import json_line
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.export.manifest import NOT_REPRESENTABLE, AddArticle, ExportCounts
from newscrawl.export.partitions import Partition
from newscrawl.export.schemas import COLUMNS, SHAPES, Shape, flat
from newscrawl.items import Article, rfc3339
from newscrawl.warc.wet import article_plain_text, conversion_record, wet_warcinfo

OpenWriter = Callable[[Path, Partition, ExportCounts], AbstractContextManager[AddArticle]]
COMPRESSION_SUFFIXES = {"none": "", "gz": ".gz", "zst": ".zst"}
GZIP_LEVEL = 6
COMPRESSIBLE = ("jsonl", "csv")
FLAT_SHAPES = ("huggingface", "datatrove")
"Shapes whose rows all have the same columns, so that Parquet can hold them."
LIST_SEPARATOR = "; "
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"Spreadsheets execute a cell that begins like this (OWASP, CSV injection), some even with the wide forms."
_NUL, _REPLACEMENT = "\0", "\ufffd"
"NUL ends a string in C: readers of CSV and SQL functions lose the text behind it."
_NOT_FINITE = re.compile(rb":-?(?:Infinity|NaN)[,}]")
"What Python writes for a number that is none in JSON; a text may hold it too."
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, kw_only=True)
class Format:
    """How rows become files."""

    name: str
    suffix: str
    "Suffix of a file; empty if a partition becomes a folder."
    open: OpenWriter
    head: bytes = b""
    "What a single file of all partitions begins with, if the files of the partitions do not."


def choose_format(
    name: str, *, shape: str | None, compression: str, single: bool, bom: bool = False
) -> Format:
    """The format for these options; NewscrawlError if they do not go together.

    `single`: all partitions go into a single file.
    """
    if shape and not (name == "jsonl" or (name == "parquet" and shape in FLAT_SHAPES)):
        flat_shapes = ", ".join(FLAT_SHAPES)
        raise NewscrawlError(
            f"--as {shape} goes with --format jsonl (and {flat_shapes} with parquet), not with {name}"
        )
    if compression != "none" and name not in COMPRESSIBLE:
        raise NewscrawlError(f"--compress goes with --format {' and '.join(COMPRESSIBLE)}, not with {name}")
    if bom and name != "csv":
        raise NewscrawlError(f"--bom goes with --format csv, not with {name}")
    suffix = COMPRESSION_SUFFIXES[compression]
    if name == "jsonl":
        writer = partial(jsonl_writer, shape=SHAPES[shape] if shape else None, compression=compression)
        return Format(name=name, suffix=f".jsonl{suffix}", open=writer)
    if name == "csv":
        head = csv_head(bom=bom)
        writer = partial(csv_writer, head=b"" if single else head, compression=compression)
        return Format(name=name, suffix=f".csv{suffix}", open=writer, head=head)
    if name == "wet":
        return Format(name=name, suffix=".warc.wet.gz", open=wet_writer)
    if name == "text":
        return Format(name=name, suffix="", open=text_writer)
    if name != "parquet":
        raise NewscrawlError(f"no format is named {name!r}")
    if find_spec("pyarrow") is None:
        raise NewscrawlError("Parquet needs pyarrow: pip install 'newscrawl[parquet]'")
    from newscrawl.export.parquet import parquet_writer

    return Format(name=name, suffix=".parquet", open=partial(parquet_writer, shape=shape))


@contextmanager
def open_compressed(path: Path, compression: str) -> Iterator[BinaryIO]:
    """Open a new file for writing; the same content always gives the same bytes."""
    with path.open("wb") as out, compress_into(out, compression) as stream:
        yield stream


@contextmanager
def compress_into(out: BinaryIO, compression: str) -> Iterator[BinaryIO]:
    """Write a single gzip member or zstd frame into `out`."""
    if compression == "none":
        yield out
    elif compression == "gz":
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=GZIP_LEVEL) as stream:
            yield cast("BinaryIO", stream)
    else:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        with zstd.ZstdFile(out, mode="w") as stream:
            yield cast("BinaryIO", stream)


def guess_compression(name: str) -> str:
    """The compression that a file's name implies."""
    suffixes = COMPRESSION_SUFFIXES.items()
    return next((compression for compression, suffix in suffixes if suffix and name.endswith(suffix)), "none")


def csv_head(*, bom: bool) -> bytes:
    """The line of column names; a byte order mark before it tells spreadsheets that the file is UTF-8."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(COLUMNS)
    return (BOM_UTF8 if bom else b"") + line.getvalue().encode()


@contextmanager
def csv_writer(
    path: Path, partition: Partition, counts: ExportCounts, *, head: bytes, compression: str
) -> Iterator[AddArticle]:
    """Write a record for each article; a line break inside a cell is quoted."""
    del partition
    with open_compressed(path, compression) as stream:
        stream.write(head)
        out = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="", write_through=True)
        writer = csv.writer(out)

        def add(article: Article) -> None:
            writer.writerow([_csv_cell(value, counts) for value in flat(article).values()])

        try:
            yield add
        finally:
            out.detach()


def _csv_cell(value: Any, counts: ExportCounts) -> Any:
    """A value as text; an apostrophe comes before what a spreadsheet would take for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = LIST_SEPARATOR.join(value)
    if isinstance(value, str):
        value = replace_nul(value, counts)
        if value.startswith(_FORMULA):
            counts.guarded += 1
            value = f"'{value}"
    return value


def replace_nul(text: str, counts: ExportCounts) -> str:
    if _NUL not in text:
        return text
    counts.guarded += 1
    return text.replace(_NUL, _REPLACEMENT)


@contextmanager
def jsonl_writer(
    path: Path, partition: Partition, counts: ExportCounts, *, shape: Shape | None, compression: str
) -> Iterator[AddArticle]:
    """Write a line for each article, with defaults for fields that are newer than its line in the archive."""
    del partition, counts
    with open_compressed(path, compression) as stream:

        def add(article: Article) -> str | None:
            try:
                if shape is None:
                    line = json_line(article)
                    if _NOT_FINITE.search(line):
                        json.loads(line, parse_constant=_refuse_constant)
                else:
                    text = json.dumps(
                        shape(article), ensure_ascii=False, separators=(",", ":"), allow_nan=False
                    )
                    line = text.encode("utf-8", "replace") + b"\n"
            except ValueError:
                return NOT_REPRESENTABLE
            stream.write(line)
            return None

        yield add


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@contextmanager
def text_writer(path: Path, partition: Partition, counts: ExportCounts) -> Iterator[AddArticle]:
    """Write `<id>.txt` with headline, standfirst and story; an id that is not ours must not name a file."""
    del partition, counts
    path.mkdir()

    def add(article: Article) -> str | None:
        if not article.id or not _HEX.issuperset(article.id):
            return "no_id"
        content = article_plain_text(article).encode("utf-8", "replace")
        target = path / f"{article.id[:64]}.txt"
        if target.exists():
            # A version that differs in its headline alone has the same id.
            target = path / f"{article.id[:64]}-{article.version}.txt"
        target.write_bytes(content)
        return None

    yield add


@contextmanager
def wet_writer(path: Path, partition: Partition, counts: ExportCounts) -> Iterator[AddArticle]:
    """Write a conversion record for each article; it refers to the record that the article came from."""
    del counts
    runs = sorted(file.name.removesuffix(".jsonl") for file in partition.files)
    day = rfc3339(datetime.combine(partition.day, time(), UTC))
    info = wet_warcinfo(f"{partition.outlet}-{partition.day}", day, runs)
    with path.open("wb") as stream:
        stream.writelines(info.pieces)

        def add(article: Article) -> str | None:
            try:
                record = conversion_record(article, info.record_id)
            except ArchiveError:
                return "no_record"
            stream.writelines(record.pieces)
            return None

        yield add
