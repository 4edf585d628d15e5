"""Repair: every whole record and line is kept, none is made up, and a running process's files are its own."""

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.archive.lines import LinesFile
from newscrawl.archive.manifest import MANIFEST, file_sha256, read_manifest
from newscrawl.archive.repair import FileRepair, FolderRepair, find_unlisted, repair_folder
from newscrawl.errors import ArchiveError
from newscrawl.items import WarcPointer
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.recovery import iter_whole_members
from newscrawl.warc.writer import OPEN_SUFFIX, WarcWriter

HOST = "news host"
DEAD = (1 << 22) + 1
"No process has this number: it is above the highest that Linux gives."
START = datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=UTC)
STAMP = "20260304050607891"
NAME = f"echo-{STAMP}-00000-news_host-{DEAD}.warc.gz"
LINES = f"echo-{STAMP}-{DEAD}.jsonl"


def warc_bytes(exchanges: int = 3) -> tuple[bytes, list[int], list[WarcPointer]]:
    """A whole file, where each of its members ends, and the pointers to the exchanges."""
    numbers = count(1)
    ends: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        writer = WarcWriter(
            folder=Path(folder),
            names=WarcNameTemplate(prefix="echo", host=HOST, pid=DEAD),
            info=(("software", "newscrawl"),),
            now=lambda: START,
            new_id=lambda: f"<urn:uuid:{next(numbers):032x}>",
        )
        pointers = [writer.write(an_exchange(n)) for n in range(exchanges)]
        writer.close()
        raw = (Path(folder) / NAME).read_bytes()
    stream = io.BytesIO(raw)
    for _ in range(1 + 3 * exchanges):
        unpacker = zlib.decompressobj(31)
        unpacker.decompress(raw[stream.tell() :])
        stream.seek(len(raw) - len(unpacker.unused_data))
        ends.append(stream.tell())
    assert ends[-1] == len(raw)
    return raw, ends, pointers


def an_exchange(number: int) -> HttpExchange:
    body = b"story %d " % number * 20
    return HttpExchange(
        url=f"http://example.org/{number}",
        started=START,
        sent=b"GET /%d HTTP/1.1\r\nHost: example.org\r\n\r\n" % number,
        received=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
        metadata=(("outcome", "ok"),),
    )


def line(pointer: WarcPointer | None, text: str = "") -> bytes:
    data = {"text": text, "warc": pointer.model_dump() if pointer else None}
    return json.dumps(data).encode() + b"\n"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def repaired(repairs: FolderRepair) -> list[FileRepair]:
    """What was done to files that were open; those that tests put there finished are listed besides."""
    return [file for file in repairs.files if file.outcome != "listed"]


def outcomes(repairs: FolderRepair) -> dict[str, str]:
    return {file.name: file.outcome for file in repaired(repairs)}


def repaired_alone(path: Path) -> FileRepair | None:
    """What a repair of its folder did to the one open file there; None when it did nothing."""
    found = repaired(repair_folder(path.parent, host=HOST))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.fixture
