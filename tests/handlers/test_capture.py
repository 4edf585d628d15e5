"""Capture: what the wire carried is what the archive holds, for every attempt and every outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire.crawl import Crawl, crawl_urls
from wire.server import ANSWERS, WireServer, serving

from newscrawl.archive.reader import WarcRecord, fields_of, records_of

pytestmark = pytest.mark.crawl

PAGES = [path for path in ANSWERS if path != "/robots.txt"]
REDIRECTS_MAX = 3


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crawl, WireServer]]:
    with serving(WireServer()) as server:
        urls = [f"http://127.0.0.1:{server.port}{path}" for path in PAGES]
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
            found += [record for _, _, record in records_of(stream) if record.kind == kind]
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
    [p for p in PAGES if p not in {"/garbage", "/nothing", "/early-hints", "/more-after", "/too-long"}],
)
def test_the_response_block_is_what_the_server_sent(crawled: tuple[Crawl, WireServer], path: str) -> None:
    done, server = crawled
    sent = next(exchange.sent for exchange in server.log if exchange.path == path)
    assert by_path(records(done, "response"))[path].block == sent


def test_interim_answers_and_bytes_after_the_message_are_not_in_the_block(
    crawled: tuple[Crawl, WireServer],
) -> None:
    responses = by_path(records(crawled[0], "response"))
    assert responses["/early-hints"].block == ANSWERS["/early-hints"].pieces[1]
    assert responses["/more-after"].block == ANSWERS["/more-after"].pieces[0].removesuffix(
        b"HTTP/1.1 200 OK\r\n"
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/cut-length", "disconnect"),
        ("/cut-chunk", "disconnect"),
        ("/reset", "disconnect"),
        ("/hang", "time"),
        ("/too-long", "length"),
        ("/http10", None),
        ("/204", None),
        ("/plain", None),
    ],
)
def test_truncation_is_named(crawled: tuple[Crawl, WireServer], path: str, why: str | None) -> None:
    assert by_path(records(crawled[0], "response"))[path].headers.get("warc-truncated") == why


@pytest.mark.parametrize("path", ["/garbage", "/nothing"])
def test_no_http_answer_leaves_request_and_metadata(crawled: tuple[Crawl, WireServer], path: str) -> None:
    done, _ = crawled
    assert path not in by_path(records(done, "response"))
    assert path in by_path(records(done, "request"))
    notes = fields_of(by_path(records(done, "metadata"))[path].block)
    assert notes["outcome"].startswith("DownloadFailedError")


def test_peer_address_and_metadata_are_noted(crawled: tuple[Crawl, WireServer]) -> None:
    done, server = crawled
    response = by_path(records(done, "response"))["/plain?from=redirect"]
    assert response.headers["warc-ip-address"] == "127.0.0.1"
    notes = fields_of(by_path(records(done, "metadata"))["/plain?from=redirect"].block)
    assert notes["redirectedFrom"] == f"http://127.0.0.1:{server.port}/redirect"
    assert int(notes["fetchTimeMs"]) >= 0
    assert '"via": "list"' in notes["discovery"]


def test_every_page_has_a_line_that_says_what_became_of_it(crawled: tuple[Crawl, WireServer]) -> None:
    done, server = crawled
    base = f"http://127.0.0.1:{server.port}"
    reasons = {line["url_requested"].removeprefix(base): line["reason"] for line in done.rejected}
    articles = {line["url_requested"].removeprefix(base) for line in done.articles}
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
            offset, length, record = next(records_of(stream))
        assert (offset, length) == (line["warc"]["offset"], line["warc"]["length"])
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
