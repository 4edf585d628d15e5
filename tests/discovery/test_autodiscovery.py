"""Where feeds and sitemaps are looked for."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.discovery.autodiscovery import (
    common_feed_urls,
    common_sitemap_urls,
    find_page_feeds,
    find_robots_sitemaps,
)

DATA = Path(__file__).parents[1] / "data" / "discovery"
URL = "https://relay.example/en/"


def test_feeds_a_page_names_are_absolute_and_in_order() -> None:
    page = b"""<html><head><base href="https://relay.example/base/">
    <link rel="alternate" type="application/rss+xml; charset=utf-8" title="Relay" href="/feed/">
    <link rel="ALTERNATE home" type="Application/Atom+XML" href="atom.xml">
    <link rel="alternate" type="application/feed+json" href="feed.json">
    <link rel="alternate" type="application/rss+xml" href="/feed/">
    <link rel="alternate" type="application/rss+xml" href="javascript:x">
    <link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/2">
    <link rel="alternate" type="text/xml+oembed" href="/oembed">
    <link rel="alternate" hreflang="fr" href="/fr/">
    <link rel="stylesheet" type="application/rss+xml" href="/no">
    </head>"""
    assert find_page_feeds(page, URL) == (
        "https://relay.example/feed/",
        "https://relay.example/base/atom.xml",
        "https://relay.example/base/feed.json",
    )


def test_feeds_of_comments_are_left_out() -> None:
    link = '<link rel="alternate" type="application/rss+xml" title="{}" href="{}">'
    comments = [
        ("Relay » Comments Feed", "/x"),
        ("Relay » Flux des commentaires", "/y"),
        ("", "/comments/feed/"),
        ("", "/?feed=comments-rss2"),
        ("", "/feeds/12/comments/default"),
    ]
    page = "".join(link.format(*each) for each in [*comments, ("Commentary", "/commentary/feed/")])
    assert find_page_feeds(page.encode(), URL) == ("https://relay.example/commentary/feed/",)


def test_sitemaps_of_robots_are_read_loosely() -> None:
    body = (DATA / "robots_with_sitemaps.txt").read_bytes()
    assert find_robots_sitemaps(body, "https://relay.example/robots.txt") == (
        "https://relay.example/news.xml",
        "https://relay.example/sitemap.xml",
    )


def test_a_page_in_place_of_robots_names_nothing() -> None:
    assert find_robots_sitemaps(b"<!doctype html><p>Sitemap of the site: see below</p>", URL) == ()


def test_usual_places_are_below_home_then_below_the_root() -> None:
    feeds = common_feed_urls("https://relay.example/en/index.php?x=1")
    assert feeds[0] == "https://relay.example/en/feed/"
    assert "https://relay.example/feed/" in feeds
    assert "https://relay.example/spip.php?page=backend" in feeds
    assert "https://relay.example/en/?format=feed&type=rss" in feeds
    assert len(feeds) == len(set(feeds)) == 2 * len(common_feed_urls("https://relay.example"))


def test_usual_sitemaps_stand_at_the_root() -> None:
    sitemaps = common_sitemap_urls("https://relay.example/en/")
    assert sitemaps[0] == "https://relay.example/sitemap.xml"
    assert not any("/en/" in url for url in sitemaps)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300)
    | st.binary(max_size=40).map(b"<link rel=alternate type=application/rss+xml href=".__add__)
)
def test_any_bytes_are_looked_through(body: bytes) -> None:
    for url in (*find_page_feeds(body, URL), *find_robots_sitemaps(b"Sitemap:" + body, URL)):
        assert url.startswith(("http://", "https://"))
