"""Other handlers: what they tell is archived, and said to be no more than that."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.http import Headers, Response
from wire.request_crawl import crawl_requests
from wire.server import ANSWERS, BODY, WireServer, serving
from wire.tls import self_signed, tls

from newscrawl.downloader.adapter import format_request, format_response, warc_protocol
from newscrawl.warc.http import split_message

WRAPPED = {
    "DOWNLOAD_HANDLERS": dict.fromkeys(
        ("http", "https"), "newscrawl.downloader.adapter.ReconstructingHandler"
    ),
    # Another real client of the network, with a parser of its own.
    "NEWSCRAWL_CAPTURE_ADAPTER": "scrapy.core.downloader.handlers._aiohttp.AiohttpDownloadHandler",
}


@pytest.mark.crawl
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_handlers_exchanges_are_archived_as_reconstructed(tmp_path: Path, scheme: str) -> None:
    server = WireServer(scheme=scheme)
    if scheme == "https":
        server.wrap = tls(self_signed(tmp_path), ssl.TLSVersion.TLSv1_3)
    secret = {"Cookie": "s3cret"}
    with serving(server):
        requests = [
            {"url": f"{server.base}/chunked-gzip?q=1", "headers": secret},
            {"url": f"{server.base}/plain", "method": "POST", "body": "a=1"},
            {"url": f"{server.base}/cut-length"},
        ]
        done = crawl_requests(requests, tmp_path, NEWSCRAWL_WARC_REDACT="Cookie", **WRAPPED)
    assert [note["fidelity"] for note in done.notes()] == ["reconstructed"] * 3
    zipped, plain = (split_message(record.block) for record in done.of("response"))
    assert zipped.content == BODY
    assert not zipped.is_chunked
    assert plain.head + plain.body == ANSWERS["/plain"].pieces[0]
    first, second, _ = (record.block for record in done.of("request"))
    assert first.startswith(b"GET /chunked-gzip?q=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port)
    assert second.endswith(b"\r\nContent-Length: 3\r\n\r\na=1")
    assert b"s3cret" in server.log[0].received
    assert b"s3cret" not in done.raw
    assert done.notes("/cut-length")[0]["outcome"].startswith("ResponseDataLossError")
    assert done.of("response")[0].headers["warc-ip-address"] == "127.0.0.1"


@pytest.mark.crawl
def test_a_failure_is_archived(tmp_path: Path) -> None:
    with serving(WireServer()) as server:
        done = crawl_requests([{"url": f"{server.base}/nothing"}], tmp_path, **WRAPPED)
    (note,) = done.notes()
    assert note["outcome"].startswith("DownloadFailedError")
    assert note["fidelity"] == "reconstructed"
    assert not done.of("response")


def test_http_2_is_told_by_protocol_and_not_by_the_status_line() -> None:
    headers = Headers({b":status": b"200", b"content-type": b"text/html"})
    response = Response("https://a/", headers=headers, body=b"story", protocol="h2")
    raw = format_response(response, "GET")
    assert raw == b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nstory"
    assert warc_protocol(response) == "h2"
    assert warc_protocol(None) == "http/1.1"


@pytest.mark.parametrize("named", ["h2", "HTTP/2", "HTTP/2.0"])
def test_a_protocol_has_one_name_whoever_tells_of_it(named: str) -> None:
    assert warc_protocol(Response("https://a/", protocol=named)) == "h2"


def test_an_unregistered_status_has_no_reason() -> None:
    assert format_response(Response("http://a/", status=299), "GET").startswith(b"HTTP/1.1 299 \r\n")


def test_an_answer_without_body_keeps_its_length() -> None:
    response = Response("http://a/", headers={"Content-Length": "500"})
    assert format_response(response, "HEAD").endswith(b"Content-Length: 500\r\n\r\n")
    assert b"Content-Length" not in format_response(Response("http://a/", status=304), "GET")


def test_no_header_can_start_a_line_of_its_own() -> None:
    request = Request("http://me:pw@a:81/x", headers={"X": "1\r\nY: 2"})
    assert format_request(request) == b"GET /x HTTP/1.1\r\nHost: a:81\r\nX: 1 Y: 2\r\n\r\n"
