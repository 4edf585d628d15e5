"""HTTP/1.1 messages of the demo server: parses requests, and writes responses with the quirks of sites."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from itertools import cycle
from typing import Literal
from urllib.parse import parse_qsl

MAX_HEADERS = 100
MAX_QUERY_FIELDS = 50
_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[\x21-\x7e]{0,4000}) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]{0,20}([\x20-\x7e\x80-\xff\t]{0,8000})")
_NO_GZIP = re.compile(r"gzip[ \t]{0,5};[ \t]{0,5}q=0(\.0{1,3})?[ \t]{0,5}(,|$)")

HeaderCase = Literal["usual", "lower", "upper"]
_SET_CASE: dict[HeaderCase, Callable[[str], str]] = {"usual": str, "lower": str.lower, "upper": str.upper}


class BadRequest(Exception):  # not a NewscrawlError: it never leaves the server, which answers 400
    """Bytes that are no valid request; the text becomes the body of the response."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request, as a site receives it."""

    method: str
    target: str
    "Path with its query, as sent."
    headers: Mapping[str, str]
    "Lower-case names; of repeated headers the last value."
    http11: bool = True
    base: str = ""
    "Base URL of the outlet, without a final slash."
    earlier: int = 0
    "Number of earlier requests for the same target."

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        text = self.target.partition("?")[2]
        try:
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS))
        except ValueError:
            return {}

    @property
    def keeps_alive(self) -> bool:
        return self.http11 and "close" not in self.headers.get("connection", "").lower()

    @property
    def takes_gzip(self) -> bool:
        accepted = self.headers.get("accept-encoding", "").lower()
        return "gzip" in accepted and not _NO_GZIP.search(accepted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """The response of a site, and how it goes over the wire."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = "text/html; charset=UTF-8"
    "None leaves the header out."
    headers: tuple[tuple[str, str], ...] = ()
    "Further headers in order; names may repeat."
    gzip: bool = False
    "Compress if the client accepts it."
    chunks: tuple[int, ...] = ()
    "Sizes of the chunks, repeated as needed; without any, Content-Length is sent."
    etag: bool = False
    "Send an ETag made from the body, and answer 304 to If-None-Match."
    modified: datetime | None = None
    "Send Last-Modified, and answer 304 to If-Modified-Since."
    header_case: HeaderCase = "usual"


def parse_request(raw: bytes, base: str) -> Request:
    """The request in `raw`, a complete head and perhaps a body; BadRequest says what is wrong."""
    head = raw.partition(b"\r\n\r\n")[0].decode("latin-1")
    first, *lines = head.split("\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if not line:
        raise BadRequest("not an HTTP/1 request line")
    if len(lines) > MAX_HEADERS:
        raise BadRequest(f"more than {MAX_HEADERS} headers")
    headers = dict(_parse_header(text) for text in lines)
    if line[3] == "1" and "host" not in headers:
        raise BadRequest("no Host header")
    if "transfer-encoding" in headers:
        raise BadRequest("a request body must have a Content-Length")
    return Request(method=line[1], target=line[2], headers=headers, http11=line[3] == "1", base=base)


def _parse_header(line: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(line)
    if not match:
        raise BadRequest("an invalid header line")
    return match[1].lower(), match[2].strip()


def serialize_response(
    response: Response, request: Request, now: datetime, *, close: bool
) -> tuple[int, bytes]:
    """Status and bytes of the response to `request`: 304 if the client has it, no body for HEAD."""
    status = HTTPStatus.NOT_MODIFIED if _is_not_modified(response, request) else HTTPStatus(response.status)
    is_compressed = response.gzip and request.takes_gzip
    body = gzip.compress(response.body, mtime=0) if is_compressed else response.body
    has_no_body = status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
    headers = [("Server", "newsroom"), ("Date", _format_http_date(now)), *response.headers]
    headers += _validators(response)
    if not has_no_body:
        headers += _entity_headers(response, len(body), is_compressed=is_compressed)
    if close:
        headers.append(("Connection", "close"))
    lines = [f"{_SET_CASE[response.header_case](name)}: {value}\r\n" for name, value in headers]
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{''.join(lines)}\r\n".encode("latin-1")
    if has_no_body or request.method == "HEAD":
        return status.value, head
    return status.value, head + (b"".join(_iter_chunks(body, response.chunks)) if response.chunks else body)


def _is_not_modified(response: Response, request: Request) -> bool:
    if response.status != HTTPStatus.OK or request.method not in {"GET", "HEAD"}:
        return False
    tags = request.headers.get("if-none-match")
    if tags is not None:  # RFC 9110, 13.1.3: If-Modified-Since is then ignored
        return response.etag and (tags.strip() == "*" or make_etag(response.body) in tags)
    since = _parse_http_date(request.headers.get("if-modified-since"))
    return bool(since and response.modified and response.modified.replace(microsecond=0) <= since)


def _parse_http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def make_etag(body: bytes) -> str:
    """The entity tag of a body, with quotes."""
    return f'"{hashlib.sha256(body).hexdigest()[:20]}"'


def _validators(response: Response) -> list[tuple[str, str]]:
    headers = []
    if response.etag:
        headers.append(("ETag", make_etag(response.body)))
    if response.modified:
        headers.append(("Last-Modified", _format_http_date(response.modified)))
    return headers


def _entity_headers(response: Response, length: int, *, is_compressed: bool) -> list[tuple[str, str]]:
    headers = [("Content-Type", response.content_type)] if response.content_type else []
    if response.gzip:
        headers.append(("Vary", "Accept-Encoding"))
    if is_compressed:
        headers.append(("Content-Encoding", "gzip"))
    if response.chunks:
        return [*headers, ("Transfer-Encoding", "chunked")]
    return [*headers, ("Content-Length", str(length))]


def _format_http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _iter_chunks(body: bytes, sizes: tuple[int, ...]) -> Iterator[bytes]:
    at = 0
    for size in cycle(sizes):
        piece = body[at : at + max(size, 1)]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
        at += len(piece)
        if not piece:  # an empty chunk ends the body
            return
