"""What an export costs: rows a second, and memory as it goes on, beside pyarrow's own writer."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from lines_made import article, write_run  # noqa: E402 # the tests' makers, from where they are

from newscrawl.export.parquet import GROUP_ROWS, article_schema  # noqa: E402
from newscrawl.export.run import Selection, run_export  # noqa: E402
from newscrawl.export.sinks import sink_for  # noqa: E402
from newscrawl.items import Article, Block  # noqa: E402

UNIT_ROWS = 2000
WORDS = ("conseil", "port", "jetée", "travaux", "mairie", "council", "harbour", "storm", "école")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LOOKS = 8


def story(page: int, dice: random.Random) -> Article:
    """An article of some two thousand characters in twelve blocks."""
    blocks = [
        Block(kind="p", text=" ".join(dice.choices(WORDS, k=25)) + f" {page}.", lang="fr") for _ in range(12)
    ]
    return article(page, "\n\n".join(block.text for block in blocks), blocks=blocks)


def stories(first: int, count: int) -> Iterator[Article]:
    dice = random.Random(first)
    return (story(first + n, dice) for n in range(count))


def write_archive(archives: Path, rows: int) -> int:
    """Runs of one outlet, a day each; the bytes of their lines."""
    size = 0
    for number, first in enumerate(range(0, rows, UNIT_ROWS)):
        day = date(2020, 1, 1) + timedelta(days=number)
        made = stories(first, min(UNIT_ROWS, rows - first))
        size += write_run(archives, made, day=f"{day:%Y%m%d}").stat().st_size
    return size


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def measure_export(archives: Path, out: Path, form: str, rows: int, size: int) -> None:
    """Export once, looking at the memory on the way."""
    read, looks = 0, []

    def advanced(more: int) -> None:
        nonlocal read
        read += more
        if read * LOOKS >= size * (len(looks) + 1):
            looks.append(resident_mb())

    sink = sink_for(str(out), form, shape=None, compression=None, selection=Selection(), staging=out)
    began = time.process_time()
    counts = run_export(archives, ["example"], Selection(), sink, advanced=advanced)
    seconds = time.process_time() - began
    assert counts.rows == rows
    memory = " ".join(f"{look:.0f}" for look in looks)
    print(
        f"{form:8} {rows / seconds:8.0f} rows/s of CPU {seconds:7.1f} s  MB on the way: {memory}", flush=True
    )


def bare_writer(out: Path, rows: int) -> None:
    """pyarrow on rows that are ready in memory: what no exporter can be faster than."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = article_schema()
    ready = [article.model_dump(by_alias=True) for article in stories(0, GROUP_ROWS)]
    began = time.process_time()
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for _ in range(0, rows, GROUP_ROWS):
            writer.write_batch(pa.RecordBatch.from_pylist(ready, schema=schema))
    seconds = time.process_time() - began
    print(f"pyarrow  {rows / seconds:8.0f} rows/s of CPU {seconds:7.1f} s  from rows in memory", flush=True)


def parsed(archives: Path, rows: int) -> None:
    """Reading and checking every line, and writing nothing."""
    began = time.process_time()
    for path in sorted((archives / "example").iterdir()):
        with path.open("rb") as stream:
            for line in stream:
                Article.model_validate_json(line)
    seconds = time.process_time() - began
    print(
        f"checking {rows / seconds:8.0f} rows/s of CPU {seconds:7.1f} s  every line, nothing written",
        flush=True,
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--formats", default="parquet,jsonl,csv,sqlite")
    args = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archives = Path(folder) / "archives"
        size = write_archive(archives, args.rows)
        print(f"{args.rows} rows, {size / 1e6:.0f} MB of lines", flush=True)
        bare_writer(Path(folder) / "bare.parquet", args.rows)
        parsed(archives, args.rows)
        for form in args.formats.split(","):
            measure_export(
                archives, Path(folder) / (f"{form}.db" if form == "sqlite" else form), form, args.rows, size
            )


if __name__ == "__main__":
    main()
