"""A redirect that leads nowhere is the page's own outcome."""

from __future__ import annotations

from pathlib import Path

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.utils.test import get_crawler
from wire.crawl import crawl_urls
from wire.server import ANSWERS, Answer, WireServer, page, serving

from newscrawl.middlewares.redirects import BadRedirect, CheckedRedirectMiddleware, has_possible_host


@pytest.mark.parametrize(
    "url",
    [
        "https:///x",
        "http://",
        "http://exa%20mple.org/",
        "http://exa mple/",
        "http://./",
        "http://:80/",
        "http://[x]/",
    ],
)
def test_a_target_without_a_possible_host_is_refused(url: str) -> None:
    assert not has_possible_host(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x",
        "http://user:word@example.org:8080/",
        "http://[::1]:80/",
        "http://127.0.0.1/",
        "http://my_host/",
        "http://xn--caf-dma.example/",
        "http://café.example/",
        "ftp:///x",
    ],
)
def test_a_target_with_a_possible_host_is_followed(url: str) -> None:
    assert has_possible_host(url)


@pytest.mark.parametrize("location", ["javascript:void(0)", "https://[::1", "http://[a]b/"])
def test_a_target_that_cannot_be_parsed_is_a_bad_redirect(location: str) -> None:
    middleware = CheckedRedirectMiddleware.from_crawler(get_crawler())
    request = Request("https://post.example/quay")
    response = Response(request.url, status=302, headers={"Location": location}, request=request)
    with pytest.raises(BadRedirect, match="leads to"):
        middleware.process_response(request, response)


STORY = b"<p>" + b"The quay was opened to all boats again on Monday, the harbour master said. " * 8 + b"</p>"
HTML = (
    b"<html><head><title>The quay opens</title></head><body><h1>The quay opens</h1>%s</body></html>" % STORY
)
HEAD = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: %d\r\n%s\r\n%s"


@pytest.mark.crawl
def test_redirects_and_lying_codings_end_as_what_they_are(tmp_path: Path) -> None:
    answers = {
        **ANSWERS,
        "/story": Answer([page(HTML)]),
        "/cut": Answer([HEAD % (b"/story?cut", 900, b"", b"<html>mov")], close=True),
        "/garbled": Answer([HEAD % (b"/story?garbled", 4, b"Content-Encoding: gzip\r\n", b"\0\1\2\3")]),
        "/no-host": Answer([HEAD % (b"https:///x", 0, b"", b"")]),
        "/scheme-only": Answer([HEAD % (b"http://", 0, b"", b"")]),
        "/space": Answer([HEAD % (b"http://exa mple.org/", 0, b"", b"")]),
        "/false-gzip": Answer([page(HTML.replace(b"quay", b"pier"), b"Content-Encoding: gzip\r\n")]),
        "/unknown": Answer([page(HTML.replace(b"quay", b"dock"), b"Content-Encoding: utf-8\r\n")]),
        "/too-short": Answer(
            [
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9000\r\n\r\n"
                + HTML.replace(b"quay", b"mole")
            ],
            close=True,
        ),
        "/long-head": Answer(
            [page(HTML.replace(b"quay", b"weir"), b"Set-Cookie: " + b"y" * 60_000 + b"\r\n")]
        ),
        "/robots.txt": Answer(
            [b"HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\0\1\2"]
        ),
    }
    names = [
        "/cut", "/garbled", "/no-host", "/scheme-only", "/space",
        "/false-gzip", "/unknown", "/too-short", "/long-head",
    ]  # fmt: skip
    with serving(WireServer(answers)) as server:
        done = crawl_urls([server.base + name for name in names], tmp_path, NEWSCRAWL_DEDUP=0, RETRY_TIMES=0)
        asked = [exchange.path for exchange in server.log]
    ends = {line["url_requested"].removeprefix(server.base): line["reason"] for line in done.rejected}
    flags = {
        line["url_requested"].removeprefix(server.base): line["quality"]["flags"] for line in done.articles
    }
    assert ends == dict.fromkeys(["/no-host", "/scheme-only", "/space"], "bad_redirect"), done.output
    assert set(flags) == {"/cut", "/garbled", "/false-gzip", "/unknown", "/too-short", "/long-head"}
    # Pages end in the order in which workers finish them, so only sets can be compared.
    assert {name for name in flags if "coding_mended" in flags[name]} == {"/false-gzip", "/unknown"}
    assert {name for name in flags if "cut_short" in flags[name]} == {"/too-short"}
    assert max(asked.count(name) for name in names) == 1
