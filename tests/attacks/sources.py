"""Sources that attack: feeds, sitemaps, sections and an API, each with the outcome a crawl must give it."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from xml.sax.saxutils import escape

from attacks.pages import BOMB, PAGES, Attack, fixed, leads_to, page
from attacks.server import Pieces, Site

XML = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n"
GIVEN = "/feeds/all"
"The honest feed: it names every page that attacks."
LURES = (
    "file:///etc/passwd",
    "data:text/html,hello",
    "javascript:alert(1)",
    "ftp://127.0.0.1:{forbidden}/x",
    "http://127.0.0.1:{forbidden}/lure",
    "http://localhost:{forbidden}/lure",
    "//127.0.0.1:{forbidden}/lure",
    "http://user:word@127.0.0.1:{port}/lure",
    "{base}/a/b/a/b/a/b/lure",
    "{base}/a/a/a/a/lure",
    "{base}/events/2090-01/lure",
    "{base}/2091/07/lure",
    "{base}/lure" + "/deep" * 30,
    "{base}/lure?" + "&".join(f"k{n}=1" for n in range(40)),
    "{base}/lure?" + "x" * 3000,
    "{base}/lure\x0d\x0aWARC-Type: evil",
    "http://[::1/lure",
    "http://127.0.0.1:{port}\\@example.com/lure",
)
"Links of the honest feed that nobody may follow as they stand."


def feed(links: Iterable[str], title: str = "Storm over the harbour", head: str = "") -> bytes:
    items = "".join(
        f"<item><title>{escape(title)}</title><link>{escape(link)}</link></item>" for link in links
    )
    return f"<rss version='2.0'><channel><title>News</title>{head}{items}</channel></rss>".encode()


def _all(site: Site) -> Pieces:
    lures = [lure.format(base=site.base, port=site.port, forbidden=site.forbidden) for lure in LURES]
    pages = [site.base + attack.path for attack in PAGES]
    others = [f"{base}/story" for base in site.others]
    yield page(feed([*pages, *others, f"https://127.0.0.1:{site.stalling}/", *lures]), head=XML)


def _nested(site: Site) -> Pieces:
    """An index whose every child is an index."""
    yield page(_index(f"{site.base}/maps/nested?{n}" for n in range(3)), head=XML)


def _index(urls: Iterable[str]) -> bytes:
    children = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex>{children}</sitemapindex>".encode()


def _nest(number: int) -> Attack:
    def pieces(site: Site) -> Pieces:
        yield page(_index([f"{site.base}/maps/nest/{number + 1}"]), head=XML)

    return Attack(f"/maps/nest/{number}", "an index in an index", ("ok",), pieces)


def _loop(site: Site) -> Pieces:
    yield page(_index([f"{site.base}/maps/loop", f"{site.base}/maps/loop#again"]), head=XML)


def _forbidden_index(site: Site) -> Pieces:
    yield page(_index([f"http://127.0.0.1:{site.forbidden}/map.xml", "file:///etc/passwd"]), head=XML)


def _paging(site: Site) -> Pieces:
    """A section whose next page is always one further; it cannot see the query, so it makes up a page."""
    yield page(
        b'<html><body><a rel="next" href="%s/sections/paging">next</a></body></html>' % site.base.encode()
    )


def _external(site: Site) -> Pieces:
    doctype = f'<!DOCTYPE rss SYSTEM "http://127.0.0.1:{site.forbidden}/evil.dtd">'.encode()
    yield page(doctype + feed([f"{site.base}/story"]), head=XML)


def _entity_file(site: Site) -> Pieces:
    doctype = b'<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    body = feed([f"{site.base}/story"]).replace(b"Storm", b"&f; Storm")
    yield page(doctype + body, head=XML)


_SWELLING = (
    b'<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
)
_NESTED_FEED = b"<rss><channel>" + b"<item>" * 80_000 + b"<link>/story</link>"
FEEDS = [
    Attack(GIVEN, "lures among honest links", ("ok",), _all),
    fixed("/feeds/bomb", "entities that swell", "bomb", page(_SWELLING + feed(["/story"], "&c;"), head=XML)),
    Attack("/feeds/external", "a DTD elsewhere", ("ok", "malformed"), _external),
    Attack("/feeds/file", "an entity that is a file", ("ok", "malformed"), _entity_file),
    fixed("/feeds/gzip", "a gzip bomb", ("bomb", "too_large"), page(gzip.compress(BOMB), head=XML)),
    fixed(
        "/feeds/coded",
        "a gzip bomb as content coding",
        "too_large",
        page(gzip.compress(BOMB), b"Content-Encoding: gzip\r\n", XML),
    ),
    fixed(
        "/feeds/nested",
        "entries in entries",
        ("ok", "malformed", "empty", "read_timeout"),
        page(_NESTED_FEED, head=XML),
    ),
    fixed(
        "/feeds/html",
        "a page in a feed's place",
        "html",
        page(b"<!DOCTYPE html><html><body>no</body></html>"),
    ),
    fixed("/feeds/json", "JSON of many levels", "malformed", page(b'{"items":' + b"[" * 200_000, head=XML)),
    fixed(
        "/feeds/binary",
        "no feed at all",
        ("malformed", "unsupported", "empty", "html"),
        page(bytes(range(256)) * 1000, head=XML),
    ),
    fixed(
        "/feeds/escapes",
        "titles that move the cursor",
        "ok",
        page(feed(["/story?1", "/lure\x1b"], "\x9b2J\u202eStorm\u2028at sea"), head=XML),
    ),
    fixed(
        "/feeds/schemes",
        "no link that could be fetched",
        ("malformed", "empty"),
        page(feed(["file:///etc/passwd", "javascript:1", "data:,x"]), head=XML),
    ),
    fixed(
        "/feeds/endless",
        "a feed without end",
        ("too_large", "timeout"),
        XML + b"\r\n" + feed([])[:40],
        *([b"<item><link>/story</link></item>" * 2000] * 400),
    ),
    fixed("/feeds/slow", "a feed in drops", "timeout", XML + b"\r\n<rss>", *([b" ", 0.2] * 100)),
    fixed(
        "/feeds/utf-7",
        "UTF-7",
        ("malformed", "ok", "unsupported", "empty"),
        page(b'<?xml version="1.0" encoding="utf-7"?>' + feed(["/story"]), head=XML),
    ),
    fixed(
        "/feeds/codec",
        "an encoding that is Python's own",
        ("ok", "malformed"),
        page(b'<?xml version="1.0" encoding="zlib_codec"?>' + feed(["/story"]), head=XML),
    ),
    leads_to(
        "/feeds/away", "a feed that leads inside", "private_address", "http://127.0.0.1:{forbidden}/feed"
    ),
    leads_to("/feeds/to-file", "a feed that leads to a file", "http_302", "file:///etc/passwd"),
]
MAPS = [
    Attack("/maps/loop", "an index that names itself", ("ok", "empty", "malformed"), _loop),
    *(_nest(number) for number in range(8)),
    Attack("/maps/nested", "three more for every index", ("ok",), _nested),
    Attack("/maps/inside", "an index of places inside", ("ok",), _forbidden_index),
    fixed(
        "/maps/bomb",
        "entities that swell",
        "bomb",
        page(_SWELLING.replace(b"rss", b"urlset") + b"<urlset><url><loc>&c;</loc></url></urlset>", head=XML),
    ),
    fixed("/maps/gzip", "a gzip bomb", "too_large", page(gzip.compress(BOMB * 2), head=XML)),
]
SECTIONS = [
    Attack("/sections/paging", "a next page that is itself", ("ok", "empty"), _paging),
    fixed(
        "/sections/anchors",
        "anchors within anchors",
        ("ok", "empty", "read_timeout"),
        page(b"<html><body>" + b"<a href=/lure>" * 60_000),
    ),
    fixed(
        "/sections/deep",
        "a hundred thousand levels",
        ("ok", "empty", "malformed"),
        page(b"<html><body>" + b"<div>" * 100_000 + b"<a href=/story?deep>x</a>"),
    ),
]
SOURCES = [*FEEDS, *MAPS, *SECTIONS]
NAMED = {
    "feeds": [attack.path for attack in FEEDS],
    "sitemaps": ["/maps/loop", "/maps/nest/0", "/maps/nested", "/maps/inside", "/maps/bomb", "/maps/gzip"],
    "sections": [attack.path for attack in SECTIONS],
}
"What the outlet's file names; the rest is found."
