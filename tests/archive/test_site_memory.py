"""Learning: what is held is bounded, and a page that cannot be read teaches nothing."""

from __future__ import annotations

import gzip
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest
from wire.archived import answer, archived_run, story

from newscrawl.archive.manifest import file_sha256, read_manifest
from newscrawl.archive.memory_files import CURRENT, newest_memory
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_with_record, load_memory, read_page_records
from newscrawl.archive.site_memory import (
    PageRecordBuffer,
    erase_from_memories,
    learn_from_archive,
    read_newest_records,
    write_site_memory,
)
from newscrawl.errors import ArchiveError
from newscrawl.extraction.boilerplate import MAX_PAGES, PageRecord
from newscrawl.workers import start_extraction_pool


def note(number: int, day: str = "2026-03-01") -> PageRecord:
    return PageRecord(
        url=f"http://a/{uuid5(NAMESPACE_URL, str(number))}", day=day, title=f"{number}", inside={}, outside={}
    )


def test_no_more_notes_are_held_than_can_be_remembered_and_their_order_is_no_matter() -> None:
    held = []
    for order in (1, -1):
        notes = PageRecordBuffer()
        for number in range(5 * MAX_PAGES)[::order]:
            notes.add(note(number))
        held.append(notes.records)
    assert held[0] == held[1]
    assert len(held[0]) == MAX_PAGES


def test_nothing_is_written_where_nothing_was_learned(tmp_path: Path) -> None:
    assert write_site_memory(tmp_path, []) is None
    assert read_newest_records(tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_a_memory_is_added_to_and_begun_anew_when_it_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_site_memory(tmp_path, [note(1)])
    write_site_memory(tmp_path, [*read_newest_records(tmp_path), note(2)])
    assert {one.title for one in read_newest_records(tmp_path)} == {"1", "2"}
    newest = newest_memory(tmp_path)
    assert newest
    newest.write_bytes(b"")
    assert read_newest_records(tmp_path) == []
    assert newest.name in caplog.text
    write_site_memory(tmp_path, [note(3)])
    assert [one.title for one in read_newest_records(tmp_path)] == ["3"]


def test_erased_pages_leave_every_memory_which_keeps_its_name(tmp_path: Path) -> None:
    first = write_site_memory(tmp_path, [note(1), note(2)])
    second = write_site_memory(tmp_path, [note(1), note(2), note(3)])
    assert first
    assert second
    damaged = tmp_path / "memory-0123456789abcdef.json.gz"
    damaged.write_bytes(gzip.compress(b"{}"))
    before = first.read_bytes()
    assert erase_from_memories(tmp_path, ["http://a/elsewhere"]) == [damaged.name]
    assert first.read_bytes() == before
    erase_from_memories(tmp_path, [note(1).url.replace("http://a/", "http://A:80/") + "#top"])
    assert [one.title for one in read_page_records(first)] == ["2"]
    assert [one.title for one in read_page_records(second)] == ["2", "3"]
    for path in (first, second):
        assert note(1).url.encode() not in gzip.decompress(path.read_bytes())
        assert read_manifest(tmp_path)[path.name] == file_sha256(path)
    assert load_memory(second).name == second.name
    erase_from_memories(tmp_path, [], is_whole_outlet=True)
    assert read_page_records(first) == read_page_records(second) == []
    assert newest_memory(tmp_path) == second


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b'{"name":"memory-0000000000000000.json.gz"}', b"[" * 99999]
)
def test_a_memory_under_the_name_of_another_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "memory-0123456789abcdef.json.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ArchiveError, match="is damaged"):
        read_page_records(path)


def test_a_page_that_cannot_be_read_teaches_nothing(tmp_path: Path) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"pier number {n}")) for n in range(3)}
    pages["http://example.org/picture"] = answer(b"\x89PNG\r\n\x1a\n" + bytes(500), kind="image/png")
    pages["http://example.org/packed"] = answer(b"x").replace(b"X-Odd-CASE: kept", b"Content-Encoding: gzip")
    folder = archived_run(tmp_path, "echo", pages).folder
    files = find_archive_files([folder])
    pool = start_extraction_pool(1)
    try:
        learnt = learn_from_archive(folder, files, {}, pool=pool, seconds=20, ahead=2)
    finally:
        pool.stop()
        pool.join()
    assert (learnt.pages, learnt.stories) == (3, 3)
    newest = newest_memory(folder)
    assert newest
    assert newest.name == learnt.memory
    assert {one.url for one in read_page_records(newest)} == {f"http://example.org/{n}" for n in range(3)}
    assert (folder / CURRENT).read_text() == f"{newest.name}\n"


def test_a_note_is_the_same_whatever_memory_the_page_was_read_with(tmp_path: Path) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"pier number {n}")) for n in range(3)}
    folder = archived_run(tmp_path, "echo", pages).folder
    (file,) = find_archive_files([folder])
    places = list(file.pages())
    plain = [extract_with_record(place.folder, place.pointer, None).record for place in places]
    path = write_site_memory(folder, [one for one in plain if one])
    assert path
    assert [extract_with_record(place.folder, place.pointer, None, path).record for place in places] == plain
    path.write_bytes(b"")
    with pytest.raises(ArchiveError, match=path.name):
        read_page_records(path)
