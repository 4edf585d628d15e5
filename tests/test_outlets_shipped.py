"""The outlets that come with the package."""

from __future__ import annotations

import re
import tomllib

import pytest

from newscrawl.cli.outlets import find_problems, is_unbounded
from newscrawl.outlet import OUTLETS, Outlet, outlet_files, read_outlet
from newscrawl.urls import url_host

FILES = outlet_files([OUTLETS])
ORDER = [
    *("title", "home", "country", "languages", "timezone", "kind", "platform", "spider"),
    *("feeds", "sitemaps", "sections", "article_urls", "exclude_urls"),
    *("status", "status_reason", "notes", "rules", "expect"),
]


@pytest.fixture(scope="module")
def outlets() -> list[Outlet]:
    return [read_outlet(path) for path in FILES.values()]


@pytest.mark.parametrize("name", FILES)
def test_it_loads(name: str) -> None:
    assert read_outlet(FILES[name]).id == name


def test_at_least_sixty_are_shipped_the_samples_among_them() -> None:
    assert len(FILES) >= 60
    assert FILES["afriquemedia"].parent.name == "cm"
    assert FILES["devdiscourse"].parent.name == "in"


def test_the_check_finds_nothing() -> None:
    assert find_problems([OUTLETS]) == []


def test_each_stands_in_the_folder_of_its_country(outlets: list[Outlet]) -> None:
    for outlet in outlets:
        assert FILES[outlet.id].parent == OUTLETS / outlet.country.lower()


def test_keys_stand_in_the_usual_order_and_status_is_said() -> None:
    for path in FILES.values():
        keys = list(tomllib.loads(path.read_text(encoding="utf-8")))
        assert keys == sorted(keys, key=ORDER.index), path
        assert "status" in keys, path


def test_only_blocked_ones_have_a_reason(outlets: list[Outlet]) -> None:
    assert [o.id for o in outlets if (o.status == "blocked") is not bool(o.status_reason)] == []


def test_active_ones_name_where_their_stories_are_listed(outlets: list[Outlet]) -> None:
    active = [outlet for outlet in outlets if outlet.status == "active"]
    assert active
    assert [o.id for o in active if not (o.feeds or o.sitemaps or o.sections)] == []


def test_unverified_ones_say_what_is_unknown(outlets: list[Outlet]) -> None:
    assert [o.id for o in outlets if o.status == "unverified" and not o.notes] == []


def test_article_patterns_are_bounded_and_tied_to_the_outlets_host(outlets: list[Outlet]) -> None:
    for outlet in outlets:
        for pattern in outlet.article_urls:
            assert re.compile(pattern)
            assert not is_unbounded(pattern), outlet.id
            assert pattern.startswith("^https?://"), outlet.id
            assert url_host(outlet.home).split(".")[-2] in pattern, outlet.id


def test_no_home_is_an_article_and_no_source_is_ignored(outlets: list[Outlet]) -> None:
    for outlet in outlets:
        assert not any(re.search(pattern, outlet.home) for pattern in outlet.article_urls), outlet.id
        for url in (outlet.home, *outlet.feeds, *outlet.sitemaps, *outlet.sections):
            assert not any(re.search(pattern, url) for pattern in outlet.exclude_urls), outlet.id


@pytest.mark.parametrize(
    ("name", "url", "is_article"),
    [
        ("devdiscourse", "https://www.devdiscourse.com/article/politics/2987654-two-leaders-meet", True),
        ("devdiscourse", "https://www.devdiscourse.com/article/2987654-two-leaders-meet", True),
        ("devdiscourse", "https://www.devdiscourse.com/stories/politics", False),
        ("mimimefo", "https://mimimefoinfos.com/market-reopens-after-the-rain/?utm_source=rss", True),
        ("mimimefo", "https://mimimefoinfos.com/category/politics/", False),
        ("le360", "https://fr.le360.ma/politique/une-route-neuve_ABCDEFGHIJKLMNOPQRSTUVWXYZ/", True),
        ("le360", "https://fr.le360.ma/politique/", False),
        ("rfi", "https://www.rfi.fr/fr/afrique/20240618-une-rencontre-au-sommet", True),
        ("rfi", "https://www.rfi.fr/fr/afrique/", False),
        ("cbc", "https://www.cbc.ca/news/canada/toronto/a-bridge-opens-1.7231234", True),
        ("cbc", "https://www.cbc.ca/news/canada", False),
        ("lapresse-ca", "https://www.lapresse.ca/actualites/2024-06-18/un-pont-ouvre.php", True),
        ("globalnews", "https://globalnews.ca/news/10570000/a-bridge-opens/", True),
        ("ndtv", "https://www.ndtv.com/world-news/a-bridge-opens-5912345", True),
        ("guardianpost-cm", "https://theguardianpostcameroon.com/post/123/fr/a-bridge-opens", True),
    ],
)
def test_its_patterns_tell_stories_from_sections(name: str, url: str, is_article: bool) -> None:
    patterns = read_outlet(FILES[name]).article_urls
    assert any(re.search(pattern, url) for pattern in patterns) is is_article


@pytest.mark.parametrize(
    ("url", "ignored"),
    [
        ("https://afriquemedia.tv/live", True),
        ("https://www.afriquemedia.tv/replay?jut1=5", True),
        ("https://afriquemedia.tv/livestock-market-reopens/", False),
        ("https://afriquemedia.tv/wp-json/wp/v2/posts?per_page=10", False),
    ],
)
def test_the_wordpress_sample_ignores_its_players_but_not_its_api(url: str, ignored: bool) -> None:
    patterns = read_outlet(FILES["afriquemedia"]).exclude_urls
    assert any(re.search(pattern, url) for pattern in patterns) is ignored


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("devdiscourse", "https://www.devdiscourse.com/article/politics/2987654-two-leaders-meet?amp"),
        ("devdiscourse", "https://www.devdiscourse.com/mobilearticle/2987654/5"),
        ("theweek-wire", "https://www.theweek.in/wire-updates/national/2024/06/18/mds15-rain.amp.html"),
    ],
)
def test_twins_of_a_story_are_ignored(name: str, url: str) -> None:
    assert any(re.search(pattern, url) for pattern in read_outlet(FILES[name]).exclude_urls)
