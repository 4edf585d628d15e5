"""Following pages in an archive: found by what their metadata says, replayed to the story they belong to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from paged_stories import PagedStory

from newscrawl.archive import story_records
from newscrawl.archive.following_records import find_following_records
from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_at
from newscrawl.archive.replay import ReplayIndex, read_captures, request_key
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.story_parts import StoryPart, read_story_part
from newscrawl.warc.writer import WarcWriter

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SITE = "http://example.org"
STORY = PagedStory(count=3)
RUN = "echo-20260304050607000-1"


class Archive:
    """A run's archive, written exchange by exchange."""

    def __init__(self, folder: Path, max_bytes: int = 1 << 30) -> None:
        self.folder, self._numbers, self._seconds = folder / "echo", count(1), count()
        self._writer = WarcWriter(
            folder=self.folder,
            names=WarcNameTemplate(prefix="echo", host="host", pid=1),
            info=(("software", "newscrawl/1 Scrapy/2"), ("run", RUN)),
            now=lambda: START,
            new_id=lambda: f"<urn:uuid:{next(self._numbers):032x}>",
            max_bytes=max_bytes,
        )
        self._writer.open()

    def add(self, path: str, html: str, *notes: tuple[str, str], status: str = "200 OK") -> WarcPointer:
        body = html.encode()
        received = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
        return self._writer.write(
            HttpExchange(
                url=SITE + path,
                started=START + timedelta(seconds=next(self._seconds)),
                sent=b"GET %s HTTP/1.1\r\nHost: example.org\r\n\r\n" % path.encode(),
                received=received.encode() + body,
                metadata=(("outcome", "ok"), *notes),
            )
        )

    def add_first(self, path: str = STORY.path, **more: object) -> WarcPointer:
        link = {"url": SITE + path, "via": "list", **more}
        return self.add(path, STORY.html(1), ("discovery", json.dumps(link)))

    def add_part(self, first: WarcPointer, number: int, **more: str) -> WarcPointer:
        part = StoryPart(first.record_id, number)
        return self.add(STORY.address(number), STORY.html(number), *part.fields, **more)

    def close(self) -> Path:
        self._writer.close()
        return self.folder


def the_article(folder: Path) -> Article:
    (page,) = iter_pages(find_archive_files([folder]))
    article = extract_at(page.folder, page.pointer, None, parts=page.parts)
    assert isinstance(article, Article)
    return article


def test_pages_that_are_too_large_together_are_flagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    first = archive.add_first()
    for number in (2, 3):
        archive.add_part(first, number)
    folder = archive.close()
    monkeypatch.setattr(story_records, "FOLLOWING_BYTES", len(STORY.html(2)) + 1000)
    article = the_article(folder)
    assert [page.warc is not None for page in article.pages] == [True, True, False]
    assert "pages_missing" in article.quality.flags


@pytest.mark.parametrize("max_bytes", [1 << 30, 1])
def test_pages_are_found_in_all_files_of_a_run(tmp_path: Path, max_bytes: int) -> None:
    archive = Archive(tmp_path, max_bytes)
    first = archive.add_first()
    parts = [archive.add_part(first, number) for number in (3, 2)]
    folder = archive.close()
    files = find_archive_files([folder])
    assert (len(files) > 1) == (max_bytes == 1)
    found = find_following_records(files)
    assert list(found) == [(folder, first.record_id)]
    assert [part.record_id for part in found[folder, first.record_id]] == [
        parts[1].record_id,
        parts[0].record_id,
    ]
    article = the_article(folder)
    assert [block.text for block in article.blocks] == STORY.text
    assert [page.warc and page.warc.file for page in article.pages] == [
        pointer.file for pointer in (first, parts[1], parts[0])
    ]


