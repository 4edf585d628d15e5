"""Stories over several pages."""

import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.head import head_of
from newscrawl.extraction.metadata.parts import pages_of

SITE = "https://echo.example"


def pages(path: str, *, head: str = "", body: str = "x") -> list[str]:
    tree = document_fromstring(f"<html><head>{head}</head><body>{body}</body></html>")
    return [url.removeprefix(SITE) for url in pages_of(head_of(tree, SITE + path, {}))]


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
