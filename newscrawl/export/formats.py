"""What a file of rows looks like: how each format opens one, and how files of it are joined."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from newscrawl.errors import NewscrawlError
from newscrawl.export.csv_file import csv_head, csv_writer
from newscrawl.export.jsonl_file import jsonl_writer
from newscrawl.export.packing import ENDINGS
from newscrawl.export.parquet_file import parquet_writer, require_pyarrow
from newscrawl.export.shapes import SHAPES
from newscrawl.export.tally import Tally
from newscrawl.export.text_folder import text_writer
from newscrawl.export.units import Unit
from newscrawl.export.wet_file import wet_writer
from newscrawl.items import Article

Add = Callable[[Article], str | None]
"Writes an article; or says in a short name why this format cannot hold it."
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
