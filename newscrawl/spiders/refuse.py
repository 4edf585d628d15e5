"""Outlets that must not be crawled as things stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newscrawl.addresses import Allowance, is_loopback
from newscrawl.errors import RefusedOutlet
from newscrawl.outlet import Outlet

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


def refusal(
    settings: BaseSettings, urls: Iterable[str], outlet: Outlet | None = None
) -> RefusedOutlet | None:
    """Why a crawl of these URLs may not start, or None."""
    if settings.get("NEWSCRAWL_REPLAY"):
        # Nobody is asked for anything.
        return None
    if outlet and outlet.status == "blocked":
        return RefusedOutlet(f"{outlet.id} is blocked: {outlet.status_reason}")
    try:
        Allowance.of(str(settings.get("NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES", "")))
    except ValueError as error:
        return RefusedOutlet(f"NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES: {error}")
    hosts = {urlsplit(url).hostname or "" for url in urls}
    if not settings.get("NEWSCRAWL_CONTACT") and not all(map(is_loopback, hosts)):
        return RefusedOutlet(
            "set NEWSCRAWL_CONTACT to a mail address or URL where sites can reach you: "
            "it goes into the User-Agent, and no outlet is crawled without it"
        )
    return None


def user_agent(version: str, contact: str) -> str:
    """`newscrawl/<version> (+contact)`."""
    return f"newscrawl/{version} (+{contact})" if contact else f"newscrawl/{version}"
