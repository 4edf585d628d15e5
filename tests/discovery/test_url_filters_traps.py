"""URLs without end are told from those of stories."""

from __future__ import annotations

import pytest

from newscrawl.discovery.url_filters import trap_of
from newscrawl.urls import normal_url

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
    assert trap_of(SITE + url, 2026) == trap


def test_a_user_in_a_url_is_a_trap() -> None:
    assert trap_of("https://example.com@example.org/story", 2026) == "userinfo"


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
    assert trap_of(SITE + url, 2026) is None


def test_the_year_is_handed_in() -> None:
    assert trap_of(f"{SITE}/2031/05/17/story", 2030) is None


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
    assert normal_url(SITE + url) == f"{SITE}/story.php?id=5"


@pytest.mark.parametrize("query", ["sid=12", "sid=politics", "session_id=spring-2026", "side=left"])
def test_a_number_of_the_page_stays(query: str) -> None:
    assert normal_url(f"{SITE}/story?{query}") == f"{SITE}/story?{query}"
