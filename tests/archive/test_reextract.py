"""Extraction from the archive: what a crawl noted comes back, and a page costs at most itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pebble import ProcessPool
from scrapy import Request
from wire.archived import answer, archived_run, story
from wire.fake_extractors import extract_by_name

from newscrawl.archive import reextract as again
from newscrawl.archive.lines import iter_lines
from newscrawl.archive.pages import PageLocation, find_archive_files
from newscrawl.archive.partial_output import PartialOutput, skip_finished_pages, write_lines
from newscrawl.archive.reextract import Judge, PageTask, extract_page, extract_pages, read_link
from newscrawl.archive.story_records import StoryRecords
from newscrawl.downloader.capture import build_notes
from newscrawl.downloader.request_meta import LINK
from newscrawl.errors import ArchiveError, MachineFault, NewscrawlError
from newscrawl.items import Link, Rejection, WarcPointer
from newscrawl.outlet import Outlet
from newscrawl.pipelines.judgements import ArticleJudge
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.reader import read_page
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter
from newscrawl.workers import start_extraction_pool

STARTED = datetime(2026, 3, 4, tzinfo=UTC)
BODY = b"<html><head><title>T</title></head><body></body></html>"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def archived(folder: Path, notes: tuple[tuple[str, str], ...], answer: bytes = ANSWER) -> object:
    numbers = count(1)
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix="echo", host="h", pid=1),
        info=(),
        now=lambda: STARTED,
        new_id=lambda: f"<urn:uuid:{next(numbers):032x}>",
    )
    pointer = writer.write(
        HttpExchange(
            url="http://a/final",
            started=STARTED,
            sent=b"GET / HTTP/1.1\r\n\r\n",
            received=answer,
            metadata=notes,
        )
    )
    page = read_page(folder, pointer)
    writer.close()
    next(folder.glob("*.warc.gz")).unlink()
    return page


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50)


@settings(deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(["\u2028", "\u2029", "\x85", "\x1c", "\r\n", "\n"]))
def test_how_a_page_was_found_survives_any_text(
    tmp_path_factory: pytest.TempPathFactory, title: str, content: str, separator: str
) -> None:
    link = Link(
        url="http://a/asked",
        via="feed",
        from_url="http://a/feed",
        title=title or None,
        published=f"{content}{separator}{content}",
    )
    notes = build_notes(Request("http://a/final", meta={LINK: link}), None, 0.1)
    page = archived(tmp_path_factory.mktemp("archive"), notes)
    assert read_link(page) == link  # type: ignore[arg-type]


def test_a_page_without_a_note_counts_as_listed(tmp_path: Path) -> None:
    page = archived(tmp_path, (("outcome", "ok"),))
    assert read_link(page) == Link(url="http://a/final", via="list")  # type: ignore[arg-type]


def test_a_note_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="how http://a/final was found cannot be read"):
        read_link(archived(tmp_path, (("discovery", '{"url": "cut'),)))  # type: ignore[arg-type]


def test_a_body_that_cannot_be_decoded_is_a_named_rejection(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x00lain"
    result = extract_page(StoryRecords(page=archived(tmp_path, (), answer)), None)  # type: ignore[arg-type]
    assert isinstance(result, Rejection)
    assert (result.reason, result.step) == ("bad_encoding", "extract")
    assert result.warc


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    made = start_extraction_pool(2)
    yield made
    made.stop()
    made.join()


def accept(_: Outlet | None) -> Judge:
    return ArticleJudge(0, "archive")


def work(*names: str) -> Iterator[PageTask]:
    for name in names:
        pointer = WarcPointer(file=name, offset=0, length=1, record_id="<urn:uuid:1>")
        yield PageLocation(folder=Path(), pointer=pointer, url=f"http://a/{name}", run="r"), None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hangs", "extract_timeout"),
        ("dies", "extractor_crash"),
        ("raises", "extractor_error"),
        ("unreadable", "archive_unreadable"),
    ],
)
def test_what_befalls_a_worker_costs_one_page(
    pool: ProcessPool, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    monkeypatch.setattr(again, "extract_at", extract_by_name)
    results = list(
        extract_pages(work("good", name, "well", "fair"), pool=pool, seconds=1.5, ahead=3, judge=accept)
    )
    assert [place.pointer.file for place, _ in results] == ["good", name, "well", "fair"]
    assert [item.reason for _, item in results if isinstance(item, Rejection)] == [
        "fine",
        reason,
        "fine",
        "fine",
    ]


def test_the_machine_s_fault_is_no_page_s(
    tmp_path: Path, pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work ends there, and what was read before stays."""
    monkeypatch.setattr(again, "extract_at", extract_by_name)
    part = PartialOutput(out=tmp_path / "x", task="t")
    part.open()
    pages = extract_pages(
        work("good", "no_descriptors", "well"), pool=pool, seconds=20, ahead=2, judge=accept
    )
    with pytest.raises(MachineFault, match="Too many open files"):
        write_lines(pages, part, is_new=lambda *_: True)
    assert (part.pages, part.rejected) == (1, {"fine": 1})
    part.close()


