"""kill -9 at any point of a crawl: repair finds every whole record, makes none up, and all readers agree."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from wire.crawl import ROOT, environment, scrapy_command
from wire.slow_site import write_slow_outlet

from newscrawl.archive.manifest import MANIFEST
from newscrawl.archive.repair import repair_folder
from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

CRAWLS, PROOF_CRAWLS, POINTS = 3, 10, 5
"Each crawl is looked at so many times, the last time when it is killed."
STORIES = 120


class Site:
    """Stories enough; before it answers the n-th request it does what was planned for n."""

    id = "slow"

    def __init__(self, plan: dict[int, Callable[[], None]]) -> None:
        self.plan = plan
        self.lock = threading.Lock()
        self.served = 0

    def respond(self, request: Request) -> Response:
        with self.lock:
            self.served += 1
            self.plan.get(self.served, lambda: None)()
        if request.path == "/robots.txt":
            return Response(status=404, body=b"")
        if request.path == "/":
            links = "".join(f'<p><a href="/story/{n}">Story number {n}</a></p>' for n in range(STORIES))
            return Response(body=f"<html><body>{links}</body></html>".encode())
        text = "".join(
            f"<p>Paragraph {n} of the story at {request.path} says something new.</p>" for n in range(9)
        )
        head = f"<head><title>{request.path}</title></head>"
        return Response(body=f"<html>{head}<body><h1>{request.path}</h1>{text}</body></html>".encode())


def crawl_and_kill(folder: Path, dice: random.Random) -> list[Path]:
    """Copies of a crawl's folder as kill -9 would have left it at several points, the last of them so.

    A stopped process has written just what a killed one has: the system holds all of it.
    """
    live, copies = folder / "archives" / "slow", [folder / f"point{n}" / "slow" for n in range(POINTS)]
    killed, process = threading.Event(), None

    def look(copy: Path, last: bool) -> None:
        assert process
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        if last:
            before = content(live)
            assert {file.outcome for file in repair_folder(live, host=socket.gethostname()).files} == {
                "running"
            }
            assert content(live) == before
            process.send_signal(signal.SIGKILL)
        shutil.copytree(live, copy)
        if last:
            killed.set()
        else:
            process.send_signal(signal.SIGCONT)

    moments = sorted(dice.sample(range(1, STORIES), POINTS))
    plan = {
        moment: lambda copy=copy: look(copy, copy == copies[-1])
        for moment, copy in zip(moments, copies, strict=True)
    }
    outlets = folder / "outlets"
    outlets.mkdir(parents=True)
    with serve_in_thread(Newsroom([Site(plan)])) as served:
        write_slow_outlet(served.bases["slow"], outlets)
        command = scrapy_command(
            "crawl",
            "slow",
            archives=folder / "archives",
            NEWSCRAWL_OUTLETS=outlets,
            NEWSCRAWL_WARC_MAX_BYTES=dice.choice((15_000, 40_000, 1 << 30)),
            CONCURRENT_REQUESTS_PER_DOMAIN=4,
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=log, stderr=log)
        assert killed.wait(60), (folder / "log").read_text()
        process.wait()
    return copies


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def whole_records(folder: Path) -> dict[str, list[tuple[str, str, int]]]:
    """By warcio, gzip and hashlib alone: file -> (record id, digest, offset) of each whole record."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    for path in sorted(folder.glob("*.warc.gz*")):
        if path.suffix == ".torn":
            continue
        records = found.setdefault(path.name.removesuffix(".open"), [])
        raw = path.read_bytes()
        with io.BytesIO(raw) as stream:
            iterator = ArchiveIterator(stream, no_record_parse=True)
            try:
                for record in iterator:
                    digest = record.rec_headers.get_header("WARC-Block-Digest")
                    block = hashlib.sha1(record.raw_stream.read()).digest()
                    if digest != "sha1:" + base64.b32encode(block).decode():
                        break
                    offset, length = iterator.get_record_offset(), iterator.get_record_length()
                    # warcio does not miss a checksum.
                    gzip.decompress(raw[offset : offset + length])
                    records.append((record.rec_headers.get_header("WARC-Record-ID"), digest, offset))
            except (ArchiveLoadFailed, EOFError):
                continue
    return found


def check_repair(folder: Path) -> int:
    """Repair a copy, hold it against what was there before; how many records it has."""
    records, before = whole_records(folder), content(folder)
    ids = {(file, record_id): place for file, found in records.items() for record_id, _, place in found}
    lines = [
        line
        for name, data in before.items()
        if ".jsonl" in name
        for line in data.splitlines(keepends=True)
        if line.endswith(b"\n") and place_of(line)[0] in ids
    ]
    repairs = repair_folder(folder, host=socket.gethostname())
    after = content(folder)
    assert repairs.is_sound, repairs
    assert not [name for name in after if name.endswith((".open", ".tmp", ".sorting"))]
    assert whole_records(folder) == {file: found for file, found in records.items() if found}
    for path in folder.glob("*.warc.gz"):
        subprocess.run(["gzip", "-t", path], check=True)
    kept = [
        line
        for name, data in after.items()
        if name.endswith(".jsonl")
        for line in data.splitlines(keepends=True)
    ]
    assert sorted(kept) == sorted(lines)
    assert all(ids[key] == offset for key, offset in map(place_of, kept))
    # What was cut off is somewhere: no byte is lost.
    assert bytes_of(before) == bytes_of(after)
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", MANIFEST], cwd=folder, check=True)
    assert not repair_folder(folder, host=socket.gethostname()).files
    assert content(folder) == after
    return len(ids)


def bytes_of(files: dict[str, bytes]) -> int:
    return sum(len(data) for name, data in files.items() if name != MANIFEST)


def place_of(line: bytes) -> tuple[tuple[str, str], int]:
    """(file, record id) and offset of the record a line was made from."""
    pointer = json.loads(line)["warc"]
    return (pointer["file"], pointer["record_id"]), pointer["offset"]


def cut(folder: Path, dice: random.Random) -> Path:
    """A copy whose open files end anywhere, as when the system went down with the crawl."""
    copy = folder.with_name("cut")
    shutil.copytree(folder, copy)
    for path in copy.glob("*.open"):
        os.truncate(path, dice.randint(0, path.stat().st_size))
    return copy


@pytest.mark.parametrize(
    "seed",
    [*range(CRAWLS), *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(CRAWLS, PROOF_CRAWLS))],
)
def test_a_killed_crawl_is_repaired_to_its_last_whole_record(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    copies = crawl_and_kill(tmp_path, dice)
    torn = [cut(copy, dice) for copy in copies]
    counts = [check_repair(copy) for copy in copies]
    assert len(counts) == POINTS
    assert counts == sorted(counts)
    assert counts[-1] > 1
    for copy, whole in zip(torn, counts, strict=True):
        assert check_repair(copy) <= whole