def running() -> Iterator[int]:
    """The number of a process that is not this one."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def test_every_cut_of_the_last_record_keeps_the_records_before_it(tmp_path: Path) -> None:
    raw, ends, _ = warc_bytes(2)
    path = tmp_path / (NAME + OPEN_SUFFIX)
    for cut in range(ends[-2], len(raw) + 1):
        path.write_bytes(raw[:cut])
        repaired = repaired_alone(path)
        whole = max(end for end in ends if end <= cut)
        assert repaired
        assert (repaired.outcome, repaired.kept, repaired.bytes_torn) == (
            "closed",
            ends.index(whole) + 1,
            cut - whole,
        )
        assert (tmp_path / NAME).read_bytes() == raw[:whole]
        torn = tmp_path / f"{NAME}.torn"
        assert (torn.read_bytes() if torn.exists() else b"") == raw[whole:cut]
        before = content(tmp_path)
        assert repaired_alone(path) is None
        assert not repair_folder(tmp_path, host=HOST).files
        assert content(tmp_path) == before
        for left in tmp_path.iterdir():
            left.unlink()


def test_every_cut_of_a_whole_file_is_walked_alike() -> None:
    raw, ends, _ = warc_bytes(2)
    for cut in range(len(raw) + 1):
        walked = [offset + length for offset, length in iter_whole_members(io.BytesIO(raw[:cut]))]
        assert walked == [end for end in ends if end <= cut]


RAW, ENDS, POINTERS = warc_bytes()


@settings(deadline=None)
@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_a_changed_byte_makes_no_new_record(place: int, change: int) -> None:
    changed = bytearray(RAW)
    changed[place] ^= change
    ends = [offset + length for offset, length in iter_whole_members(io.BytesIO(bytes(changed)))]
    before = [end for end in ENDS if end <= place]
    assert ends[: len(before)] == before
    # A few bytes of gzip's header mean nothing; every other change ends the walk.
    assert ends in (before, ENDS)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_behind_the_last_record_are_no_record(tail: bytes) -> None:
    ends = [offset + length for offset, length in iter_whole_members(io.BytesIO(RAW + tail))]
    assert ends == ENDS


@pytest.mark.parametrize(
    "tail",
    [
        b"\0" * 5000,
        gzip.compress(b"no record's end", mtime=0),
        gzip.compress(b"", mtime=0),
        RAW[:30],
        b"WARC/1.1\r\n\r\n",
    ],
)
def test_what_is_no_whole_record_is_set_aside(tmp_path: Path, tail: bytes) -> None:
    (tmp_path / (NAME + OPEN_SUFFIX)).write_bytes(RAW + tail)
    repaired = repaired_alone(tmp_path / (NAME + OPEN_SUFFIX))
    assert repaired
    assert repaired.bytes_torn == len(tail)
    assert content(tmp_path)[f"{NAME}.torn"] == tail
    assert content(tmp_path)[NAME] == RAW


def test_the_walk_takes_little_memory_whatever_a_record_unpacks_to() -> None:
    large = gzip.compress(os.urandom(300_000) + b"\0" * 80_000_000 + b"\r\n\r\n", 1)
    stream = io.BytesIO(RAW + large + RAW)
    tracemalloc.start()
    members = list(iter_whole_members(stream))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000
    assert len(members) == 2 * len(ENDS) + 1
    assert members[len(ENDS)] == (len(RAW), len(large))
    assert sum(members[-1]) == 2 * len(RAW) + len(large)


@pytest.mark.parametrize("left", [b"", RAW[:50]])
def test_a_file_without_a_whole_record_is_only_kept_aside(tmp_path: Path, left: bytes) -> None:
    (tmp_path / (NAME + OPEN_SUFFIX)).write_bytes(left)
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(line(POINTERS[0]))
    repairs = repair_folder(tmp_path, host=HOST)
    assert outcomes(repairs) == {NAME: "torn", LINES: "closed"}
    assert content(tmp_path)[f"{NAME}.torn"] == left
    assert content(tmp_path)[LINES] == b""
    assert content(tmp_path)[f"{LINES}.torn"] == line(POINTERS[0])
    assert not repair_folder(tmp_path, host=HOST).files


def test_lines_are_put_into_order_and_held_against_the_archive(tmp_path: Path) -> None:
    (tmp_path / (NAME + OPEN_SUFFIX)).write_bytes(RAW[: ENDS[-1] - 5])
    moved = POINTERS[0].model_copy(update={"file": NAME.replace("00000", "00007")})
    gone = POINTERS[2].model_copy(update={"offset": ENDS[-2], "length": 9999})
    given_lines = [
        line(None),
        line(moved),
        line(POINTERS[2]),
        line(gone),
        b"\0\0\0\n",
        line(POINTERS[0]),
        b'{"text":"no place"}\n',
        line(POINTERS[1])[:-1],
    ]
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(b"".join(given_lines))
    rejected = LINES.replace(".jsonl", ".rejected.jsonl")
    (tmp_path / (rejected + OPEN_SUFFIX)).write_bytes(b"")
    repairs = repair_folder(tmp_path, host=HOST)
    files = {file.name: file for file in repairs.files}
    assert (files[LINES].kept, files[LINES].lines_cut, files[LINES].lines_dropped) == (4, 3, 1)
    assert files[LINES].bytes_torn == sum(map(len, (given_lines[n] for n in (3, 4, 6, 7))))
    found = content(tmp_path)
    assert found[LINES] == line(POINTERS[0]) + line(POINTERS[2]) + line(moved) + line(None)
    assert found[f"{LINES}.torn"] == b"".join(given_lines[n] for n in (3, 4, 6, 7))
    assert found[rejected] == b""
    assert set(found) == {NAME, f"{NAME}.torn", LINES, f"{LINES}.torn", rejected, MANIFEST}
    assert read_manifest(tmp_path) == {name: file_sha256(tmp_path / name) for name in (NAME, LINES, rejected)}
    assert repairs.is_sound
    assert not repair_folder(tmp_path, host=HOST).files


@pytest.mark.parametrize(
    "bad",
    [
        b"[" * 100_000 + b"\n",
        b'{"warc": 3}\n',
        b'{"warc": {"file": "../../etc/passwd", "offset": 0, "length": 1, "record_id": "x"}}\n',
        b'{"warc": {"file": "a\\u0000b", "offset": 0, "length": 1, "record_id": "x"}}\n',
        b"\xff\xfe{}\n",
        b"7\n",
        b"\n",
    ],
)
def test_a_line_that_is_not_ours_costs_itself(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / NAME).write_bytes(RAW)
    path = tmp_path / (LINES + OPEN_SUFFIX)
    path.write_bytes(line(POINTERS[0]) + bad + line(POINTERS[1]))
    repaired = repaired_alone(path)
    assert repaired
    assert (repaired.kept, repaired.lines_cut, repaired.lines_dropped) == (2, 1, 0)
    assert content(tmp_path)[f"{LINES}.torn"] == bad
    assert repaired_alone(path) is None


@pytest.mark.parametrize("truncated", [False, True])
def test_a_repair_killed_halfway_through_a_warc_is_finished_by_the_next(
    tmp_path: Path, truncated: bool
) -> None:
    (tmp_path / (NAME + OPEN_SUFFIX)).write_bytes(RAW if truncated else RAW + b"tail")
    (tmp_path / f"{NAME}.torn").write_bytes(b"tail")
    (tmp_path / f"{NAME}.torn.tmp").write_bytes(b"ta")
    repair_folder(tmp_path, host=HOST)
    found = content(tmp_path)
    assert set(found) == {NAME, f"{NAME}.torn", MANIFEST}
    assert (found[NAME], found[f"{NAME}.torn"]) == (RAW, b"tail")


def test_lines_that_were_being_put_into_order_are_finished(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(RAW)
    unsorted, ordered = line(POINTERS[1]) + line(POINTERS[0]), line(POINTERS[0]) + line(POINTERS[1])
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(unsorted)
    (tmp_path / f"{LINES}.sorting").write_bytes(ordered[:20])
    (tmp_path / f"echo-{STAMP}-{DEAD}.report.tmp").write_bytes(b"{")
    repair_folder(tmp_path, host=HOST)
    assert set(content(tmp_path)) == {NAME, LINES, MANIFEST}
    assert content(tmp_path)[LINES] == ordered
    # Killed between the last two steps: the final name is there, and so is the open file.
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(unsorted)
    (tmp_path / MANIFEST).unlink()
    assert outcomes(repair_folder(tmp_path, host=HOST)) == {LINES + OPEN_SUFFIX: "removed"}
    assert content(tmp_path)[LINES] == ordered
    assert read_manifest(tmp_path) == {name: file_sha256(tmp_path / name) for name in (NAME, LINES)}


@pytest.mark.parametrize("name", [NAME, LINES])
def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"finished")
    (tmp_path / (name + OPEN_SUFFIX)).write_bytes(RAW)
    before = content(tmp_path)
    repairs = repair_folder(tmp_path, host=HOST)
    (file,) = repaired(repairs)
    assert file.outcome == "broken"
    assert file.reason
    assert f"{name} is there too" in file.reason
    assert not repairs.is_sound
    assert {**content(tmp_path), **before} == content(tmp_path)


class Killed(BaseException):
    """Stands for kill -9: nothing in the code catches it."""


def kill_at(call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be written, renamed or removed from the call with this number on."""
    calls = count(1)

    def counted(step: Callable[..., object]) -> Callable[..., object]:
        def counting(*args: object, **more: object) -> object:
            if next(calls) >= call:
                raise Killed
            return step(*args, **more)

        return counting

    for owner, name in (
        (os, "fsync"),
        (os, "ftruncate"),
        (os, "write"),
        (Path, "rename"),
        (Path, "unlink"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


def test_a_repair_killed_at_any_step_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(folder: Path) -> Path:
        folder.mkdir()
        (folder / (NAME + OPEN_SUFFIX)).write_bytes(RAW[:-7])
        lines = line(POINTERS[1]) + line(gone) + line(POINTERS[0]) + b'{"tex'
        (folder / (LINES + OPEN_SUFFIX)).write_bytes(lines)
        return folder

    gone = POINTERS[2].model_copy(update={"offset": ENDS[-2], "length": 9})
    repair_folder(torn(tmp_path / "undisturbed"), host=HOST)
    expected = content(tmp_path / "undisturbed")
    assert len(expected[LINES].splitlines()) == 2
    killed, steps = True, 0
    while killed:
        steps += 1
        folder = torn(tmp_path / str(steps))
        with monkeypatch.context() as patch:
            kill_at(steps, patch)
            try:
                repair_folder(folder, host=HOST)
                killed = False
            except Killed:
                killed = True
        assert repair_folder(folder, host=HOST).is_sound
        found = content(folder)
        assert read_manifest(folder) == read_manifest(tmp_path / "undisturbed")
        assert {**found, MANIFEST: b""} == {**expected, MANIFEST: b""}
        assert not repair_folder(folder, host=HOST).files
    assert steps > 12


WRITE_MUCH = """
import itertools, os, sys
from datetime import UTC, datetime
from pathlib import Path
from newscrawl.archive.repair import FileRepair
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.writer import WarcWriter
now = lambda: datetime(2026, 3, 4, tzinfo=UTC)
ids = itertools.count()
writer = WarcWriter(
    folder=Path(sys.argv[1]), names=WarcNameTemplate(prefix="echo", host="news host", pid=os.getpid()),
    info=(), now=now, new_id=lambda: f"<urn:uuid:{next(ids)}>",
)
sent = b"GET / HTTP/1.1\\r\\n\\r\\n"
received = b"HTTP/1.1 200 OK\\r\\nContent-Encoding: br\\r\\n\\r\\n" + os.urandom(30_000_000)
while True:
    writer.write(HttpExchange(url="http://a/", started=now(), sent=sent, received=received))
    print("written", flush=True)
"""


def test_a_process_killed_in_the_middle_of_a_write_loses_no_whole_record(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITE_MUCH, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"written\n"
        (path,) = tmp_path.iterdir()
        size = path.stat().st_size
        while path.stat().st_size == size:
            pass
        child.kill()
    left = path.stat().st_size
    repaired = repaired_alone(path)
    assert repaired
    assert repaired.outcome == "closed"
    # Linux ends a long write at a page when the process is killed; where it does not, the write is whole.
    assert repaired.kept >= 4
    assert path.with_suffix("").stat().st_size + repaired.bytes_torn == left
    subprocess.run(["gzip", "-t", path.with_suffix("")], check=True)


def of_process(pid: int, host: str = "news_host") -> list[str]:
    """Names of all that a process writes."""
    return [
        f"echo-{STAMP}-00000-{host}-{pid}.warc.gz.open",
        f"echo-{STAMP}-{pid}.jsonl.open",
        f"echo-{STAMP}-{pid}.rejected.jsonl.open",
        f"echo-{STAMP}-{pid}.jsonl.sorting",
        f"echo-{STAMP}-{pid}.report.tmp",
    ]


WRITE_FILES = """
import os, sys
files = [open(name.replace("PID", str(os.getpid())), "wb") for name in sys.argv[1:]]
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("force", [False, True])
def test_a_running_process_keeps_its_files(tmp_path: Path, force: bool) -> None:
    """Also on a file system without locks, where only the process knows that it has them open."""
    names = [name.replace(str(DEAD), "PID") for name in of_process(DEAD)]
    command = [sys.executable, "-c", WRITE_FILES, *names]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"open\n"
        for name in of_process(writer.pid):
            (tmp_path / name).write_bytes(RAW[:-3])
        before = content(tmp_path)
        repairs = repair_folder(tmp_path, host=HOST, force=force)
        assert outcomes(repairs) == dict.fromkeys(of_process(writer.pid), "running")
        assert repairs.is_sound
        assert content(tmp_path) == before


def test_a_process_that_never_had_the_files_open_protects_nothing(tmp_path: Path, running: int) -> None:
    """In a container every crawl is process 1, and outside of it another process is."""
    for name in of_process(running):
        (tmp_path / name).write_bytes(b"" if ".jsonl" in name else RAW)
    done = outcomes(repair_folder(tmp_path, host=HOST))
    # A draft may be closed already and about to be renamed; the other was overwritten by its lines.
    *_, draft = of_process(running)
    assert [name for name, outcome in done.items() if outcome == "running"] == [draft]
    assert not list(tmp_path.glob("*.open"))


def test_of_two_lines_of_a_version_the_first_in_the_archive_stays(tmp_path: Path) -> None:
    """The rejection that withdrew the other was never synced."""
    raw, _, pointers = warc_bytes(3)
    (tmp_path / NAME).write_bytes(raw)
    versions = [("a", 1), ("b", 1), ("a", 2), ("a", 1)]
    places = [pointers[1], pointers[2], pointers[2], pointers[0]]
    lines = [
        json.dumps({"id": name, "version": version, "warc": place.model_dump()}).encode() + b"\n"
        for (name, version), place in zip(versions, places, strict=True)
    ]
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(b"".join(lines))
    (done,) = repaired(repair_folder(tmp_path, host=HOST))
    assert (done.kept, done.lines_dropped) == (3, 1)
    assert (tmp_path / LINES).read_bytes() == lines[3] + lines[1] + lines[2]
    assert (tmp_path / f"{LINES}.torn").read_bytes() == lines[0]


def test_an_open_file_that_a_power_cut_shortened_is_removed_beside_the_closed_one(tmp_path: Path) -> None:
    """The closed file was synced and the open one never, nor was it missing yet on the disk."""
    raw, _, pointers = warc_bytes(3)
    (tmp_path / NAME).write_bytes(raw)
    lines = [line(pointer) for pointer in pointers]
    (tmp_path / LINES).write_bytes(b"".join(lines))
    for left in (b"", lines[1], lines[2] + lines[0], lines[0] + lines[1][:9]):
        (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(left)
        assert repair_folder(tmp_path, host=HOST).is_sound
        assert not (tmp_path / (LINES + OPEN_SUFFIX)).exists()
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(line(pointers[0], "another"))
    assert not repair_folder(tmp_path, host=HOST).is_sound
    assert (tmp_path / (LINES + OPEN_SUFFIX)).exists()


def test_a_number_that_was_given_to_another_process_protects_nothing(tmp_path: Path, running: int) -> None:
    for name in of_process(running):
        (tmp_path / name).write_bytes(b"" if ".jsonl" in name else RAW)
        os.utime(tmp_path / name, (1e9, 1e9))
    assert repair_folder(tmp_path, host=HOST).is_sound
    assert not [name for name in content(tmp_path) if name.endswith((".open", ".tmp", ".sorting"))]


def test_a_process_that_has_ended_but_was_not_waited_for_protects_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read() == b""
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        name = of_process(process.pid)[0]
        (tmp_path / name).write_bytes(RAW)
        assert outcomes(repair_folder(tmp_path, host=HOST)) == {name.removesuffix(OPEN_SUFFIX): "closed"}


def test_a_file_that_a_writer_holds_is_left_alone_whatever_its_name_says(tmp_path: Path) -> None:
    writer = WarcWriter(
        folder=tmp_path,
        names=WarcNameTemplate(prefix="echo", host="elsewhere", pid=DEAD),
        info=(),
        now=lambda: START,
        new_id=lambda: "<urn:uuid:1>",
    )
    lines = LinesFile(tmp_path / LINES)
    writer.open()
    lines.open()
    names = {f"echo-{STAMP}-00000-elsewhere-{DEAD}.warc.gz.open", LINES + OPEN_SUFFIX}
    assert outcomes(repair_folder(tmp_path, host=HOST, force=True)) == dict.fromkeys(names, "running")
    writer.write(an_exchange(1))
    lines.close()
    writer.close()
    assert not repaired(repair_folder(tmp_path, host=HOST))


def test_files_of_another_host_wait_for_force(tmp_path: Path, running: int) -> None:
    """The number of a process says nothing there."""
    for name in of_process(running, "elsewhere"):
        (tmp_path / name).write_bytes(b"" if ".jsonl" in name else RAW)
    before = content(tmp_path)
    repairs = repair_folder(tmp_path, host=HOST)
    assert {file.reason for file in repairs.files} == {"it was written on host elsewhere"}
    assert not repairs.is_sound
    assert content(tmp_path) == before
    assert repair_folder(tmp_path, host=HOST, force=True).is_sound
    assert not [name for name in content(tmp_path) if name.endswith((".open", ".tmp", ".sorting"))]


def test_a_strangers_open_file_waits_for_force(tmp_path: Path) -> None:
    (tmp_path / "wget.warc.gz.open").write_bytes(RAW)
    (tmp_path / "other.tmp").write_bytes(b"x")
    assert outcomes(repair_folder(tmp_path, host=HOST)) == {"wget.warc.gz.open": "broken"}
    assert outcomes(repair_folder(tmp_path, host=HOST, force=True)) == {"wget.warc.gz": "closed"}
    assert (tmp_path / "other.tmp").exists()


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "echo", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(RAW + b"tail")
    (folder / (NAME + OPEN_SUFFIX)).symlink_to(outside)
    os.mkfifo(folder / (LINES + OPEN_SUFFIX))
    repairs = repair_folder(folder, host=HOST)
    assert outcomes(repairs) == {NAME + OPEN_SUFFIX: "broken", LINES + OPEN_SUFFIX: "broken"}
    assert outside.read_bytes() == RAW + b"tail"


def test_two_repairs_at_once_do_it_once(tmp_path: Path) -> None:
    raw = RAW * 20
    (tmp_path / (NAME + OPEN_SUFFIX)).write_bytes(raw + b"tail")
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(line(POINTERS[0]))
    found: list[FolderRepair] = []
    threads = [
        threading.Thread(target=lambda: found.append(repair_folder(tmp_path, host=HOST))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    closed = sorted(file.name for repairs in found for file in repairs.with_outcome("closed"))
    assert closed == sorted((NAME, LINES))
    assert all(repairs.is_sound for repairs in found)
    assert (tmp_path / NAME).read_bytes() == raw
    assert (tmp_path / f"{NAME}.torn").read_bytes() == b"tail"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that may be read but not written, also when tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / (NAME + OPEN_SUFFIX)).write_bytes(RAW[:-1])
        (folder / (NAME + OPEN_SUFFIX)).chmod(0o666)
        folder.chmod(0o555)
        before = os.geteuid()
        if not before:
            os.seteuid(65534)
        yield folder
        os.seteuid(before)
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_a_clear_error(unprivileged: Path) -> None:
    repairs = repair_folder(unprivileged, host=HOST)
    (file,) = repairs.files
    torn = unprivileged / f"{NAME}.torn"
    assert (file.outcome, file.reason) == ("broken", f"cannot write {torn}: Permission denied")
    assert not repairs.is_sound
    assert content(unprivileged) == {NAME + OPEN_SUFFIX: RAW[:-1]}


def test_a_folder_that_is_not_there_has_nothing_to_repair(tmp_path: Path) -> None:
    assert not repair_folder(tmp_path / "none", host=HOST).files
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArchiveError, match=r"cannot read .*/file"):
        repair_folder(tmp_path / "file", host=HOST)


def test_finished_files_that_were_not_listed_are_listed(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(RAW)
    (tmp_path / f"echo-{STAMP}-{DEAD}.report.json").write_bytes(b"{}")
    (tmp_path / "memory-0123456789abcdef.json.gz").write_bytes(b"")
    for other in ("crawl.log", "memory.current", "memory-0123.json.gz", "other.warc.gz", f"{NAME}.torn"):
        (tmp_path / other).write_bytes(b"")
    assert len(find_unlisted(tmp_path)) == 3
    repairs = repair_folder(tmp_path, host=HOST)
    assert {file.outcome for file in repairs.files} == {"listed"}
    names = {NAME, f"echo-{STAMP}-{DEAD}.report.json", "memory-0123456789abcdef.json.gz"}
    assert set(read_manifest(tmp_path)) == names
    assert find_unlisted(tmp_path) == []
    assert not repair_folder(tmp_path, host=HOST).files


def duplicate(pointer: WarcPointer) -> bytes:
    return json.dumps({"reason": "duplicate", "warc": pointer.model_dump()}).encode() + b"\n"


@pytest.mark.parametrize("settled", [False, True])
def test_an_article_that_was_withdrawn_does_not_come_back(tmp_path: Path, settled: bool) -> None:
    """Its run refused it for an equal one that stands earlier, and was killed then or while it closed."""
    (tmp_path / (NAME + OPEN_SUFFIX)).write_bytes(RAW)
    (tmp_path / (LINES + OPEN_SUFFIX)).write_bytes(line(POINTERS[1]) + line(POINTERS[0]))
    rejected = LINES.replace(".jsonl", ".rejected.jsonl")
    (tmp_path / (rejected + OPEN_SUFFIX)).write_bytes(duplicate(POINTERS[1]))
    if settled:
        (tmp_path / LINES).write_bytes(line(POINTERS[0]))
    repairs = repair_folder(tmp_path, host=HOST)
    assert repairs.is_sound, repairs
    found = content(tmp_path)
    assert found[LINES] == line(POINTERS[0])
    assert found[rejected] == duplicate(POINTERS[1])
    assert LINES + OPEN_SUFFIX not in found
