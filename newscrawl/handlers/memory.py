"""Connections that are none: recorded bytes take the place of a socket under Twisted's HTTP client."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

PIECE = 65536
"Bytes a socket gives at a time."
NO_ADDRESS = "0.0.0.0"  # noqa: S104 # said of a peer that is not known, never listened on
Later = Callable[..., Any]
"`reactor.callLater`."


@implementer(IPushProducer, ITransport)
class MemoryTransport:
    """Hands a protocol recorded bytes, then the end of the connection; what it is sent goes nowhere."""

    disconnecting = False

    def __init__(self, protocol: Protocol, received: bytes, ip: str, later: Later) -> None:
        self._protocol = protocol
        self._pieces = deque(received[start : start + PIECE] for start in range(0, len(received), PIECE))
        self._ip = ip or NO_ADDRESS
        self._later = later
        self._paused = self._lost = False
        # A transport that is being read from is its own producer; Scrapy looks for it under this name.
        self._producer = self

    def start(self) -> None:
        self._later(0, self._next)

    def _next(self) -> None:
        while self._pieces and not self._paused and not self._lost:
            self._protocol.dataReceived(self._pieces.popleft())
        if not self._pieces and not self._paused:
            self._end()

    def _end(self) -> None:
        if not self._lost:
            self._lost = True
            self._pieces.clear()
            self._protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]

    def write(self, data: bytes) -> None:
        """Nobody is asked: the answer is known."""

    def writeSequence(self, iovec: Any) -> None:  # noqa: N802 # Twisted's name
        """The same."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 # Twisted's name
        """Request bodies are produced at once."""

    def unregisterProducer(self) -> None:  # noqa: N802 # Twisted's name
        """Nothing was registered."""

    def getPeer(self) -> Any:  # noqa: N802 # Twisted's name
        return (IPv6Address if ":" in self._ip else IPv4Address)("TCP", self._ip, 0)

    def getHost(self) -> Any:  # noqa: N802 # Twisted's name
        return IPv4Address("TCP", NO_ADDRESS, 0)

    def pauseProducing(self) -> None:  # noqa: N802 # Twisted's name
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802 # Twisted's name
        if self._paused:
            self._paused = False
            self._later(0, self._next)

    def stopProducing(self) -> None:  # noqa: N802 # Twisted's name
        self.loseConnection()

    def loseConnection(self) -> None:  # noqa: N802 # Twisted's name
        """Like a socket, tell the protocol in a later turn."""
        self._pieces.clear()
        self._later(0, self._end)

    abortConnection = loseConnection  # noqa: N815 # Twisted's name


class MemoryPool:
    """In the place of a connection pool: each connection has the bytes that were handed in before."""

    persistent = True

    def __init__(self, protocol: Callable[[], Protocol], later: Later) -> None:
        self._protocol = protocol
        self._later = later
        self._received, self._ip = b"", ""

    def load(self, received: bytes, ip: str) -> None:
        """What the next connection receives, and from whom."""
        self._received, self._ip = received, ip

    def getConnection(self, key: Any, endpoint: Any) -> Deferred[Protocol]:  # noqa: ARG002, N802 # Twisted's
        protocol = self._protocol()
        transport = MemoryTransport(protocol, self._received, self._ip, self._later)
        self._received = b""
        protocol.makeConnection(transport)  # type: ignore[no-untyped-call]
        transport.start()
        return succeed(protocol)

    def closeCachedConnections(self) -> Deferred[None]:  # noqa: N802 # Twisted's name
        return succeed(None)
