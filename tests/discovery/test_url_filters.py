"""Which URLs may be articles, and which are crawler traps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.url_filters import find_trap, is_article_url
from newscrawl.outlet import Outlet
from newscrawl.urls import normalize_url


def outlet(**fields: Any) -> Outlet:
    facts: dict[str, Any] = {
        "id": "relay",
        "title": "The Relay",
        "home": "https://www.relay.example/",
        "country": "CM",
        "languages": ["en", "fr"],
        "timezone": "Africa/Douala",
        "kind": "national",
    }
    return Outlet.model_validate({**facts, **fields})


@pytest.mark.parametrize(
    "url",
    [
        "https://www.relay.example/2024/05/01/a-story/",
        "https://relay.example/a-story",
        "http://en.relay.example/politics/a-story.html",
        "https://relay.example/?p=123",
        "https://relay.example/spip.php?article123",
        "https://relay.example/story.php?id_article=12&lang=fr",
        "https://relay.example/fr/une-histoire",
        "https://relay.example/news/the-tag-that-failed",
        "https://relay.example/news/page-3-of-the-affair",
        "https://relay.example/story/version-2.0",
        "https://relay.example/politics/contact",
    ],
)
def test_pages_on_the_site_are_stories(url: str) -> None:
    assert is_article_url(url, outlet())


@pytest.mark.parametrize(
    "url",
    [
        "https://www.relay.example/",
        "https://relay.example",
        "http://relay.example/?utm_source=x",
        "https://relay.example/fr/",
        "https://relay.example/en-gb",
        "https://relay.example/index.php",
        "https://relay.example/fr/index.html",
        "https://other.example/a-story",
        "https://notrelay.example/a-story",
        "mailto:desk@relay.example",
        "javascript:void(0)",
        "/a-story",
        "",
        "https://relay.example/feed/",
        "https://relay.example/a-story/feed/",
        "https://relay.example/rss.xml",
        "https://relay.example/tag/football/",
        "https://relay.example/en/category/politics/",
        "https://relay.example/Author/someone/",
        "https://relay.example/politics/page/2/",
        "https://relay.example/wp-content/uploads/a",
        "https://relay.example/photo.JPG",
        "https://relay.example/report.pdf?x=1",
        "https://relay.example/spip.php?page=backend",
        "https://relay.example/spip.php?rubrique12",
        "https://relay.example/?s=word",
        "https://relay.example/?cat=4",
        "https://relay.example/a-story/?replytocom=5",
        "https://relay.example/contact/",
        "https://relay.example/mentions-legales",
        "https://relay.example/search?q=x",
    ],
)
def test_lists_files_and_other_sites_are_none(url: str) -> None:
    assert not is_article_url(url, outlet())


def test_the_outlets_own_sources_are_none() -> None:
    site = outlet(home="https://relay.example/news", sections=["https://relay.example/politics/"])
    assert not is_article_url("https://relay.example/politics", site)
    assert not is_article_url("https://relay.example/news/", site)
    assert is_article_url("https://relay.example/politics/a-story", site)


def test_patterns_decide_where_there_are_any() -> None:
    site = outlet(article_urls=[r"/story/\d+", r"^https://partner\.example/"])
    assert is_article_url("https://relay.example/tag/story/12", site)
    assert is_article_url("https://partner.example/x", site)
    assert not is_article_url("https://relay.example/a-story", site)


def test_what_is_ignored_is_never_a_story() -> None:
    site = outlet(article_urls=["/story/"], exclude_urls=["/sport/", r"\?amp$"])
    assert not is_article_url("https://relay.example/sport/story/1", site)
    assert not is_article_url("https://relay.example/story/1?amp", site)
    assert not is_article_url("ftp://relay.example/story/1", site)


@given(st.text() | st.text().map("https://relay.example/".__add__) | st.text().map("https://".__add__))
def test_any_text_is_judged(url: str) -> None:
    assert is_article_url(url, outlet()) in (True, False)


SITE = "https://example.org"


@pytest.mark.parametrize(
    ("url", "trap"),
    [
        ("/a/b/a/b/a/b/story", "repeating_path"),
        ("/news/sport/news/news/news", "repeating_path"),
        ("/a/b/c/a/b/c", "repeating_path"),
        ("/x/1/x/2/x/3/x/4/x/5", "repeating_path"),
        ("/" + "/".join(f"step{n}" for n in range(21)), "deep_path"),
        ("/story?" + "&".join(f"k{n}=v" for n in range(21)), "many_parameters"),
        ("/2031/05/", "calendar"),
        ("/2031-05-17", "calendar"),
        ("/calendar?month=2035-1", "calendar"),
        ("/calendar?month=1975-12", "calendar"),
        ("/events/1931-01/", "calendar"),
        ("/agenda?year=2088&month=3", "calendar"),
        ("/events/%32031-05", "calendar"),
    ],
)
def test_a_trap_has_a_name(url: str, trap: str) -> None:
    assert find_trap(SITE + url, 2026) == trap


def test_a_user_in_a_url_is_a_trap() -> None:
    assert find_trap("https://example.com@example.org/story", 2026) == "userinfo"


@pytest.mark.parametrize(
    "url",
    [
        "/2026/11/22/story",
        "/2027/01/04/a-plan-for-next-year",
        "/1972/06/18/archives/an-old-issue",
        "/article/3834/1",
        "/2609-2/",
        "/sport/sport/a-match",
        "/a/b/a/b/story",
        "/en/news/en/news/story",
        "/politics/2030-12-goals-of-the-plan",
        "/spip.php?article1234",
        "/index.php?p=12&year=2031",
        "/news/economy/2026/november/22/port/authority/a-long-way-down/to/the/story",
        "/events/2026-12/fair",
        "/story?utm_source=a&utm_medium=b",
        "/calendar",
        "/12/34/56",
    ],
)
def test_a_story_is_no_trap(url: str) -> None:
    assert find_trap(SITE + url, 2026) is None


def test_the_year_is_handed_in() -> None:
    assert find_trap(f"{SITE}/2031/05/17/story", 2030) is None


@pytest.mark.parametrize(
    "url",
    [
        "/story.php;jsessionid=0A1B2C?id=5",
        "/story.php?id=5&PHPSESSID=8kq2v",
        "/story.php?jsessionid=9&id=5",
        "/story.php?sid=0123456789abcdef0123456789abcdef&id=5",
        "/story.php?id=5&ASPSESSIONIDQQ=XYZ",
    ],
)
def test_a_visit_is_no_part_of_a_page(url: str) -> None:
    assert normalize_url(SITE + url) == f"{SITE}/story.php?id=5"


@pytest.mark.parametrize("query", ["sid=12", "sid=politics", "session_id=spring-2026", "side=left"])
def test_a_number_of_the_page_stays(query: str) -> None:
    assert normalize_url(f"{SITE}/story?{query}") == f"{SITE}/story?{query}"
