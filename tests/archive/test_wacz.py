"""WACZ files: what is in them, and that their own description says so."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from wire.archived import answer, archived_run, story

from newscrawl.archive import wacz
from newscrawl.archive.finished_runs import FinishedRun, read_run_articles
from newscrawl.archive.wacz import copy_shared_parts, write_wacz
from newscrawl.errors import ArchiveError
from newscrawl.warc import cdxj as zipnum
from newscrawl.warc.cdxj import compress_cdxj
from newscrawl.warc.reader import WarcPart, iter_records

MADE = datetime(2026, 3, 1, 13, 5, 7, tzinfo=UTC)


@pytest.fixture
def runs(tmp_path: Path) -> list[FinishedRun]:
    archives = tmp_path / "archives"
    pier = {
        "http://example.org/pier": answer(story("pier")),
        "http://example.org/gone": answer(b"", "404 Not Found"),
    }
    return [
        archived_run(archives, "echo", pier),
        archived_run(archives, "wire", {"http://wire.example/lamp": answer(story("lamp"))}, pid=8),
    ]


def packed(path: Path, runs: list[FinishedRun]) -> zipfile.ZipFile:
    warcs = [warc for run in runs for warc in run.warcs]
    write_wacz(path, warcs, read_run_articles(runs), title="Two runs", made=MADE)
    return zipfile.ZipFile(path)


def lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


def test_all_parts_are_there_and_stored(runs: list[FinishedRun], tmp_path: Path) -> None:
    with packed(tmp_path / "x.wacz", runs) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [
            *(f"archive/{run.warcs[0].name}" for run in runs),
            "indexes/index.cdx.gz",
            "indexes/index.idx",
            "pages/pages.jsonl",
            "datapackage.json",
            "datapackage-digest.json",
        ]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        for run in runs:
            assert archive.read(f"archive/{run.warcs[0].name}") == run.warcs[0].read_bytes()


def test_the_head_of_a_file_is_as_long_as_the_directory_says(runs: list[FinishedRun], tmp_path: Path) -> None:
    """wabac.js looks for a file's bytes by the lengths that the directory tells, not by those before them."""
    with packed(tmp_path / "x.wacz", runs) as archive:
        whole = (tmp_path / "x.wacz").read_bytes()
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename) + len(info.extra)
            assert whole[start : start + info.file_size] == archive.read(info)


def test_the_description_holds_for_every_file(runs: list[FinishedRun], tmp_path: Path) -> None:
    with packed(tmp_path / "x.wacz", runs) as archive:
        package = json.loads(archive.read("datapackage.json"))
        listed = {resource["path"] for resource in package["resources"]}
        assert listed | {"datapackage.json", "datapackage-digest.json"} == set(archive.namelist())
        for resource in package["resources"]:
            content = archive.read(resource["path"])
            assert resource["bytes"] == len(content)
            assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        names = [resource["name"] for resource in package["resources"]]
        assert len(set(names)) == len(names)
        assert package["wacz_version"] == "1.1.1"
        assert (package["title"], package["created"]) == ("Two runs", "2026-03-01T13:05:07Z")
        (digest,) = [json.loads(archive.read("datapackage-digest.json"))]
        whole = hashlib.sha256(archive.read("datapackage.json")).hexdigest()
        assert digest == {"path": "datapackage.json", "hash": f"sha256:{whole}"}


def test_every_article_is_a_page_with_title_text_and_dates(runs: list[FinishedRun], tmp_path: Path) -> None:
    with packed(tmp_path / "x.wacz", runs) as archive:
        head, *pages = lines(archive, "pages/pages.jsonl")
    assert head["format"] == "json-pages-1.0"
    assert head["hasText"] is True
    assert [(page["url"], page["title"]) for page in pages] == [
        ("http://example.org/pier", "News of the pier"),
        ("http://wire.example/lamp", "News of the lamp"),
    ]
    assert pages[0]["ts"] == "2026-03-01T12:00:00.250000Z"
    assert "The harbour council met on pier" in pages[0]["text"]
    assert len({page["id"] for page in pages}) == 2


