"""The index of a folder stays current: runs add their files, and a repair those of a killed run."""

from __future__ import annotations

from pathlib import Path

import pytest
from crafted import http, members, record

from newscrawl.errors import ArchiveError
from newscrawl.warc.index import INDEX_NAME, Index, index_if_indexed, index_new_files, update_index


def add_file(folder: Path, name: str, url: str, number: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.warc.gz"
    path.write_bytes(members([record("response", url, http(b"<p>Le pont"), number=number)]))
    return path


def urls(folder: Path) -> list[str]:
    with Index.open(folder) as index:
        return [entry.url for entry in index.by_key()]


def test_the_first_run_makes_the_index_and_the_next_adds_to_it(tmp_path: Path) -> None:
    first = add_file(tmp_path, "one", "http://a.example/1")
    assert index_new_files(tmp_path, {first.name}) == 1
    second = add_file(tmp_path, "two", "http://a.example/2", 2)
    (tmp_path / "three.warc.gz.open").write_bytes(b"of a run at work")
    assert index_new_files(tmp_path, {second.name}) == 1
    assert index_new_files(tmp_path, {second.name}) == 0
    assert urls(tmp_path) == ["http://a.example/1", "http://a.example/2"]
    # It is the index that a build makes.
    assert update_index(tmp_path).added == 0


def test_files_of_killed_runs_are_added_too(tmp_path: Path) -> None:
    index_new_files(tmp_path, {add_file(tmp_path, "one", "http://a.example/1").name})
    add_file(tmp_path, "repaired", "http://a.example/2", 2)
    index_if_indexed(tmp_path)
    assert len(urls(tmp_path)) == 2


def test_a_folder_of_old_files_is_left_to_the_command(tmp_path: Path) -> None:
    """Reading them may take hours, which is no end of a run."""
    add_file(tmp_path, "old", "http://a.example/1")
    new = add_file(tmp_path, "new", "http://a.example/2", 2)
    assert index_new_files(tmp_path, {new.name}) is None
    index_if_indexed(tmp_path)
    assert not (tmp_path / INDEX_NAME).exists()


def test_a_run_without_files_makes_no_index(tmp_path: Path) -> None:
    assert index_new_files(tmp_path, set()) == 0
    assert not (tmp_path / INDEX_NAME).exists()


def test_an_index_that_cannot_be_written_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = add_file(tmp_path, "one", "http://a.example/1")
    content = file.read_bytes()
    (tmp_path / INDEX_NAME).mkdir()
    with pytest.raises(ArchiveError, match="cannot use"):
        index_new_files(tmp_path, {file.name})
    (tmp_path / INDEX_NAME).rmdir()
    (tmp_path / INDEX_NAME).write_bytes(b"no database " * 1000)
    index_if_indexed(tmp_path)
    # A damaged index is made anew, from all files.
    assert urls(tmp_path) == ["http://a.example/1"]
    assert file.read_bytes() == content
    assert not caplog.records
