"""A full disk leaves no empty archive behind, and no finished file that no manifest names."""

from __future__ import annotations

import errno
import os
import subprocess
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from newscrawl import storage as storage_module
from newscrawl.archive import manifest as manifest_module
from newscrawl.archive.manifest import MANIFEST, read_manifest
from newscrawl.archive.repair import find_unlisted, repair_folder
from newscrawl.archive.run_files import Run, new_run
from newscrawl.archive.sync import finished_files
from newscrawl.errors import ArchiveError
from newscrawl.items import Rejection
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter


def test_a_full_disk_leaves_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished: list[Path] = []
    writer = WarcWriter(
        folder=tmp_path,
        names=WarcNameTemplate(prefix="example", host="here", pid=7),
        info=(("software", "newscrawl/0"),),
        now=lambda: datetime(2026, 5, 1, tzinfo=UTC),
        new_id=lambda: "<urn:uuid:00000000-0000-4000-8000-000000000001>",
        on_finished=lambda path, _: finished.append(path),
    )

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage_module.os, "writev", full)
    with pytest.raises(ArchiveError, match="No space left"):
        writer.open()
    monkeypatch.undo()
    writer.close()
    assert list(tmp_path.iterdir()) == []
    assert (finished, writer.files) == ([], [])


START = datetime(2026, 5, 1, tzinfo=UTC)


def started_run(archives: Path, pid: int = 999_999_999) -> Run:
    """A run of a process that has ended, with a record and a line."""
    numbers = count(pid)
    run = new_run(
        outlet="echo",
        archives=archives,
        started=START,
        pid=pid,
        info=(),
        now=lambda: START,
        new_id=lambda: f"<urn:uuid:{next(numbers)}>",
        host="here",
    )
    run.open()
    sent, received = b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"
    pointer = run.write_exchange(
        HttpExchange(url="http://a.example/", started=START, sent=sent, received=received)
    )
    url = "http://a.example/"
    run.write_rejection(Rejection(url=url, url_requested=url, step="fetch", reason="timeout", warc=pointer))
    return run


def write_nothing(_: int, __: bytes) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half(fd: int, data: bytes) -> int:
    return REAL_WRITE(fd, data[:90])


REAL_WRITE = os.write


@pytest.mark.parametrize("write", [write_nothing, write_half])
@pytest.mark.parametrize("is_first", [True, False])
def test_files_that_got_no_line_in_the_manifest_get_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: object, is_first: bool
) -> None:
    if not is_first:
        started_run(tmp_path, pid=999_999_998).close()
    run = started_run(tmp_path)
    monkeypatch.setattr(manifest_module.os, "write", write)
    run.close()
    monkeypatch.undo()
    assert run.failure is not None
    names = {path.name for path in run.folder.iterdir()} - {MANIFEST}
    assert not any(name.endswith(".open") for name in names)
    unlisted = set(find_unlisted(run.folder))
    assert len(unlisted) == 2, "there is no article, so there is no file of them"
    repair = repair_folder(run.folder, host="here")
    assert {file.name for file in repair.with_outcome("listed")} == unlisted
    assert {file.path.name for file in finished_files(run.folder)} == set(read_manifest(run.folder)) == names
    check = ["sha256sum", "--strict", "-c", MANIFEST]
    assert subprocess.run(check, cwd=run.folder, capture_output=True, check=False).returncode == 0
    assert not repair_folder(run.folder, host="here").files
