"""Re-extraction on workers against one process: `PYTHONPATH=tests python tests/bench/engine.py [MB]`.

Pages of the embedded newsroom are written into archives, each time under other addresses, until these have so
many megabytes. They are extracted in one process, by one worker, by two, and by two of which one is killed:
the bytes must be equal. CPU seconds are those of the command, or from the first to the last second of the
cluster, with all descendants; what starts a cluster is shown apart.
"""

from __future__ import annotations

import filecmp
import gzip
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from line import saved_newsroom
from no_start import adopt_orphans, own_children_seconds, wait_for_orphans
from wire.cluster import Cluster, start_cluster
from wire.crawl import environment

from newscrawl.demo.saved_pages import saved_pages
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
FILE_BYTES, FILES_PER_FOLDER = 1 << 20, 4
UNITS = """
import sys
from newscrawl.cli import app, extract_units
if __name__ == "__main__":
    extract_units.UNIT_BYTES = int(sys.argv.pop(1))
    app()
"""


def write_archives(pages: Path, folder: Path, size: int) -> int:
    """Archives of so many bytes; their pages."""
    written = count = copy = 0
    bodies = [(page.path, gzip.compress(page.read())) for page in saved_pages(pages)]
    number = 0
    while written < size:
        writer = WarcWriter(
            folder=folder / f"outlet_{number // FILES_PER_FOLDER}",
            names=WarcNameTemplate(prefix=f"bench{number:05d}", host="localhost", pid=1),
            now=lambda: STARTED,
            new_id=lambda: f"<urn:uuid:{uuid4()}>",
        )
        in_file = 0
        while in_file < FILE_BYTES:
            copy += 1
            for path, body in bodies:
                sent = f"GET {path} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode()
                url = f"http://example.org/{copy}{path}"
                received = HEAD % len(body) + body
                in_file += writer.write(
                    HttpExchange(url=url, started=STARTED, sent=sent, received=received)
                ).length
            count += len(bodies)
        writer.close()
        written += sum(file.bytes for file in writer.files)
        number += 1
    return count


def extract(folder: Path, out: Path, *args: str, unit_bytes: int) -> float:
    """The seconds that it took."""
    script = out.with_name("units.py")
    script.write_text(UNITS)
    began = time.monotonic()
    command = [sys.executable, script, str(unit_bytes), "extract", folder, "-o", out, "--json", *args]
    subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def kill_when_some_are_done(cluster: Cluster, out: Path) -> Callable[[], None]:
    def kill() -> None:
        while not list(out.parent.glob(f"{out.name}.units/*/*.jsonl")):
            time.sleep(0.05)
        cluster.kill_workers()

    return kill


def measure(
    folder: Path, out: Path, *, workers: int, unit_bytes: int, is_killing: bool = False
) -> tuple[float, float, float]:
    """CPU seconds with the cluster, those to start it, and seconds of the command."""
    wait_for_orphans(0)
    before = own_children_seconds()
    if not workers:
        seconds = extract(folder, out, "--jobs", "1", unit_bytes=unit_bytes)
        wait_for_orphans(0)
        return own_children_seconds() - before, 0.0, seconds
    with start_cluster(workers=workers):
        pass
    wait_for_orphans(0)
    start = own_children_seconds() - before
    before = own_children_seconds()
    with start_cluster(workers=workers) as cluster:
        killer = threading.Thread(target=kill_when_some_are_done(cluster, out)) if is_killing else None
        if killer:
            killer.start()
        seconds = extract(folder, out, "--on", cluster.address, unit_bytes=unit_bytes)
        if killer:
            killer.join()
    wait_for_orphans(0)
    return own_children_seconds() - before, start, seconds


def main(megabytes: float) -> None:
    adopt_orphans()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = int(megabytes * 1e6)
        (folder / "pages").mkdir()
        saved_newsroom(folder / "pages")
        count = write_archives(folder / "pages", folder / "archives", size)
        unit_bytes = max(1, size // 8)
        print(f"{count} pages, {megabytes:g} MB of WARCs, units of {unit_bytes / 1e6:.1f} MB")
        one_cpu = one_seconds = 0.0
        for label, workers, is_killing in (
            ("one process", 0, False),
            ("1 worker", 1, False),
            ("2 workers", 2, False),
            ("2 workers, one killed", 2, True),
        ):
            out = folder / f"{label}.jsonl".replace(" ", "_")
            cpu, start, seconds = measure(
                folder / "archives", out, workers=workers, unit_bytes=unit_bytes, is_killing=is_killing
            )
            if not workers:
                first, one_cpu, one_seconds = out, cpu, seconds
            assert filecmp.cmp(first, out, shallow=False), f"{label}: other lines"
            print(
                f"{label:22} {cpu:7.1f} CPU s (x{cpu / one_cpu:.2f}; start of the cluster {start:.1f}), "
                f"{seconds:6.1f} s (speed-up {one_seconds / seconds:.2f}), {out.stat().st_size} equal bytes",
                flush=True,
            )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 40)
