"""Quiet runs write to one WARC file: which file is continued, and what a kill at each step leaves."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from newscrawl.archive import continued_warc, report
from newscrawl.archive.finished_runs import find_run
from newscrawl.archive.manifest import ARRIVED, MANIFEST, append_entries, file_sha256, read_manifest
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.replay import find_recorded_runs, read_captures
from newscrawl.archive.report import Report, newest_reports, reports_name, write_quiet_report, write_report
from newscrawl.archive.run_files import Run, new_run
from newscrawl.cli import app
from newscrawl.warc import writer
from newscrawl.warc.index import Index, index_new_files
from newscrawl.warc.reader import iter_records, read_record
from newscrawl.warc.records import HttpExchange

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOST = "here"
DEAD = itertools.count(999_000_000)


def begin(archives: Path, hours: float = 0, host: str = HOST, pid: int | None = None) -> Run:
    now = NOON + timedelta(hours=hours)
    number = next(DEAD)
    serial = itertools.count()
    run = new_run(
        outlet="echo",
        archives=archives,
        started=now,
        pid=pid or number,
        host=host,
        info=(("software", "newscrawl/0 Scrapy/0"),),
        now=lambda: now,
        new_id=lambda: f"<urn:uuid:00000000-0000-4000-8000-{number - 999_000_000:04d}{next(serial):08d}>",
    )
    run.open(is_only_writer=True)
    return run


def fetch(run: Run, path: str = "/feed") -> None:
    run.write_exchange(
        HttpExchange(
            url=f"http://example.org{path}",
            started=run.started,
            sent=f"GET {path} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode(),
            received=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + run.id[-5:].encode(),
            metadata=(("outcome", "ok"),),
        )
    )


def end(run: Run, **fields: object) -> Report:
    run.close()
    moment = run.started.isoformat()
    values = {"run": run.id, "outlet": "echo", "started": moment, "finished": moment, "seconds": 0}
    values |= {"reason": "finished", "warcs": [file.name for file in run.warcs]}
    values |= {"warc_start": run.warcs[0].start, "warc_end": run.warcs[-1].bytes}
    made = Report.model_validate(values | fields)
    (write_quiet_report if made.is_quiet and len(made.warcs) == 1 else write_report)(run.folder, made)
    return made


def quiet(archives: Path, hours: float = 0, **place: str) -> Report:
    run = begin(archives, hours, **place)
    fetch(run)
    return end(run)


def assert_sound(folder: Path) -> None:
    """Every file is listed as it is, no WARC has a problem, and repeating the repair changes nothing."""
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", MANIFEST], cwd=folder, capture_output=True, check=False
    )
    # The manifest may be empty where the bucket has all of it.
    assert done.returncode == 0 or not read_manifest(folder), done.stdout
    assert not [path.name for path in folder.iterdir() if path.suffix in (".open", ".tmp", ".torn")]
    listed = read_manifest(folder, ARRIVED) | read_manifest(folder)
    names = [path.name for pattern in ("*.gz", "*.ndjson") for path in folder.glob(pattern)]
    assert {name: file_sha256(folder / name) for name in names}.items() <= listed.items()
    verified = CliRunner().invoke(app, ["verify", "--strict", str(folder)])
    assert (verified.exit_code, "no problem" in verified.output) == (0, True), verified.output
    assert not repair_folder(folder, host=HOST).files


def test_the_quiet_runs_of_a_day_leave_two_files(tmp_path: Path) -> None:
    reports = [quiet(tmp_path, hours) for hours in range(4)]
    folder = tmp_path / "echo"
    warc = reports[0].warcs[0]
    assert {path.name for path in folder.iterdir()} == {MANIFEST, warc, reports_name(warc)}
    assert_sound(folder)
    size = (folder / warc).stat().st_size
    assert [one.warc_end for one in reports] == [other.warc_start for other in reports[1:]] + [size]
    assert newest_reports(folder, 3) == [(one.run, one) for one in reversed(reports[1:])]
    for one in reports:
        assert find_run(one.run, tmp_path).report == one
        (body,) = bodies(folder, one.run)
        assert body == one.run[-5:].encode()
    assert [files.run for files in find_recorded_runs(tmp_path, "echo")] == [one.run for one in reports]


def bodies(folder: Path, run: str) -> list[bytes]:
    """What a replay of the run is answered with."""
    table = read_captures(folder, "echo", run)
    pointers = [capture.pointer for captures in table.by_key.values() for capture in captures]
    records = {record.record_id: record for record in iter_records(folder / pointers[0].file)}
    return [records[pointer.record_id].block[-5:] for pointer in pointers]


def test_the_index_has_each_record_of_a_file_that_grows_once(tmp_path: Path) -> None:
    for hours in range(3):
        warcs = quiet(tmp_path, hours).warcs
        assert index_new_files(tmp_path / "echo", warcs)
    with Index.open(tmp_path / "echo") as index:
        ids = [entry.record_id for entry in index.by_key()]
        assert len(ids) == len(set(ids)) == 9
        assert len(list(index.captures("GET", "http://example.org/feed"))) == 3


def test_a_file_that_is_being_continued_is_not_missing(tmp_path: Path) -> None:
    made = quiet(tmp_path)
    index_new_files(tmp_path / "echo", made.warcs)
    run = begin(tmp_path, 1)
    assert not (run.folder / made.warcs[0]).exists()
    verified = CliRunner().invoke(app, ["verify", "--strict", str(run.folder)])
    assert "index_file_gone" not in verified.output
    # What an earlier run wrote can be read meanwhile.
    with Index.open(run.folder) as index:
        (entry,) = index.captures("GET", "http://example.org/feed")
    assert read_record(run.folder, entry.pointer)[0].block.endswith(made.run[-5:].encode())
    run.close()


def found_something(archives: Path) -> None:
    run = begin(archives, 1)
    fetch(run, "/story")
    end(run, pages=1, articles=1)


def was_killed(archives: Path) -> None:
    run = begin(archives, 1)
    assert run.warc
    assert run.warc._fd is not None
    os.close(run.warc._fd)
    assert repair_folder(run.folder, host=HOST).with_outcome("closed")


def is_another_host(archives: Path) -> None:
    quiet(archives, 1, host="there")


def is_changed(archives: Path) -> None:
    (path,) = (archives / "echo").glob("*.warc.gz")
    path.write_bytes(path.read_bytes() + b"x")


def has_lost_reports(archives: Path) -> None:
    (path,) = (archives / "echo").glob("*.reports.ndjson")
    path.unlink()


def is_large(archives: Path) -> None:
    run = begin(archives, 1)
    for number in range(20):
        run.write_exchange(
            HttpExchange(
                url=f"http://example.org/{number}",
                started=NOON,
                sent=b"GET / HTTP/1.1\r\n\r\n",
                received=b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + os.urandom(60_000),
            )
        )
    end(run)


@pytest.mark.parametrize(
    "happens", [found_something, was_killed, is_another_host, is_changed, has_lost_reports, is_large]
)
def test_only_what_a_quiet_run_left_as_it_is_listed_is_continued(
    tmp_path: Path, happens: Callable[[Path], None]
) -> None:
    quiet(tmp_path)
    happens(tmp_path)
    before = {path.name: file_sha256(path) for path in (tmp_path / "echo").glob("*.warc.gz")}
    after = quiet(tmp_path, 2)
    assert after.warc_start == 0
    assert not set(after.warcs) & before.keys()
    assert {name: file_sha256(tmp_path / "echo" / name) for name in before} == before


def test_the_next_day_begins_a_file(tmp_path: Path) -> None:
    first, same_day, next_day = (quiet(tmp_path, hours) for hours in (0, 11.9, 12))
    assert first.warcs == same_day.warcs != next_day.warcs


def test_a_file_that_a_bucket_has_in_another_state_is_left_alone(tmp_path: Path) -> None:
    quiet(tmp_path)
    folder = tmp_path / "echo"
    stored = read_manifest(folder)
    for other in (
        {},
        dict.fromkeys(stored, "0" * 64),
        stored | {"echo-20260301120001000-00000-x-1.warc.gz": ""},
    ):
        assert not continued_warc.continue_last_warc(folder, host=HOST, now=NOON, stored=other)
    file = continued_warc.continue_last_warc(folder, host=HOST, now=NOON, stored=stored)
    assert file
    os.close(file.fd)


def test_a_report_takes_the_place_of_no_others(tmp_path: Path) -> None:
    """A copy of what a bucket has may leave the spool while a run is at work."""
    quiet(tmp_path)
    run = begin(tmp_path, 1)
    fetch(run)
    (path,) = run.folder.glob("*.reports.ndjson")
    path.unlink()
    made = end(run)
    assert not path.exists()
    assert find_run(made.run, tmp_path).report == made


def kill_at(module: object, name: str, *, call: int = 1, does: float = 1) -> Callable[[], None]:
    """Has this process killed in such a call of a function, after the share of it that it `does`."""

    def install() -> None:
        real, calls = getattr(module, name), itertools.count(1)

        def step(*args: Any, **named: Any) -> Any:
            is_last = next(calls) == call
            if is_last and 0 < does < 1:
                descriptor, pieces, _ = args
                data = b"".join(pieces)
                os.write(descriptor, data[: int(len(data) * does)])
            result = real(*args, **named) if not is_last or does == 1 else None
            if is_last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(module, name, step)

    return install


KILLS = {
    "out of the manifest": kill_at(continued_warc, "remove_from_manifest"),
    "open again": kill_at(continued_warc, "fsync_folder"),
    "amid the warcinfo record": kill_at(writer, "append_or_rollback", does=0.5),
    "after the warcinfo record": kill_at(writer, "append_or_rollback"),
    "amid an exchange": kill_at(writer, "append_or_rollback", call=2, does=0.7),
    "after an exchange": kill_at(writer, "append_or_rollback", call=2),
    "closed and not listed": kill_at(writer, "fsync_folder"),
    "without a report": kill_at(report, "atomic_write", does=0),
    "reports out of the manifest": kill_at(report, "remove_from_manifest"),
    "reports not listed": kill_at(report, "add_to_manifest", does=0),
}


@pytest.fixture(params=[False, True], ids=["folder", "bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What two quiet runs left; a bucket may have all of it."""
    quiet(tmp_path)
    quiet(tmp_path, 1)
    if request.param:
        append_entries(tmp_path / "echo" / ARRIVED, read_manifest(tmp_path / "echo"))
    return tmp_path / "echo"


@pytest.mark.parametrize("reads_bucket", [False, True])
@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS.keys())
def test_a_kill_at_any_step_loses_no_record(
    folder: Path, kill: Callable[[], None], reads_bucket: bool
) -> None:
    (path,) = folder.glob("*.warc.gz")
    content, ended = path.read_bytes(), newest_reports(folder, 9)
    process = os.fork()
    if not process:
        kill()
        quiet(folder.parent, 2)
        os._exit(0)
    assert os.waitpid(process, 0)[1] == signal.SIGKILL
    next(DEAD)  # its own
    if reads_bucket and not path.exists():
        # A command that reads the outlet's archive has fetched what the bucket has.
        path.write_bytes(content)
    repair_folder(folder, host=HOST)
    for torn in folder.glob("*.torn"):
        torn.unlink()
    assert_sound(folder)
    assert path.read_bytes()[: len(content)] == content
    assert newest_reports(folder, 9)[-2:] == ended
    # The next run goes on, whether in the same file or in its own.
    after = quiet(folder.parent, 3)
    assert_sound(folder)
    for run in (*(run for run, _ in ended), after.run):
        assert bodies(folder, run) == [run[-5:].encode()]
