"""Any other download handler (HTTP/2, a browser, …), archived as well as what it tells allows.

Such a handler shows requests and responses, never the wire. The records are HTTP/1.1 messages made of
these, and their metadata says so: `fidelity: reconstructed`.
"""

from __future__ import annotations

from http.client import responses
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    NotConfigured,
    UnsupportedURLSchemeError,
)
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object

from newscrawl.downloader.capture import Recorder, notes_of, run_of, utc_now
from newscrawl.downloader.refusals import ForbiddenPort, PrivateAddress
from newscrawl.downloader.ssrf_guard import Guard
from newscrawl.warc.records import Exchange, Truncated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from newscrawl.archive.run import Archiving


_RECONSTRUCTED = (("fidelity", "reconstructed"),)
# True of the connection, not of the message that a handler gives; a body is whole by then.
_OF_THE_WIRE = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
_BODILESS = {204, 304}
_NEVER_SENT = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    UnsupportedURLSchemeError,
    ForbiddenPort,
    PrivateAddress,
)
"Errors without a connection: there was nothing a request could have been written to."
# As ALPN names them, whatever a handler says (iipc/warc-specifications#42).
_PROTOCOLS = {"http/2": "h2", "http/2.0": "h2", "http/3": "h3", "http/3.0": "h3"}
_TRUNCATED_FLAGS: dict[str, Truncated] = {"dataloss": "disconnect", "download_stopped": "unspecified"}


class ReconstructingHandler:
    """Downloads with the handler that NEWSCRAWL_WRAPPED_HANDLER names and writes what it gave."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        path = crawler.settings.get("NEWSCRAWL_WRAPPED_HANDLER")
        if not path:
            raise NotConfigured("NEWSCRAWL_WRAPPED_HANDLER names no handler")
        self._crawler = crawler
        self._wrapped: Any = build_from_crawler(load_object(path), crawler)
        self._recorder = Recorder(crawler.settings)
        self._guard = Guard(crawler, through_resolver=False)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ReconstructingHandler:
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        spider = run_of(self._crawler.spider)
        if spider is None:
            return await self._guarded(request)
        started, clock = utc_now(), monotonic()
        outcome: Response | Exception | None = None
        try:
            outcome = await self._guarded(request)
            return outcome
        except Exception as error:
            outcome = error
            raise
        finally:
            exchange = self._exchange(spider, request, outcome, started, monotonic() - clock)
            try:
                self._recorder.write(spider, request, [exchange])
            finally:
                # The error holds this frame through its traceback: the page must not hang on it.
                del outcome, exchange

    async def _guarded(self, request: Request) -> Response:
        await self._guard.check(request)
        response = cast("Response", await self._wrapped.download_request(request))
        self._guard.check_peer(request, response)
        return response

    async def close(self) -> None:
        await self._wrapped.close()

    def _exchange(
        self,
        spider: Archiving,
        request: Request,
        outcome: Response | Exception | None,
        started: datetime,
        seconds: float,
    ) -> Exchange:
        response = None if isinstance(outcome, Exception) else outcome
        is_sent = not isinstance(outcome, _NEVER_SENT)
        sent, redacted = self._recorder.redacted(request_bytes(request)) if is_sent else (b"", ())
        received = response_bytes(response, request.method) if response else b""
        shown = not request.meta.get("proxy") and response is not None and response.ip_address
        return Exchange(
            url=request.url,
            started=started,
            sent=sent,
            received=received,
            ip=str(response.ip_address) if response and shown else None,
            protocol=protocol_of(response),
            truncated=_truncated(response),
            original=self._recorder.original_of(spider, request, received),
            notes=(*notes_of(request, outcome, seconds), *_RECONSTRUCTED, *redacted),
        )


def request_bytes(request: Request) -> bytes:
    """The request as HTTP/1.1 would say it."""
    url = urlparse_cached(request)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = list(_pairs(request.headers))
    names = {name.lower() for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"Host", url.netloc.rpartition("@")[2].encode("ascii", "replace")))
    if request.body and b"content-length" not in names:
        headers.append((b"Content-Length", b"%d" % len(request.body)))
    return _message(f"{request.method} {target} HTTP/1.1".encode(), headers, request.body)


def response_bytes(response: Response, method: str) -> bytes:
    """The response as HTTP/1.1 would say it, its body still content-encoded."""
    reason = responses.get(response.status, "")
    headers = list(_pairs(response.headers))
    bodiless = method == "HEAD" or response.status in _BODILESS
    if not bodiless and b"content-length" not in {name.lower() for name, _ in headers}:
        headers.append((b"Content-Length", b"%d" % len(response.body)))
    return _message(f"HTTP/1.1 {response.status} {reason}".encode(), headers, response.body)


def protocol_of(response: Response | None) -> str:
    """The value of WARC-Protocol: `h2`, `http/1.1`, …"""
    named = (response.protocol or "http/1.1").lower() if response else "http/1.1"
    return _PROTOCOLS.get(named, named)


def _pairs(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    for name, values in headers.items():
        if name.lower() not in _OF_THE_WIRE and not name.startswith(b":"):
            yield from ((name, value) for value in values)


def _message(start: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [start, *(_one_line(name) + b": " + _one_line(value) for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _one_line(value: bytes) -> bytes:
    return b" ".join(value.splitlines())


def _truncated(response: Response | None) -> Truncated | None:
    flags = response.flags if response else []
    return next((why for flag, why in _TRUNCATED_FLAGS.items() if flag in flags), None)
