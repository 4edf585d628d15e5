"""Names become addresses here, and private ones go no further.

Twisted connects to the very address a resolver returns and asks it for literals too, so a page, a
redirect or a name that changes its mind (DNS rebinding) cannot reach a private network. guard.py asks
first and says why; this holds even where nobody asked.
"""

from __future__ import annotations

import logging
from typing import Any

from scrapy.resolver import CachingThreadedResolver
from twisted.internet.error import DNSLookupError

from newscrawl.addresses import Allowance, is_public

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
