"""Where a request may go is asked before it is sent, and a refusal has a name of its own.

Each hop of a redirect is a request and passes here. The resolver refuses private addresses as well, which
holds for what is connected to; here ports are seen, and what stands behind a proxy.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.exceptions import CannotResolveHostError
from scrapy.resolver import CachingThreadedResolver
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.error import DNSLookupError

from newscrawl.addresses import Allowance, is_public
from newscrawl.downloader.refusals import ForbiddenPort, PrivateAddress

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response


logger = logging.getLogger(__name__)


class GuardedResolver(CachingThreadedResolver):
    """Scrapy's resolver, refusing what is neither public nor in NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES."""

    _allowance = Allowance()

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> GuardedResolver:
        resolver: GuardedResolver = super().from_crawler(crawler, reactor)
        resolver._allowance = Allowance.of(str(crawler.settings.get("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", "")))
        resolver.proxies = set()
        return resolver

    proxies: set[str]
    "Hosts of proxies that requests are sent through: whoever runs the crawl named them."

    def getHostByName(self, name: str, timeout: Any = None) -> Any:  # noqa: N802 # Twisted's name
        return self.unchecked(name, timeout).addCallback(self._checked, name)

    def unchecked(self, name: str, timeout: Any = None) -> Any:
        """The address of a name, for those who check it themselves."""
        return super().getHostByName(name, timeout)

    def _checked(self, address: str, name: str) -> str:
        allowed = self._allowance.covers(name) or self._allowance.covers(address)
        if allowed or name in self.proxies or is_public(address):
            return address
        logger.warning("refused %s: %s is not a public address", name, address)
        raise DNSLookupError(f"{name} is {address}, which is not a public address")


WEB_PORTS = frozenset({80, 443, 8080, 8443})
"Where sites are served. Others are asked only of hosts whose first URLs name them."
_SCHEME_PORTS = {"http": 80, "https": 443}


class Guard:
    """Refuses requests by where they would go."""

    def __init__(self, crawler: Crawler, through_resolver: bool = True) -> None:
        """`through_resolver`: whether connections go to what the crawl's resolver says, and nowhere else."""
        self._crawler = crawler
        self._through_resolver = through_resolver
        self._allowance = Allowance.of(str(crawler.settings.get("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", "")))
        self._named: frozenset[tuple[str, int]] | None = None

    async def check(self, request: Request) -> None:
        """Return when the request may be sent; what it raises otherwise says why not.

        Of a host behind a proxy the proxy looks up the name once more, and may find another address.
        """
        if self._allowance.everywhere:
            return
        host, port = place_of(request.url)
        if self._allowance.covers(host, port):
            return
        resolver = _resolver() if self._through_resolver else None
        addresses = await _addresses(host, resolver)
        if any(self._is_private(address, port) for address in addresses):
            raise PrivateAddress(f"{host} port {port} is not on the public internet ({addresses[0]})")
        if port not in WEB_PORTS and not self._is_named(host, port, addresses):
            raise ForbiddenPort(f"{host} is asked on port {port}")
        if resolver and (proxy := request.meta.get("proxy")):
            resolver.proxies.add(urlsplit(proxy).hostname or "")

    def check_peer(self, request: Request, response: Response) -> None:
        """Refuse what came from a private address, for handlers that look up names by themselves."""
        peer = response.ip_address
        if self._allowance.everywhere or peer is None or request.meta.get("proxy"):
            return
        host, port = place_of(request.url)
        if not self._allowance.covers(host, port) and self._is_private(str(peer), port):
            raise PrivateAddress(f"{host} answered from {peer}")

    def _is_private(self, address: str, port: int) -> bool:
        return not is_public(address) and not self._allowance.covers(address, port)

    def _is_named(self, host: str, port: int, addresses: list[str]) -> bool:
        """Whether who runs the crawl named the port: in the outlet's file, in a list, or as allowed."""
        if all(self._allowance.covers(address, port) for address in addresses):
            return True
        if self._named is None:
            first_urls = getattr(self._crawler.spider, "first_urls", tuple)
            self._named = _unusual(first_urls())
        return (host, port) in self._named


def place_of(url: str) -> tuple[str, int]:
    """Host in lower case, without brackets, and port; ForbiddenPort where it is none."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.port or _SCHEME_PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise ForbiddenPort(f"no place to go to: {error}") from error


def _unusual(urls: Iterable[str]) -> frozenset[tuple[str, int]]:
    return frozenset(place for place in map(place_of, urls) if place[1] not in WEB_PORTS)


def _resolver() -> GuardedResolver | None:
    from twisted.internet import reactor

    resolver: Any = getattr(reactor, "resolver", None)
    return resolver if isinstance(resolver, GuardedResolver) else None


async def _addresses(host: str, resolver: GuardedResolver | None) -> list[str]:
    """What would be connected to; of a literal itself, as the resolver knows IPv4 alone."""
    if ":" in host:
        return [host]
    try:
        if resolver:
            return [await maybe_deferred_to_future(resolver.unchecked(host))]
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (DNSLookupError, OSError, UnicodeError) as error:
        raise CannotResolveHostError(f"{host}: {error}") from error
    return [str(place[4][0]) for place in found]
