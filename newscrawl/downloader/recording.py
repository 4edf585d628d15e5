"""Records Scrapy's and Twisted's HTTP/1.1 connections; no other module uses their private names.

private_names.py lists the names and the minor versions of Scrapy that have them;
tests/downloader/test_recording.py shows what moved when it fails. The recorder travels with the request's
headers, because connection callbacks run in other contexts and Twisted may silently send a request twice
(HTTPConnectionPool.retryAutomatically).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _ScrapyAgent,
)
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError, ResponseDataLossError
from scrapy.http import Response
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS
from twisted.web.http_headers import Headers as TxHeaders

from newscrawl.warc.http import ContentError, decode_declared
from newscrawl.warc.records import Spool

MAX_HEAD_BYTES = 96 * 1024
"Limit of status line and headers, interim responses included; Twisted itself reads on without a limit."


REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_JSON_BYTES = 1 << 20
"Longer JSON is not parsed only to see whether it is whole."
MAX_TAIL_BYTES = 4096
_ENDS = re.compile(
    rb"</(?:html|rss|feed|rdf:rdf|urlset|sitemapindex)\s{0,100}>(?:\s|<!--[^>]{0,1000}-->){0,100}$",
    re.IGNORECASE,
)
"The end of a page, a feed or a sitemap, and the comments that caches leave behind it."


class TlsFacts(NamedTuple):
    """How a connection is encrypted, in OpenSSL's words."""

    version: str | None
    cipher: str | None
    certificate: str | None
    "SHA-256 of the peer's certificate, in hexadecimal."


class Attempt:
    """What a single use of a connection sent and received."""

    __slots__ = (
        "failure",
        "has_endless_head",
        "ip",
        "is_complete",
        "is_reset",
        "response",
        "sent",
        "started",
        "tls",
        "tls_connection",
    )

    def __init__(self, started: datetime, ip: str | None, response: Spool) -> None:
        self.started = started
        self.ip = ip
        self.sent: list[bytes] = []
        self.response = response
        self.is_complete = False
        "Whether the parser reached the end of the message."
        self.is_reset = False
        "Whether the connection broke, which the parser takes for the end of a message of unstated length."
        self.has_endless_head = False
        "Whether we broke it off because its head did not end."
        self.tls: TlsFacts | None = None
        self.failure: OSError | None = None
        "The error with which the disk refused what was received."
        self.tls_connection: Any = None
        "OpenSSL's connection until its facts have been read."

    def finish(self) -> None:
        """Read the TLS facts when nothing came back, and release the connection."""
        if self.tls_connection and self.tls is None:
            self.tls = read_tls_facts(self.tls_connection)
            if not self.tls.cipher:
                # OpenSSL held back what was written for a handshake that never finished.
                self.sent.clear()
        self.tls_connection = None


def get_tls_connection(transport: Any) -> Any:
    """OpenSSL's connection below a transport; None without encryption."""
    return transport.getHandle() if hasattr(transport, "getPeerCertificate") else None


def read_tls_facts(connection: Any) -> TlsFacts:
    """Facts of a connection; it has no cipher until the handshake is complete."""
    certificate = connection.get_peer_certificate()
    digest = certificate.digest("sha256").decode().replace(":", "").lower() if certificate else None
    return TlsFacts(connection.get_protocol_version_name(), connection.get_cipher_name(), digest)


class WireRecorder:
    """Records the attempts of a download, in order."""

    __slots__ = ("attempts", "new_spool", "now")

    def __init__(self, now: Callable[[], datetime], new_spool: Callable[[], Spool] = Spool) -> None:
        self.now = now
        self.new_spool = new_spool
        self.attempts: list[Attempt] = []


class RecordingHeaders(TxHeaders):
    """Headers that carry the recorder to the connection."""

    __slots__ = ("recorder",)
    recorder: WireRecorder

    @classmethod
    def wrap(cls, headers: TxHeaders, recorder: WireRecorder) -> RecordingHeaders:
        copy = cls()
        copy._rawHeaders = headers._rawHeaders
        copy.recorder = recorder
        return copy

    def copy(self) -> RecordingHeaders:
        return self.wrap(super().copy(), self.recorder)


class _RecordingTransport:
    """Copies what a request writes; everything else goes to the real transport."""

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


