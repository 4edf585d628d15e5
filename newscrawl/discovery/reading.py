"""One way to read a source, whatever its kind."""

from __future__ import annotations

from functools import partial
from typing import Literal

from newscrawl.discovery.choose import is_article
from newscrawl.discovery.feed import links_of_feed
from newscrawl.discovery.found import Found
from newscrawl.discovery.section import links_of_section
from newscrawl.discovery.sitemap import links_of_sitemap
from newscrawl.discovery.wordpress import links_of_posts
from newscrawl.outlet import Outlet

Kind = Literal["feed", "sitemap", "wp_api", "section"]


def links_of_source(kind: Kind, body: bytes, url: str, content_type: str, outlet: Outlet) -> Found:
    """What a source of an outlet gives."""
    if kind == "feed":
        return links_of_feed(body, url, content_type)
    if kind == "sitemap":
        return links_of_sitemap(body, url)
    if kind == "wp_api":
        return links_of_posts(body, url)
    return links_of_section(body, url, accept=partial(is_article, outlet=outlet))
