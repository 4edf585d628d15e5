"""The WordPress site over HTTP."""

from __future__ import annotations

import json
from typing import Any

import feedparser
import pytest
from lxml import html

from newscrawl.demo.catalogue import demo_site
from newscrawl.demo.server import Newsroom

SITE = demo_site("kamer_echo")


@pytest.fixture
def base(newsroom: Newsroom) -> str:
    return newsroom.bases["kamer_echo"]


def test_the_feed_lists_every_story_and_some_whole(base: str, fetch: Any) -> None:
    answer = fetch(f"{base}/feed/")
    feed = feedparser.parse(answer.body)
    links = {entry.link.removeprefix(base) for entry in feed.entries}
    assert {SITE.story_path(story) for story in SITE.desk.listed} <= links
    whole = [entry for entry in feed.entries if "content" in entry]
    assert 0 < len(whole) < len(SITE.desk.listed)
    assert fetch(f"{base}/feed/", {"If-None-Match": answer.header("ETag")}).status == 304
    assert fetch(f"{base}/feed/", {"If-Modified-Since": answer.header("Last-Modified")}).status == 304
    assert fetch(f"{base}/feed/?paged=2").status == 404


def test_the_posts_api_is_paged_to_its_end(base: str, fetch: Any) -> None:
    found: list[str] = []
    for page in (1, 2, 3, 4):
        answer = fetch(f"{base}/wp-json/wp/v2/posts?per_page=5&page={page}")
        assert answer.header("x-wp-total") == str(len(SITE.desk.listed))
        assert answer.header("X-WP-TotalPages") == "4"
        found += [post["link"].removeprefix(base) for post in json.loads(answer.body)]
    assert found == [SITE.story_path(story) for story in SITE.desk.listed]
    past = fetch(f"{base}/wp-json/wp/v2/posts?per_page=5&page=5")
    assert (past.status, json.loads(past.body)["code"]) == (400, "rest_post_invalid_page_number")


@pytest.mark.parametrize(
    "query", ["per_page=101", "per_page=0", "page=0", "page=-1", "page=x", "page=9999999"]
)
def test_the_posts_api_refuses_odd_numbers(base: str, fetch: Any, query: str) -> None:
    answer = fetch(f"{base}/wp-json/wp/v2/posts?{query}")
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "rest_invalid_param")


def test_a_single_post_can_be_had(base: str, fetch: Any) -> None:
    post = json.loads(fetch(f"{base}/wp-json/wp/v2/posts/2101").body)
    assert (post["date"], post["date_gmt"]) == ("2026-02-23T09:15:00", "2026-02-23T08:15:00")


def test_a_story_has_french_chrome_whatever_its_language(base: str, fetch: Any) -> None:
    story = SITE.desk.find(2102)
    page = html.fromstring(fetch(base + SITE.story_path(story)).body)
    text = page.text_content()
    assert page.get("lang") == "fr-FR"
    for chrome in ("Ajoutez votre titre ici", "Espace annonceur", "Laisser un commentaire"):
        assert chrome in text
    assert page.cssselect(".cmplz-cookiebanner")
    graph = json.loads(page.cssselect("script.yoast-schema-graph")[0].text)["@graph"]
    assert graph[0]["headline"] == story.title


def test_several_cookies_are_set(base: str, fetch: Any) -> None:
    names = [name for name, _ in fetch(f"{base}/").headers]
    assert names.count("Set-Cookie") == 3


def test_a_missing_slash_and_a_short_link_redirect(base: str, fetch: Any) -> None:
    path = SITE.story_path(SITE.desk.find(2101))
    for short in (path.rstrip("/"), "/?p=2101"):
        answer = fetch(base + short)
        assert (answer.status, answer.header("Location")) == (301, base + path)


def test_category_pages_link_the_stories_of_the_section(base: str, fetch: Any) -> None:
    body = fetch(f"{base}/category/sport/").body.decode()
    assert SITE.story_path(SITE.desk.find(2105)) in body
