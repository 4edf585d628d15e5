"""From the archive to an article: what a crawl noted of a page comes back as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request

from newscrawl.archive.reextract import extract_page, link_of
from newscrawl.downloader.capture import notes_of
from newscrawl.errors import ArchiveError
from newscrawl.items import LINK, Link, Rejection
from newscrawl.warc.reader import read_page
from newscrawl.warc.records import Exchange
from newscrawl.warc.writer import WarcNames, WarcWriter

STARTED = datetime(2026, 3, 4, tzinfo=UTC)
BODY = b"<html><head><title>T</title></head><body></body></html>"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def archived(folder: Path, notes: tuple[tuple[str, str], ...], answer: bytes = ANSWER) -> object:
    numbers = count(1)
    writer = WarcWriter(
        folder=folder,
        names=WarcNames(prefix="echo", host="h", pid=1),
        info=(),
        now=lambda: STARTED,
        new_id=lambda: f"<urn:uuid:{next(numbers):032x}>",
    )
    pointer = writer.write(
        Exchange(
            url="http://a/final",
            started=STARTED,
            sent=b"GET / HTTP/1.1\r\n\r\n",
            received=answer,
            notes=notes,
        )
    )
    page = read_page(folder, pointer)
    writer.close()
    next(folder.glob("*.warc.gz")).unlink()
    return page


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50)


@given(TEXTS, TEXTS, st.sampled_from(["\u2028", "\u2029", "\x85", "\x1c", "\r\n", "\n"]))
def test_how_a_page_was_found_survives_any_text(
    tmp_path_factory: pytest.TempPathFactory, title: str, content: str, separator: str
) -> None:
    link = Link(
        url="http://a/asked",
        via="feed",
        from_url="http://a/feed",
        title=title or None,
        content=f"{content}{separator}{content}",
    )
    notes = notes_of(Request("http://a/final", meta={LINK: link}), None, 0.1)
    page = archived(tmp_path_factory.mktemp("archive"), notes)
    assert link_of(page) == link  # type: ignore[arg-type]


def test_a_page_without_a_note_counts_as_listed(tmp_path: Path) -> None:
    page = archived(tmp_path, (("outcome", "ok"),))
    assert link_of(page) == Link(url="http://a/final", via="list")  # type: ignore[arg-type]


def test_a_note_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="how http://a/final was found cannot be read"):
        link_of(archived(tmp_path, (("discovery", '{"url": "cut'),)))  # type: ignore[arg-type]


def test_a_body_that_cannot_be_decoded_is_a_named_rejection(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"
    result = extract_page(archived(tmp_path, (), answer), None)  # type: ignore[arg-type]
    assert isinstance(result, Rejection)
    assert (result.reason, result.step) == ("bad_encoding", "extract")
    assert result.warc
