"""A folder of plain texts, one file an article."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from newscrawl.archive.wet import text_of
from newscrawl.items import Article

if TYPE_CHECKING:
    from newscrawl.export.formats import Add
    from newscrawl.export.tally import Tally
    from newscrawl.export.units import Unit

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
