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

from newscrawl.archive import continued_warc, repair, report, run_files
from newscrawl.archive.finished_runs import find_run, read_run_lines
from newscrawl.archive.manifest import MANIFEST, file_sha256, read_manifest
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.replay import find_recorded_runs, read_captures
from newscrawl.archive.report import Report, newest_reports, reports_name, write_quiet_report, write_report
from newscrawl.archive.run_files import Run, new_run
from newscrawl.cli import app
from newscrawl.errors import ArchiveError
from newscrawl.items import Rejection, WarcPointer
from newscrawl.warc import writer
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.index import Index, index_new_files
from newscrawl.warc.reader import iter_records, read_record
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter

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


def fetch(run: Run, path: str = "/feed") -> WarcPointer:
    return run.write_exchange(
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


def assert_listed(folder: Path) -> None:
    """Every finished file is listed as it is."""
    check = ["sha256sum", "--strict", "-c", MANIFEST]
    done = subprocess.run(check, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    names = [path.name for pattern in ("*.gz", "*.ndjson") for path in folder.glob(pattern)]
    assert names
    assert {name: file_sha256(folder / name) for name in names}.items() <= read_manifest(folder).items()


def assert_sound(folder: Path) -> None:
    """Every file is listed as it is, no WARC has a problem, and repeating the repair changes nothing."""
    assert_listed(folder)
    assert not [path.name for path in folder.iterdir() if path.suffix in (".open", ".tmp", ".torn")]
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


def test_a_file_that_is_being_continued_is_there_as_it_was(tmp_path: Path) -> None:
    made = quiet(tmp_path)
    index_new_files(tmp_path / "echo", made.warcs)
    run = begin(tmp_path, 1)
    fetch(run, "/story")
    assert_listed(run.folder)
    assert bodies(run.folder, made.run) == [made.run[-5:].encode()]
    with Index.open(run.folder) as index:
        (entry,) = index.captures("GET", "http://example.org/feed")
    assert read_record(run.folder, entry.pointer)[0].block.endswith(made.run[-5:].encode())
    # What the run itself has written so far is only in the copy.
    pointer = run.write_exchange(
        HttpExchange(
            url="http://example.org/now",
            started=NOON,
            sent=b"GET /now HTTP/1.1\r\n\r\n",
            received=b"HTTP/1.1 200 OK\r\n\r\nnow",
        )
    )
    assert pointer.file == made.warcs[0]
    assert read_record(run.folder, pointer)[0].block.endswith(b"now")
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


def test_a_file_is_continued_while_the_writer_would_still_write_to_it(tmp_path: Path) -> None:
    quiet(tmp_path)
    choices: list[dict[str, Any]] = [{"max_age": timedelta(hours=1)}, {"max_bytes": 100}, {}]
    for limits in choices:
        writer = WarcWriter(
            folder=tmp_path / "echo",
            names=WarcNameTemplate(prefix="echo", host=HOST, pid=1),
            info=(),
            now=lambda: NOON + timedelta(hours=1),
            new_id=str,
            **limits,
        )
        file = continued_warc.continue_last_warc(writer)
        assert (file is None) is bool(limits)
        if file:
            os.close(file.fd)


def test_without_locks_a_run_begins_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any repair would take the copy for that of the process that its name tells of."""
    first = quiet(tmp_path)
    monkeypatch.setattr(continued_warc, "try_lock", lambda _: True)
    assert quiet(tmp_path, 1).warcs != first.warcs
    assert_sound(tmp_path / "echo")


def test_lines_wait_for_a_copy_that_cannot_be_closed_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(tmp_path)
    run = begin(tmp_path, 1)
    pointer = fetch(run, "/story")
    url = "http://example.org/story"
    rejection = Rejection(url=url, url_requested=url, step="validate", reason="too_short", warc=pointer)
    run.write_rejection(rejection)
    assert run.warc
    for fd in (run.warc._fd, run.articles._fd, run.rejections._fd):
        assert fd is not None
        os.close(fd)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(repair, "remove_from_manifest", raise_full)
        assert repair_folder(run.folder, host=HOST).with_outcome("broken")
    repair_folder(run.folder, host=HOST)
    assert list(read_run_lines(run.folder, run.id)) == [rejection]
    assert_sound(run.folder)


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_a_copy_with_nothing_of_its_own_leaves_the_file_as_it_is(tmp_path: Path, share: float) -> None:
    (name,) = quiet(tmp_path).warcs
    path = tmp_path / "echo" / name
    content = path.read_bytes()
    Path(f"{path}.open").write_bytes(content[: int(len(content) * share)])
    assert repair_folder(path.parent, host=HOST).with_outcome("removed")
    assert path.read_bytes() == content
    assert_sound(path.parent)


def raise_full(path: Path) -> None:
    raise ArchiveError(f"cannot write {path}: no space left on device")


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
    "amid the copy": kill_at(continued_warc, "append_or_rollback", does=0.4),
    "copied": kill_at(continued_warc, "append_or_rollback"),
    "amid the warcinfo record": kill_at(writer, "append_or_rollback", does=0.5),
    "after the warcinfo record": kill_at(writer, "append_or_rollback"),
    "amid an exchange": kill_at(writer, "append_or_rollback", call=2, does=0.7),
    "after an exchange": kill_at(writer, "append_or_rollback", call=2),
    "out of the manifest": kill_at(run_files, "remove_from_manifest"),
    "closed and not listed": kill_at(writer, "fsync_folder"),
    "without a report": kill_at(report, "atomic_write", does=0),
    "reports out of the manifest": kill_at(report, "remove_from_manifest"),
    "reports not listed": kill_at(report, "add_to_manifest", does=0),
}


@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS.keys())
def test_a_kill_at_any_step_loses_no_record(tmp_path: Path, kill: Callable[[], None]) -> None:
    ran = [quiet(tmp_path), quiet(tmp_path, 1)]
    folder = tmp_path / ran[0].outlet
    (path,) = folder.glob("*.warc.gz")
    content, ended = path.read_bytes(), newest_reports(folder, 9)
    process = os.fork()
    if not process:
        kill()
        quiet(folder.parent, 2)
        os._exit(0)
    assert os.waitpid(process, 0)[1] == signal.SIGKILL
    next(DEAD)  # its own
    assert path.read_bytes()[: len(content)] == content, "it is there at any time"
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
