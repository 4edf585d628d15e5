"""The sources of an outlet, and how to read a source of any kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple

from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.results import SourceResult
from newscrawl.discovery.sections import read_section_page
from newscrawl.discovery.sitemaps import read_sitemap
from newscrawl.discovery.url_filters import is_article_url
from newscrawl.discovery.wordpress import posts_url, read_posts
from newscrawl.discovery.xml import is_gzip
from newscrawl.outlet import Outlet

SourceKind = Literal["feed", "sitemap", "wp_api", "section"]
QUICK_BYTES = 256 * 1024
QUICK_PARTS = 10_000
"Elements, objects or lines: each costs up to 20 µs."
QUICK_ATTRIBUTES, QUICK_WORDS = 500, 2_000
"In what may be a single tag: the parser compares each attribute with all before it."
_SEPARATOR = re.compile(rb"[\s/\"'=>]{1,1000}")


def is_quick_to_read(body: bytes) -> bool:
    """Whether any reader is sure to need only a small part of a second, so that others can wait for it."""
    if len(body) > QUICK_BYTES or is_gzip(body):
        return False
    if max(map(body.count, (b"<", b"{", b"\n"))) > QUICK_PARTS:
        return False
    return body.lstrip()[:1] in (b"{", b"[") or all(map(_is_quick_tag, body.split(b"<")))


def _is_quick_tag(piece: bytes) -> bool:
    if len(piece) <= QUICK_ATTRIBUTES:
        return True
    return piece.count(b"=") <= QUICK_ATTRIBUTES and len(_SEPARATOR.findall(piece)) <= QUICK_WORDS


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
