"""A server that means harm: each path is one attack, sent in pieces by a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from wire.server import read_request

PATIENCE = 30
"Seconds after which a connection is given up by the server, so that no test hangs."


@dataclass(frozen=True)
class Site:
    """What attacks need to know of where they are."""

    base: str
    port: int
    forbidden: int
    "Port of the listener nobody may reach."
    stalling: int
    "Port of a listener that takes connections and says nothing."
    others: tuple[str, ...] = ()
    "Sites of their own, each with a robots.txt that attacks."


Pieces = Iterator[bytes | float]
"Bytes to send, or seconds to wait."


@dataclass(frozen=True)
class Attack:
    """One path, what it does, and what a crawl must call the outcome."""

    path: str
    does: str
    outcome: tuple[str, ...]
    "Any of these: `article`, or the reason of a rejection."
    pieces: Callable[[Site], Pieces]


@dataclass
class Listener:
    """Takes connections and counts them; says nothing."""

    connections: int = 0
    _held: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._held.append(connection)

    def stop(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._held:
            connection.close()


class AttackServer:
    """Answers each path with its attack; one connection an answer."""

    def __init__(
        self,
        attacks: dict[str, Callable[[Site], Pieces]],
        forbidden: int,
        stalling: int,
        others: tuple[str, ...] = (),
    ) -> None:
        self._attacks = attacks
        self._stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = self._socket.getsockname()[1]
        self.site = Site(f"http://127.0.0.1:{port}", port, forbidden, stalling, others)
        self.asked: list[str] = []

    def serve(self) -> None:
        with suppress(OSError):
            while not self._stopping.is_set():
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, IndexError):
            connection.settimeout(PATIENCE)
            target = read_request(connection).split(b" ", 2)[1].decode("latin-1")
            self.asked.append(target)
            for piece in self._attacks.get(target.partition("?")[0], _nothing)(self.site):
                if isinstance(piece, bytes):
                    connection.sendall(piece)
                elif self._stopping.wait(piece):
                    return


def _nothing(_: Site) -> Pieces:
    yield b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    threading.Thread(target=listener.serve, daemon=True).start()
    try:
        yield listener
    finally:
        listener.stop()


@contextmanager
def attacking(
    attacks: dict[str, Callable[[Site], Pieces]], forbidden: int, stalling: int, others: tuple[str, ...] = ()
) -> Iterator[AttackServer]:
    server = AttackServer(attacks, forbidden, stalling, others)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.stop()
