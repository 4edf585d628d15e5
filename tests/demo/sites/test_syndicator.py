"""The syndicator over HTTP."""

from __future__ import annotations

import gzip
import json
from typing import Any

import feedparser
import pytest
from lxml import etree, html

from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.server import Newsroom
from newscrawl.urls import normalize_url

SITE = demo_site("deccan_wire")
PATHS = [SITE.story_path(story) for story in SITE.desk.listed]


@pytest.fixture
def base(newsroom: Newsroom) -> str:
    return newsroom.bases["deccan_wire"]


def locations(xml: bytes) -> list[str]:
    return [str(url) for url in etree.fromstring(xml).xpath("//*[local-name()='loc']/text()")]


def test_the_feed_lists_every_story(base: str, fetch: Any) -> None:
    feed = feedparser.parse(fetch(f"{base}/rss").body)
    assert not feed.bozo
    assert {base + path for path in PATHS} <= {normalize_url(entry.link) for entry in feed.entries}
    assert any("utm_source" in entry.link for entry in feed.entries)


def test_the_index_leads_to_both_sitemaps(base: str, fetch: Any) -> None:
    stories, news = locations(fetch(f"{base}/sitemap.xml").body)
    unpacked = gzip.decompress(fetch(stories).body)
    assert [normalize_url(url) for url in locations(unpacked)] == [base + path for path in PATHS]
    assert [normalize_url(url) for url in locations(fetch(news).body)] == [base + path for path in PATHS[:10]]


def test_robots_name_the_sitemaps(base: str, fetch: Any) -> None:
    body = fetch(f"{base}/robots.txt").body.decode()
    assert f"Sitemap: {base}/sitemap.xml\nSitemap: {base}/sitemap-news.xml\n" in body


def test_old_addresses_and_other_labels_redirect(base: str, fetch: Any) -> None:
    story = SITE.desk.find(512301)
    for old in (f"/article/{story.id}-{story.slug}", f"/article/headlines/{story.id}-{story.slug}"):
        answer = fetch(base + old)
        assert (answer.status, answer.header("Location")) == (301, base + SITE.story_path(story))


@pytest.mark.parametrize(("story_id", "valid"), [(512301, False), (512302, True)])
def test_json_ld_is_broken_where_the_id_is_odd(base: str, fetch: Any, story_id: int, valid: bool) -> None:
    page = html.fromstring(fetch(base + SITE.story_path(SITE.desk.find(story_id))).body)
    text = page.cssselect('script[type="application/ld+json"]')[0].text
    try:
        json.loads(text)
    except ValueError:
        assert not valid
    else:
        assert valid


def test_some_pages_mark_indian_time_as_utc(base: str, fetch: Any) -> None:
    def stated(story_id: int) -> str:
        page = html.fromstring(fetch(base + SITE.story_path(SITE.desk.find(story_id))).body)
        return str(page.xpath("//meta[@itemprop='datePublished']/@content")[0])

    assert stated(512301) == "2026-03-02T10:05:00+05:30"
    assert stated(512305) == "2026-03-06T09:45:00+00:00"


def test_the_page_has_the_syndicator_s_parts(base: str, fetch: Any) -> None:
    page = html.fromstring(fetch(base + SITE.story_path(SITE.desk.find(512301))).body)
    assert "Updated: 02-03-2026 12:40 IST | Created: 02-03-2026 10:05 IST" in page.text_content()
    assert page.cssselect("section.left-section li")[0].text == "Country:"
    assert page.cssselect("section.article-cont p")[-1].text.startswith("(This story has not been edited")
    assert "READ MORE ON:" in page.text_content()
    assert page.cssselect("div.also-container h2")[0].text == "ALSO READ"


def test_header_names_are_lower_case_on_some_pages(base: str, fetch: Any) -> None:
    names = {
        name
        for story in SITE.desk.story
        for name, _ in fetch(base + SITE.story_path(story)).headers
        if name.lower() == "content-type"
    }
    assert names == {"Content-Type", "content-type"}
