"""Checks where a request would go before it is sent, and refuses with an error of its own name.

Each hop of a redirect is a request of its own and is checked here. The resolver refuses private addresses as
well, which covers what is really connected to; this check also sees ports, and the target behind a proxy.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError
from scrapy.http import Response
from scrapy.resolver import CachingThreadedResolver
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.error import DNSLookupError

from newscrawl.addresses import AllowedAddresses, is_public
from newscrawl.downloader.refusals import ForbiddenPort, PrivateAddress

logger = logging.getLogger(__name__)

WEB_PORTS = frozenset({80, 443, 8080, 8443})
"Ports that sites use. A request to any other needs a configured URL that names it."
_SCHEME_PORTS = {"http": 80, "https": 443}


class GuardedResolver(CachingThreadedResolver):
    """Scrapy's resolver, which refuses addresses neither public nor in NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES."""

    _allowed = AllowedAddresses()

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> GuardedResolver:
        resolver: GuardedResolver = super().from_crawler(crawler, reactor)
        resolver._allowed = AllowedAddresses.parse(
            str(crawler.settings.get("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", ""))
        )
        resolver.proxies = set()
        return resolver

    proxies: set[str]
    "Hosts of proxies that requests go through: whoever runs the crawl configured them."

    def getHostByName(self, name: str, timeout: Any = None) -> Any:  # noqa: N802 # Twisted's name
        return self.resolve_unchecked(name, timeout).addCallback(self._check_address, name)

    def resolve_unchecked(self, name: str, timeout: Any = None) -> Any:
        """The address of a name, for callers that check it themselves."""
        return super().getHostByName(name, timeout)

    def _check_address(self, address: str, name: str) -> str:
        allowed = self._allowed.covers(name) or self._allowed.covers(address)
        if allowed or name in self.proxies or is_public(address):
            return address
        logger.warning("refused %s: %s is not a public address", name, address)
        raise DNSLookupError(f"{name} is {address}, which is not a public address")


class AddressGuard:
    """Refuses requests by their target's address and port."""

    def __init__(self, crawler: Crawler, uses_resolver: bool = True) -> None:
        """`uses_resolver`: whether connections go only to the addresses that the crawl's resolver returns."""
        self._crawler = crawler
        self._uses_resolver = uses_resolver
        self._allowed = AllowedAddresses.parse(
            str(crawler.settings.get("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", ""))
        )
        self._configured: frozenset[tuple[str, int]] | None = None

    async def check(self, request: Request) -> None:
        """Return if the request may be sent, else raise the reason.

        A proxy looks the host up again and may get another address.
        """
        if self._allowed.everywhere:
            return
        host, port = parse_host_port(request.url)
        if self._allowed.covers(host, port):
            return
        resolver = _get_resolver() if self._uses_resolver else None
        addresses = await _resolve_host(host, resolver)
        if any(self._is_private(address, port) for address in addresses):
            raise PrivateAddress(f"{host} port {port} is not on the public internet ({addresses[0]})")
        if port not in WEB_PORTS and not self._is_configured(host, port, addresses):
            raise ForbiddenPort(f"{host}: no configured URL names port {port}, which sites do not use")
        if resolver and (proxy := request.meta.get("proxy")):
            resolver.proxies.add(urlsplit(proxy).hostname or "")

    def check_peer(self, request: Request, response: Response) -> None:
        """Refuse a response from a private address, for handlers that resolve names themselves."""
        peer = response.ip_address
        if self._allowed.everywhere or peer is None or request.meta.get("proxy"):
            return
        host, port = parse_host_port(request.url)
        if not self._allowed.covers(host, port) and self._is_private(str(peer), port):
            raise PrivateAddress(f"{host} answered from {peer}")

    def _is_private(self, address: str, port: int) -> bool:
        return not is_public(address) and not self._allowed.covers(address, port)

    def _is_configured(self, host: str, port: int, addresses: list[str]) -> bool:
        """Whether the port is configured: by the outlet's file, a list of URLs, or the allowed addresses."""
        if all(self._allowed.covers(address, port) for address in addresses):
            return True
        if self._configured is None:
            first_urls = getattr(self._crawler.spider, "first_urls", tuple)
            self._configured = frozenset(map(parse_host_port, first_urls()))
        return (host, port) in self._configured


def parse_host_port(url: str) -> tuple[str, int]:
    """Host in lower case without brackets, and port; ForbiddenPort when the URL has no valid host or port."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.port or _SCHEME_PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise ForbiddenPort(f"invalid host or port: {error}") from error


def _get_resolver() -> GuardedResolver | None:
    from twisted.internet import reactor

    resolver: Any = getattr(reactor, "resolver", None)
    return resolver if isinstance(resolver, GuardedResolver) else None


async def _resolve_host(host: str, resolver: GuardedResolver | None) -> list[str]:
    """The addresses a connection would go to; an IPv6 literal itself, as the resolver knows only IPv4."""
    if ":" in host:
        return [host]
    try:
        if resolver:
            return [await maybe_deferred_to_future(resolver.resolve_unchecked(host))]
        infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (DNSLookupError, OSError, UnicodeError) as error:
        raise CannotResolveHostError(f"{host}: {error}") from error
    return [str(address[0]) for *_, address in infos]