def test_of_several_answers_for_a_page_the_last_counts(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first = archive.add_first()
    archive.add_part(first, 2, status="503 Busy")
    archive.add_part(first, 2)
    last = archive.add_part(first, 2)
    archive.add_part(first, 2, status="404 Not Found")
    found = find_following_records(find_archive_files([archive.close()]))
    assert [part.record_id for parts in found.values() for part in parts] == [last.record_id]


@pytest.mark.parametrize(
    ("status", "pages", "outcome"),
    [
        ("503 Busy", 3, "story_incomplete"),
        ("429 Slow down", 3, "story_incomplete"),
        ("", 3, "story_incomplete"),
        ("404 Not Found", 3, "version 2"),
        ("410 Gone", 3, "version 2"),
        ("503 Busy", 2, "version 2"),
        ("503 Busy", 0, "version 2"),
    ],
)
def test_a_later_look_with_fewer_pages_makes_a_version_only_where_they_are_gone(
    tmp_path: Path, status: str, pages: int, outcome: str
) -> None:
    """`pages` is what the archived text has; 0 once they have been missing for long."""
    archive = Archive(tmp_path)
    first = archive.add_first(known_id="a", known_version=1, known_pages=pages)
    archive.add_part(first, 3)
    if status:
        archive.add_part(first, 2, status=status)
    (page,) = iter_pages(find_archive_files([archive.close()]))
    item = extract_at(page.folder, page.pointer, None, parts=page.parts)
    if isinstance(item, Article):
        assert f"version {item.version}" == outcome
        assert [block.text for block in item.blocks] == [*STORY.lines(1), *STORY.lines(3)]
        assert "pages_missing" in item.quality.flags
    else:
        assert (item.reason, item.detail) == (outcome, "2 of the 3 pages of version 1")


def test_a_later_look_at_which_one_of_two_missing_pages_is_gone_is_repeated(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first = archive.add_first(known_id="a", known_version=1, known_pages=3)
    archive.add_part(first, 2, status="404 Not Found")
    archive.add_part(first, 3, status="503 Busy")
    (page,) = iter_pages(find_archive_files([archive.close()]))
    item = extract_at(page.folder, page.pointer, None, parts=page.parts)
    assert isinstance(item, Rejection)
    assert item.reason == "story_incomplete"


def test_a_page_that_shows_something_else_for_now_takes_nothing_from_the_text(tmp_path: Path) -> None:
    """As a site that says that it is under repair, with a status of success."""
    archive = Archive(tmp_path)
    first = archive.add_first(known_id="a", known_version=1, known_pages=3)
    part = StoryPart(first.record_id, 2)
    archive.add(STORY.address(2), "<html><title>We are back soon</title><p>Please wait.</p>", *part.fields)
    (page,) = iter_pages(find_archive_files([archive.close()]))
    item = extract_at(page.folder, page.pointer, None, parts=page.parts)
    assert isinstance(item, Rejection)
    assert item.reason == "story_incomplete"


def test_a_damaged_page_is_missing_and_costs_no_other(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first = archive.add_first()
    second = archive.add_part(first, 2)
    archive.add_part(first, 3)
    folder = archive.close()
    path = folder / second.file
    content = bytearray(path.read_bytes())
    content[second.offset + 30 : second.offset + second.length - 8] = bytes(second.length - 38)
    path.write_bytes(content)
    article = the_article(folder)
    assert [block.text for block in article.blocks] == [*STORY.lines(1), *STORY.lines(3)]
    assert "pages_missing" in article.quality.flags


def test_an_archive_without_such_notes_is_read_as_before(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.add_first()
    article = the_article(archive.close())
    assert [block.text for block in article.blocks] == STORY.lines(1)
    assert "pages_missing" in article.quality.flags


@pytest.mark.parametrize("number", ["", "two", "-1", "99999", "²"])
def test_a_number_that_cannot_be_read_names_no_page(number: str) -> None:
    assert read_story_part({"partOf": "<urn:uuid:1>", "pageNumber": number}) is None


def test_a_replay_gives_a_page_only_to_its_own_story(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first, other = archive.add_first(), archive.add_first("/2026/copy/")
    of_other, of_first = archive.add_part(other, 2), archive.add_part(first, 2)
    folder = archive.close()
    url, key = SITE + STORY.address(2), request_key("GET", SITE + STORY.address(2))

    def served(index: ReplayIndex, part_of: str) -> str | None:
        capture = index.take(key, part_of=part_of)
        return capture.pointer.record_id if capture else None

    index = ReplayIndex(read_captures(folder, "echo"))
    assert index.has_part(url, first.record_id)
    assert not index.has_part(url, of_first.record_id)
    assert not index.has_part(SITE + STORY.address(3), first.record_id)
    assert served(index, "") is None
    assert served(index, first.record_id) == of_first.record_id
    assert served(index, other.record_id) == of_other.record_id
    assert served(index, other.record_id) is None
    # The following pages came after the time for which the first page was chosen.
    by_time = ReplayIndex(read_captures(folder, "echo", by_time=True), at=START)
    assert served(by_time, other.record_id) == of_other.record_id
