"""A connection without a socket behaves as one: pieces, pauses, and an end that is told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.protocol import Protocol, connectionDone

from newscrawl.downloader.replay import NO_ADDRESS, PIECE, MemoryPool, MemoryTransport


class Turns:
    """A reactor's turns, taken by the test."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def later(self, _: float, call: Callable[..., Any], *args: Any) -> None:
        self.waiting.append((call, args))

    def run(self) -> None:
        while self.waiting:
            call, args = self.waiting.pop(0)
            call(*args)


class Listening(Protocol):
    def __init__(self, pause_after: int = 0) -> None:
        self.got: list[bytes] = []
        self.ended = 0
        self.pause_after = pause_after

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 # Twisted's name
        self.got.append(data)
        if len(self.got) == self.pause_after:
            self.transport.pauseProducing()

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802 # Twisted's name
        self.ended += 1


def connected(protocol: Listening, received: bytes, turns: Turns, ip: str = "192.0.2.1") -> MemoryTransport:
    pool = MemoryPool(lambda: protocol, turns.later)
    pool.load(received, ip)
    pool.getConnection(None, None)
    return protocol.transport


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 5 * PIECE])
def test_everything_comes_in_pieces_and_then_the_end(size: int) -> None:
    protocol, turns = Listening(), Turns()
    connected(protocol, b"x" * size, turns)
    assert not protocol.got, "nothing comes before the request is sent"
    turns.run()
    assert len(b"".join(protocol.got)) == size
    assert max(map(len, protocol.got), default=0) <= PIECE
    assert protocol.ended == 1


def test_a_pause_holds_the_rest_and_the_end_back() -> None:
    protocol, turns = Listening(pause_after=1), Turns()
    transport = connected(protocol, b"x" * (3 * PIECE), turns)
    turns.run()
    assert (len(protocol.got), protocol.ended) == (1, 0)
    transport.resumeProducing()
    turns.run()
    assert (len(protocol.got), protocol.ended) == (3, 1)


@pytest.mark.parametrize("how", ["loseConnection", "abortConnection", "stopProducing"])
def test_a_connection_that_is_given_up_ends_once_and_gives_nothing_more(how: str) -> None:
    protocol, turns = Listening(), Turns()
    transport = connected(protocol, b"x" * PIECE, turns)
    getattr(transport, how)()
    turns.run()
    transport.loseConnection()
    turns.run()
    assert (protocol.got, protocol.ended) == ([], 1)


@pytest.mark.parametrize(
    ("ip", "host"), [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("", NO_ADDRESS)]
)
def test_the_peer_is_the_recorded_one(ip: str, host: str) -> None:
    assert connected(Listening(), b"", Turns(), ip).getPeer().host == host
