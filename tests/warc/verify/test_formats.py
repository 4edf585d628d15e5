"""The checker says what a file is, checks ARC files and looks into WACZ packages."""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crafted import members, record

from newscrawl.warc.verify import verify_warc
from newscrawl.warc.verify.files import iter_events
from newscrawl.warc.verify.formats import identify_format
from newscrawl.warc.verify.references import Event, References

CDX = b" CDX N b a m s k r M S V g\na)/ 20240506070809 http://a/ text/html 200 AB - - 9 0 a.gz\n"
CDXJ = b'com,example)/ 20240506070809 {"url": "http://example.com/"}\n'
INFO = record("warcinfo", None, b"software: x\r\n", number=1)
PAGE = record("resource", "http://example.org/", b"<p>", ("WARC-Block-Digest", "sha1:" + "A" * 32), number=2)
SOUND = record(
    "resource",
    "http://example.org/",
    b"",
    ("WARC-Block-Digest", "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"),
    number=3,
)
ABOUT = b"1 0 Example\nURL IP-address Archive-date Content-type Archive-length\n"
ARC = b"filedesc://x.arc 0.0.0.0 20240506070809 text/plain %d\n%s\n" % (len(ABOUT), ABOUT) + (
    b"http://example.org/ 192.0.2.1 20240506070809 text/html 3\n<p>\n"
)


def found(path: Path, content: bytes) -> list[tuple[str, str]]:
    path.write_bytes(content)
    return [(problem.code, problem.level) for problem in verify_warc(path)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CDX, "a CDX index"),
        (CDX.partition(b"\n")[2], "a CDX index"),
        (CDXJ, "a CDXJ index"),
        (b'!meta 0 {"format": "cdxj-gzip-1.0"}\n', "a CDXJ index"),
        (gzip.compress(CDXJ, mtime=0), "gzip data: a CDXJ index"),
        (gzip.compress(b"<!doctype html><p>", mtime=0), "gzip data: an HTML page"),
        (b'{"url": "http://example.org/"}\n', "JSON"),
        (b"<html><body>", "an HTML page"),
        (b"%PDF-1.4\n", "a PDF document"),
        (b"PK\x03\x04....", "a ZIP file"),
        (b"\x28\xb5\x2f\xfd....", "Zstandard data, perhaps of a .warc.zst file, which is not read"),
    ],
)
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    assert identify_format(content) == words
    (tmp_path / "x").write_bytes(content)
    (problem,) = verify_warc(tmp_path / "x")
    assert (problem.code, problem.level) == ("not_a_warc", "error")
    assert problem.message == f"this is {words}, not a WARC file"


def test_a_database_is_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.sqlite") as db:
        db.execute("CREATE TABLE a (b)")
    db.close()
    (problem,) = verify_warc(tmp_path / "x.sqlite")
    assert problem.message == "this is an SQLite database, not a WARC file"


def test_archives_are_told_by_their_bytes() -> None:
    for content, words in ((INFO, "a WARC file"), (ARC, "an ARC file")):
        assert identify_format(content) == identify_format(gzip.compress(content)) == words
    assert identify_format(b"\0\1\2") is None
    assert identify_format(b"PK\x03\x04....", "x.wacz") == "a WACZ package"


def test_a_sound_arc_file_is_a_warning(tmp_path: Path) -> None:
    first, second = ARC.split(b"\nhttp:")
    packed = members([first + b"\n", b"http:" + second])
    for content in (ARC, packed, gzip.compress(ARC)):
        assert found(tmp_path / "x.arc", content) == [("file_is_arc", "warning")]
    assert ("arc_damaged", "error") in found(tmp_path / "x.arc", packed[:-9])
    assert ("arc_damaged", "error") in found(tmp_path / "x.arc", ARC + b"these bytes are no record\n")


@pytest.mark.parametrize(("content", "code"), [(ARC, "file_is_arc"), (CDX, "not_a_warc")], ids=["ARC", "CDX"])
def test_what_was_found_counts_also_where_the_file_then_goes(
    tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)

    def moved_away() -> Iterator[Event]:
        for event in iter_events(path):
            path.unlink(missing_ok=True)
            yield event

    codes = [problem.code for problem in References().apply(moved_away())]
    assert codes == [code, "file_unreadable"]


