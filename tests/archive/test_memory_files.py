"""Memory files: named by what they say, never changed, refused when damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from newscrawl.archive.memory_files import (
    CURRENT,
    find_memory,
    memory_name,
    newest_memory,
    read_memory,
    write_memory,
)
from newscrawl.errors import ArchiveError


def test_the_newest_is_the_one_written_last_and_older_ones_stay(tmp_path: Path) -> None:
    assert newest_memory(tmp_path) is None
    first, new = write_memory(tmp_path / "echo", b"one")
    assert new
    second, _ = write_memory(tmp_path / "echo", b"two")
    assert newest_memory(tmp_path / "echo") == second
    assert (read_memory(first), read_memory(second)) == (b"one", b"two")
    before = first.read_bytes()
    assert write_memory(tmp_path / "echo", b"one") == (first, False)
    assert newest_memory(tmp_path / "echo") == first
    assert first.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "echo").iterdir()) == sorted(
        [CURRENT, first.name, second.name]
    )


@pytest.mark.parametrize(
    "data", [b"", b"no gzip", gzip.compress(b"another", mtime=0), gzip.compress(b"one", mtime=0)[:-9]]
)
def test_a_damaged_memory_is_refused(tmp_path: Path, data: bytes) -> None:
    path, _ = write_memory(tmp_path, b"one")
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=path.name):
        read_memory(path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "memory-0.json.gz", "\xe9", memory_name(b"gone")])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / CURRENT).write_text(name, encoding="utf-8")
    with pytest.raises(ArchiveError):
        newest_memory(tmp_path)
    with pytest.raises(ArchiveError):
        find_memory(tmp_path, name)
