"""The sources of an outlet, and how to read a source of any kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from itertools import takewhile
from typing import Literal, NamedTuple

from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.results import SourceResult
from newscrawl.discovery.sections import read_section_page
from newscrawl.discovery.sitemaps import read_sitemap
from newscrawl.discovery.url_filters import is_article_url
from newscrawl.discovery.wordpress import posts_url, read_posts
from newscrawl.discovery.xml import is_gzip
from newscrawl.items import WitnessSource
from newscrawl.outlet import Outlet

SourceKind = Literal["feed", "sitemap", "wp_api", "section"]
QUICK_BYTES = 256 * 1024
QUICK_PARTS = 3_500
"Elements, objects and lines together: each costs up to 40 µs, and twice that on a slow machine."
QUICK_ATTRIBUTES, QUICK_WORDS = 500, 2_000
"In what may be a single tag: the parser compares each attribute with all before it."
REREAD_BYTES, REREAD_PARTS = 2 * 1024 * 1024, 50_000
"Of a source that is read again for a page that it lists: two seconds at most."
WITNESS_SOURCES: Mapping[str, WitnessSource] = {"feed": "feed", "wp_api": "api"}
"Kinds of source that may have whole stories, and what their witnesses are called."
_SEPARATOR = re.compile(rb"[\s/\"'=>]{1,1000}")
_ATTRIBUTE = rb"\s{1,9}[\w:.-]{1,100}\s?=\s?(?:\"[^\"<\x00-\x1f]{0,1000}\"|'[^'<\x00-\x1f]{0,1000}')"
_WHOLE_TAG = re.compile(
    rb"/?[\w:.-]{1,100}(?:%b){0,30}\s{0,9}/?>|!\[CDATA\[|!--|\?xml[^<>\x1b]{0,200}\?>" % _ATTRIBUTE
)
"What follows a `<` of XML so that it is sure where the tag ends, or that none begins."


def is_quick_to_read(body: bytes) -> bool:
    """Whether any reader is sure to need only a small part of a second, so that others can wait for it."""
    return _is_bounded(body, QUICK_BYTES, QUICK_PARTS)


def is_worth_rereading(body: bytes) -> bool:
    """Whether a feed or an API's answer is short enough to be read again for the pages that it lists."""
    return _is_bounded(body, REREAD_BYTES, REREAD_PARTS, is_xml=True)


def _is_bounded(body: bytes, max_bytes: int, max_parts: int, *, is_xml: bool = False) -> bool:
    if len(body) > max_bytes or is_gzip(body):
        return False
    if sum(map(body.count, (b"<", b"{", b"\n"))) > max_parts:
        return False
    if body.lstrip()[:1] in (b"{", b"["):
        return True
    pieces = body.split(b"<")
    # Where all tags so far were whole, what follows them is text, such as a story whose markup is escaped.
    whole = sum(1 for _ in takewhile(_WHOLE_TAG.match, pieces[1:])) if is_xml else 0
    return all(map(_is_quick_tag, pieces[1 + whole :] if whole else pieces))


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
