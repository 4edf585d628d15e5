"""Requests out of bytes, responses into bytes."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.demo.http import BadRequest, Request, Response, make_etag, parse_request, serialize_response

NOW = datetime(2026, 6, 20, 12, 0, tzinfo=UTC)


def asked(**headers: str) -> Request:
    return Request(method="GET", target="/", headers={k.replace("_", "-"): v for k, v in headers.items()})


def unchunked(data: bytes) -> bytes:
    body = b""
    while True:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        if not length:
            assert rest == b"\r\n"
            return body
        body, data = body + rest[:length], rest[length + 2 :]


def test_a_request_gives_its_parts() -> None:
    raw = b"GET /a?page=2&x= HTTP/1.1\r\nHost: h\r\nX-One:  two \r\n\r\n"
    request = parse_request(raw, "http://h")
    assert (request.method, request.path, request.query) == ("GET", "/a", {"page": "2", "x": ""})
    assert request.headers == {"host": "h", "x-one": "two"}


@pytest.mark.parametrize(
    "raw",
    [
        b"hello\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"Host: h\r\n\r\n",
        b"",
    ],
)
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_request(raw, "http://h")


@given(st.binary(max_size=300))
def test_no_bytes_bring_the_reader_down(raw: bytes) -> None:
    try:
        request = parse_request(raw, "http://h")
    except BadRequest:
        return
    assert request.target.startswith("/")


def test_a_query_of_too_many_fields_is_read_as_none() -> None:
    assert Request(method="GET", target="/?" + "a=1&" * 80, headers={}).query == {}


@given(st.binary(max_size=5000), st.lists(st.integers(0, 999), min_size=1, max_size=5))
def test_chunks_of_any_size_give_the_body_back(body: bytes, sizes: list[int]) -> None:
    _, sent = serialize_response(Response(body=body, chunks=tuple(sizes)), asked(), NOW, close=False)
    head, _, rest = sent.partition(b"\r\n\r\n")
    assert unchunked(rest) == body
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head


@pytest.mark.parametrize(
    ("accepted", "squeezed"),
    [("gzip, deflate", True), ("deflate, GZIP;q=1.0", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_gzip_is_sent_to_those_who_take_it(accepted: str, squeezed: bool) -> None:
    _, sent = serialize_response(
        Response(body=b"words", gzip=True), asked(accept_encoding=accepted), NOW, close=False
    )
    head, _, body = sent.partition(b"\r\n\r\n")
    assert (b"Content-Encoding: gzip" in head) is squeezed
    assert (gzip.decompress(body) if squeezed else body) == b"words"


def test_gzip_and_chunks_go_together() -> None:
    response = Response(body=b"words " * 99, gzip=True, chunks=(3, 11))
    _, sent = serialize_response(response, asked(accept_encoding="gzip"), NOW, close=False)
    assert gzip.decompress(unchunked(sent.partition(b"\r\n\r\n")[2])) == b"words " * 99


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": make_etag(b"words")}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": 'W/"other"'}, 200),
        ({"if_modified_since": "Sat, 20 Jun 2026 12:00:00 GMT"}, 304),
        ({"if_modified_since": "Sat, 20 Jun 2026 11:59:59 GMT"}, 200),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_modified_since": "Sat, 20 Jun 2026 12:00:00 GMT", "if_none_match": '"other"'}, 200),
    ],
)
def test_a_client_that_has_the_page_is_told_so(headers: dict[str, str], status: int) -> None:
    response = Response(body=b"words", etag=True, modified=NOW)
    got, sent = serialize_response(response, asked(**headers), NOW, close=False)
    assert got == status
    assert sent.endswith(b"\r\n\r\n") is (status == 304)


def test_head_gets_the_headers_alone() -> None:
    request = Request(method="HEAD", target="/", headers={})
    _, sent = serialize_response(Response(body=b"words"), request, NOW, close=False)
    assert b"Content-Length: 5\r\n" in sent
    assert sent.endswith(b"\r\n\r\n")


def test_header_names_come_in_the_case_asked_for() -> None:
    _, lower = serialize_response(Response(header_case="lower"), asked(), NOW, close=True)
    _, upper = serialize_response(Response(header_case="upper"), asked(), NOW, close=True)
    assert b"\r\ncontent-type: text/html" in lower
    assert b"\r\nCONTENT-TYPE: text/html" in upper
    assert b"\r\nCONNECTION: close\r\n" in upper
