"""The index of a folder stays current: runs add their files, and a repair those of a killed run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from crafted import http, members, record

from newscrawl.errors import ArchiveError, StorageError
from newscrawl.warc.index import (
    INDEX_NAME,
    MAX_OTHERS_BYTES,
    Index,
    index_if_indexed,
    index_new_files,
    update_index,
)


def add_file(folder: Path, name: str, url: str, number: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.warc.gz"
    path.write_bytes(members([record("response", url, http(b"<p>Le pont"), number=number)]))
    return path


def add_large_file(folder: Path, name: str, url: str, number: int) -> Path:
    """A file that alone is more than a run reads of other runs."""
    path = folder / f"{name}.warc"
    body = http(b" " * MAX_OTHERS_BYTES)
    path.write_bytes(record("response", url, body, number=number))
    return path


def urls(folder: Path) -> list[str]:
    with Index.open(folder) as index:
        return [entry.url for entry in index.by_key()]


def test_the_first_run_makes_the_index_and_the_next_adds_to_it(tmp_path: Path) -> None:
    first = add_file(tmp_path, "one", "http://a.example/1")
    assert index_new_files(tmp_path, {first.name})
    second = add_file(tmp_path, "two", "http://a.example/2", 2)
    (tmp_path / "three.warc.gz.open").write_bytes(b"of a run at work")
    assert index_new_files(tmp_path, {second.name})
    assert index_new_files(tmp_path, {second.name})
    assert urls(tmp_path) == ["http://a.example/1", "http://a.example/2"]
    # It is the index that a build makes.
    assert update_index(tmp_path).added == 0


def test_files_of_killed_runs_are_added_too(tmp_path: Path) -> None:
    index_new_files(tmp_path, {add_file(tmp_path, "one", "http://a.example/1").name})
    add_file(tmp_path, "small", "http://a.example/2", 2)
    repaired = add_large_file(tmp_path, "repaired", "http://a.example/3", 3)
    index_if_indexed(tmp_path, [repaired.name])
    assert len(urls(tmp_path)) == 3


def test_the_end_of_a_run_reads_little_of_other_runs(tmp_path: Path) -> None:
    """An index made long ago may lack years of files, which take longer to read than an outlet is leased."""
    index_new_files(tmp_path, {add_file(tmp_path, "one", "http://a.example/1").name})
    add_large_file(tmp_path, "imported", "http://a.example/2", 2)
    own = add_large_file(tmp_path, "own", "http://a.example/3", 3)
    add_file(tmp_path, "small", "http://a.example/4", 4)
    assert not index_new_files(tmp_path, {own.name})
    assert urls(tmp_path) == ["http://a.example/1", "http://a.example/3"]
    assert update_index(tmp_path).added == 2
    assert index_new_files(tmp_path, {own.name})


def test_a_folder_of_old_files_is_left_to_the_command(tmp_path: Path) -> None:
    """Reading them may take hours, which is no end of a run."""
    add_file(tmp_path, "old", "http://a.example/1")
    new = add_file(tmp_path, "new", "http://a.example/2", 2)
    assert not index_new_files(tmp_path, {new.name})
    index_if_indexed(tmp_path, {new.name})
    assert not (tmp_path / INDEX_NAME).exists()


def test_a_run_without_files_makes_no_index(tmp_path: Path) -> None:
    assert index_new_files(tmp_path, set())
    assert not (tmp_path / INDEX_NAME).exists()


def test_an_index_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    file = add_file(tmp_path, "one", "http://a.example/1")
    content = file.read_bytes()
    (tmp_path / INDEX_NAME).mkdir()
    with pytest.raises(ArchiveError, match="cannot use"):
        index_new_files(tmp_path, {file.name})
    assert file.read_bytes() == content


@pytest.mark.parametrize("kind", ["damaged", "another version"])
def test_an_index_that_is_of_no_use_is_left_to_the_command(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It would have to be made anew, from all files."""
    file, index = add_file(tmp_path, "one", "http://a.example/1"), tmp_path / INDEX_NAME
    if kind == "damaged":
        index.write_bytes(b"no database " * 1000)
    else:
        with closing(sqlite3.connect(index)) as db:
            db.executescript("CREATE TABLE files (path TEXT); PRAGMA user_version = 99")
    content = index.read_bytes()
    assert not index_new_files(tmp_path, {file.name})
    index_if_indexed(tmp_path, {file.name})
    assert index.read_bytes() == content
    assert not caplog.records
    update_index(tmp_path)
    assert urls(tmp_path) == ["http://a.example/1"]


def test_a_file_that_another_process_moves_away_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copies in a spool go when their bucket has them, at any moment."""
    first = add_file(tmp_path, "one", "http://a.example/1")
    index_new_files(tmp_path, {first.name})
    listed = [first, add_file(tmp_path, "two", "http://a.example/2", 2), tmp_path / "gone.warc.gz"]
    monkeypatch.setattr("newscrawl.warc.index.warc_files", lambda _: listed)
    assert index_new_files(tmp_path, {file.name for file in listed})
    assert urls(tmp_path) == ["http://a.example/1", "http://a.example/2"]


@pytest.mark.parametrize("error", [StorageError("the bucket is away"), PermissionError(13, "not yours")])
def test_no_failure_of_the_index_ends_a_repair(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Path) -> list[Path]:
        raise error

    index_new_files(tmp_path, {add_file(tmp_path, "one", "http://a.example/1").name})
    monkeypatch.setattr("newscrawl.warc.index.warc_files", fail)
    index_if_indexed(tmp_path, ())
    assert "new files are not in the index" in caplog.text
