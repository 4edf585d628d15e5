"""Measure how fast archives are read, in MB of WARC per CPU second, and what capturing large bodies costs.

Reading is compared with warcio's digest check, and with FastWARC, which reads without any check.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from fastwarc.warc import ArchiveIterator as FastIterator
from large import BODIES, BODY_BYTES, KINDS, large_bodies
from line import saved_newsroom
from rich.console import Console
from rich.table import Table
from warcio.archiveiterator import ArchiveIterator

from newscrawl.demo.saved_pages import saved_pages
from newscrawl.warc.fast_reader import BlockStream
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.index import update_index
from newscrawl.warc.reader import iter_records
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.verify import verify_warc
from newscrawl.warc.warcio_reader import iter_slices_with_warcio
from newscrawl.warc.writer import WarcWriter

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"


def write_archive(pages: Path, folder: Path) -> Path:
    """Write the pages to an archive, as a crawl does."""
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix="bench", host="localhost", pid=1),
        now=lambda: STARTED,
        new_id=lambda: f"<urn:uuid:{uuid4()}>",
    )
    for page in saved_pages(pages):
        body = gzip.compress(page.read())
        sent = f"GET {page.path} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode()
        writer.write(HttpExchange(url=page.url, started=STARTED, sent=sent, received=HEAD % len(body) + body))
    writer.close()
    return folder / writer.files[0].name


def by_warcio(path: Path) -> None:
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests=True):
            record.content_stream().read()


def by_fastwarc(path: Path) -> None:
    with path.open("rb") as stream:
        for record in FastIterator(stream, parse_http=False):
            record.reader.read()


def by_reader(path: Path) -> None:
    with path.open("rb") as stream:
        assert sum(1 for _ in iter_records(stream))


def by_reader_over_warcio(path: Path) -> None:
    """How irregular records are read."""

    def read_whole(_kind: str, _headers: dict[str, str], block: BlockStream) -> bytes:
        return block.read(block.left)

    with path.open("rb") as stream:
        assert sum(1 for _ in iter_slices_with_warcio(stream, read_whole))


def by_verifier(path: Path) -> None:
    assert not list(verify_warc(path))


def by_index(path: Path) -> None:
    for old in path.parent.glob("index.sqlite*"):
        old.unlink()
    update_index(path.parent)


READERS: dict[str, Callable[[Path], None]] = {
    "warcio, digests checked": by_warcio,
    "newscrawl verify": by_verifier,
    "newscrawl index build": by_index,
    "newscrawl's reader": by_reader,
    "newscrawl's reader, odd records (warcio)": by_reader_over_warcio,
    "FastWARC, read only": by_fastwarc,
}


def measure_speeds(path: Path, rounds: int) -> dict[str, float]:
    """MB per CPU second by reader, the best of all rounds."""
    size = path.stat().st_size / 1e6
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, read in READERS.items():
            began = time.process_time()
            read(path)
            best[name] = max(best.get(name, 0.0), round(size / (time.process_time() - began), 1))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, help="folder of saved pages with a truth.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        pages = options.pages or Path(scratch) / "pages"
        if not options.pages:
            pages.mkdir()
            saved_newsroom(pages)
        speeds = measure_speeds(write_archive(pages, Path(scratch) / "archive"), options.rounds)
    large = large_bodies(options.rounds)
    if options.json:
        print(json.dumps(speeds | large, sort_keys=True))
        return
    table = Table("reader", "MB per CPU second", title="Reading archives", title_justify="left")
    for name, speed in speeds.items():
        table.add_row(name, f"{speed:.1f}")
    Console().print(table)
    Console().print(large_table(large))


def large_table(times: dict[str, float]) -> Table:
    title = f"Capture of {BODIES} bodies of {BODY_BYTES >> 20} MiB, CPU ms per body"
    table = Table("bodies", "without", "with capture", "ratio", title=title, title_justify="left")
    for kind in KINDS:
        row = (f"{times[f'{kind}_{column}']}" for column in ("bare_ms", "capture_ms", "ratio"))
        table.add_row(kind, *row)
    return table


if __name__ == "__main__":
    main()
