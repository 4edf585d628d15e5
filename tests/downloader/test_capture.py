"""Capture: what the wire carried is what the archive holds, for every attempt and every outcome."""

from __future__ import annotations

import ast
import re
import ssl
from base64 import b32encode
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from hashlib import sha1
from pathlib import Path

import pytest
from wire.crawl import Crawl, crawl_urls
from wire.server import ANSWERS, BODY, ZIPPED, WireServer, serving
from wire.tls import self_signed, tls

from newscrawl.downloader.capture import utc_now
from newscrawl.warc.reader import WarcRecord, iter_records, parse_warc_fields

pytestmark = pytest.mark.crawl

PAGES = [path for path in ANSWERS if path not in {"/robots.txt", "/large", "/large-chunked"}]
REDIRECTS_MAX = 3
INTERIM = {"/early-hints", "/two-interim", "/interim-in-pieces"}
NO_ANSWER = {"/garbage", "/nothing"}
UNLIKE_THE_WIRE = {*INTERIM, *NO_ANSWER, "/more-after", "/too-long", "/endless-header"}


@pytest.fixture(scope="module", params=["http", "https"])
def crawled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Crawl, WireServer]]:
    server = WireServer(scheme=request.param)
    if request.param == "https":
        server.wrap = tls(self_signed(tmp_path_factory.mktemp("tls")), ssl.TLSVersion.TLSv1_3)
    with serving(server):
        urls = [server.base + path for path in PAGES]
        archives = tmp_path_factory.mktemp("archives")
        done = crawl_urls(
            urls,
            archives,
            RETRY_ENABLED=0,
            DOWNLOAD_TIMEOUT=3,
            DOWNLOAD_MAXSIZE=50_000,
            REDIRECT_MAX_TIMES=REDIRECTS_MAX,
        )
        yield done, server


def records(done: Crawl, kind: str) -> list[WarcRecord]:
    found = []
    for path in done.warcs:
        with path.open("rb") as stream:
            found += [record for record in iter_records(stream) if record.kind == kind]
    return found


def by_path(found: list[WarcRecord]) -> dict[str, WarcRecord]:
    return {"/" + record.url.split("/", 3)[3]: record for record in found}


def test_every_request_on_the_wire_stands_in_the_archive_once(crawled: tuple[Crawl, WireServer]) -> None:
    done, server = crawled
    assert done.code == 0, done.output
    archived = Counter(record.block for record in records(done, "request"))
    assert archived == Counter(exchange.received for exchange in server.log)
    paths = Counter(exchange.path for exchange in server.log)
    assert paths["/loop"] == REDIRECTS_MAX + 1
    assert paths["/robots.txt"] == paths["/plain"] == paths["/plain?from=redirect"] == 1


@pytest.mark.parametrize(
    "path",
    [p for p in PAGES if p not in UNLIKE_THE_WIRE],
)
def test_the_response_block_is_what_the_server_sent(crawled: tuple[Crawl, WireServer], path: str) -> None:
    done, server = crawled
    sent = [exchange.sent for exchange in server.log if exchange.path == path]
    assert by_path(records(done, "response"))[path].block == sent[-1]


def test_there_are_many_endpoints() -> None:
    assert len(PAGES) >= 45


@pytest.mark.parametrize("path", sorted(INTERIM))
def test_interim_answers_are_in_the_metadata_and_not_in_the_block(
    crawled: tuple[Crawl, WireServer], path: str
) -> None:
    sent = b"".join(ANSWERS[path].pieces)
    final = sent[sent.index(b"HTTP/1.1 200") :]
    assert by_path(records(crawled[0], "response"))[path].block == final
    notes = by_path(records(crawled[0], "metadata"))[path].block.decode()
    noted = [ast.literal_eval(value) for value in re.findall("^interim: (.*)\r$", notes, re.MULTILINE)]
    assert b"".join(noted) + final == sent


def test_bytes_after_the_message_are_not_in_the_block(crawled: tuple[Crawl, WireServer]) -> None:
    whole = ANSWERS["/more-after"].pieces[0].removesuffix(b"HTTP/1.1 200 OK\r\n")
    assert by_path(records(crawled[0], "response"))["/more-after"].block == whole


@pytest.mark.parametrize("path", ["/too-long", "/endless-header"])
def test_what_is_given_up_on_is_kept_as_far_as_it_came(crawled: tuple[Crawl, WireServer], path: str) -> None:
    record = by_path(records(crawled[0], "response"))[path]
    assert ANSWERS[path].pieces[0].startswith(record.block)
    assert len(record.block) > 10_000
    is_whole = record.block == ANSWERS[path].pieces[0]
    assert ("warc-truncated" not in record.headers) == is_whole


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/cut-length", "disconnect"),
        ("/cut-chunk", "disconnect"),
        ("/reset", "disconnect"),
        ("/hang", "time"),
        ("/too-long", "length"),
        ("/cut-head", "disconnect"),
        ("/http10", None),
        ("/close-delimited", None),
        ("/304", None),
        ("/cut-gzip", None),
        ("/204", None),
        ("/plain", None),
    ],
)
def test_truncation_is_named(crawled: tuple[Crawl, WireServer], path: str, why: str | None) -> None:
    assert by_path(records(crawled[0], "response"))[path].headers.get("warc-truncated") == why


