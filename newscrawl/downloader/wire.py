"""The wire as Scrapy 2.19 and Twisted 26 carry it: the one module that touches their private names.

Scrapy pins this minor version in pyproject.toml; tests/downloader/test_wire_tap.py says what moved if it did.
A tape travels with the request's headers, because connection callbacks run in other contexts and
Twisted may silently send a request twice (HTTPConnectionPool.retryAutomatically).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _ScrapyAgent,
)
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS
from twisted.web.http_headers import Headers as TxHeaders

from newscrawl.warc.records import Spool

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response


MAX_HEAD_BYTES = 96 * 1024
"Status line and headers, those of interim answers included; Twisted reads on as long as there are more."


class Tls(NamedTuple):
    """How a connection was encrypted, in OpenSSL's words."""

    version: str | None
    cipher: str | None
    certificate: str | None
    "SHA-256 of the peer's, in hexadecimal."


class Attempt:
    """What one pass over one connection sent and received."""

    __slots__ = (
        "failure",
        "handle",
        "ip",
        "is_headlong",
        "is_reset",
        "is_whole",
        "received",
        "sent",
        "started",
        "tls",
    )

    def __init__(self, started: datetime, ip: str | None, received: Spool) -> None:
        self.started = started
        self.ip = ip
        self.sent: list[bytes] = []
        self.received = received
        self.is_whole = False
        "Whether the parser met the end of the message."
        self.is_reset = False
        "Whether the connection broke off, which the parser takes for an end where no length is told."
        self.is_headlong = False
        "Whether it was broken off because its head did not end."
        self.tls: Tls | None = None
        self.failure: OSError | None = None
        "Why what came could not be kept."
        self.handle: Any = None
        "OpenSSL's connection, as long as there may be more to learn of it."

    def settle(self) -> None:
        """Learn what there is to learn when nothing came back."""
        if self.handle and self.tls is None:
            self.tls = tls_of(self.handle)
            if not self.tls.cipher:
                # Written, but held back for a handshake that never came to its end.
                self.sent.clear()
        self.handle = None


def tls_handle(transport: Any) -> Any:
    """OpenSSL's connection below a transport, None without encryption."""
    return transport.getHandle() if hasattr(transport, "getPeerCertificate") else None


def tls_of(handle: Any) -> Tls:
    """Facts of a connection; no cipher while the handshake goes on."""
    certificate = handle.get_peer_certificate()
    digest = certificate.digest("sha256").decode().replace(":", "").lower() if certificate else None
    return Tls(handle.get_protocol_version_name(), handle.get_cipher_name(), digest)


class Tape:
    """The attempts of one download, in order."""

    __slots__ = ("attempts", "now", "spool")

    def __init__(self, now: Callable[[], datetime], spool: Callable[[], Spool] = Spool) -> None:
        self.now = now
        self.spool = spool
        self.attempts: list[Attempt] = []


class TapedHeaders(TxHeaders):
    """Headers that carry the tape to the connection."""

    __slots__ = ("tape",)
    tape: Tape

    @classmethod
    def of(cls, headers: TxHeaders, tape: Tape) -> TapedHeaders:
        taped = cls()
        taped._rawHeaders = headers._rawHeaders
        taped.tape = tape
        return taped

    def copy(self) -> TapedHeaders:
        return self.of(super().copy(), self.tape)