def test_no_more_pages_are_asked_for_than_are_handed_out(
    pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "extract_at", extract_by_name)
    asked: list[str] = []

    def noted() -> Iterator[PageTask]:
        for place in work(*(str(n) for n in range(20))):
            asked.append(place[0].pointer.file)
            yield place

    results = extract_pages(noted(), pool=pool, seconds=20, ahead=4, judge=accept)
    next(results)
    assert asked == ["0", "1", "2", "3"]
    assert len(list(results)) == 19


def test_workers_that_cannot_run_refuse_no_page(tmp_path: Path, pool: ProcessPool) -> None:
    pool.stop()
    pool.join()
    part = PartialOutput(out=tmp_path / "x", task="t")
    part.open()
    with pytest.raises(NewscrawlError, match="the worker processes cannot run"):
        write_lines(
            extract_pages(work("a"), pool=pool, seconds=1, ahead=1, judge=accept),
            part,
            is_new=lambda *_: True,
        )
    assert part.pages == 0
    part.close()


def test_pages_that_are_done_are_passed_by_and_their_articles_remembered(tmp_path: Path) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"pier {n}")) for n in range(3)}
    run = archived_run(tmp_path / "archives", "echo", pages)
    lines = run.lines.read_bytes().splitlines(keepends=True)
    part = PartialOutput(out=tmp_path / "x", task="t")
    part.open()
    part.add(lines[0])
    part.add_rejection("listing")
    part.save()
    (file,) = find_archive_files([run.folder])
    places: Iterator[PageTask] = ((place, None) for place in file.pages())
    known: list[tuple[str, str]] = []
    skip_finished_pages(places, part, lambda name, article: known.append((name, article)))
    assert [name for name, _ in known] == [run.report.run]
    assert f'"id":"{known[0][1]}"'.encode() in lines[0]
    assert [place.url for place, _ in places] == ["http://example.org/2"]
    part.close()


def test_damaged_lines_are_named(tmp_path: Path) -> None:
    part = PartialOutput(out=tmp_path / "x", task="t")
    part.open()
    part.add(b"no line\n")
    part.save()
    with pytest.raises(ArchiveError, match=r"x\.part is damaged"):
        skip_finished_pages(iter(()), part, lambda *_: None)
    part.close()


def begun(out: Path, task: str = "a") -> PartialOutput:
    part = PartialOutput(out=out, task=task)
    part.open()
    return part


def test_what_was_saved_is_gone_on_from(tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    first = begun(out)
    first.add(b"one\n")
    first.add_rejection("listing")
    first.close()
    # As a kill leaves it: more lines than are noted.
    out.with_name("x.jsonl.part").write_bytes(b"one\ntwo, which nobo")
    second = begun(out)
    assert (second.pages, second.articles, second.rejected) == (2, 1, {"listing": 1})
    assert [line.raw for line in iter_lines(second.path)] == [b"one\n"]
    second.add(b"three\n")
    second.finish()
    assert out.read_bytes() == b"one\nthree\n"
    assert list(tmp_path.iterdir()) == [out]


def test_refusals_alone_are_gone_on_from_too(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.add_rejection("listing")
    first.save()
    first.close()
    second = begun(tmp_path / "x")
    assert (second.pages, second.articles) == (1, 0)
    second.close()


def test_another_task_begins_anew(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.add(b"one\n")
    first.save()
    first.close()
    second = begun(tmp_path / "x", task="b")
    assert second.pages == 0
    assert [line.raw for line in iter_lines(second.path)] == []
    second.close()


def test_lines_that_are_shorter_than_noted_are_begun_anew(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.add(b"one\n")
    first.save()
    first.close()
    first.path.write_bytes(b"on")
    second = begun(tmp_path / "x")
    assert second.pages == 0
    second.close()


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "x"
    out.write_bytes(b"old\n")
    part = begun(out)
    part.add(b"new\n")
    part.save()
    assert out.read_bytes() == b"old\n"
    part.finish()
    assert out.read_bytes() == b"new\n"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot write "):
        begun(tmp_path / "none" / "x")


def test_what_is_left_at_an_error_is_gone_on_from(tmp_path: Path) -> None:
    first = begun(tmp_path / "x")
    first.add(b"one\n")
    first.close()
    second = begun(tmp_path / "x")
    assert [line.raw for line in iter_lines(second.path)] == [b"one\n"]
    second.close()


def test_nothing_is_left_where_nothing_was_done(tmp_path: Path) -> None:
    begun(tmp_path / "x").close()
    assert not list(tmp_path.iterdir())
