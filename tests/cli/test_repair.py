"""`newscrawl repair` as a user calls it: tables, JSON, exit codes."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from newscrawl import settings
from newscrawl.cli import app
from newscrawl.errors import NewscrawlError
from newscrawl.warc.filenames import sanitize_host

DEAD = (1 << 22) + 1
"No process has this number: it is above the highest that Linux gives."
RECORD = gzip.compress(b"WARC/1.1\r\n\r\n\r\n\r\n")


def called(*args: str | Path) -> Result:
    return CliRunner().invoke(app, ["repair", *map(str, args)], env={"COLUMNS": "200"})


def left_by_a_killed_run(folder: Path, host: str = socket.gethostname()) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{folder.name}-20260304050607891-00000-{sanitize_host(host)}-{DEAD}.warc.gz"
    (folder / f"{name}.open").write_bytes(RECORD + RECORD[:9])
    return name


def test_all_outlets_of_an_archive_are_repaired_and_told_of(tmp_path: Path) -> None:
    names = [left_by_a_killed_run(tmp_path / outlet) for outlet in ("echo", "wire")]
    (tmp_path / "quiet").mkdir()
    done = called(tmp_path)
    assert done.exit_code == 0, done.output
    for name in names:
        assert name in done.output
    assert done.output.count("1 kept, 9 bytes torn") == 2
    assert "quiet" not in done.output
    again = called(tmp_path)
    assert (again.exit_code, again.output) == (0, "Nothing to repair.\n")


def test_programs_get_json(tmp_path: Path) -> None:
    name = left_by_a_killed_run(tmp_path / "echo")
    # The same folder named twice is repaired once.
    done = called("--json", tmp_path / "echo", tmp_path)
    assert done.exit_code == 0
    (found,) = json.loads(done.output)
    assert found["folder"] == str(tmp_path / "echo")
    (file,) = found["files"]
    assert file == {
        "name": name,
        "outcome": "closed",
        "kept": 1,
        "bytes_torn": 9,
        "lines_cut": 0,
        "lines_dropped": 0,
        "reason": None,
    }
    assert json.loads(called("--json", tmp_path).output) == []


def test_what_is_left_broken_is_exit_code_1(tmp_path: Path) -> None:
    name = left_by_a_killed_run(tmp_path / "echo", "elsewhere")
    done = called(tmp_path)
    assert done.exit_code == 1
    assert "it was written on host elsewhere" in done.output
    assert (tmp_path / "echo" / f"{name}.open").exists()
    assert called("--force", tmp_path).exit_code == 0
    assert (tmp_path / "echo" / name).exists()


def test_a_folder_that_is_not_there_is_an_error_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = called(tmp_path / "none")
    assert isinstance(done.exception, NewscrawlError)
    assert str(done.exception) == f"no such folder: {tmp_path / 'none'}"
    monkeypatch.setattr(settings, "NEWSCRAWL_ARCHIVES", str(tmp_path / "none"))
    assert called().exit_code == 0
    left_by_a_killed_run(tmp_path / "none" / "echo")
    assert "1 kept" in called().output
