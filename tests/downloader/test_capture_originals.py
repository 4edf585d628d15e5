"""A 304 refers to the last whole response of its URL, or to the response whose entity tag was named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from newscrawl.downloader.capture import find_earlier_original, parse_entity_tags
from newscrawl.errors import ArchiveError
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.index import INDEX_NAME, update_index
from newscrawl.warc.records import HttpExchange, sha1_base32
from newscrawl.warc.writer import WarcWriter

URL = "http://example.org/a?x=1"
START = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)


def page(body: bytes, tag: str = "", status: str = "200 OK") -> HttpExchange:
    etag = f"ETag: {tag}\r\n" if tag else ""
    head = f"HTTP/1.1 {status}\r\n{etag}Content-Length: {len(body)}\r\n\r\n".encode()
    return HttpExchange(url=URL, started=START, sent=b"GET /a?x=1 HTTP/1.1\r\n\r\n", received=head + body)


def indexed(folder: Path, *exchanges: HttpExchange) -> list[str]:
    """Record ids of these exchanges, a minute between two, in a folder with an index."""
    numbers = count()
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix="a", host="h", pid=1),
        info=(),
        now=lambda: START,
        new_id=lambda: f"<urn:uuid:{next(numbers):032x}>",
    )
    minutes = (START + timedelta(minutes=place) for place in range(len(exchanges)))
    moments = zip(exchanges, minutes, strict=True)
    ids = [writer.write(replace(exchange, started=moment)).record_id for exchange, moment in moments]
    writer.close()
    update_index(folder)
    return ids


def found(folder: Path, asked: str = "") -> str | None:
    original = find_earlier_original(folder, URL, asked)
    return original.pointer.record_id if original else None


def test_the_last_page_is_meant(tmp_path: Path) -> None:
    old, new, _, _ = indexed(
        tmp_path,
        page(b"old", '"a"'),
        page(b"new", 'W/"b"'),
        page(b"gone", status="410 Gone"),
        replace(page(b"cut"), truncated="disconnect"),
    )
    assert found(tmp_path) == found(tmp_path, '"unknown"') == new
    assert found(tmp_path, '"a"') == found(tmp_path, '"x", W/"a"') == old
    assert found(tmp_path, '"b"') == new


def test_it_is_told_where_and_when_it_stands(tmp_path: Path) -> None:
    indexed(tmp_path, page(b"other"), page(b"story"))
    original = find_earlier_original(tmp_path, URL)
    assert original
    assert original.date == START + timedelta(minutes=1)
    assert original.url == URL
    assert original.pointer.payload_digest == sha1_base32(b"story")


def test_the_digest_is_the_entitys_where_the_record_tells_none(tmp_path: Path) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nstory\r\n0\r\n\r\n"
    indexed(tmp_path, replace(page(b""), received=chunked, omit_chunked_digest=True))
    original = find_earlier_original(tmp_path, URL)
    assert original
    assert original.pointer.payload_digest == sha1_base32(b"story")


def test_without_a_page_or_an_index_there_is_none(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    indexed(tmp_path, page(b"gone", status="404 Not Found"))
    assert found(tmp_path) is None


def test_what_the_index_knows_and_the_folder_has_lost_is_none(tmp_path: Path) -> None:
    indexed(tmp_path, page(b"story"))
    (warc,) = tmp_path.glob("*.warc.gz")
    warc.write_bytes(b"")
    assert found(tmp_path) is None
    warc.unlink()
    assert found(tmp_path) is None


def test_an_index_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / INDEX_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(ArchiveError):
        find_earlier_original(tmp_path, URL)


def test_tags_are_compared_weakly() -> None:
    assert parse_entity_tags('W/"a", "b" ,') == {'"a"', '"b"'}
