"""Every command over a hostile archive and outlet files: little memory, nothing that a terminal obeys."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_made import (
    ESCAPES,
    OBEYED,
    RUN,
    TORN,
    URL,
    add_large_files,
    hostile_archives,
    hostile_outlets,
)
from wire.crawl import environment

from newscrawl.cli import COMMANDS

pytestmark = pytest.mark.slow

MOST_MEMORY = 300 << 20
"Bytes that each process of a command may have in memory at once."
SECONDS = 300
PAUSE = 0.02
"Between two looks at the processes: the kernel holds the peak of each, so that only an end can be missed."


@dataclass
class Measured:
    """What a command printed, and the largest peak among its processes."""

    code: int
    output: str
    peak: int
    "Bytes."


def measure(words: list[str], folder: Path) -> Measured:
    """Run a command in a session of its own and watch all processes of that session."""
    log = folder / "log"
    command = [Path(sys.executable).with_name("newscrawl"), *words]
    settings = {"NEWSCRAWL_OUTLETS": str(folder / "outlets"), "NEWSCRAWL_EXTRACT_PROCESSES": "1"}
    peaks: dict[int, int] = {}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**environment(), **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        end = time.monotonic() + SECONDS
        while process.poll() is None:
            assert time.monotonic() < end, "it takes too long"
            for pid, peak in session_peaks(process.pid):
                peaks[pid] = max(peak, peaks.get(pid, 0))
            time.sleep(PAUSE)
    return Measured(
        process.returncode, log.read_text(encoding="utf-8", errors="surrogateescape"), max(peaks.values())
    )


def session_peaks(session: int) -> list[tuple[int, int]]:
    """Process number and peak of resident memory (VmHWM, proc_pid_status(5)) of a session's processes."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            stat = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(stat[3]) != session:
                continue
            lines = (folder / "status").read_text(encoding="utf-8", errors="replace").splitlines()
            peak = next((line for line in lines if line.startswith("VmHWM:")), None)
            if peak:
                found.append((int(folder.name), int(peak.split()[1]) * 1024))
    return found


@pytest.fixture(scope="module", params=[1, pytest.param(5, marks=pytest.mark.proof)])
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archives, their index and the outlet files; tests get copies."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile_outlets(folder)
    add_large_files(hostile_archives(folder), request.param)
    check(measure(["index", "build"], folder), 1)
    return folder


def check(measured: Measured, code: int) -> None:
    assert measured.peak < MOST_MEMORY, f"{measured.peak >> 20} MB: {measured.output[-2000:]}"
    assert not OBEYED.findall(measured.output)
    assert "Traceback" not in measured.output
    assert "timeout" not in measured.output  # the limits of a page hold on a machine of any speed
    assert measured.code == code, measured.output[-2000:]


LINES = {
    "crawl {bad}": 1,
    "get {bad}": 1,
    "list": 1,
    "run --due": 1,
    "outlets --outlets {outlets}": 1,
    "outlets check {outlets}": 1,
    "status": 0,
    "runs": 0,
    "stats": 1,
    "explain {torn}:0": 0,
    "explain {theirs}": 1,
    "explain {url}": 0,
    "explain https://presse.example/2": 3,
    "explain https://presse.example/3": 1,
    "explain https://presse.example/7": 1,
    "extract {folder} --jobs 1 -o {out}/a.jsonl": 1,
    "export {lines} -f csv -o {out}/a.csv": 1,
    "export -f jsonl -o {out}/all.jsonl": 1,
    "dedup": 1,
    "languages {lines}": 1,
    "memory build presse": 0,
    "fixture {torn}:0 -o {out}/fixtures": 0,
    "fixture https://presse.example/3 -o {out}/fixtures": 1,
    "bench text --witnesses {folder} --jobs 1": 1,
    "train --from {folder} --out {out}/labelled --jobs 1": 1,
    "index lookup {url}": 0,
    "index cdxj": 0,
    "verify {folder}": 1,
    "replay {run}": 1,
    "wacz {run} -o {out}/a.wacz": 1,
    "wet {run} -o {out}/a.warc.wet.gz": 1,
    "sync {out}/copy": 0,
    "takedown https://presse.example/3 --erase": 0,
    "check": 1,
    "repair": 0,
}
"Commands that read an archive, its lines or outlet files, and the exit code of each."
OTHERS = {"cluster", "config", "demo", "grafana", "init", "schedule", "schema", "state", "view"}
"Commands that read none of these, and the viewer, which stays: tests/view has hostile pages for it."


def test_every_command_that_reads_an_archive_or_an_outlet_meets_them() -> None:
    assert {line.split()[0] for line in LINES} == set(COMMANDS) - OTHERS


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's peaks are read from /proc")
@pytest.mark.parametrize("line", LINES)
def test_a_command_takes_little_memory_and_prints_nothing_that_a_terminal_obeys(
    line: str, hostile: Path, tmp_path: Path
) -> None:
    for name in ("archives", "outlets"):
        shutil.copytree(hostile / name, tmp_path / name)
    folder = tmp_path / "archives" / "presse"
    values = {
        "bad": f"no{ESCAPES}",
        "outlets": tmp_path / "outlets",
        "folder": folder,
        "torn": folder / TORN,
        "theirs": folder / "theirs.warc.gz",
        "lines": folder / f"{RUN}.jsonl",
        "url": URL,
        "out": tmp_path,
        "run": RUN,
    }
    check(measure([word.format(**values) for word in shlex.split(line)], tmp_path), LINES[line])
