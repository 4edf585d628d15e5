"""WARC files inside WACZ packages are read where they are."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from crafted import members, record

from newscrawl.errors import ArchiveError
from newscrawl.warc.packages import list_package, open_packaged, split_package_name
from newscrawl.warc.reader import iter_records, open_warc

DATA = members([record("resource", f"http://example.org/{n}", b"a" * n, number=n) for n in range(1, 40)])


def package(folder: Path, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(folder / "x.wacz", "w", method) as target:
        target.writestr("pages/pages.jsonl", "{}")
        target.writestr("archive/b.warc.gz", DATA)
        target.writestr("archive/a.arc", b"")
    return folder / "x.wacz"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_packaged_file_reads_as_if_it_were_unpacked(tmp_path: Path, method: int) -> None:
    path = package(tmp_path, method)
    assert [(file.name, file.size) for file in list_package(path)] == [
        ("archive/a.arc", 0),
        ("archive/b.warc.gz", len(DATA)),
    ]
    with open_warc(tmp_path, "x.wacz/archive/b.warc.gz") as stream:
        assert list(iter_records(stream)) == list(iter_records(io.BytesIO(DATA)))
        for place in (len(DATA) - 7, 3, len(DATA) + 9):
            stream.seek(place)
            assert stream.read(20) == DATA[place : place + 20]
        assert stream.seek(-5, io.SEEK_END) == len(DATA) - 5
        assert stream.read() == DATA[-5:]


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    path = package(tmp_path)
    with pytest.raises(ArchiveError, match=r"no archive/c\.warc in .*x\.wacz"):
        open_packaged(path, "archive/c.warc")
    with pytest.raises(ArchiveError, match="no such archive file"):
        open_packaged(tmp_path / "y.wacz", "archive/b.warc.gz")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ArchiveError, match="cannot read"):
        list_package(path)
    with pytest.raises(ArchiveError, match="cannot read"):
        open_packaged(path, "archive/b.warc.gz")


def test_only_a_name_with_a_package_is_split() -> None:
    assert split_package_name("x.wacz/archive/a.warc") == ("x.wacz", "archive/a.warc")
    assert split_package_name("x.wacz") is None
    assert split_package_name("a.warc.gz") is None
