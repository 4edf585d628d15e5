"""The site without feed or sitemap over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import pytest
from lxml import html

from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.server import Newsroom

SITE = demo_site("fundy_courier")


@pytest.fixture
def base(newsroom: Newsroom) -> str:
    return newsroom.bases["fundy_courier"]


def test_following_the_sections_finds_every_story(base: str, fetch: Any) -> None:
    found: set[str] = set()
    waiting = [
        f"{base}/section/{name}" for name in ("community", "environment", "politics", "sports", "world")
    ]
    asked = 0
    while waiting:
        url = waiting.pop()
        page = html.fromstring(fetch(url).body)
        found |= {str(href) for href in page.xpath("//main//h2/a/@href")}
        waiting += [urljoin(url, str(href)) for href in page.xpath("//head/link[@rel='next']/@href")]
        asked += 1
    assert asked > 5
    assert {SITE.story_path(story) for story in SITE.desk.listed} <= found


@pytest.mark.parametrize("page", ["0", "9", "x", "-1", "99999", ""])
def test_there_is_no_page_past_the_last(base: str, fetch: Any, page: str) -> None:
    assert fetch(f"{base}/section/community?page={page}").status == 404


def test_there_is_neither_feed_nor_sitemap(base: str, fetch: Any) -> None:
    assert {fetch(base + path).status for path in ("/feed/", "/rss", "/sitemap.xml")} == {404}
    assert b"Sitemap:" not in fetch(f"{base}/robots.txt").body


def test_half_of_the_stories_are_split_and_all_hold_related_links(base: str, settled: Any) -> None:
    splits = []
    for story in SITE.desk.story:
        page = html.fromstring(settled(base + SITE.story_path(story)).body)
        splits.append(len(page.cssselect("div.story-wrap > div.story-part")) == 2)
        assert len(page.cssselect("div.story-wrap aside.related-links a")) == 3
    assert splits.count(True) == splits.count(False)


def test_the_page_speaks_the_language_of_its_story(base: str, fetch: Any) -> None:
    for story_id, tongue in ((70101, "en-CA"), (70102, "fr-CA")):
        page = html.fromstring(fetch(base + SITE.story_path(SITE.desk.find(story_id))).body)
        assert page.get("lang") == tongue
        assert page.cssselect("div.author-bio")