class RecordingProtocol(_LenientHTTP11ClientProtocol):
    """A client connection that copies each exchange into its recorder."""

    _attempt: Attempt | None = None
    _peer: str | None = None
    _tls: TlsFacts | None = None

    def request(self, request: Any) -> Any:
        recorder = getattr(request.headers, "recorder", None)
        if recorder is not None and self._state == "QUIESCENT":
            if self._peer is None:
                self._peer = getattr(self.transport.getPeer(), "host", None)  # type: ignore[union-attr,misc]
            self._attempt = Attempt(recorder.now(), self._peer, recorder.new_spool())
            self._attempt.tls_connection = get_tls_connection(self.transport)
            recorder.attempts.append(self._attempt)
            sent = self._attempt.sent
            # Take the class's method: a request that is sent twice must not be copied twice.
            write_to = type(request).writeTo
            request.writeTo = lambda transport: write_to(request, _RecordingTransport(transport, sent))
            try:
                return self._send(request)
            finally:
                # It has been written; left in place, the method would hold the page in a reference cycle.
                del request.writeTo
        return self._send(request)

    def _send(self, request: Any) -> Any:
        answer = super().request(request)
        if self._parser is not None:
            # Twisted ends the connection at a line of 16 KiB; here the limit of the whole head counts.
            self._parser.MAX_LENGTH = 2 * MAX_HEAD_BYTES
        return answer

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 # Twisted's name
        attempt = self._attempt
        if attempt is not None:
            if not attempt.response.received:
                attempt.tls = self._read_tls_facts()
            try:
                attempt.response.add(data)
            except OSError as error:
                # What the disk cannot hold must not be parsed either.
                attempt.failure, self._attempt = error, None
                self.transport.abortConnection()  # type: ignore[union-attr]
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        in_head = self._parser is not None and self._parser.state in (STATUS, HEADER)
        if attempt is None or attempt is not self._attempt or not in_head:
            return
        if attempt.response.received > MAX_HEAD_BYTES:
            attempt.has_endless_head = True
            attempt.response.drop_last(attempt.response.received - MAX_HEAD_BYTES)
            self._attempt = None
            self.transport.abortConnection()  # type: ignore[union-attr]

    def _read_tls_facts(self) -> TlsFacts | None:
        """Read at the first byte that comes back, then reused for the connection."""
        if self._tls is None and (connection := get_tls_connection(self.transport)):
            self._tls = read_tls_facts(connection)
        return self._tls

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802 # Twisted's name
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.response.drop_last(len(rest))
            attempt.is_complete = not attempt.is_reset
        super()._finishResponse(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 # Twisted's name
        # Many servers end encrypted connections without close_notify, as if the connection had broken.
        if self._attempt is not None and get_tls_connection(self.transport) is None:
            self._attempt.is_reset = isinstance(reason.value, ConnectionLost)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _RecordingFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: Any) -> RecordingProtocol:  # noqa: ARG002, N802 # Twisted's name
        return RecordingProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


class _RecordingAgent(_ScrapyAgent):
    def __init__(self, recorder: WireRecorder, **options: Any) -> None:
        super().__init__(**options)
        self._recorder = recorder

    def _get_agent(self, request: Request, timeout: float) -> Any:
        agent: Any = super()._get_agent(request, timeout)
        recorder = self._recorder

        def send_recorded(method: bytes, uri: bytes, headers: TxHeaders, body: Any = None) -> Any:
            # Remove the wrapper once used: a cycle would keep the page in memory until a collection.
            del agent.request
            return agent.request(method, uri, RecordingHeaders.wrap(headers, recorder), body)

        agent.request = send_recorded
        return agent


class RecordingHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP/1.1 handler on connections that can be recorded.

    Of a message that ends early it keeps what is whole all the same.
    """

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._pool._factory = _RecordingFactory
        self._refuses_cut = self._fail_on_dataloss
        # So that the response comes here first.
        self._fail_on_dataloss = False

    async def download_request(self, request: Request) -> Response:
        return self._check_cut(await super().download_request(request))

    def _check_cut(self, response: Response) -> Response:
        if self._refuses_cut and "dataloss" in response.flags and not is_whole(response):
            raise ResponseDataLossError(f"{response.url} ends before its message does")
        return response

    async def download_recorded(self, request: Request, recorder: WireRecorder) -> Response:
        """Scrapy's `download_request`, with its attempts copied into the recorder."""
        agent = _RecordingAgent(
            recorder,
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
                return self._check_cut(await maybe_deferred_to_future(agent.download_request(request)))
        except DownloadFailedError as error:
            if recorder.attempts and recorder.attempts[-1].has_endless_head:
                raise DownloadCancelledError(f"the head is longer than {MAX_HEAD_BYTES} bytes") from error
            raise
        finally:
            for attempt in recorder.attempts:
                attempt.finish()


def is_whole(response: Response) -> bool:
    """Whether nothing is missing in a response that ended early: a redirect, or content with its own end."""
    if response.status in REDIRECTS and "Location" in response.headers:
        return True
    declared = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1")
    try:
        content = decode_declared(response.body, declared).data
    except ContentError:
        return False
    if content.lstrip()[:1] in (b"{", b"["):
        return len(content) <= MAX_JSON_BYTES and _is_json(content)
    return bool(_ENDS.search(content[-MAX_TAIL_BYTES:]))


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


# The suites OpenSSL 3 enables by default before TLS 1.3; in 1.3 both names are the same.
_IANA_NAMES = {
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


def iana_cipher_name(openssl_name: str | None) -> str | None:
    """IANA's name of a cipher suite; None for an unknown suite."""
    if not openssl_name:
        return None
    return openssl_name if openssl_name.startswith("TLS_") else _IANA_NAMES.get(openssl_name)
