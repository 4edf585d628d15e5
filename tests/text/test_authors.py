"""Authors of pages in the ways they are named."""

import pytest
from lxml.html import document_fromstring

from newscrawl.text.authors import Byline, byline_of
from newscrawl.text.head import head_of


def byline(html: str, *, selector: str | None = None, in_text: str | None = None) -> Byline:
    tree = document_fromstring(f"<html>{html}</html>")
    head = head_of(tree, "https://echo.example/a", {})
    return byline_of(head, tree, selector=selector, in_text=in_text, sites=["Écho du Fleuve"])


def names(found: Byline) -> list[tuple[str, str]]:
    return [(author.name, author.kind) for author in found.authors]


def ld(author: str) -> str:
    script = f'{{"@type": "NewsArticle", "author": {author}}}'
    return f'<head><script type="application/ld+json">{script}</script></head><body>x'


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ('{"@type": "Person", "name": "Awa Ndiaye", "url": "/awa"}', [("Awa Ndiaye", "person")]),
        (
            '[{"name": "Awa Ndiaye"}, {"name": "Paul Eto"}]',
            [("Awa Ndiaye", "person"), ("Paul Eto", "person")],
        ),
        ('"Par Awa Ndiaye et Paul Eto"', [("Awa Ndiaye", "person"), ("Paul Eto", "person")]),
        ('{"@type": "Organization", "name": "Maison Bleue"}', [("Maison Bleue", "org")]),
        ('{"@type": "Person", "name": "Écho du Fleuve"}', [("Écho du Fleuve", "org")]),
        ('{"@type": "Person", "name": "AFP"}', [("AFP", "org")]),
        ('{"name": ""}', []),
        ('{"name": "https://echo.example/awa"}', []),
        ("null", []),
    ],
)
def test_json_ld_names_people_and_organisations(author: str, expected: list[tuple[str, str]]) -> None:
    assert names(byline(ld(author))) == expected


def test_an_authors_page_is_made_absolute() -> None:
    assert byline(ld('{"name": "Awa Ndiaye", "url": "/awa"}')).authors[0].url == "https://echo.example/awa"


def test_meta_and_marks_are_next() -> None:
    assert names(byline('<head><meta name="author" content="Awa Ndiaye"></head>')) == [
        ("Awa Ndiaye", "person")
    ]
    assert names(byline('<body><a rel="author" href="/x">Paul Eto</a>')) == [("Paul Eto", "person")]


def test_an_address_as_author_is_none() -> None:
    assert (
        byline('<head><meta property="article:author" content="https://social.example/echo"></head>').authors
        == []
    )


def test_the_outlets_selector_comes_first_and_keeps_its_line() -> None:
    found = byline(
        ld('"Someone Else"').replace("x", "<p class=by>Par Awa Ndiaye et AFP</p>"), selector="p.by"
    )
    assert names(found) == [("Awa Ndiaye", "person"), ("AFP", "org")]
    assert (found.raw, found.agency, found.alone) == ("Par Awa Ndiaye et AFP", "AFP", False)


def test_an_empty_byline_names_nobody() -> None:
    assert byline("<body>x", in_text="Redigé par:").authors == []


def test_a_byline_in_the_text_is_the_last_source() -> None:
    assert names(byline("<body>x", in_text="Rédigé par : Awa Ndiaye")) == [("Awa Ndiaye", "person")]


def test_an_agency_that_signs_alone_is_known() -> None:
    found = byline(ld('{"@type": "Person", "name": "Agence France-Presse"}'))
    assert (found.agency, found.alone) == ("AFP", True)