def test_without_encryption_a_reset_is_told_from_an_end(crawled: tuple[Crawl, WireServer]) -> None:
    done, server = crawled
    why = by_path(records(done, "response"))["/reset-open-end"].headers.get("warc-truncated")
    assert why == ("disconnect" if server.scheme == "http" else None)


@pytest.mark.parametrize("path", ["/garbage", "/nothing"])
def test_no_http_answer_leaves_request_and_metadata(crawled: tuple[Crawl, WireServer], path: str) -> None:
    done, _ = crawled
    assert path not in by_path(records(done, "response"))
    assert path in by_path(records(done, "request"))
    notes = parse_warc_fields(by_path(records(done, "metadata"))[path].block)
    assert notes["outcome"].startswith("DownloadFailedError")


def digest(data: bytes) -> str:
    return "sha1:" + b32encode(sha1(data).digest()).decode()


def test_every_digest_is_right_by_another_reckoning(crawled: tuple[Crawl, WireServer]) -> None:
    kinds = ("warcinfo", "response", "revisit", "request", "metadata")
    for record in [record for kind in kinds for record in records(crawled[0], kind)]:
        assert record.headers["warc-block-digest"] == digest(record.block)
    responses = by_path(records(crawled[0], "response"))
    for path in ("/plain", "/gzip", "/br", "/padded-length", "/http10", "/early-hints", "/204"):
        body = responses[path].block.partition(b"\r\n\r\n")[2]
        assert responses[path].headers["warc-payload-digest"] == digest(body)
    framed = {
        "/chunked": BODY,
        "/chunk-details": BODY,
        "/chunked-gzip": ZIPPED,
        "/two-framings": b"<p>chunks win</p>",
        "/empty-chunked": b"",
        "/lower-chunks": b"<p>hi</p>\n",
        "/cut-chunk": b"<html>only this",
    }
    for path, entity in framed.items():
        assert responses[path].headers["warc-payload-digest"] == digest(entity)


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/br", "/zstd", "/chunked-gzip", "/plain", "/drip"])
def test_pages_are_identified_behind_their_codings(crawled: tuple[Crawl, WireServer], path: str) -> None:
    response = by_path(records(crawled[0], "response"))[path]
    assert response.headers["warc-identified-payload-type"] == "text/html"


def test_peer_address_and_metadata_are_noted(crawled: tuple[Crawl, WireServer]) -> None:
    done, server = crawled
    response = by_path(records(done, "response"))["/plain?from=redirect"]
    assert response.headers["warc-ip-address"] == "127.0.0.1"
    notes = parse_warc_fields(by_path(records(done, "metadata"))["/plain?from=redirect"].block)
    assert notes["redirectedFrom"] == f"{server.base}/redirect"
    assert int(notes["fetchTimeMs"]) >= 0
    assert '"via": "list"' in notes["discovery"]


def test_every_page_has_a_line_that_says_what_became_of_it(crawled: tuple[Crawl, WireServer]) -> None:
    done, server = crawled
    reasons = {line["url_requested"].removeprefix(server.base): line["reason"] for line in done.rejected}
    articles = {line["url_requested"].removeprefix(server.base) for line in done.articles}
    assert set(reasons) | articles == set(PAGES)
    assert not set(reasons) & articles
    expected = {
        "/404": "http_404",
        "/cut-length": "cut_short",
        "/cut-chunk": "cut_short",
        "/hang": "timeout",
        "/too-long": "too_large",
        "/garbage": "connection_failed",
        "/nothing": "connection_failed",
        "/loop": "too_many_redirects",
    }
    assert expected.items() <= reasons.items()


def test_every_pointer_leads_to_its_exchange(crawled: tuple[Crawl, WireServer]) -> None:
    done, _ = crawled
    lines = [*done.articles, *done.rejected]
    assert all(line["warc"] for line in lines)
    for line in lines:
        with (done.folder / line["warc"]["file"]).open("rb") as stream:
            stream.seek(line["warc"]["offset"])
            record = next(iter_records(stream))
        assert (record.offset, record.length) == (line["warc"]["offset"], line["warc"]["length"])
        assert record.record_id == line["warc"]["record_id"]
        assert record.headers.get("warc-payload-digest") == line["warc"]["payload_digest"]
        if line["fetched"]:
            assert record.headers["warc-date"] == line["fetched"]


def test_lines_stand_in_the_order_of_the_archive(crawled: tuple[Crawl, WireServer]) -> None:
    for lines in (crawled[0].articles, crawled[0].rejected):
        places = [(line["warc"]["file"], line["warc"]["offset"]) for line in lines]
        assert places == sorted(places)


def test_nothing_is_left_open(crawled: tuple[Crawl, WireServer]) -> None:
    folder: Path = crawled[0].folder
    assert not [path.name for path in folder.iterdir() if path.name.endswith((".open", ".tmp", ".sorting"))]


def test_the_clock_of_a_crawl_knows_its_zone() -> None:
    assert utc_now().tzinfo is UTC
