"""Follows redirects, but not to an address that no server can have."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from newscrawl.downloader.recording import REDIRECTS

_NO_HOST = re.compile(rb"\s{0,100}https?:/{0,9}\s{0,100}", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]{1,253}|\[[0-9a-fA-F:.]{2,60}\]")


class BadRedirect(IgnoreRequest):
    """A page redirects to an address without a host, or with one that cannot be."""

    reason_name = "bad_redirect"


class CheckedRedirectMiddleware(RedirectMiddleware):
    """Scrapy's own, which would go on to ask the robots.txt of a host that cannot be."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        location = response.headers.get("Location") or b""
        if response.status in REDIRECTS and _NO_HOST.fullmatch(location):
            # As a relative URL it would lead to the page itself, again and again.
            raise BadRedirect(f"{request.url} leads to {location.decode('latin-1')}")
        try:
            return super().process_response(request, response)
        except ValueError as error:
            # Of urljoin and Request: an open bracket, or a scheme without a server such as `javascript:`.
            raise BadRedirect(f"{request.url} leads to {location.decode('latin-1')}: {error}") from error

    def _redirect(self, redirected: Request, request: Request, reason: Any) -> Request:
        if not has_possible_host(redirected.url):
            raise BadRedirect(f"{request.url} leads to {redirected.url}")
        return super()._redirect(redirected, request, reason)


def has_possible_host(url: str) -> bool:
    """Whether an http(s) URL names a host that may exist; other schemes are refused elsewhere."""
    try:
        parts = urlsplit(url)
        authority = parts.netloc.rpartition("@")[2]
        host = authority if authority.endswith("]") else authority.partition(":")[0]
        host = authority.partition("]")[0] + "]" if authority.startswith("[") else host
    except ValueError:
        return False
    return parts.scheme not in ("http", "https") or bool(_HOST.fullmatch(host) and host.strip(".-"))
