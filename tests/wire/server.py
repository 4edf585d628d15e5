"""Serves byte strings on loopback, each connection in a thread, and logs what went over the wire."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Exchanged:
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


def page(body: bytes = b"<html><body><p>hello</p></body></html>", extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n%sContent-Length: %d\r\n\r\n"
    return head % (extra, len(body)) + body


def in_chunks(body: bytes, size: int, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    framed = b"".join(b"%X%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    return framed + b"0\r\n" + trailer + b"\r\n"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"<html><body>" + b"<p>news of the wire</p>" * 300 + b"</body></html>"
ZIPPED = gzip.compress(BODY, mtime=0)

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
    "/garbage": Answer([b"SSH-2.0-OpenSSH_9.2\r\n"], close=True),
    "/nothing": Answer([], close=True),
    "/hang": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<html>wait"], hang=True),
    "/too-long": Answer([b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90000], close=True),
    "/more-after": Answer([page(b"whole") + b"HTTP/1.1 200 OK\r\n"], close=True),
}


@dataclass
class WireServer:
    """Answers by path; `log` holds every exchange in the order in which requests came."""

    answers: dict[str, Answer] = field(default_factory=lambda: dict(ANSWERS))
    log: list[Exchanged] = field(default_factory=list)
    wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.port = self._socket.getsockname()[1]

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
        with self.wrap(connection) as wire:
            buffer = b""
            try:
                while request := self._request(wire, buffer):
                    buffer = b""
                    if not self._answer(wire, request):
                        return
            except OSError:
                return

    @staticmethod
    def _request(wire: socket.socket, buffer: bytes) -> bytes:
        while b"\r\n\r\n" not in buffer:
            data = wire.recv(65536)
            if not data:
                return b""
            buffer += data
        return buffer

    def _answer(self, wire: socket.socket, request: bytes) -> bool:
        path = request.split(b" ", 2)[1].decode("latin-1")
        exchanged = Exchanged(path, request)
        with self._lock:
            self.log.append(exchanged)
        answer = self.answers[path.partition("?")[0]]
        for piece in answer.pieces:
            exchanged.sent += piece
            wire.sendall(piece)
        if answer.reset:
            # Zero linger: closing sends RST instead of FIN.
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        if answer.hang:
            self._stopping.wait(60)
        return not (answer.close or answer.reset or answer.hang)


@contextmanager
def serving(server: WireServer) -> Iterator[WireServer]:
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
