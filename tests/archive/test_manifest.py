"""The manifest: one line a finished file, checked by sha256sum, whole with many writers."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from newscrawl.archive.manifest import MANIFEST, add_to_manifest, read_manifest
from newscrawl.archive.run_files import Run, new_run
from newscrawl.errors import ArchiveError
from newscrawl.items import Rejection
from newscrawl.warc.records import HttpExchange

START = datetime(2026, 3, 4, tzinfo=UTC)


def checked(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sha256sum", "-c", *options, MANIFEST], cwd=folder, capture_output=True, text=True, check=False
    )


def a_run(archives: Path) -> Run:
    numbers = count(1)
    return new_run(
        outlet="echo",
        archives=archives,
        started=START,
        pid=7,
        info=(),
        now=lambda: START,
        new_id=lambda: f"<urn:uuid:{next(numbers)}>",
        max_bytes=2000,
        host="here",
    )


def test_every_file_of_a_run_is_listed_when_it_gets_its_name(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.open()
    for number in range(9):
        sent = b"GET /%d HTTP/1.1\r\n\r\n" % number
        exchange = HttpExchange(
            url="http://a/", started=START, sent=sent, received=b"HTTP/1.1 200 OK\r\n\r\n"
        )
        pointer = run.write_exchange(exchange)
    run.write_rejection(
        Rejection(url="http://a/", url_requested="http://a/", step="fetch", reason="timeout", warc=pointer)
    )
    while_open = read_manifest(run.folder)
    assert while_open
    assert set(while_open) == {file.name for file in run.warcs[:-1]}
    run.close()
    assert run.failure is None
    names = {path.name for path in run.folder.iterdir()} - {MANIFEST}
    assert len(names) >= 4
    assert set(read_manifest(run.folder)) == names
    assert checked(run.folder, "--strict").returncode == 0


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(b"whole")
    add_to_manifest(tmp_path / "a.warc.gz")
    assert checked(tmp_path, "--strict").stdout == "a.warc.gz: OK\n"
    (tmp_path / "a.warc.gz").write_bytes(b"whola")
    assert checked(tmp_path).returncode == 1


def test_processes_add_lines_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from newscrawl.archive.manifest import add_to_manifest\n"
        "for n in range(200):\n"
        "    path = Path(sys.argv[1]) / f'{sys.argv[2]}-{n}.jsonl'\n"
        "    path.write_text(path.name); add_to_manifest(path)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)], stderr=subprocess.PIPE)
        for n in range(3)
    ]
    assert [process.communicate()[1] for process in processes] == [b""] * 3
    assert len(read_manifest(tmp_path)) == 600
    assert checked(tmp_path, "--strict").returncode == 0


def test_a_line_cut_short_swallows_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"a")
    (tmp_path / MANIFEST).write_bytes(b"0123")
    add_to_manifest(tmp_path / "a.jsonl")
    assert read_manifest(tmp_path) == {"a.jsonl": hashlib.sha256(b"a").hexdigest()}
    assert checked(tmp_path).returncode == 0


def test_the_last_line_of_a_name_counts_and_strange_lines_do_not(tmp_path: Path) -> None:
    old, new = "0" * 64, "1" * 64
    (tmp_path / MANIFEST).write_bytes(
        f"{old}  a\nnonsense\n{new} *a\n{new}  ../b\n\n".encode() + b"x" * 9000 + f"\n{old}  c".encode()
    )
    assert read_manifest(tmp_path) == {"a": new}


def test_a_folder_without_a_manifest_lists_nothing(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}


def test_what_cannot_be_read_or_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cannot read .*/none"):
        add_to_manifest(tmp_path / "none")
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(ArchiveError, match=rf"cannot write .*/{MANIFEST}: Is a directory"):
        add_to_manifest(tmp_path / "a")
    with pytest.raises(ArchiveError, match=rf"cannot read .*/{MANIFEST}"):
        read_manifest(tmp_path)


def test_a_full_disk_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).symlink_to("/dev/full")
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(ArchiveError, match="No space left on device"):
        add_to_manifest(tmp_path / "a")
