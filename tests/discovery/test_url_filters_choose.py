"""What is a story, judged by its URL."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.url_filters import is_article
from newscrawl.outlet import Outlet


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
    assert is_article(url, outlet())


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
    assert not is_article(url, outlet())


def test_the_outlets_own_sources_are_none() -> None:
    site = outlet(home="https://relay.example/news", sections=["https://relay.example/politics/"])
    assert not is_article("https://relay.example/politics", site)
    assert not is_article("https://relay.example/news/", site)
    assert is_article("https://relay.example/politics/a-story", site)


def test_patterns_decide_where_there_are_any() -> None:
    site = outlet(article=[r"/story/\d+", r"^https://partner\.example/"])
    assert is_article("https://relay.example/tag/story/12", site)
    assert is_article("https://partner.example/x", site)
    assert not is_article("https://relay.example/a-story", site)


def test_what_is_ignored_is_never_a_story() -> None:
    site = outlet(article=["/story/"], ignore=["/sport/", r"\?amp$"])
    assert not is_article("https://relay.example/sport/story/1", site)
    assert not is_article("https://relay.example/story/1?amp", site)
    assert not is_article("ftp://relay.example/story/1", site)


@given(st.text() | st.text().map("https://relay.example/".__add__) | st.text().map("https://".__add__))
def test_any_text_is_judged(url: str) -> None:
    assert is_article(url, outlet()) in (True, False)
