"""Names in printed bylines."""

import pytest

from newscrawl.extraction.metadata.names import (
    clean_authors,
    clean_name,
    is_person_name,
    is_plausible_name,
    parse_byline,
)


def names(line: str) -> list[tuple[str, str]]:
    return [(one.name, one.kind) for one in clean_authors(parse_byline(line), set(), 20)]


@pytest.mark.parametrize(
    ("line", "people"),
    [
        ("Par Awa Ndiaye et Paul Eto", ["Awa Ndiaye", "Paul Eto"]),
        ("By Awa Ndiaye, Paul Eto and Tom Reed", ["Awa Ndiaye", "Paul Eto", "Tom Reed"]),
        ("ByAwa Ndiaye", ["Awa Ndiaye"]),
        ("By Awa Ndiaye March 7, 2025 10:15 am", ["Awa Ndiaye"]),
        ("Publié le 7 mars 2025 par Awa Ndiaye", ["Awa Ndiaye"]),
        ("Awa Ndiaye, envoyée spéciale à Garoua", ["Awa Ndiaye"]),
        ("Awa Ndiaye, Senior Editor", ["Awa Ndiaye"]),
        ("Awa Ndiaye for the Echo on Sunday", ["Awa Ndiaye"]),
        ("Awa Ndiaye, PhD, and Paul Eto, MD", ["Awa Ndiaye, PhD", "Paul Eto, MD"]),
        ("Paul Eto Jr.", ["Paul Eto Jr."]),
        ("Paul E.", ["Paul E."]),
        ("Paul Eto.", ["Paul Eto"]),
        ("Paul Eto Reporter / Paul Eto", ["Paul Eto"]),
        ("Redigé par:", []),
        ("https://echo.example/awa", []),
        ("5 min read", []),
        ("admin", []),
    ],
)
def test_people_are_distinguished_from_the_words_around_them(line: str, people: list[str]) -> None:
    assert [name for name, _ in names(line)] == people


def test_organisations_are_distinguished_from_people() -> None:
    assert names("Par Le Figaro et AFP") == [("Le Figaro", "org"), ("AFP", "org")]
    assert names("Awa Ndiaye avec AFP") == [("Awa Ndiaye", "person"), ("AFP", "org")]
    assert names("La rédaction") == [("La rédaction", "org")]


def test_a_site_that_signs_itself_is_an_organisation() -> None:
    found = clean_authors(parse_byline("Le Journal du Lac"), {"lejournaldulac"}, 20)
    assert [(one.name, one.kind) for one in found] == [("Le Journal du Lac", "org")]


@pytest.mark.parametrize("name", ["null", "No Author", "Anonyme", "{{author}}", "link78", "12"])
def test_placeholders_are_no_names(name: str) -> None:
    assert not is_plausible_name(name)


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("Awa Ndiaye", True),
        ("Jean-Paul de la Croix", True),
        ("山田太郎", True),
        ("Read more", False),
        ("weiter", False),
        ("All our stories", False),
        ("de la", False),
    ],
)
def test_words_near_a_headline_are_a_person_by_their_shape(words: str, fits: bool) -> None:
    assert is_person_name(words) is fits


def test_labels_and_edges_leave_a_name() -> None:
    assert clean_name(" By: “Awa Ndiaye” – ") == "Awa Ndiaye"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("By Staff reporter", False),
        ("Our Special Correspondent", False),
        ("Envoyé spécial", False),
        ("Correspondante particulière", False),
        ("Notre journaliste stagiaire", False),
        ("Rasender Reporter", True),
        ("Podium Staff", True),
        ("Echo Reporters", True),
    ],
)
def test_a_role_alone_is_nobody(line: str, named: bool) -> None:
    assert bool(names(line)) is named
