"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from newscrawl.errors import ArchiveError, StorageError
from newscrawl.storage import Storage, atomic_write, hide_credentials


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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sftp://paul:kola-nut@files.example/a", "sftp://***@files.example/a"),
        ("https://paul:ko/la@nut@files.example/a", "https://***@files.example/a"),
        ("s3://AKIA0:secret/key@bucket/a", "s3://***@bucket/a"),
        ("https://token0123@files.example/a", "https://***@files.example/a"),
        ("https://files.example:8443/@paul/a", "https://files.example:8443/@paul/a"),
        ("https://files.example/a?sig=kola-nut", "https://files.example/a?***"),
        ("simplecache::ftp://paul:kola-nut@files.example/a", "simplecache::ftp://***@files.example/a"),
        ("/srv/paul:kola@nut/a", "/srv/paul:kola@nut/a"),
    ],
)
def test_a_url_is_shown_without_what_opens_it(url: str, shown: str) -> None:
    assert hide_credentials(url) == shown


class QuotingFiles:
    """A library whose errors quote what it was given."""

    protocol = "sftp"

    def cat_file(self, path: str) -> bytes:
        raise RuntimeError(
            f"login of paul with 'kola nut'\nat sftp://paul:kola%20nut@files.example{path} failed"
        )

    def open(self, path: str, _: str) -> None:
        raise OSError(f"{path}: no access with kola%20nut")


def test_errors_of_a_library_print_no_password() -> None:
    storage = Storage(QuotingFiles(), "/a", "sftp://paul:kola%20nut@files.example/a")
    with pytest.raises(StorageError) as caught:
        storage.read("b")
    assert str(caught.value) == (
        "sftp://***@files.example/a/b: RuntimeError: "
        "login of paul with '***' at sftp://***@files.example/a/b failed"
    )
    with pytest.raises(StorageError, match=r"no access with \*\*\*$"):
        storage.digest("b")


@pytest.mark.parametrize(
    "url",
    [
        "nothing-known://paul:kola-nut@files.example/a",
        "sftp://paul:kola-nut@files.example/a",
        "webhdfs://paul:kola-nut@files.example:99x/a",
        "https://paul:kola-nut@[::1/a",
    ],
)
def test_a_storage_that_cannot_be_opened_prints_no_password(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        Storage.open(url).read("b")
    assert "kola-nut" not in str(caught.value)
    assert "\n" not in str(caught.value)
