"""WARC records as other programs write them, put together by hand."""

from __future__ import annotations

import gzip
from collections.abc import Iterable

WHEN = "2026-05-01T10:00:00Z"
HTML = "<html><head><title>Conseil élargi</title></head><body><p>Le conseil se réunit.</p></body></html>"
PAGE = HTML.encode()


def urn(number: int) -> str:
    return f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>"


def record(
    kind: str,
    url: str | None,
    block: bytes,
    *extra: tuple[str, str],
    number: int = 1,
    date: str | None = WHEN,
    content_type: str | None = None,
    version: str = "1.1",
) -> bytes:
    """One record, not compressed; WARC 1.0 puts its URL in angle brackets."""
    types = {"response": "application/http; msgtype=response", "request": "application/http; msgtype=request"}
    types |= {"revisit": types["response"], "warcinfo": "application/warc-fields"}
    bracketed = f"<{url}>" if version == "1.0" else url
    headers = [
        ("WARC-Type", kind),
        ("WARC-Record-ID", urn(number)),
        *([("WARC-Date", date)] if date else []),
        *([("WARC-Target-URI", str(bracketed))] if url else []),
        ("Content-Type", content_type or types.get(kind, "application/warc-fields")),
        *extra,
        ("Content-Length", str(len(block))),
    ]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"WARC/{version}\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def http(body: bytes = PAGE, *lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """A response's bytes with exactly these header lines."""
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1") + body


def members(records: Iterable[bytes]) -> bytes:
    """A gzip member a record."""
    return b"".join(gzip.compress(one, 6, mtime=0) for one in records)
