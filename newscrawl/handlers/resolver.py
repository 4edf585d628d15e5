"""Names become addresses here, and private ones go no further.

Twisted connects to the very address a resolver returns and asks it for literals too, so a page, a
redirect or a name that changes its mind (DNS rebinding) cannot reach a private network.
"""

from __future__ import annotations

import logging
from typing import Any

from scrapy.resolver import CachingThreadedResolver
from twisted.internet.error import DNSLookupError

from newscrawl.addresses import is_public

logger = logging.getLogger(__name__)


class GuardedResolver(CachingThreadedResolver):
    """Scrapy's resolver, refusing what is not public unless NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES is on."""

    _allow_private = False

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> GuardedResolver:
        resolver: GuardedResolver = super().from_crawler(crawler, reactor)
        resolver._allow_private = crawler.settings.getbool("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES")
        return resolver

    def getHostByName(self, name: str, timeout: Any = None) -> Any:  # noqa: N802 # Twisted's name
        return super().getHostByName(name, timeout).addCallback(self._checked, name)

    def _checked(self, address: str, name: str) -> str:
        if self._allow_private or is_public(address):
            return address
        logger.warning("refused %s: %s is not a public address", name, address)
        raise DNSLookupError(f"{name} is {address}, which is not a public address")
