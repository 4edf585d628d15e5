"""What stands before every page: the hosts and methods that are answered, and policies for browsers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[(?P<literal>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::\d{1,5})?")
COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), browsing-topics=()",
}


def parse_host(header: str) -> str | None:
    """The name or address in a Host header, without its port; None if there is none."""
    match = _HOST.fullmatch(header.strip())
    return (match["literal"] or match["name"]).lower().rstrip(".") if match else None


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Guard:
    """Answers only those hosts, only reads, and adds headers to every answer.

    A page of the web can point a name of its own at this machine and would then count as the same origin:
    only the Host header tells such a request from that of the person who looks.
    """

    def __init__(
        self, app: ASGIApp, *, names: Collection[str], allows_addresses: bool, headers: Mapping[str, str]
    ) -> None:
        """`allows_addresses`: any bare IP address is right as well, which no foreign name can pass for."""
        self._app = app
        self._names = LOOPBACK_NAMES | {name.lower() for name in names}
        self._allows_addresses = allows_addresses
        self._headers = {**COMMON_HEADERS, **headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                message["headers"] = headers.raw
            await send(message)

        host = parse_host(Headers(scope=scope).get("host", ""))
        if host is None or not (host in self._names or (self._allows_addresses and is_address(host))):
            refusal = PlainTextResponse("this host name is not served here\n", status_code=421)
            await refusal(scope, receive, send_with_headers)
        elif scope["method"] not in {"GET", "HEAD"}:
            refusal = PlainTextResponse(
                "only GET and HEAD\n", status_code=405, headers={"Allow": "GET, HEAD"}
            )
            await refusal(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)
