"""SURT keys: URLs with the host name reversed, so that the pages of a site sort together in an index.

The rules are those of all CDX tools, so that our index lines merge with theirs: scheme, user, `www.`, default
port, case, the order of query parameters and well-known session ids are ignored.
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import IPv4Address
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:")
_DOUBLED_SCHEME = re.compile(r"\A(?:https?://){1,50}(?=https?://)")
_WWW = re.compile(rb"\Awww\d{0,9}\.")
_SAFE = "!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"Printable characters that are not percent-encoded; `#`, `%` and space are."
MAX_UNQUOTINGS = 64
"Percent-encoding is undone until none is left; no legitimate URL is nested more deeply."
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ASPX_SESSIONS = (
    re.compile(rb"^(.*/)\((?:[a-z]\([0-9a-z]{24}\)){1,9}\)/([^?]+\.aspx.*)$", re.IGNORECASE | re.DOTALL),
    re.compile(rb"^(.*/)\([0-9a-z]{24}\)/([^?]+\.aspx.*)$", re.IGNORECASE | re.DOTALL),
)
_QUERY_SESSIONS = tuple(
    re.compile(rb"^(.*)" + name + rb"(?:&(.*))?$", re.IGNORECASE | re.DOTALL)
    for name in (
        rb"jsessionid=[0-9a-zA-Z]{32}",
        rb"phpsessid=[0-9a-zA-Z]{32}",
        rb"sid=[0-9a-zA-Z]{32}",
        rb"aspsessionid[a-zA-Z]{8}=[a-zA-Z]{24}",
        rb"cfid=[^&]+&cftoken=[^&]+",
    )
)


def surt(url: str) -> str:
    """The key of a URL, such as `cm,example)/story?id=7`; the URL itself if it cannot be parsed."""
    clean = re.sub(r"[\r\n\t]", "", url.strip())
    if not clean:
        return "-"
    if not _SCHEME.match(clean):
        clean = f"http://{clean}"
    clean = _DOUBLED_SCHEME.sub("", clean, count=1)
    try:
        parts = urlsplit(clean)
        port = parts.port
        host = _normalize_host(parts.hostname or "")
    except ValueError:
        return url
    path = _normalize_url_path(parts.path, bool(host))
    query = _normalize_query(parts.query)
    site = f"{parts.scheme}:".encode()
    if host:
        suffix = f":{port}" if port and port != _DEFAULT_PORTS.get(parts.scheme) else ""
        site = b",".join(reversed(host.split(b"."))) + suffix.encode() + b")"
    return (site + path + (b"?" + query if query else b"")).decode("ascii", "replace")


def surt_host(key: str) -> str:
    """The host part of a key, including the bracket."""
    host, bracket, _ = key.partition(")")
    return host + bracket


def _normalize_host(name: str) -> bytes:
    host = _unquote_fully(name)
    if not host.isascii():
        with suppress(UnicodeError):
            host = host.decode("utf-8", "ignore").encode("idna")
    host = host.replace(b"..", b".").strip(b".")
    if host.isdigit():
        return str(IPv4Address(int(host[:40]) & 0xFFFFFFFF)).encode()
    return _WWW.sub(b"", _percent_encode(host.lower()), count=1)


def _normalize_url_path(raw: str, has_host: bool) -> bytes:
    path = _unquote_fully(raw)
    if has_host:
        path = _resolve_dots(path)
    path = _percent_encode(path).lower()
    for pattern in _ASPX_SESSIONS:
        path = pattern.sub(rb"\1\2", path)
    return path[:-1] if len(path) > 1 and path.endswith(b"/") else path


def _resolve_dots(path: bytes) -> bytes:
    """An absolute path without `.`, `..` and empty segments; a slash at the end stays."""
    segments: list[bytes] = []
    for segment in path.split(b"/")[1:]:
        if segment == b".." and segments:
            segments.pop()
        elif segment != b".":
            segments.append(segment)
    return b"/" + b"/".join([*filter(None, segments[:-1]), *segments[-1:]])


def _normalize_query(raw: str) -> bytes:
    query = _percent_encode(_unquote_fully(raw))
    for pattern in _QUERY_SESSIONS:
        query = pattern.sub(lambda match: match[1] + (match[2] or b""), query)
    pairs = sorted(tuple(pair.split(b"=", 1)) for pair in query.lower().split(b"&"))
    return b"&".join(b"=".join(pair) for pair in pairs)


def _unquote_fully(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    for _ in range(MAX_UNQUOTINGS):
        decoded = unquote_to_bytes(raw)
        if decoded == raw:
            break
        raw = decoded
    return raw


def _percent_encode(raw: bytes) -> bytes:
    return quote_from_bytes(raw, safe=_SAFE).encode("ascii")