def package(path: Path, change: Callable[[dict[str, bytes], dict[str, Any]], object] | None = None) -> Path:
    files = {"archive/a.warc.gz": members([INFO, SOUND]), "pages/pages.jsonl": b"{}\n"}
    resources = [
        {"path": name, "bytes": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        for name, data in files.items()
    ]
    description = {"profile": "data-package", "resources": resources}
    if change:
        change(files, description)
    with zipfile.ZipFile(path, "w") as target:
        for name, data in files.items():
            target.writestr(name, data)
        target.writestr("datapackage.json", json.dumps(description))
    return path


CHANGES: dict[str, tuple[Callable[[dict[str, bytes], dict[str, Any]], object], list[str]]] = {
    "another page": (lambda files, _: files.update({"pages/pages.jsonl": b"[]\n"}), ["package_file_differs"]),
    "a longer page": (
        lambda files, _: files.update({"pages/pages.jsonl": b"[ ]\n"}),
        ["package_file_differs"],
    ),
    "a file that is gone": (lambda files, _: files.pop("pages/pages.jsonl"), ["package_file_missing"]),
    "a WARC that is not listed": (lambda _, about: about["resources"].pop(0), ["package_file_unlisted"]),
    "no list": (lambda _, about: about.pop("resources"), ["package_undescribed"]),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_package_is_compared_with_its_description(tmp_path: Path, kind: str) -> None:
    change, codes = CHANGES[kind]
    assert list(verify_warc(package(tmp_path / "x.wacz"))) == []
    assert [problem.code for problem in verify_warc(package(tmp_path / "y.wacz", change))] == codes


@pytest.mark.parametrize("kind", ["another page", "a file that is gone", "no list"])
def test_faults_of_a_package_count_though_the_warc_in_it_is_torn(tmp_path: Path, kind: str) -> None:
    change, codes = CHANGES[kind]
    torn = members([INFO])[:-20]

    def tear(files: dict[str, bytes], about: dict[str, Any]) -> None:
        files["archive/a.warc.gz"] = torn
        digest = f"sha256:{hashlib.sha256(torn).hexdigest()}"
        about["resources"][0] |= {"bytes": len(torn), "hash": digest}
        change(files, about)

    found_codes = [problem.code for problem in verify_warc(package(tmp_path / "x.wacz", tear))]
    assert found_codes == [*codes, "member_truncated"]


def test_faults_of_one_archive_in_a_package_count_though_the_next_is_torn(tmp_path: Path) -> None:
    def add(files: dict[str, bytes], _: dict[str, Any]) -> None:
        files |= {"archive/b.arc": ARC, "archive/c.warc.gz": b"", "archive/d.warc.gz": members([INFO])[:-20]}

    inside = [
        (Path(problem.file).name, problem.code)
        for problem in verify_warc(package(tmp_path / "x.wacz", add))
        if problem.code != "package_file_unlisted"
    ]
    assert [name for name, _ in inside] == ["b.arc", "c.warc.gz", "d.warc.gz"]
    assert inside[:2] == [("b.arc", "file_is_arc"), ("c.warc.gz", "file_empty")]


def test_the_warc_files_in_a_package_are_checked(tmp_path: Path) -> None:
    def spoil(files: dict[str, bytes], about: dict[str, Any]) -> None:
        data = files["archive/a.warc.gz"] = members([INFO, PAGE])
        about["resources"][0] |= {"bytes": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}

    (problem,) = verify_warc(package(tmp_path / "x.wacz", spoil))
    assert problem.code == "block_digest_mismatch"
    assert problem.file == str(tmp_path / "x.wacz" / "archive" / "a.warc.gz")


def test_a_broken_package_is_an_error_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = package(tmp_path / "x.wacz").read_bytes()
    for end in range(4, len(whole), 97):
        assert ("package_damaged", "error") in found(tmp_path / "y.wacz", whole[:end])
    at = whole.index(b"\x1f\x8b") + 12
    flipped = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    assert found(tmp_path / "y.wacz", flipped) == [("package_damaged", "error")]
