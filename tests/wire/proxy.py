"""A proxy on loopback, for plain requests and for tunnels, that logs what it was asked."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from wire.server import read_request


@dataclass
class Proxy:
    """Passes requests on; `log` holds what clients sent, of tunnels the CONNECT."""

    log: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        self._socket.close()

    def _connection(self, client: socket.socket) -> None:
        with client:
            request = read_request(client)
            if not request:
                return
            self.log.append(request)
            method, target = request.split(b" ", 2)[:2]
            if method == b"CONNECT":
                host, _, port = target.decode().rpartition(":")
                with socket.create_connection((host, int(port))) as server:
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    _both_ways(client, server)
                return
            url = urlsplit(target.decode())
            with socket.create_connection((url.hostname or "", url.port or 80)) as server:
                server.sendall(request.replace(target, url.path.encode(), 1))
                _both_ways(client, server)


def _both_ways(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
