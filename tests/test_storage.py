"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from newscrawl.errors import ArchiveError
from newscrawl.storage import atomic_write


def test_nothing_is_there_before_all_is(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x"
    with atomic_write(path) as stream:
        stream.write(b"all")
        assert not path.exists()
    assert path.read_bytes() == b"all"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), ArchiveError("cannot read")])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def write() -> None:
        with atomic_write(path) as stream:
            stream.write(b"new")
            raise error

    with pytest.raises(type(error)):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_write(tmp_path / "x"):
            raise OSError(28, "No space left on device")

    with pytest.raises(ArchiveError, match="x: No space left on device"):
        write()
    assert not list(tmp_path.iterdir())
