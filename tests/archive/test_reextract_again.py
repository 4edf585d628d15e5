"""Extraction in worker processes: in order, and a page costs at most itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pebble import ProcessPool
from wire.archived import answer, archived_run, story
from wire.workers import extract_by_name

from newscrawl.archive import reextract as again
from newscrawl.archive.pages import Place, archive_files
from newscrawl.archive.reextract import Part, Work, extracted, skip_done, write_lines
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Rejection, WarcPointer
from newscrawl.pipelines.extract import extraction_pool


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    made = extraction_pool(2)
    yield made
    made.stop()
    made.join()


def work(*names: str) -> Iterator[Work]:
    for name in names:
        pointer = WarcPointer(file=name, offset=0, length=1, record_id="<urn:uuid:1>")
        yield Place(folder=Path(), pointer=pointer, url=f"http://a/{name}", run="r"), None


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
    results = list(extracted(work("good", name, "well", "fair"), pool=pool, seconds=1.5, ahead=3))
    assert [place.pointer.file for place, _ in results] == ["good", name, "well", "fair"]
    assert [item.reason for _, item in results if isinstance(item, Rejection)] == [
        "fine",
        reason,
        "fine",
        "fine",
    ]


def test_no_more_pages_are_asked_for_than_are_handed_out(
    pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "extract_at", extract_by_name)
    asked: list[str] = []

    def noted() -> Iterator[Work]:
        for place in work(*(str(n) for n in range(20))):
            asked.append(place[0].pointer.file)
            yield place

    results = extracted(noted(), pool=pool, seconds=20, ahead=4)
    next(results)
    assert asked == ["0", "1", "2", "3"]
    assert len(list(results)) == 19


def test_workers_that_cannot_run_refuse_no_page(tmp_path: Path, pool: ProcessPool) -> None:
    pool.stop()
    pool.join()
    part = Part(out=tmp_path / "x", task="t")
    part.open()
    with pytest.raises(NewscrawlError, match="the worker processes cannot run"):
        write_lines(extracted(work("a"), pool=pool, seconds=1, ahead=1), part, judge=lambda _, item: item)
    assert part.pages == 0
    part.close()


def test_pages_that_are_done_are_passed_by_and_their_articles_remembered(tmp_path: Path) -> None:
    pages = {f"http://example.org/{n}": answer(story(f"pier {n}")) for n in range(3)}
    run = archived_run(tmp_path / "archives", "echo", pages)
    lines = run.lines.read_bytes().splitlines(keepends=True)
    part = Part(out=tmp_path / "x", task="t")
    part.open()
    part.add(lines[0])
    part.refuse("listing")
    part.save()
    (file,) = archive_files([run.folder])
    places: Iterator[Work] = ((place, None) for place in file.places())
    known: list[tuple[str, str]] = []
    skip_done(places, part, lambda name, article: known.append((name, article)))
    assert [name for name, _ in known] == [run.report.run]
    assert f'"id":"{known[0][1]}"'.encode() in lines[0]
    assert [place.url for place, _ in places] == ["http://example.org/2"]
    part.close()


def test_damaged_lines_are_named(tmp_path: Path) -> None:
    part = Part(out=tmp_path / "x", task="t")
    part.open()
    part.add(b"no line\n")
    part.save()
    with pytest.raises(ArchiveError, match=r"x\.part is damaged"):
        skip_done(iter(()), part, lambda *_: None)
    part.close()
