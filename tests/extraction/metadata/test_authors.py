"""Authors of pages in the ways they are named."""

import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.head import head_of
from newscrawl.extraction.metadata.authors import Byline, byline_of


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


def test_a_person_whom_readers_see_comes_before_the_site_as_its_own_author() -> None:
    page = ld('{"@type": "Organization", "name": "Écho du Fleuve"}')
    assert names(byline(page + '<a rel="author" href="/x">Awa Ndiaye</a>')) == [("Awa Ndiaye", "person")]


def test_a_login_gives_way_to_the_printed_name() -> None:
    login = ld('{"@type": "Person", "name": "awa.ndiaye"}')
    assert names(byline(login)) == [("awa.ndiaye", "person")]
    assert names(byline(login + '<p class="byline">Par Awa Ndiaye</p>')) == [("Awa Ndiaye", "person")]


def test_the_fuller_of_two_lists_is_taken() -> None:
    script = '<script type="application/ld+json">{"@type": "NewsArticle", "author": "Awa Ndiaye"}</script>'
    head = f'<head>{script}<meta name="author" content="Awa Ndiaye, Paul Eto"></head>'
    assert [name for name, _ in names(byline(head))] == ["Awa Ndiaye", "Paul Eto"]
    site = f'<head>{script}<meta name="author" content="Awa Ndiaye, Journal du Lac"></head>'
    assert [name for name, _ in names(byline(site))] == ["Awa Ndiaye"]


def test_placeholders_of_systems_name_nobody() -> None:
    assert byline('<head><meta name="author" content="No Author"></head>').authors == []
    assert byline(ld('{"@type": "Person", "name": "admin"}')).authors == []


def test_an_author_that_is_person_and_organisation_is_a_person() -> None:
    assert names(byline(ld('{"@type": ["Person", "Organization"], "name": "Awa Ndiaye"}'))) == [
        ("Awa Ndiaye", "person")
    ]


def test_the_printed_line_is_kept_and_tells_of_an_agency() -> None:
    page = ld('{"@type": "Person", "name": "Awa Ndiaye"}')
    found = byline(page + '<p>Par <a rel="author" href="/auteurs/awa">Awa Ndiaye</a> avec AFP</p>')
    assert (found.raw, found.agency, found.alone) == ("Par Awa Ndiaye avec AFP", "AFP", False)
    assert byline(page).raw is None


def test_an_agencys_place_and_the_sites_own_name_are_no_authors() -> None:
    assert names(byline(ld('{"@type": "Person", "name": "Reuters, Lagos"}'))) == [("Reuters", "org")]
    assert names(byline(ld('{"@type": "Person", "name": "Awa Ndiaye, Écho du Fleuve"}'))) == [
        ("Awa Ndiaye", "person")
    ]
