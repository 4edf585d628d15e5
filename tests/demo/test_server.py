"""The server: what goes over the socket is what the log says, whatever a client sends."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from wire.newsroom import read_log

from newscrawl.demo.http import Request, Response
from newscrawl.demo.server import HOST, MAX_HEAD_BYTES, LogEntry, Newsroom, log_line, serve, serve_in_thread
from newscrawl.demo.site import busy_first, dispatch, gone, redirect, robots_txt
from newscrawl.errors import NewscrawlError

NOW = datetime(2026, 6, 20, 12, 0, tzinfo=UTC)


class SmallSite:
    """A site of a few pages."""

    def __init__(self, name: str = "small") -> None:
        self.id = name

    def respond(self, request: Request) -> Response:
        if request.path == "/broken":
            raise RuntimeError("a fault of the site")
        routes = {
            "/": lambda _: Response(body=b"<p>home</p>", chunks=(3,), etag=True),
            "/busy": busy_first(lambda _: Response(body=b"at last"), retry_after=1),
            "/old": redirect("/", 302),
            "/gone": gone,
            "/huge": lambda _: Response(body=b"x" * 30_000_000),
            "/robots.txt": robots_txt("/private/", sitemaps=["/sitemap.xml"], delay=2),
        }
        return dispatch(routes, request)


def talk(base: str, sent: bytes) -> bytes:
    """All the bytes a server answers to these, sent as they are."""
    port = int(base.rpartition(":")[2])
    with closing(socket.create_connection((HOST, port), timeout=10)) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while data := client.recv(65536):
            got += data
        return got


def request_bytes(base: str, target: str, more: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {base[7:]}\r\n{more}\r\n".encode()


def test_the_log_holds_the_bytes_the_client_saw(tmp_path: Path) -> None:
    log_file = tmp_path / "log.jsonl"
    room = Newsroom([SmallSite()], log_file=log_file, clock=lambda: NOW)
    with serve_in_thread(room):
        base = room.bases["small"]
        sent = request_bytes(base, "/") + request_bytes(base, "/nowhere") + request_bytes(base, "/gone")
        got = talk(base, sent)
        assert b"".join(exchange.received for exchange in room.log) == sent
        assert b"".join(exchange.sent for exchange in room.log) == got
        assert [exchange.status for exchange in room.log] == [200, 404, 410]
        assert read_log(log_file) == room.log  # while it is running


def test_a_connection_is_kept_until_a_side_ends_it() -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        closing_second = request_bytes(base, "/") + request_bytes(base, "/", "Connection: close\r\n")
        got = talk(base, closing_second + request_bytes(base, "/"))
        assert got.count(b"HTTP/1.1 200 OK") == 2
        assert got.count(b"\r\nConnection: close\r\n") == 1


def test_the_body_of_a_request_is_read_with_it() -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        post = f"POST / HTTP/1.1\r\nHost: {base[7:]}\r\nContent-Length: 5\r\n\r\nGET /".encode()
        got = talk(base, post + request_bytes(base, "/"))
        assert [exchange.status for exchange in room.log] == [405, 200]
        assert room.log[0].received == post
        assert b"\r\nAllow: GET, HEAD\r\n" in got


def test_http_1_0_is_answered_once() -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        assert talk(room.bases["small"], b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_a_busy_page_answers_the_second_time(fetch: Any) -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        first, second = fetch(f"{base}/busy"), fetch(f"{base}/busy")
        assert (first.status, first.header("Retry-After")) == (503, "1")
        assert (second.status, second.body) == (200, b"at last")


def test_redirects_name_an_absolute_url(fetch: Any) -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        answer = fetch(f"{base}/old")
        assert (answer.status, answer.header("Location")) == (302, f"{base}/")


def test_robots_say_what_nobody_may_fetch(fetch: Any) -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        lines = fetch(f"{base}/robots.txt").body.decode().splitlines()
        assert lines[:3] == ["User-agent: *", "Disallow: /private/", "Crawl-delay: 2"]
        assert lines[-1] == f"Sitemap: {base}/sitemap.xml"


def test_what_there_is_not_is_404(fetch: Any) -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        for path in ("/favicon.ico", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//", "/x" * 900):
            assert fetch(base + path).status == 404


def test_an_unchanged_page_is_304(fetch: Any) -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        tag = fetch(f"{base}/").header("ETag")
        again = fetch(f"{base}/", {"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nshort",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"c" * (2 * MAX_HEAD_BYTES) + b"\r\n\r\n",
        b"GET /" + b"a" * (3 * MAX_HEAD_BYTES),
    ],
)
def test_a_hostile_request_is_refused_and_the_next_one_served(raw: bytes) -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        assert talk(base, raw).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert room.log[0].received == raw[: len(room.log[0].received)]
        assert talk(base, request_bytes(base, "/")).startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_unknown_host_is_not_served() -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        stranger = b"GET / HTTP/1.1\r\nHost: news.example\r\n\r\n"
        assert talk(base, stranger).startswith(b"HTTP/1.1 404 ")
        local = request_bytes(base.replace("127.0.0.1", "localhost"), "/")
        assert talk(base, local).startswith(b"HTTP/1.1 200 ")


def test_a_fault_of_a_site_is_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        base = room.bases["small"]
        assert talk(base, request_bytes(base, "/broken")).startswith(b"HTTP/1.1 500 ")
    assert "small: no answer to /broken" in caplog.text


def test_a_client_that_leaves_in_silence_is_no_exchange() -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        assert talk(room.bases["small"], b"") == b""
        assert room.log == []


def test_nothing_is_kept_in_memory_when_so_told(fetch: Any, tmp_path: Path) -> None:
    log_file = tmp_path / "log.jsonl"
    with serve_in_thread(Newsroom([SmallSite()], log_file=log_file, remember=False)) as room:
        fetch(room.bases["small"] + "/")
        assert room.log == []
        assert len(read_log(log_file)) == 1


def test_each_outlet_has_a_loopback_port_of_its_own() -> None:
    with serve_in_thread(Newsroom([SmallSite("a"), SmallSite("b")])) as room:
        assert len(set(room.bases.values())) == 2
        assert all(base.startswith("http://127.0.0.1:") for base in room.bases.values())


def test_a_port_that_is_taken_is_said() -> None:
    with closing(socket.create_server((HOST, 0))) as taken:
        room = Newsroom([SmallSite()], first_port=taken.getsockname()[1])
        with pytest.raises(NewscrawlError, match="cannot start"), serve_in_thread(room):
            pass


def test_stopping_ends_open_connections() -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        client = socket.create_connection((HOST, int(room.bases["small"].rpartition(":")[2])), timeout=10)
        client.sendall(request_bytes(room.bases["small"], "/gone"))
        assert client.recv(12) == b"HTTP/1.1 410"
    with closing(client):
        while client.recv(4096):
            pass  # the rest of the page, then the end: without it this would time out


def test_stopping_does_not_wait_for_a_client_that_never_reads() -> None:
    with serve_in_thread(Newsroom([SmallSite()])) as room:
        client = socket.create_connection((HOST, int(room.bases["small"].rpartition(":")[2])), timeout=10)
        client.sendall(request_bytes(room.bases["small"], "/huge"))
        assert client.recv(12) == b"HTTP/1.1 200"
    with closing(client):
        left = 0
        try:
            while data := client.recv(1 << 20):
                left += len(data)
        except ConnectionResetError:
            pass
        assert left < 30_000_000


def test_serve_tells_the_bases_and_stops_when_cancelled() -> None:
    async def session() -> dict[str, str]:
        told: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(Newsroom([SmallSite()]), told.set_result))
        bases = await told
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return bases

    base = asyncio.run(session())["small"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, int(base.rpartition(":")[2])), timeout=10)


EXCHANGE = LogEntry(outlet="a", received=b"GET \x00\xff", sent=b"HTTP\r\n\n", status=200)


def test_a_log_gives_back_the_exact_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(log_line(EXCHANGE) * 2, encoding="ascii")
    assert read_log(log) == [EXCHANGE, EXCHANGE]
