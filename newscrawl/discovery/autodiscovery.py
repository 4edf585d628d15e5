"""Finds a site's feeds and sitemaps: those that its pages and robots.txt name, and those at common paths."""

from __future__ import annotations

import re
from itertools import islice
from urllib.parse import urljoin, urlsplit

from newscrawl.discovery.results import link_url
from newscrawl.discovery.sections import find_base_url, parse_page_tree
from newscrawl.discovery.text import clean_line

_FEED_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"}
)
_COMMENTS_PATH = re.compile(
    r"/comments?/feed|/comments?/default|/commentaires?/|[?&]feed=comments", re.IGNORECASE
)
_COMMENTS_TITLE = re.compile(
    r"\bcomment(s|aires?)?\b.{0,20}\b(feed|flux|rss)\b|\b(feed|flux) .{0,40}\bcomment", re.I
)
_LINKS = 2_000
_SOURCES = 100
"Limit of feeds or sitemaps of a site."
_ROBOTS_BYTES = 512_000
"The part of a robots.txt that RFC 9309 requires us to read."
_COMMON_FEEDS = (
    "feed/",
    "rss",
    "rss.xml",
    "feed.xml",
    "atom.xml",
    "spip.php?page=backend",
    "?format=feed&type=rss",
    "feeds/posts/default?alt=rss",
    "arc/outboundfeeds/rss/?outputType=xml",
    "xml/syndication.rss",
)
_COMMON_SITEMAPS = (
    "sitemap.xml",
    "sitemap_index.xml",
    "wp-sitemap.xml",
    "news-sitemap.xml",
    "sitemap-news.xml",
    "sitemap_news.xml",
    "googlenews.xml",
    "arc/outboundfeeds/news-sitemap/?outputType=xml",
    "arc/outboundfeeds/sitemap-index/?outputType=xml",
)


def find_page_feeds(body: bytes, url: str) -> tuple[str, ...]:
    """Feeds that a page names by `link rel=alternate`, absolute, in page order and without comment feeds."""
    tree = parse_page_tree(body)
    if tree is None:
        return ()
    base = find_base_url(tree, url)
    feeds: dict[str, None] = {}
    for link in islice(tree.iter("link"), _LINKS):
        target = link_url(link.get("href"), base)
        if (
            target
            and _is_feed_link(link.get("rel"), link.get("type"))
            and not _is_comment_feed(target, link.get("title"))
        ):
            feeds[target] = None
    return tuple(islice(feeds, _SOURCES))


def _is_feed_link(rel: str | None, media_type: str | None) -> bool:
    kind = (media_type or "").partition(";")[0].strip().lower()
    return "alternate" in (rel or "").lower().split() and kind in _FEED_TYPES


def _is_comment_feed(url: str, title: str | None) -> bool:
    return bool(_COMMENTS_PATH.search(url) or _COMMENTS_TITLE.search(clean_line(title) or ""))


def find_robots_sitemaps(body: bytes, url: str) -> tuple[str, ...]:
    """Sitemaps that a robots.txt names, absolute and in its order."""
    lines = body[:_ROBOTS_BYTES].decode("utf-8", "replace").lstrip("\ufeff").splitlines()
    fields = (line.partition(":") for line in lines)
    values = (value for key, _, value in fields if key.strip().lower() == "sitemap")
    targets = (link_url(value.partition(" #")[0], url) for value in islice(values, _LINKS))
    return tuple(islice(dict.fromkeys(target for target in targets if target), _SOURCES))


def common_feed_urls(home: str) -> tuple[str, ...]:
    """Where common platforms have their feed: below the home page, then below the site's root."""
    return _join_paths(home, _COMMON_FEEDS)


def common_sitemap_urls(home: str) -> tuple[str, ...]:
    """Where sites commonly have sitemaps: at the site's root."""
    return _join_paths(urljoin(home, "/"), _COMMON_SITEMAPS)


def _join_paths(home: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    folder = urlsplit(home).path.rpartition("/")[0] + "/"
    bases = dict.fromkeys((urljoin(home, folder), urljoin(home, "/")))
    return tuple(dict.fromkeys(urljoin(base, path) for base in bases for path in paths))
