"""One way to read a source, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple

from newscrawl.discovery.feeds import links_of_feed
from newscrawl.discovery.results import Found
from newscrawl.discovery.sections import links_of_section
from newscrawl.discovery.sitemaps import links_of_sitemap
from newscrawl.discovery.url_filters import is_article
from newscrawl.discovery.wordpress import links_of_posts, posts_url
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


DEEPEST: Mapping[str, int] = {"sitemap": 4, "feed": 50, "wp_api": 50, "section": 50}
"Steps from a source that is named: indexes of indexes are few, pages of a list may be many."


class Source(NamedTuple):
    """Where links come from."""

    kind: Kind
    url: str


def sources_of(outlet: Outlet) -> list[Source]:
    """In the order they are read."""
    wordpress = [Source("wp_api", posts_url(outlet.home))] if outlet.platform == "wordpress" else []
    return [
        *(Source("feed", url) for url in outlet.feeds),
        *wordpress,
        *(Source("sitemap", url) for url in outlet.sitemaps),
        *(Source("section", url) for url in outlet.sections),
    ]