def test_the_index_leads_to_each_answer(runs: list[FinishedRun], tmp_path: Path) -> None:
    with packed(tmp_path / "x.wacz", runs) as archive:
        index = gzip.decompress(archive.read("indexes/index.cdx.gz")).splitlines()
        assert index == sorted(index)
        found = {}
        for line in index:
            key, time, told = line.decode().split(" ", 2)
            place = json.loads(told)
            start, length = int(place["offset"]), int(place["length"])
            member = archive.read(f"archive/{place['filename']}")[start : start + length]
            assert f"WARC-Target-URI: {place['url']}\r\n".encode() in gzip.decompress(member)
            found[key] = (time, place["status"])
        assert found == {
            "org,example)/pier": ("20260301120000", "200"),
            "org,example)/gone": ("20260301120001", "404"),
            "example,wire)/lamp": ("20260301120000", "200"),
        }


def test_the_blocks_of_a_long_index_are_found_by_its_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipnum, "LINES_PER_BLOCK", 2)
    given = [f"org,example)/{n} 2026030112000{n} {{}}" for n in range(5)]
    packed_lines, places = compress_cdxj(given)
    meta, *blocks = places.decode().splitlines()
    assert json.loads(meta.removeprefix("!meta 0 "))["format"] == "cdxj-gzip-1.0"
    read: list[str] = []
    for line in blocks:
        key, time, told = line.split(" ", 2)
        place = json.loads(told)
        member = packed_lines[place["offset"] : place["offset"] + place["length"]]
        assert place["digest"] == f"sha256:{hashlib.sha256(member).hexdigest()}"
        here = gzip.decompress(member).decode().splitlines()
        assert here[0].startswith(f"{key} {time} ")
        read += here
    assert (read, len(blocks)) == (given, 3)


def test_the_same_runs_give_the_same_bytes(runs: list[FinishedRun], tmp_path: Path) -> None:
    for name in ("a.wacz", "b.wacz"):
        packed(tmp_path / name, runs).close()
    assert (tmp_path / "a.wacz").read_bytes() == (tmp_path / "b.wacz").read_bytes()


def test_a_failure_leaves_the_old_file_and_no_draft(runs: list[FinishedRun], tmp_path: Path) -> None:
    (tmp_path / "x.wacz").write_bytes(b"the old one")
    runs[1].lines.write_bytes(b"no line\n")
    with pytest.raises(ArchiveError, match="line 1: "):
        packed(tmp_path / "x.wacz", runs)
    assert [path.name for path in tmp_path.glob("x.*")] == ["x.wacz"]
    assert (tmp_path / "x.wacz").read_bytes() == b"the old one"


def test_one_name_cannot_stand_for_two_files(runs: list[FinishedRun], tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="the package already has a file with this name"):
        packed(tmp_path / "x.wacz", [runs[0], runs[0]])


def test_a_page_list_of_any_length_is_packed_or_named(
    runs: list[FinishedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    with pytest.raises(ArchiveError, match=r"pages/pages\.jsonl is too large"):
        packed(tmp_path / "x.wacz", runs)
    assert not list(tmp_path.glob("x.*"))


def test_another_ending_is_refused(runs: list[FinishedRun], tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"must end with \.wacz"):
        packed(tmp_path / "x.zip", runs)


def test_nothing_can_be_written_where_a_file_is_in_the_way(runs: list[FinishedRun], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArchiveError, match="cannot write "):
        packed(tmp_path / "file" / "x.wacz", runs)


def test_the_parts_of_a_file_are_packed_together(
    runs: list[FinishedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever runs are named between them, and however often."""
    monkeypatch.setattr(wacz, "BLOCK_BYTES", 100)
    shared, whole = (run.warcs[0] for run in runs)
    second, third = [record.offset for record in iter_records(shared)][1:3]
    first, last = WarcPart(shared, 0, second), WarcPart(shared, third)
    files = list(copy_shared_parts([last, WarcPart(whole), first, last], tmp_path))
    assert files == [tmp_path / shared.name, whole]
    content = shared.read_bytes()
    assert files[0].read_bytes() == content[:second] + content[third:]


@pytest.mark.parametrize("missing", [1, 10_000])
def test_a_file_that_is_too_short_for_a_run_is_named(
    runs: list[FinishedRun], tmp_path: Path, missing: int
) -> None:
    warc = runs[0].warcs[0]
    size = warc.stat().st_size
    part = WarcPart(warc, size - 10 if missing == 1 else size, size + missing)
    with pytest.raises(ArchiveError, match=f"{warc.name} is too short"):
        list(copy_shared_parts([part], tmp_path))
