"""The sources of an outlet, and how to read a source of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple

from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.results import SourceResult
from newscrawl.discovery.sections import read_section_page
from newscrawl.discovery.sitemaps import read_sitemap
from newscrawl.discovery.url_filters import is_article_url
from newscrawl.discovery.wordpress import posts_url, read_posts
from newscrawl.outlet import Outlet

SourceKind = Literal["feed", "sitemap", "wp_api", "section"]


def read_source(kind: SourceKind, body: bytes, url: str, content_type: str, outlet: Outlet) -> SourceResult:
    """Read a source of an outlet."""
    if kind == "feed":
        return read_feed(body, url, content_type)
    if kind == "sitemap":
        return read_sitemap(body, url)
    if kind == "wp_api":
        return read_posts(body, url)
    return read_section_page(body, url, accept=partial(is_article_url, outlet=outlet))


MAX_DEPTHS: Mapping[str, int] = {"sitemap": 4, "feed": 50, "wp_api": 50, "section": 50}
"Longest chain of child sources: sitemap indexes are shallow, lists may have many pages."


class LinkSource(NamedTuple):
    """A source of links."""

    kind: SourceKind
    url: str


def list_sources(outlet: Outlet) -> list[LinkSource]:
    """The outlet's sources, in the order in which they are read."""
    wordpress = [LinkSource("wp_api", posts_url(outlet.home))] if outlet.platform == "wordpress" else []
    return [
        *(LinkSource("feed", url) for url in outlet.feeds),
        *wordpress,
        *(LinkSource("sitemap", url) for url in outlet.sitemaps),
        *(LinkSource("section", url) for url in outlet.sections),
    ]
