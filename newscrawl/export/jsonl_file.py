"""JSON lines: ours, or in the shape of another tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from newscrawl.archive.lines import json_line
from newscrawl.export.packing import packed
from newscrawl.export.shapes import Shape
from newscrawl.items import Article

if TYPE_CHECKING:
    from newscrawl.export.formats import Add
    from newscrawl.export.tally import Tally
    from newscrawl.export.units import Unit


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
