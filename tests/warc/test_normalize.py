"""Archives of other programs give the page that was served, however they stored it."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import brotli
import pytest
from backports import zstd
from crafted import HTML, PAGE, WHEN, http, members, record, urn
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from newscrawl.archive.reextract import extract_page
from newscrawl.archive.story_records import StoryRecords
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, WarcPointer
from newscrawl.warc.http import ContentError, split_message
from newscrawl.warc.index import Index, update_index
from newscrawl.warc.normalize import looks_chunked, normalize_message, normalize_page, read_indexed_page
from newscrawl.warc.reader import ArchivedPage, WarcRecord

URL = "http://example.org/conseil"
TYPE = "Content-Type: text/html; charset=utf-8"
CHUNKED = b"10\r\n" + PAGE[:16] + b"\r\n%x\r\n" % len(PAGE[16:]) + PAGE[16:] + b"\r\n0\r\n\r\n"
ZIPPED = gzip.compress(PAGE, mtime=0)


def archive(folder: Path, *records: bytes, name: str = "foreign.warc.gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(members(records))
    update_index(folder)
    return folder


def page_in(folder: Path, url: str = URL) -> ArchivedPage:
    """The last capture of a URL, as the index finds it."""
    with Index.open(folder) as index:
        *_, capture = index.captures("GET", url)
        return read_indexed_page(folder, capture, index)


SHAPES = {
    "Heritrix: WARC 1.0, chunks as sent": record(
        "response", URL, http(CHUNKED, TYPE, "Transfer-Encoding: chunked"), version="1.0"
    ),
    "pywb's recorder: the answer alone, coded as sent": record(
        "response", URL, http(ZIPPED, TYPE, "Content-Encoding: gzip", f"Content-Length: {len(ZIPPED)}")
    ),
    "browsertrix: decoded, headers renamed, HTTP/2": record(
        "response",
        URL,
        http(PAGE, TYPE, "x-orig-content-encoding: br", "x-orig-content-length: 20", status="HTTP/2 200"),
    ),
    "browsertrix: chunks undone": record(
        "response",
        URL,
        http(PAGE, TYPE, "X-Orig-Transfer-Encoding: chunked", "x-orig-content-encoding: gzip"),
    ),
    "Common Crawl: decoded, headers renamed": record(
        "response",
        URL,
        http(
            PAGE,
            TYPE,
            "X-Crawler-Content-Encoding: gzip",
            "X-Crawler-Transfer-Encoding: chunked",
            "X-Crawler-Content-Length: 77",
            f"Content-Length: {len(PAGE)}",
        ),
        version="1.0",
    ),
    "Common Crawl: renamed, and yet coded": record(
        "response", URL, http(ZIPPED, TYPE, "X-Crawler-Content-Encoding: gzip")
    ),
    "old news crawls: decoded, gzip still claimed": record(
        "response", URL, http(PAGE, TYPE, "Content-Encoding: gzip", "Content-Length: 50")
    ),
    "decoded, deflate still claimed": record("response", URL, http(PAGE, TYPE, "Content-Encoding: deflate")),
    "decoded, brotli still claimed": record("response", URL, http(PAGE, TYPE, "Content-Encoding: br")),
    "decoded, zstd still claimed": record("response", URL, http(PAGE, TYPE, "Content-Encoding: zstd")),
    "chunks undone, chunked still claimed": record(
        "response", URL, http(PAGE, TYPE, "Transfer-Encoding: chunked")
    ),
    "chunks and coding undone, both still claimed": record(
        "response", URL, http(PAGE, TYPE, "Transfer-Encoding: chunked", "Content-Encoding: gzip")
    ),
    "scrapy-webarchive: no reason, HTTP/1.0, wrong length": record(
        "response", URL, http(PAGE, TYPE, "Content-Length: 3", status="HTTP/1.0 200"), version="1.0"
    ),
    "HTTP/2 with its pseudo headers": record(
        "response", URL, http(PAGE, ":status: 200", TYPE, status="HTTP/2 200 ")
    ),
    "a resource without HTTP": record("resource", URL, PAGE, content_type="text/html; charset=utf-8"),
    "a response without HTTP": record("response", URL, PAGE, content_type="text/html; charset=utf-8"),
    "bare line feeds": record(
        "response", URL, b"HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\n\n" + PAGE
    ),
    "brotli as sent": record("response", URL, http(brotli.compress(PAGE), TYPE, "Content-Encoding: br")),
    "zstd as sent": record("response", URL, http(zstd.compress(PAGE), TYPE, "Content-Encoding: zstd")),
    "deflate as sent": record("response", URL, http(zlib.compress(PAGE), TYPE, "Content-Encoding: deflate")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_content_and_its_headers_are_right(tmp_path: Path, shape: str) -> None:
    page = page_in(archive(tmp_path, SHAPES[shape]))
    assert page.message.content == PAGE
    assert page.message.status == 200
    assert page.message.header("content-type") == "text/html; charset=utf-8"
    assert page.response.url == URL
    assert page.message.head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_reaches_the_extractor(tmp_path: Path, shape: str) -> None:
    result = extract_page(StoryRecords(page=page_in(archive(tmp_path, SHAPES[shape]))), None)
    assert result.url == URL
    assert result.fetched == "2026-05-01T10:00:00.000000Z"
    assert result.warc is not None
    assert getattr(result, "reason", None) != "bad_encoding"
    assert result.warc.file == "foreign.warc.gz"


def test_an_article_is_extracted_from_a_foreign_archive(tmp_path: Path) -> None:
    story = "".join(
        f"<p>Le conseil municipal a adopté hier la mesure numéro {n} du budget.</p>" for n in range(9)
    )
    body = f"<html lang=fr><head><title>Budget voté</title></head><body><article><h1>Budget voté</h1>{story}"
    folder = archive(tmp_path, record("response", URL, http(body.encode(), TYPE, "Content-Encoding: gzip")))
    article = extract_page(StoryRecords(page=page_in(folder)), None)
    assert isinstance(article, Article)
    assert (article.title, article.lang) == ("Budget voté", "fr")
    assert "mesure numéro 8" in article.text


def test_other_renamed_headers_get_their_names_back() -> None:
    raw = http(
        PAGE, "x-orig-set-cookie: a=1", "X-Crawler-Server: one", "Server: two", status="HTTP/3 404 Gone"
    )
    message = split_message(normalize_message(split_message(raw)))
    assert message.headers == [("set-cookie", "a=1"), ("X-Crawler-Server", "one"), ("Server", "two")]
    assert message.head.startswith(b"HTTP/1.1 404 Gone\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        http(ZIPPED, TYPE, "Content-Encoding: gzip"),
        http(CHUNKED, "Transfer-Encoding: chunked", "X-Folded: a\r\n b", "no colon", "X: caf\xe9"),
        http(b"not packed at all", "Content-Encoding: gzip"),
        http(b"", "Content-Encoding: br", status="HTTP/1.1 304 Not Modified"),
    ],
)
def test_a_message_that_tells_the_truth_is_left_as_it_is(raw: bytes) -> None:
    assert normalize_message(split_message(raw)) == raw


def test_what_is_broken_stays_a_named_error() -> None:
    message = split_message(
        normalize_message(split_message(http(b"\x00\x01 not packed", "Content-Encoding: gzip")))
    )
    with pytest.raises(ContentError):
        _ = message.content


@pytest.mark.parametrize(
    ("body", "framed"),
    [
        (CHUNKED, True),
        (b"5;name=value\r\nhello\r\n0\r\n\r\n", True),
        (b"400\r\ncut off", True),
        (b"0\r\n\r\n", True),
        (PAGE, False),
        (b"face book\r\nlists", False),
        (b"2\r\nthree lines\r\n", False),
        (b"", False),
    ],
)
def test_chunks_are_known_by_their_frame(body: bytes, framed: bool) -> None:
    assert looks_chunked(body) is framed


def chunks_of(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


CODINGS = {"gzip": gzip.compress, "zstd": zstd.compress, "br": brotli.compress, "deflate": zlib.compress}


@settings(deadline=None)
@given(
    coding=st.sampled_from([None, *CODINGS]),
    is_coded=st.booleans(),
    is_chunked=st.booleans(),
    prefixes=st.tuples(*[st.sampled_from(["", "x-orig-", "X-Crawler-", "X-Archive-Orig-"])] * 2),
    claims_chunks=st.booleans(),
)
def test_the_content_is_right_whatever_was_undone_and_renamed(
    coding: str | None, is_coded: bool, is_chunked: bool, prefixes: tuple[str, str], claims_chunks: bool
) -> None:
    # What is still there must be claimed, and codings without a mark of their own under their own name.
    is_coded = is_coded and (not prefixes[0] or coding in ("gzip", "zstd"))
    body = CODINGS[coding](PAGE) if coding and is_coded else PAGE
    lines = [TYPE, *([f"{prefixes[0]}Content-Encoding: {coding}"] if coding else [])]
    lines += [f"{prefixes[1]}Transfer-Encoding: chunked"] if claims_chunks or is_chunked else []
    once = normalize_message(split_message(http(chunks_of(body) if is_chunked else body, *lines)))
    assert split_message(once).content == PAGE
    assert normalize_message(split_message(once)) == once


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_page_of_some_kind(block: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"):
        headers = {"warc-date": WHEN, "warc-target-uri": URL}
        page = page_with(WarcRecord("response", headers, start + block))
        assert isinstance(normalize_page(page).message.entity, bytes)


def page_with(response: WarcRecord) -> ArchivedPage:
    return ArchivedPage(WarcPointer(file="f.warc.gz", offset=9, length=1, record_id=urn(1)), response)


@pytest.mark.parametrize("missing", ["warc-date", "warc-target-uri"])
def test_a_record_without_date_or_url_is_named(missing: str) -> None:
    headers = {"warc-date": WHEN, "warc-target-uri": URL}
    del headers[missing]
    with pytest.raises(ArchiveError, match=r"f\.warc\.gz at 9"):
        normalize_page(page_with(WarcRecord("response", headers, http())))


REFERS = (("WARC-Refers-To-Target-URI", URL), ("WARC-Refers-To-Date", WHEN))
LATER = "2026-05-02T10:00:00Z"


@pytest.mark.parametrize(
    "refers",
    [
        [("WARC-Refers-To", urn(1)), *REFERS],
        [*REFERS],
        [("WARC-Payload-Digest", "sha1:SAME")],
    ],
    ids=["by id", "by URL and date", "by digest"],
)
def test_a_revisit_has_its_own_headers_over_the_body_it_repeats(
    tmp_path: Path, refers: list[tuple[str, str]]
) -> None:
    first = http(ZIPPED, TYPE, "Content-Encoding: gzip", "ETag: old")
    archive(tmp_path, record("response", URL, first, ("WARC-Payload-Digest", "sha1:SAME")), name="a.warc.gz")
    again = http(b"", TYPE, "Transfer-Encoding: chunked", "ETag: new")
    archive(tmp_path, record("revisit", URL, again, *refers, number=2, date=LATER), name="b.warc.gz")
    page = page_in(tmp_path)
    assert page.message.content == PAGE
    assert page.message.header("etag") == "new"
    assert page.response.date.day == 2


def test_of_two_captures_in_a_second_the_equal_one_is_repeated(tmp_path: Path) -> None:
    busy = record("response", URL, http(b"busy", TYPE, status="HTTP/1.1 503 Busy"), number=1)
    good = record("response", URL, http(PAGE, TYPE), ("WARC-Payload-Digest", "sha1:SAME"), number=2)
    same = ("WARC-Payload-Digest", "sha1:SAME")
    again = record("revisit", URL, http(b"", TYPE), *REFERS, same, number=3, date=LATER, version="1.0")
    assert page_in(archive(tmp_path, busy, good, again)).message.content == PAGE


@pytest.mark.parametrize("block", [b"", http(b"", "ETag: old", status="HTTP/1.1 304 Not Modified")])
def test_a_page_that_was_not_modified_is_the_old_one(tmp_path: Path, block: bytes) -> None:
    first = record("response", URL, http(PAGE, TYPE))
    page = page_in(archive(tmp_path, first, record("revisit", URL, block, *REFERS, number=2, date=LATER)))
    assert (page.message.status, page.message.content) == (200, PAGE)
    assert page.response.date.day == 2


def test_a_revisit_of_nothing_is_named(tmp_path: Path) -> None:
    folder = archive(tmp_path, record("revisit", URL, http(b"", TYPE), *REFERS, number=2, date=LATER))
    with pytest.raises(ArchiveError, match=r"foreign\.warc\.gz at 0.*conseil"):
        page_in(folder)


class News(BaseHTTPRequestHandler):
    """A page in chunks, one that is packed, and an old one that redirects."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/old":
            self.answer(302, b"", ("Location", "/chunked"), ("Content-Length", "0"))
        elif self.path == "/chunked":
            self.answer(200, CHUNKED, ("Transfer-Encoding", "chunked"))
        else:
            self.answer(200, ZIPPED, ("Content-Encoding", "gzip"), ("Content-Length", str(len(ZIPPED))))

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", "text/html; charset=utf-8"), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def newsroom() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), News) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(not shutil.which("wget") and os.environ.get("CI") != "true", reason="GNU Wget is missing")
@pytest.mark.parametrize("packing", ["--warc-header=operator: x", "--no-warc-compression"])
def test_what_gnu_wget_recorded_is_read(tmp_path: Path, packing: str) -> None:
    with newsroom() as home:
        urls = [f"{home}/{name}" for name in ("old", "chunked", "packed")]
        subprocess.run(
            ["wget", "-q", "--tries=1", "--no-config", "--warc-file=site", packing, "-O", "out", *urls],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"},
            check=True,
            timeout=60,
        )
    update_index(tmp_path)
    with Index.open(tmp_path) as index:
        (moved,) = index.captures("GET", urls[0])
        assert moved.status == 302
        kinds = {capture.kind for capture in index.by_key()}
        assert kinds >= {"request", "response", "metadata", "resource"}
        assert all(capture.answered for capture in index.by_key() if capture.kind == "request")
    for url in urls[1:]:
        page = page_in(tmp_path, url)
        assert page.message.content.decode() == HTML
        assert page.response.url == url


