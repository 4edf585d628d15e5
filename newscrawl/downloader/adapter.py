"""Archives what any other download handler (HTTP/2, a browser, …) reports of its exchanges.

Such a handler shows requests and responses, never the bytes on the wire. The records are therefore HTTP/1.1
messages rebuilt from these, and their metadata says so: `fidelity: reconstructed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from http.client import responses
from time import monotonic
from typing import Any, cast

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    NotConfigured,
    UnsupportedURLSchemeError,
)
from scrapy.http import Response
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object

from newscrawl.archive.run_files import SpiderWithRun
from newscrawl.downloader.capture import (
    ExchangeRecorder,
    build_notes,
    flagged_truncation,
    get_spider_with_run,
    refuse_unarchived,
    utc_now,
)
from newscrawl.downloader.refusals import ForbiddenPort, PrivateAddress
from newscrawl.downloader.ssrf_guard import AddressGuard
from newscrawl.warc.records import HttpExchange

_RECONSTRUCTED = (("fidelity", "reconstructed"),)
# These describe the connection, not the message that a handler returns; its body is never chunked.
_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
_BODILESS = {204, 304}
_NEVER_SENT = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    UnsupportedURLSchemeError,
    ForbiddenPort,
    PrivateAddress,
)
"Errors without a connection: no request can have been written."
# ALPN's names, whatever the handler calls them (iipc/warc-specifications#42).
_PROTOCOLS = {"http/2": "h2", "http/2.0": "h2", "http/3": "h3", "http/3.0": "h3"}


class ReconstructingHandler:
    """Downloads with the handler that NEWSCRAWL_CAPTURE_ADAPTER names, and archives what it returns."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        path = crawler.settings.get("NEWSCRAWL_CAPTURE_ADAPTER")
        if not path:
            raise NotConfigured("NEWSCRAWL_CAPTURE_ADAPTER names no handler")
        refuse_unarchived(crawler)
        self._crawler = crawler
        self._wrapped: Any = build_from_crawler(load_object(path), crawler)
        self._writer = ExchangeRecorder(crawler.settings)
        self._guard = AddressGuard(crawler, uses_resolver=False)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ReconstructingHandler:
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        spider = get_spider_with_run(self._crawler.spider)
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
            exchange = self._make_exchange(spider, request, outcome, started, monotonic() - clock)
            try:
                self._writer.write(spider, request, [exchange])
            finally:
                # The error's traceback holds this frame, which would keep the page in memory.
                del outcome, exchange

    async def _guarded(self, request: Request) -> Response:
        await self._guard.check(request)
        response = cast("Response", await self._wrapped.download_request(request))
        self._guard.check_peer(request, response)
        return response

    async def close(self) -> None:
        await self._wrapped.close()

    def _make_exchange(
        self,
        spider: SpiderWithRun,
        request: Request,
        outcome: Response | Exception | None,
        started: datetime,
        seconds: float,
    ) -> HttpExchange:
        response = None if isinstance(outcome, Exception) else outcome
        is_sent = not isinstance(outcome, _NEVER_SENT)
        sent, redacted = self._writer.redact(format_request(request)) if is_sent else (b"", ())
        received = format_response(response, request.method) if response else b""
        shows_peer = not request.meta.get("proxy") and response is not None and response.ip_address
        return HttpExchange(
            url=request.url,
            started=started,
            sent=sent,
            received=received,
            ip=str(response.ip_address) if response and shows_peer else None,
            protocol=warc_protocol(response),
            truncated=flagged_truncation(response) if response else None,
            original=self._writer.find_original(spider, request, received),
            metadata=(*build_notes(request, outcome, seconds, spider), *_RECONSTRUCTED, *redacted),
        )


def format_request(request: Request) -> bytes:
    """The request as an HTTP/1.1 message."""
    url = urlparse_cached(request)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = list(_iter_header_fields(request.headers))
    names = {name.lower() for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"Host", url.netloc.rpartition("@")[2].encode("ascii", "replace")))
    if request.body and b"content-length" not in names:
        headers.append((b"Content-Length", b"%d" % len(request.body)))
    return _format_message(f"{request.method} {target} HTTP/1.1".encode(), headers, request.body)


def format_response(response: Response, method: str) -> bytes:
    """The response as an HTTP/1.1 message, its body still content-encoded."""
    reason = responses.get(response.status, "")
    headers = list(_iter_header_fields(response.headers))
    bodiless = method == "HEAD" or response.status in _BODILESS
    if not bodiless and b"content-length" not in {name.lower() for name, _ in headers}:
        headers.append((b"Content-Length", b"%d" % len(response.body)))
    return _format_message(f"HTTP/1.1 {response.status} {reason}".encode(), headers, response.body)


def warc_protocol(response: Response | None) -> str:
    """The value of WARC-Protocol: `h2`, `http/1.1`, …"""
    protocol = (response.protocol or "http/1.1").lower() if response else "http/1.1"
    return _PROTOCOLS.get(protocol, protocol)


def _iter_header_fields(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    for name, values in headers.items():
        if name.lower() not in _HOP_BY_HOP and not name.startswith(b":"):
            yield from ((name, value) for value in values)


def _format_message(start: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [start, *(_unfold(name) + b": " + _unfold(value) for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _unfold(value: bytes) -> bytes:
    return b" ".join(value.splitlines())
