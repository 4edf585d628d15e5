"""A TCP relay on loopback that does to connections what bad networks do."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

BLOCK_BYTES = 4096
FAULTS = ("refuse", "cut", "reset", "stall", "deaf")
MOST_BYTES = 20_000
"Of an answer that pass before it is cut."
_NO_LINGER = struct.pack("ii", 1, 0)
"Closing with it sends a reset."


class FaultyRelay:
    """Passes connections on to `target`; while `share` is above 0, that part of them comes to grief.

    refuse: closed at once. cut: closed after some bytes of answers. reset: the same with a reset.
    stall: nothing more comes after some bytes, and nobody closes. deaf: accepted, and never answered.
    """

    def __init__(self, target: str, dice: random.Random) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._dice = dice
        self._held: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.share = 0.0
        self.done: Counter[str] = Counter()
        "How many connections had which fault."
        self.passed = 0
        "Requests so far, as far as they come one at a time."
        self.base = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            fault = self._dice.choice(FAULTS) if self._dice.random() < self.share else ""
            self.done[fault] += bool(fault)
            left = self._dice.randrange(MOST_BYTES) if fault else -1
            threading.Thread(target=self._pass_on, args=(client, fault, left), daemon=True).start()

    def _pass_on(self, client: socket.socket, fault: str, left: int) -> None:
        if fault == "deaf":
            self._held.append(client)
            return
        if fault != "refuse":
            with suppress(OSError), socket.create_connection(self._target) as server:
                asking = threading.Thread(target=self._requests, args=(client, server), daemon=True)
                asking.start()
                _answers(server, client, left)
        if fault == "stall":
            self._held.append(client)
            return
        _close(client, with_reset=fault == "reset")

    def stop(self) -> None:
        """No connections any more; those that were never answered end."""
        self._socket.close()
        for held in self._held:
            held.close()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        """What the client says, until either of them has gone."""
        with suppress(OSError):
            while data := client.recv(BLOCK_BYTES):
                self.passed += 1
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)


def _answers(server: socket.socket, client: socket.socket, left: int) -> None:
    """What the server says; of it `left` bytes, unless that is below zero."""
    while left != 0 and (data := server.recv(BLOCK_BYTES)):
        client.sendall(data if left < 0 else data[:left])
        left = left if left < 0 else max(0, left - len(data))


def _close(client: socket.socket, *, with_reset: bool) -> None:
    with suppress(OSError):
        if with_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        else:
            # The other thread still reads from it: that ends here.
            client.shutdown(socket.SHUT_RDWR)
    client.close()
