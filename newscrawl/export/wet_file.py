"""Texts as WARC conversion records, in the form of Common Crawl's WET files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from newscrawl.archive.wet import conversion_record, wet_info
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, rfc3339

if TYPE_CHECKING:
    from newscrawl.export.formats import Add
    from newscrawl.export.tally import Tally
    from newscrawl.export.units import Unit


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
