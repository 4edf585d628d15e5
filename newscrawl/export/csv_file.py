"""Flat rows as CSV (RFC 4180), with cells no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newscrawl.export.cells import without_formula, without_nul
from newscrawl.export.flat import COLUMNS, flat
from newscrawl.export.packing import packed
from newscrawl.items import Article

if TYPE_CHECKING:
    from newscrawl.export.formats import Add
    from newscrawl.export.tally import Tally
    from newscrawl.export.units import Unit

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