class TidyWriter(WARCWriter):
    """warcio leaves its temporary files open, which is a warning."""

    _create_temp_file = staticmethod(io.BytesIO)


@pytest.mark.parametrize("version", ["WARC/1.0", "WARC/1.1"])
def test_what_warcio_wrote_is_read(tmp_path: Path, version: str) -> None:
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "gzip")]
    with (tmp_path / "w.warc.gz").open("wb") as stream:
        writer = TidyWriter(stream, warc_version=version)
        writer.write_record(writer.create_warcinfo_record("w.warc.gz", {"software": "warcio"}))
        first = writer.create_warc_record(
            URL,
            "response",
            payload=io.BytesIO(ZIPPED),
            http_headers=StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1"),
            warc_headers_dict={"WARC-Date": WHEN},
        )
        writer.write_record(first)
        digest = first.rec_headers.get_header("WARC-Payload-Digest")
        again = writer.create_revisit_record(
            URL,
            digest=digest,
            refers_to_uri=URL,
            refers_to_date=WHEN,
            http_headers=StatusAndHeaders("200 OK", [*headers, ("ETag", "new")], protocol="HTTP/1.1"),
            warc_headers_dict={"WARC-Date": LATER},
        )
        writer.write_record(again)
    update_index(tmp_path)
    page = page_in(tmp_path)
    assert page.message.content == PAGE
    assert page.message.header("etag") == "new"
    with Index.open(tmp_path) as index:
        assert [capture.kind for capture in index.by_digest(digest)] == ["response", "revisit"]
