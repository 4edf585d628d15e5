"""Serves byte strings on loopback, each connection in a thread, and logs what went over the wire."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import brotli
from backports import zstd


@dataclass
class ServerExchange:
    """One request as received and what was sent in answer."""

    path: str
    received: bytes
    sent: bytes = b""


@dataclass
class Answer:
    """Pieces to send one by one, then perhaps the end of the connection, or no end at all."""

    pieces: list[bytes]
    close: bool = False
    reset: bool = False
    hang: bool = False
    drip: bool = False
    "A moment passes between two pieces."
    once: bool = False
    "Only the first request on a connection is answered; on a used one the connection ends."
    unchanged: bytes = b""
    "The answer to a conditional request."


def page(body: bytes = b"<html><body><p>hello</p></body></html>", extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n%sContent-Length: %d\r\n\r\n"
    return head % (extra, len(body)) + body


def in_chunks(body: bytes, size: int, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    framed = b"".join(b"%X%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return framed + b"0\r\n" + trailer + b"\r\n"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"<html><body>" + b"<p>news of the wire</p>" * 300 + b"</body></html>"
LARGE = b"".join(b"%d words, " % n for n in range(300_000))
"More than is kept in memory."
ZIPPED = gzip.compress(BODY, mtime=0)

NOWHERE = Answer([b"HTTP/1.1 404 Nothing Here\r\nContent-Length: 0\r\n\r\n"])
ANSWERS: dict[str, Answer] = {
    "/robots.txt": Answer([b"HTTP/1.1 404 Nope\r\nContent-Length: 0\r\n\r\n"]),
    "/plain": Answer([page()]),
    "/in-pieces": Answer([page()[:20], page()[20:60], page()[60:]]),
    "/reason": Answer([b"HTTP/1.1 200 Fine, Really\r\nContent-Length: 2\r\n\r\nok"]),
    "/no-reason": Answer([b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"]),
    "/headers": Answer(
        [
            b"HTTP/1.1 200 OK\r\nx-lower: 1\r\nX-UPPER:2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
            b"X-Folded: one\r\n  two\r\nno colon in this line\r\nX-Latin: caf\xe9\r\n"
            b"Content-Length: 0\r\n\r\n"
        ]
    ),
    "/bare-lf": Answer([b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"]),
    "/gzip": Answer([page(ZIPPED, b"Content-Encoding: gzip\r\n")]),
    "/bad-gzip": Answer([page(b"not gzip at all", b"Content-Encoding: gzip\r\n")]),
    "/chunked": Answer([CHUNKED + in_chunks(BODY, 1000)]),
    "/chunk-details": Answer([CHUNKED + in_chunks(BODY, 777, b";why=not", b"X-Trailer: end\r\n")]),
    "/chunked-gzip": Answer([CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n" + in_chunks(ZIPPED, 50)]),
    "/http10": Answer([b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + BODY], close=True),
    "/early-hints": Answer([b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n", page()]),
    "/204": Answer([b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"]),
    "/304": Answer([b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n']),
    "/redirect": Answer(
        [b"HTTP/1.1 302 Found\r\nLocation: /plain?from=redirect\r\nContent-Length: 0\r\n\r\n"]
    ),
    "/loop": Answer([b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"]),
    "/404": Answer([b"HTTP/1.1 404 Gone Fishing\r\nContent-Length: 4\r\n\r\nnope"]),
    "/cut-length": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<html>only this"], close=True),
    "/cut-chunk": Answer([CHUNKED + b"400\r\n<html>only this"], close=True),
    "/reset": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<html>only"], reset=True),
    "/reset-open-end": Answer([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>only"], reset=True),
    "/garbage": Answer([b"SSH-2.0-OpenSSH_9.2\r\n"], close=True),
    "/nothing": Answer([], close=True),
    "/hang": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<html>wait"], hang=True),
    "/too-long": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90000], close=True),
    "/more-after": Answer([page(b"whole") + b"HTTP/1.1 200 OK\r\n"], close=True),
    "/deflate": Answer([page(zlib.compress(BODY), b"Content-Encoding: deflate\r\n")]),
    "/br": Answer([page(brotli.compress(BODY), b"Content-Encoding: br\r\n")]),
    "/zstd": Answer([page(zstd.compress(BODY), b"Content-Encoding: zstd\r\n")]),
    "/two-interim": Answer(
        [
            b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
            page(),
        ]
    ),
    "/interim-in-pieces": Answer([b"HTTP/1.1 103 Early", b" Hints\r\n", b"\r\nHTTP", page()[4:]], drip=True),
    "/head": Answer([b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n"]),
    "/cookies": Answer([page(extra=b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/\r\n")]),
    "/empty-chunked": Answer([CHUNKED + b"0\r\n\r\n"]),
    "/lower-chunks": Answer([CHUNKED + b"00a\r\n<p>hi</p>\n\r\n0\r\n\r\n"]),
    "/long-header": Answer([page(extra=b"X-Long: " + b"y" * 12_000 + b"\r\n")]),
    "/endless-header": Answer([page(extra=b"X-Long: " + b"y" * 170_000 + b"\r\n")], close=True),
    "/many-headers": Answer([page(extra=b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(100)))]),
    "/padded-length": Answer([b"HTTP/1.1 200 OK\r\nContent-Length:   2  \r\n\r\nok"]),
    "/two-framings": Answer(
        [CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n" + in_chunks(b"<p>chunks win</p>", 5)], close=True
    ),
    "/bad-length": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok"], close=True),
    "/bad-chunk": Answer([CHUNKED + b"zz\r\nno size\r\n0\r\n\r\n"], close=True),
    "/cut-head": Answer([b"HTTP/1.1 200 OK\r\nContent-Ty"], close=True),
    "/cut-gzip": Answer([page(ZIPPED[:-20], b"Content-Encoding: gzip\r\n")]),
    "/close-delimited": Answer([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY], close=True),
    "/drip": Answer([page()[n : n + 9] for n in range(0, len(page()), 9)], drip=True),
    "/refresh": Answer([page(b'<html><head><meta http-equiv="refresh" content="0; url=/plain?refreshed">')]),
    "/stale": Answer([page()], once=True),
    "/etag": Answer(
        [page(extra=b'ETag: "a"\r\n')], unchanged=b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'
    ),
    "/large": Answer([page(b"<p>" + LARGE), b""]),
    "/large-chunked": Answer([CHUNKED + in_chunks(LARGE, 60_000)]),
}


@dataclass
class WireServer:
    """Answers by path; `log` holds every exchange in the order in which requests came."""

    answers: dict[str, Answer] = field(default_factory=lambda: dict(ANSWERS))
    log: list[ServerExchange] = field(default_factory=list)
    wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection
    scheme: str = "http"
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.port = self._socket.getsockname()[1]

    @property
    def base(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        self._socket.close()

    def _connection(self, connection: socket.socket) -> None:
        try:
            with self.wrap(connection) as wire:
                is_used = False
                while request := read_request(wire):
                    if not self._answer(wire, request, is_used):
                        return
                    is_used = True
        except OSError:
            return

    def _answer(self, wire: socket.socket, request: bytes, is_used: bool) -> bool:
        path = request.split(b" ", 2)[1].decode("latin-1")
        exchanged = ServerExchange(path, request)
        with self._lock:
            self.log.append(exchanged)
        try:
            answer = self.answers[path.partition("?")[0]]
        except KeyError:
            answer = NOWHERE
        if answer.once and is_used:
            return False
        conditional = answer.unchanged and b"\r\nIf-None-Match:" in request
        for piece in [answer.unchanged] if conditional else answer.pieces:
            exchanged.sent += piece
            wire.sendall(piece)
            if answer.drip:
                self._stopping.wait(0.02)
        if answer.reset:
            # What the other side has not read by then, it never will.
            self._stopping.wait(0.1)
            # Zero linger: closing sends RST instead of FIN.
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        if answer.hang:
            self._stopping.wait(60)
        return not (answer.close or answer.reset or answer.hang)


def read_request(wire: socket.socket) -> bytes:
    """One request with its body; empty when the other side has gone."""
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        if not (data := wire.recv(65536)):
            return b""
        buffer += data
    head, _, body = buffer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        if not (data := wire.recv(left)):
            return b""
        buffer += data
        left -= len(data)
    return buffer


@contextmanager
def serving(server: WireServer) -> Iterator[WireServer]:
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
