"""SURT keys: URLs turned round so that what belongs together sorts together, as archive indexes spell them.

The rules are those every CDX tool follows (scheme, user, `www.`, default port, case, order of the query and
well-known session ids do not count), so that our index lines merge with theirs.
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
"Printable characters that stand for themselves; `#`, `%` and space do not."
MAX_UNQUOTINGS = 64
"Percent-encoding is undone until nothing is left of it; deeper nesting is nobody's honest URL."
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
    """The key of a URL, such as `cm,example)/story?id=7`; the URL itself when it cannot be taken apart."""
    clean = re.sub(r"[\r\n\t]", "", url.strip())
    if not clean:
        return "-"
    if not _SCHEME.match(clean):
        clean = f"http://{clean}"
    clean = _DOUBLED_SCHEME.sub("", clean, count=1)
    try:
        parts = urlsplit(clean)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:
        return url
    path = _path(parts.path, bool(host))
    query = _query(parts.query)
    where = _reversed(host, port, parts.scheme) if host else f"{parts.scheme}:".encode()
    return (where + path + (b"?" + query if query else b"")).decode("ascii", "replace")


def site_of(key: str) -> str:
    """The part of a key that names its host, up to and with the bracket."""
    host, bracket, _ = key.partition(")")
    return host + bracket


def _reversed(host: bytes, port: int | None, scheme: str) -> bytes:
    shown = f":{port}" if port and port != _DEFAULT_PORTS.get(scheme) else ""
    return b",".join(reversed(host.split(b"."))) + shown.encode() + b")"


def _host(name: str) -> bytes:
    host = _unquoted(name)
    if not host.isascii():
        with suppress(UnicodeError):
            host = host.decode("utf-8", "ignore").encode("idna")
    host = host.replace(b"..", b".").strip(b".")
    if host.isdigit():
        return str(IPv4Address(int(host[:40]) & 0xFFFFFFFF)).encode()
    return _WWW.sub(b"", _quoted(host.lower()), count=1)


def _path(raw: str, has_host: bool) -> bytes:
    path = _unquoted(raw)
    if has_host:
        path = _without_dots(path)
    path = _quoted(path).lower()
    for pattern in _ASPX_SESSIONS:
        path = pattern.sub(rb"\1\2", path)
    return path[:-1] if len(path) > 1 and path.endswith(b"/") else path


def _without_dots(path: bytes) -> bytes:
    """Absolute, with `.`, `..` and empty segments resolved; a slash at the end stays."""
    kept: list[bytes] = []
    for segment in path.split(b"/")[1:]:
        if segment == b".." and kept:
            kept.pop()
        elif segment != b".":
            kept.append(segment)
    return b"/" + b"/".join([*filter(None, kept[:-1]), *kept[-1:]])


def _query(raw: str) -> bytes:
    query = _quoted(_unquoted(raw))
    for pattern in _QUERY_SESSIONS:
        query = pattern.sub(lambda match: match[1] + (match[2] or b""), query)
    pairs = sorted(tuple(pair.split(b"=", 1)) for pair in query.lower().split(b"&"))
    return b"&".join(b"=".join(pair) for pair in pairs)


def _unquoted(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    for _ in range(MAX_UNQUOTINGS):
        plain = unquote_to_bytes(raw)
        if plain == raw:
            break
        raw = plain
    return raw


def _quoted(raw: bytes) -> bytes:
    return quote_from_bytes(raw, safe=_SAFE).encode("ascii")
