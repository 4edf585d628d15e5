"""HTTP/2 for real: what Scrapy's own handler and another client tell of it is in a sound archive."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from wire.crawl import crawl_urls
from wire.h2 import H2_ANSWERS, LONG, STORY, H2Server
from wire.request_crawl import RecordedRequests, crawl_requests
from wire.tls import self_signed

from newscrawl.warc.http import split_message
from newscrawl.warc.verify.files import verify_warcs

pytestmark = pytest.mark.crawl

SCRAPYS = "scrapy.core.downloader.handlers.http2.H2DownloadHandler"
HTTPX = "scrapy.core.downloader.handlers._httpx.HttpxDownloadHandler"
HANDLER = "newscrawl.downloader.adapter.ReconstructingHandler"
FAILING = ["/reset", "/wrong-length"]
ANSWERED = [path for path in H2_ANSWERS if path not in {"/robots.txt", *FAILING}]


def settings(handler: str) -> dict[str, Any]:
    return {
        "DOWNLOAD_HANDLERS": {"https": HANDLER},
        "NEWSCRAWL_CAPTURE_ADAPTER": handler,
        "HTTPX_HTTP2_ENABLED": True,
        "DOWNLOAD_TIMEOUT": 10,
    }


@contextmanager
def serving_h2(folder: Path) -> Iterator[H2Server]:
    server = H2Server(self_signed(folder))
    Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module", params=[SCRAPYS, HTTPX], ids=["scrapy", "httpx"])
def crawled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RecordedRequests, H2Server]]:
    with serving_h2(tmp_path_factory.mktemp("tls")) as server:
        requests: list[dict[str, Any]] = [{"url": server.base + path} for path in ANSWERED]
        requests += [
            {"url": f"{server.base}/story?posted", "method": "POST", "body": "a=1&b=é"},
            {"url": f"{server.base}/story?head", "method": "HEAD"},
            {"url": f"{server.base}/etag", "headers": {"If-None-Match": '"a"', "Cookie": "s3cret"}},
            *({"url": server.base + path} for path in FAILING),
        ]
        archives = tmp_path_factory.mktemp("archives")
        done = crawl_requests(requests, archives, NEWSCRAWL_WARC_REDACT="Cookie", **settings(request.param))
        yield done, server


def test_every_record_says_that_it_was_reconstructed(crawled: tuple[RecordedRequests, H2Server]) -> None:
    done, server = crawled
    assert {note["fidelity"] for note in done.notes()} == {"reconstructed"}
    assert len(done.notes()) == len(server.log)
    assert server.connections < len(server.log), "streams share connections"


def test_the_archive_is_sound(crawled: tuple[RecordedRequests, H2Server]) -> None:
    problems = list(verify_warcs(sorted(crawled[0].folder.glob("*.warc.gz"))))
    assert not problems


@pytest.mark.parametrize("path", [path for path in ANSWERED if path not in {"/nothing", "/moved"}])
def test_the_entity_is_what_the_stream_carried(crawled: tuple[RecordedRequests, H2Server], path: str) -> None:
    response = crawled[0].of("response", path)[0]
    message = split_message(response.block)
    assert message.entity == H2_ANSWERS[path].body
    assert message.header("content-length") == str(len(H2_ANSWERS[path].body))
    assert message.status == H2_ANSWERS[path].status
    assert response.headers["warc-ip-address"] == "127.0.0.1"
    assert response.headers["warc-protocol"] == "h2"


def test_lengths_and_codings_are_those_of_the_stream(crawled: tuple[RecordedRequests, H2Server]) -> None:
    done, _ = crawled
    (zipped,) = done.of("response", "/zipped")
    assert gzip.decompress(split_message(zipped.block).body) == split_message(zipped.block).content == STORY
    (long,) = done.of("response", "/long")
    assert len(split_message(long.block).body) == len(LONG)
    (cookies,) = done.of("response", "/cookies")
    assert Counter(name for name, _ in split_message(cookies.block).headers)["Set-Cookie"] == 2
    (nothing,) = done.of("response", "/nothing")
    assert nothing.block.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert nothing.block.endswith(b"\r\n\r\n")
    (head,) = done.of("response", "?head")
    assert not split_message(head.block).body


def test_requests_name_host_and_body(crawled: tuple[RecordedRequests, H2Server]) -> None:
    done, server = crawled
    (posted,) = done.of("request", "?posted")
    assert posted.block.startswith(b"POST /story?posted HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port)
    assert posted.block.endswith("\r\n\r\na=1&b=é".encode())
    assert [stream.body for stream in server.log if stream.body] == ["a=1&b=é".encode()]
    assert b"s3cret" not in done.raw
    assert any((b"cookie", b"s3cret") in stream.headers for stream in server.log)


def test_a_redirect_is_followed_on_record(crawled: tuple[RecordedRequests, H2Server]) -> None:
    (note,) = crawled[0].notes("/story?moved")
    assert note["redirectedFrom"] == f"{crawled[1].base}/moved"


def test_what_has_not_changed_refers_to_the_page(crawled: tuple[RecordedRequests, H2Server]) -> None:
    done, _ = crawled
    (original,) = done.of("response", "/etag")
    (revisit,) = done.of("revisit", "/etag")
    assert revisit.headers["warc-profile"].endswith("/server-not-modified")
    assert revisit.headers["warc-refers-to"] == original.record_id
    assert revisit.block == b""


@pytest.mark.parametrize("path", FAILING)
def test_a_stream_that_broke_is_a_failure(crawled: tuple[RecordedRequests, H2Server], path: str) -> None:
    (note,) = crawled[0].notes(path)
    assert note["outcome"] != "ok"
    assert not crawled[0].of("response", path)


def test_what_was_never_sent_is_no_request(tmp_path: Path) -> None:
    """Scrapy's own handler does not tell: it waits for its time limit where a connection is refused."""
    with serving_h2(tmp_path) as server:
        nowhere = server.base
    done = crawl_requests([{"url": f"{nowhere}/story"}], tmp_path, **settings(HTTPX))
    (note,) = done.notes()
    assert note["outcome"].partition(":")[0] == "DownloadConnectionRefusedError"
    assert not done.of("request")


def test_a_crawl_over_http_2_can_be_replayed(tmp_path: Path) -> None:
    paths = ["/story", "/zipped", "/long", "/gone", "/nothing", "/moved", "/cookies", "/reset"]
    handlers = json.dumps({"https": HANDLER})
    with serving_h2(tmp_path) as server:
        urls = [server.base + path for path in paths]
        options = {**settings(SCRAPYS), "DOWNLOAD_HANDLERS": handlers, "RETRY_ENABLED": 0}
        live = crawl_urls(urls, tmp_path / "live", **options)
    again = crawl_urls(urls, tmp_path / "again", NEWSCRAWL_REPLAY=live.folder, RETRY_ENABLED=0)
    assert (live.code, again.code) == (0, 0), again.output
    assert live.articles
    assert len(live.articles) + len(live.rejected) == len(paths)
    assert again.articles == live.articles
    assert again.rejected == live.rejected
