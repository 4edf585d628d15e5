"""Which records are pages, in archives of ours and of others, whole or broken."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from wire.archived import answer, archived_run, story

from newscrawl.archive.finished_runs import FinishedRun
from newscrawl.archive.pages import ArchiveFile, PageResponse, find_archive_files, is_page, iter_responses
from newscrawl.archive.reextract import extract_at
from newscrawl.warc.fast_reader import RecordSlice
from newscrawl.warc.reader import WarcRecord, iter_records

OURS = {"software": "newscrawl/1 Scrapy/2", "run": "echo-1"}
FOUND = {"outcome": "ok", "discovery": '{"url": "http://a/", "via": "list"}'}
PAGES = {f"http://example.org/{n}": answer(story(f"pier {n}")) for n in range(3)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    return archived_run(tmp_path_factory.mktemp("archives"), "echo", PAGES)


def an_answer(
    received: bytes, info: dict[str, str], notes: dict[str, str], kind: str = "response", **headers: str
) -> PageResponse:
    return PageResponse(record=RecordSlice(0, 1, kind, headers, received), info=info, metadata=notes)


@pytest.mark.parametrize(
    ("received", "notes", "page"),
    [
        (answer(b"<p>"), FOUND, True),
        (answer(b"{}", kind="application/json"), FOUND, True),
        (answer(b"", "204 No Content"), FOUND, True),
        (answer(b"<p>", "301 Moved"), FOUND, False),
        (answer(b"<p>", "503 Busy"), FOUND, False),
        (answer(b"<p>"), {**FOUND, "outcome": "ResponseDataLossError: cut"}, False),
        (answer(b"<p>"), {"outcome": "ok"}, False),
        (answer(b"<p>"), {}, False),
        (b"", FOUND, False),
    ],
)
def test_ours_are_what_the_extractor_was_given(received: bytes, notes: dict[str, str], page: bool) -> None:
    assert is_page(an_answer(received, OURS, notes)) is page
    assert is_page(an_answer(received, OURS, notes, kind="revisit")) is page


@pytest.mark.parametrize(
    ("received", "identified", "page"),
    [
        (answer(b"<p>"), "", True),
        (answer(b"<p>", kind="application/xhtml+xml"), "", True),
        (answer(b"<p>", kind="application/octet-stream"), "text/html", True),
        (answer(b"<p>", kind="application/json"), "", False),
        (answer(b"<p>", kind="text/htmlx"), "", False),
        (answer(b"<p>", "206 Partial Content"), "", False),
        (answer(b"<p>", "404 Not Found"), "", False),
        (b"not http", "text/html", False),
    ],
)
def test_of_others_it_is_html_that_came_whole(received: bytes, identified: str, page: bool) -> None:
    headers = {"warc-identified-payload-type": identified}
    for info in ({}, {"software": "Heritrix newscrawl/3"}):
        assert is_page(an_answer(received, info, FOUND, **headers)) is page
        assert not is_page(an_answer(received, info, FOUND, kind="revisit", **headers))


def test_every_place_leads_to_its_page(run: FinishedRun) -> None:
    (file,) = find_archive_files([run.folder])
    places = list(file.pages())
    assert [place.url for place in places] == list(PAGES)
    assert {place.run for place in places} == {run.report.run}
    for place in places:
        assert extract_at(place.folder, place.pointer, None).url == place.url
    assert file.end == file.size
    assert not file.is_torn


def test_an_archive_in_one_gzip_stream_is_read_too(run: FinishedRun, tmp_path: Path) -> None:
    path = tmp_path / "one.warc.gz"
    path.write_bytes(gzip.compress(gzip.decompress(run.warcs[0].read_bytes())))
    file = ArchiveFile(path=path)
    places = list(file.pages())
    assert [place.url for place in places] == list(PAGES)
    assert [extract_at(place.folder, place.pointer, None).url for place in places] == list(PAGES)
    assert not file.is_torn


def with_zeros(path: Path, run: FinishedRun, lost: Callable[[WarcRecord], bool]) -> ArchiveFile:
    """The run's file without the records that are lost."""
    raw = bytearray(run.warcs[0].read_bytes())
    with run.warcs[0].open("rb") as stream:
        for record in iter_records(stream):
            if lost(record):
                raw[record.offset : record.offset + record.length] = bytes(record.length)
    path.write_bytes(raw)
    return ArchiveFile(path=path)


@pytest.mark.parametrize("number", range(3))
def test_a_damaged_page_costs_itself(run: FinishedRun, tmp_path: Path, number: int) -> None:
    lost = list(PAGES)[number]
    file = with_zeros(tmp_path / "x.warc.gz", run, lambda one: (one.kind, one.url) == ("response", lost))
    places = list(file.pages())
    assert [place.url for place in places] == [url for url in PAGES if url != lost]
    for place in places:
        assert extract_at(place.folder, place.pointer, None).url == place.url
    assert file.is_torn


def test_without_its_opening_an_archive_of_ours_is_still_known(run: FinishedRun, tmp_path: Path) -> None:
    file = with_zeros(tmp_path / "x.warc.gz", run, lambda one: one.kind == "warcinfo")
    assert [(place.url, place.run) for place in file.pages()] == [(url, "") for url in PAGES]
    assert file.is_torn
    # Fetched whole, but never given to the extractor.
    without_warcinfo = RecordSlice(0, 1, "response", {"warc-record-id": "a"}, answer(b"<p>"))
    notes = RecordSlice(1, 1, "metadata", {"warc-concurrent-to": "a"}, b"outcome: ok\r\n")
    assert not any(is_page(one) for one in iter_responses([without_warcinfo, notes]))
    assert all(is_page(one) for one in iter_responses([without_warcinfo]))


def test_files_come_by_folder_and_name(tmp_path: Path) -> None:
    for name in ("b/2.warc.gz", "b/1.warc", "a/9.warc.gz", "a/x.warc.wet.gz", "a/y.warc.gz.open"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(file.path.relative_to(tmp_path)) for file in find_archive_files([tmp_path / "b", tmp_path])]
    assert found == ["a/9.warc.gz", "b/1.warc", "b/2.warc.gz"]


def test_an_empty_file_is_not_torn(tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz").touch()
    (file,) = find_archive_files([tmp_path])
    assert list(file.pages()) == []
    assert not file.is_torn


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_damage_is_a_crash_or_makes_a_page_up(
    run: FinishedRun, tmp_path: Path, data: st.DataObject
) -> None:
    whole = bytearray(run.warcs[0].read_bytes())
    if data.draw(st.booleans()):
        whole = bytearray(gzip.decompress(bytes(whole)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    path = tmp_path / "damaged.warc.gz"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    file = ArchiveFile(path=path)
    assert len(list(file.pages())) <= len(PAGES)
    assert file.is_torn in (True, False)
