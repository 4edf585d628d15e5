"""The sources that an outlet's file names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from newscrawl.discovery.reading import Kind
from newscrawl.discovery.wordpress import posts_url
from newscrawl.outlet import Outlet

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