class _TapedTransport:
    """Copies what a request writes of itself; everything else is the real transport's."""

    def __init__(self, transport: Any, sent: list[bytes]) -> None:
        self._transport = transport
        self._sent = sent

    def write(self, data: bytes) -> None:
        self._sent.append(data)
        self._transport.write(data)

    def writeSequence(self, parts: Any) -> None:  # noqa: N802 # Twisted's name
        parts = list(parts)
        self._sent.extend(parts)
        self._transport.writeSequence(parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class TapedProtocol(_LenientHTTP11ClientProtocol):
    """A client connection that copies each exchange onto its tape."""

    _attempt: Attempt | None = None
    _peer: str | None = None
    _tls: Tls | None = None

    def request(self, request: Any) -> Any:
        tape = getattr(request.headers, "tape", None)
        if tape is not None and self._state == "QUIESCENT":
            if self._peer is None:
                self._peer = getattr(self.transport.getPeer(), "host", None)  # type: ignore[union-attr,misc]
            self._attempt = Attempt(tape.now(), self._peer, tape.spool())
            self._attempt.handle = tls_handle(self.transport)
            tape.attempts.append(self._attempt)
            sent = self._attempt.sent
            # The class's method, not the instance's: a request that is sent twice must not be copied twice.
            write_to = type(request).writeTo
            request.writeTo = lambda transport: write_to(request, _TapedTransport(transport, sent))
            try:
                return super().request(request)
            finally:
                # Written by now; left in place it would hold the page in a cycle.
                del request.writeTo
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 # Twisted's name
        attempt = self._attempt
        if attempt is not None:
            if not attempt.received.seen:
                attempt.tls = self._tls_facts()
            try:
                attempt.received.add(data)
            except OSError as error:
                # What cannot be kept is not to be read either.
                attempt.failure, self._attempt = error, None
                self.transport.abortConnection()  # type: ignore[union-attr]
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        if attempt is not None and attempt is self._attempt and self._is_headlong(attempt):
            attempt.is_headlong = True
            attempt.received.drop_last(attempt.received.seen - MAX_HEAD_BYTES)
            self._attempt = None
            self.transport.abortConnection()  # type: ignore[union-attr]

    def _is_headlong(self, attempt: Attempt) -> bool:
        in_head = self._parser is not None and self._parser.state in (STATUS, HEADER)
        return in_head and attempt.received.seen > MAX_HEAD_BYTES

    def _tls_facts(self) -> Tls | None:
        """First known at the first byte that comes back, then the connection's."""
        if self._tls is None and (handle := tls_handle(self.transport)):
            self._tls = tls_of(handle)
        return self._tls

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802 # Twisted's name
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.received.drop_last(len(rest))
            attempt.is_whole = not attempt.is_reset
        super()._finishResponse(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 # Twisted's name
        # Encrypted, many servers end without a word of it, which looks the same as a connection that broke.
        if self._attempt is not None and tls_handle(self.transport) is None:
            self._attempt.is_reset = isinstance(reason.value, ConnectionLost)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _TapedFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: Any) -> TapedProtocol:  # noqa: ARG002, N802 # Twisted's name
        return TapedProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


class _TapedAgent(_ScrapyAgent):
    def __init__(self, tape: Tape, **options: Any) -> None:
        super().__init__(**options)
        self._tape = tape

    def _get_agent(self, request: Request, timeout: float) -> Any:
        agent: Any = super()._get_agent(request, timeout)
        tape = self._tape

        def send_taped(method: bytes, uri: bytes, headers: TxHeaders, body: Any = None) -> Any:
            # Used once, then gone: a cycle would keep the page in memory until a collection.
            del agent.request
            return agent.request(method, uri, TapedHeaders.of(headers, tape), body)

        agent.request = send_taped
        return agent


class TappedHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP/1.1 handler on connections that can be taped."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._pool._factory = _TapedFactory

    async def download_taped(self, request: Request, tape: Tape) -> Response:
        """`download_request` of Scrapy, its attempts copied onto the tape."""
        agent = _TapedAgent(
            tape,
            contextFactory=self._contextFactory,
            bindAddress=self._bind_address,
            pool=self._pool,
            maxsize=self._default_maxsize,
            warnsize=self._default_warnsize,
            fail_on_dataloss=self._fail_on_dataloss,
            crawler=self._crawler,
            tls_verbose_logging=self._tls_verbose_logging,
        )
        try:
            with wrap_twisted_exceptions():
                return await maybe_deferred_to_future(agent.download_request(request))
        except DownloadFailedError as error:
            if tape.attempts and tape.attempts[-1].is_headlong:
                raise DownloadCancelledError(f"the head is longer than {MAX_HEAD_BYTES} bytes") from error
            raise
        finally:
            for attempt in tape.attempts:
                attempt.settle()


# The suites OpenSSL 3 enables by itself before TLS 1.3; in 1.3 both names are the same.
_IANA = {
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "DHE-RSA-AES256-GCM-SHA384": "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "DHE-RSA-CHACHA20-POLY1305": "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "DHE-RSA-AES128-GCM-SHA256": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "ECDHE-RSA-AES256-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "DHE-RSA-AES256-SHA256": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    "ECDHE-ECDSA-AES128-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "DHE-RSA-AES128-SHA256": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-ECDSA-AES256-SHA": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "DHE-RSA-AES256-SHA": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    "ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "DHE-RSA-AES128-SHA": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "AES256-GCM-SHA384": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "AES128-GCM-SHA256": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "AES256-SHA256": "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "AES128-SHA256": "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "AES256-SHA": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
}


def iana_name(openssl_name: str | None) -> str | None:
    """The registered name of a suite; None for one that is not known."""
    if not openssl_name:
        return None
    return openssl_name if openssl_name.startswith("TLS_") else _IANA.get(openssl_name)
