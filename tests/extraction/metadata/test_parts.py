"""The pages and the live updates of a story."""

from zoneinfo import ZoneInfo

import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.metadata.parts import read_live_updates, read_page_urls

SITE = "https://echo.example"


def pages(path: str, *, head: str = "", body: str = "x") -> list[str]:
    tree = document_fromstring(f"<html><head>{head}</head><body>{body}</body></html>")
    return [url.removeprefix(SITE) for url in read_page_urls(read_head(tree, SITE + path, {}))]


@pytest.mark.parametrize(
    ("path", "following", "expected"),
    [
        ("/recit", "?page=2", ["/recit", "/recit?page=2"]),
        ("/recit?id=7", "?id=7&page=2", ["/recit?id=7", "/recit?id=7&page=2"]),
        ("/recit/", "/recit/2/", ["/recit/", "/recit/2/"]),
        ("/recit.html", "/recit-page-2.html", ["/recit.html", "/recit-page-2.html"]),
    ],
)
def test_the_next_page_is_of_the_same_story(path: str, following: str, expected: list[str]) -> None:
    assert pages(path, head=f'<link rel="next" href="{following}">') == expected


def test_pagination_gives_all_pages_in_order() -> None:
    links = "".join(f'<a href="/recit/{number}/">{number}</a>' for number in (1, 3, 2))
    body = f'<div class="page-links">{links}</div>'
    assert pages("/recit/2/", body=body) == ["/recit/1/", "/recit/2/", "/recit/3/"]


@pytest.mark.parametrize(
    ("path", "following"),
    [
        ("/recit", "/autre-recit"),
        ("/2025/02/03", "/2025/02/04"),
        ("/recit", "https://lac.example/recit?page=2"),
    ],
)
def test_another_story_is_no_page_of_this_one(path: str, following: str) -> None:
    assert pages(path, head=f'<link rel="next" href="{following}">') == []


def test_most_stories_have_one_page() -> None:
    assert pages("/recit") == []


def updates(html: str) -> list[tuple[str | None, str | None, str]]:
    head = read_head(document_fromstring(f"<html>{html}</html>"), "https://echo.example/direct", {})
    return [(one.time, one.title, one.text) for one in read_live_updates(head, ZoneInfo("Africa/Douala"))]


def test_declared_entries_keep_their_times_and_titles() -> None:
    entry = '{"@type": "BlogPosting", "headline": "La crue", "articleBody": "Le fleuve monte.",'
    entry += ' "datePublished": "2025-02-03T10:00:00"}'
    bare = '{"@type": "BlogPosting", "headline": "Fin du direct"}'
    script = (
        f'{{"@type": "LiveBlogPosting", "liveBlogUpdate": [{entry}, {bare}, {{"@type": "BlogPosting"}}]}}'
    )
    assert updates(f'<head><script type="application/ld+json">{script}</script></head><body>x') == [
        ("2025-02-03T10:00:00+01:00", "La crue", "Le fleuve monte."),
        (None, None, "Fin du direct"),
    ]


def test_entries_are_found_by_their_marks_where_each_has_a_time() -> None:
    entry = (
        '<div class="live-post"><time datetime="2025-02-03T{0}:00+01:00">{0}</time><h3>Titre {0}</h3>'
        "<p>Le fleuve monte encore.</p></div>"
    )
    found = updates(f'<body><div class="liveblog">{entry.format("10:00")}{entry.format("11:00")}</div>')
    assert found == [
        ("2025-02-03T10:00:00+01:00", "Titre 10:00", "Le fleuve monte encore."),
        ("2025-02-03T11:00:00+01:00", "Titre 11:00", "Le fleuve monte encore."),
    ]


def test_a_story_is_no_live_blog() -> None:
    assert updates('<body><div class="live-post"><time>10:00</time><p>Un texte.</p></div>') == []
    assert updates("<body><p>Un texte.</p>") == []
