"""What a file of rows looks like: how each format opens one, and how files of it are joined."""

from __future__ import annotations

import csv
import io
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

from newscrawl.archive.lines import json_line
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.export.parquet import parquet_writer, require_pyarrow
from newscrawl.export.scan import Unit
from newscrawl.export.schemas import COLUMNS, SHAPES, Shape, flat
from newscrawl.export.tally import Add, Tally
from newscrawl.export.values import ENDINGS, packed, without_formula, without_nul
from newscrawl.items import Article, rfc3339
from newscrawl.warc.wet import conversion_record, text_of, wet_info

Opener = Callable[[Path, Unit, Tally], AbstractContextManager[Add]]
PACKABLE = ("jsonl", "csv")
FLAT_SHAPES = ("huggingface", "datatrove")
"Shapes whose rows all have the same columns, so that Parquet can hold them."


@dataclass(frozen=True, kw_only=True)
class Format:
    """How rows become files."""

    name: str
    ending: str
    "Of a file's name; empty where a unit becomes a folder."
    open: Opener
    head: bytes = b""
    "What a file of joined ones begins with: the files themselves have none then."
    joinable: bool = True


def format_named(name: str, *, shape: str | None, packing: str, single: bool, bom: bool = False) -> Format:
    """The format; NewscrawlError when these do not go together. `single`: its files are to be joined."""
    _refuse_misfits(name, shape, packing)
    if bom and name != "csv":
        raise NewscrawlError(f"--bom goes with --format csv, not with {name}")
    chosen = SHAPES[shape] if shape else None
    ending = ENDINGS[packing]
    if name == "jsonl":
        return Format(
            name=name, ending=f".jsonl{ending}", open=partial(jsonl_writer, shape=chosen, packing=packing)
        )
    if name == "csv":
        return Format(
            name=name,
            ending=f".csv{ending}",
            open=partial(csv_writer, head=b"" if single else csv_head(bom=bom), packing=packing),
            head=csv_head(bom=bom),
        )
    if name == "wet":
        return Format(name=name, ending=".warc.wet.gz", open=wet_writer)
    if name == "text":
        return Format(name=name, ending="", open=text_writer, joinable=False)
    require_pyarrow()
    return Format(name=name, ending=".parquet", open=partial(parquet_writer, shape=shape), joinable=False)


def _refuse_misfits(name: str, shape: str | None, packing: str) -> None:
    fits = name == "jsonl" or (name == "parquet" and shape in FLAT_SHAPES)
    if shape and not fits:
        held = ", ".join(FLAT_SHAPES)
        raise NewscrawlError(
            f"--as {shape} goes with --format jsonl (and {held} with parquet), not with {name}"
        )
    if packing != "none" and name not in PACKABLE:
        raise NewscrawlError(f"--compress goes with --format {' and '.join(PACKABLE)}, not with {name}")


BETWEEN = "; "
"Divides the texts of a list."


def csv_head(*, bom: bool) -> bytes:
    """The line of column names; a byte order mark before it tells spreadsheets that it is UTF-8."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(COLUMNS)
    return (BOM_UTF8 if bom else b"") + line.getvalue().encode()


@contextmanager
def csv_writer(path: Path, unit: Unit, tally: Tally, *, head: bytes, packing: str) -> Iterator[Add]:
    """One record an article; a line break inside a cell is quoted."""
    del unit
    with packed(path, packing) as stream:
        stream.write(head)
        out = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="", write_through=True)
        writer = csv.writer(out)

        def add(article: Article) -> None:
            writer.writerow([_cell(value, tally) for value in flat(article).values()])

        try:
            yield add
        finally:
            out.detach()


def _cell(value: Any, tally: Tally) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = BETWEEN.join(value)
    if isinstance(value, str):
        return without_formula(without_nul(value, tally), tally)
    return value


@contextmanager
def jsonl_writer(path: Path, unit: Unit, tally: Tally, *, shape: Shape | None, packing: str) -> Iterator[Add]:
    """One line an article; fields added since it was written are filled in."""
    del unit, tally
    with packed(path, packing) as stream:

        def add(article: Article) -> None:
            stream.write(_line(article, shape) if shape else json_line(article))

        yield add


def _line(article: Article, shape: Shape) -> bytes:
    text = json.dumps(shape(article), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


_HEX = frozenset("0123456789abcdef")


@contextmanager
def text_writer(path: Path, unit: Unit, tally: Tally) -> Iterator[Add]:
    """`<id>.txt` with headline, standfirst and story; an id that is none of ours names no file."""
    del unit, tally
    path.mkdir()

    def add(article: Article) -> str | None:
        if not article.id or not _HEX.issuperset(article.id):
            return "no_id"
        content = text_of(article).encode("utf-8", "replace")
        (path / f"{article.id[:64]}.txt").write_bytes(content)
        return None

    yield add


@contextmanager
def wet_writer(path: Path, unit: Unit, tally: Tally) -> Iterator[Add]:
    """A record for each article; one without a record it was made from has none to refer to."""
    del tally
    runs = sorted(file.name.removesuffix(".jsonl") for file in unit.files)
    info = wet_info(f"{unit.outlet}-{unit.day}", rfc3339(datetime.combine(unit.day, time(), UTC)), runs)
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
