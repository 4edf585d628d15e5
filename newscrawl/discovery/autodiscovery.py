"""Where a site's feeds and sitemaps are: what its page and robots.txt name, and the usual places."""

from __future__ import annotations

import re
from itertools import islice
from urllib.parse import urljoin, urlsplit

from newscrawl.discovery.results import link_url
from newscrawl.discovery.sections import base_of, page_tree
from newscrawl.discovery.text import one_line

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
"Feeds or sitemaps that are kept of one site."
_ROBOTS_BYTES = 512_000
"What of a robots.txt has to be read at least, by RFC 9309."
_USUAL_FEEDS = (
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
_USUAL_SITEMAPS = (
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


def feeds_of_page(body: bytes, url: str) -> tuple[str, ...]:
    """Feeds a page names by `link rel=alternate`, absolute and in page order, without those of comments."""
    tree = page_tree(body)
    if tree is None:
        return ()
    base = base_of(tree, url)
    feeds: dict[str, None] = {}
    for link in islice(tree.iter("link"), _LINKS):
        target = link_url(link.get("href"), base)
        if (
            target
            and _names_feed(link.get("rel"), link.get("type"))
            and not _is_comments(target, link.get("title"))
        ):
            feeds[target] = None
    return tuple(islice(feeds, _SOURCES))


def _names_feed(rel: str | None, media_type: str | None) -> bool:
    kind = (media_type or "").partition(";")[0].strip().lower()
    return "alternate" in (rel or "").lower().split() and kind in _FEED_TYPES


def _is_comments(url: str, title: str | None) -> bool:
    return bool(_COMMENTS_PATH.search(url) or _COMMENTS_TITLE.search(one_line(title) or ""))


def sitemaps_of_robots(body: bytes, url: str) -> tuple[str, ...]:
    """Sitemaps a robots.txt names, absolute and in its order."""
    lines = body[:_ROBOTS_BYTES].decode("utf-8", "replace").lstrip("\ufeff").splitlines()
    named = (line.partition(":") for line in lines)
    targets = (
        link_url(value.partition(" #")[0], url) for key, _, value in named if key.strip().lower() == "sitemap"
    )
    return tuple(islice(dict.fromkeys(target for target in targets if target), _SOURCES))


def usual_feeds(home: str) -> tuple[str, ...]:
    """Where the common platforms keep their feed: below the home page, then below the root of the site."""
    return _below(home, _USUAL_FEEDS)


def usual_sitemaps(home: str) -> tuple[str, ...]:
    """Where sitemaps commonly are; all stand at the root of the site."""
    return _below(urljoin(home, "/"), _USUAL_SITEMAPS)


def _below(home: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    folder = urlsplit(home).path.rpartition("/")[0] + "/"
    bases = dict.fromkeys((urljoin(home, folder), urljoin(home, "/")))
    return tuple(dict.fromkeys(urljoin(base, path) for base in bases for path in paths))
