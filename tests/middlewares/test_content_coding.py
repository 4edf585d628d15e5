"""Bodies are unpacked once, and nobody reads the text of a page that only workers read."""

from __future__ import annotations

import gzip

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse, Response, TextResponse
from scrapy.utils.test import get_crawler

from newscrawl.middlewares.content_coding import ContentCodingMiddleware

PAGE = "<p>Où l’été finit.</p>".encode()


def unpack(response: Response) -> Response:
    middleware = ContentCodingMiddleware.from_crawler(get_crawler())
    return middleware.process_response(Request(response.url), response)


def test_no_encoding_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(response: TextResponse) -> str:
        raise AssertionError(f"{response} was asked for its encoding")

    monkeypatch.setattr(TextResponse, "encoding", property(refuse))
    request = Request("https://paper.example/1")
    packed = HtmlResponse(
        "https://paper.example/1",
        status=203,
        headers={"Content-Encoding": "gzip", "Content-Type": "text/html", "X-Seen": "1"},
        body=gzip.compress(PAGE),
        flags=["seen"],
        request=request,
        protocol="HTTP/1.1",
    )
    page = unpack(packed)
    assert (type(page), page.body, page.status, page.url) == (HtmlResponse, PAGE, 203, packed.url)
    assert page.headers.to_unicode_dict() == {"Content-Type": "text/html", "X-Seen": "1"}
    assert (page.flags, page.request, page.protocol) == (["seen"], request, "HTTP/1.1")


def test_the_encoding_is_that_of_the_unpacked_body() -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/html"}
    body = b'<meta charset="windows-1252">' + "été".encode("cp1252")
    page = unpack(HtmlResponse("https://paper.example/1", headers=headers, body=gzip.compress(body)))
    assert isinstance(page, HtmlResponse)
    assert (page.encoding, page.text[-3:]) == ("cp1252", "été")
    # A file that was taken for text while it was packed.
    headers["Content-Type"] = "application/octet-stream"
    file = unpack(Response("https://paper.example/1", headers=headers, body=gzip.compress(b"\0\1")))
    assert (type(file), file.body) == (Response, b"\0\1")
