"""Names in printed bylines."""

import pytest

from newscrawl.extraction.metadata.names import (
    clean_authors,
    clean_name,
    invert_name,
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


@pytest.mark.parametrize(
    ("line", "people"),
    [
        # A capital letter between two words is an initial.
        ("Marta E Lindqvist", ["Marta E Lindqvist"]),
        ("Paul Y Okafor and Awa E. Ndiaye", ["Paul Y Okafor", "Awa E. Ndiaye"]),
        ("Marta Ruiz y Pablo Gil", ["Marta Ruiz", "Pablo Gil"]),
        # Helpers are authors, wherever they stand.
        ("Awa Ndiaye, with files from Paul Eto", ["Awa Ndiaye", "Paul Eto"]),
        (
            "Awa Ndiaye with additional reporting by Paul Eto and Tom Reed",
            ["Awa Ndiaye", "Paul Eto", "Tom Reed"],
        ),
        ("Par Awa Ndiaye avec la collaboration de Paul Eto", ["Awa Ndiaye", "Paul Eto"]),
        ("Par Awa Ndiaye, avec des informations d’Élise Morel", ["Awa Ndiaye", "Élise Morel"]),
        ("By Awa Ndiaye (with Paul Eto and Tom Reed)", ["Awa Ndiaye", "Paul Eto", "Tom Reed"]),
        ("Par Awa Ndiaye (à Garoua) et Paul Eto", ["Awa Ndiaye", "Paul Eto"]),
        # Other crafts are not.
        ("Texte : Awa Ndiaye. Photos : Paul Eto", ["Awa Ndiaye"]),
        ("Photos : Paul Eto / Textes : Awa Ndiaye et Tom Reed", ["Awa Ndiaye", "Tom Reed"]),
        ("By Awa Ndiaye | Photos by Paul Eto", ["Awa Ndiaye"]),
        ("Words: Awa Ndiaye. Pictures", ["Awa Ndiaye. Pictures"]),
        ("Texte Awa Ndiaye, photos Paul Eto", ["Awa Ndiaye"]),
        ("Awa Ndiaye (texte) et Paul Eto (photos)", ["Awa Ndiaye"]),
        ("Enquête : Awa Ndiaye", ["Awa Ndiaye"]),
        ("Awa Ndiaye, avec AFP", ["Awa Ndiaye", "AFP"]),
        # Entities that were escaped twice.
        ("Maeve O&#039;Neil", ["Maeve O'Neil"]),
        ("Maeve O&amp;rsquo;Neil", ["Maeve O’Neil"]),
        ("Awa Ndiaye For Lake Weekly", ["Awa Ndiaye"]),
        ("Von Awa Ndiaye Publiziert 02/02/2025 um 09:23 GMT", ["Awa Ndiaye"]),
    ],
)
def test_initials_helpers_and_other_crafts_are_distinguished(line: str, people: list[str]) -> None:
    assert [name for name, _ in names(line)] == people


@pytest.mark.parametrize(
    ("line", "lang", "name"),
    [
        ("Von Marla Keats", "en", "Von Marla Keats"),
        ("Von Marla Keats", "en-US", "Von Marla Keats"),
        ("Von Marla Keats", "de", "Marla Keats"),
        ("Von Marla Keats", None, "Marla Keats"),
        ("Von: Marla Keats", "en", "Marla Keats"),
        ("von Marla Keats", "en", "Marla Keats"),
        ("By Von Marla Keats", "en", "Von Marla Keats"),
        ("Por Marta Ruiz", "es", "Marta Ruiz"),
        ("Par Marta Ruiz", "en", "Marta Ruiz"),
    ],
)
def test_von_and_por_are_labels_in_their_own_languages_only(line: str, lang: str | None, name: str) -> None:
    assert [author.name for author in clean_authors(parse_byline(line, lang), set(), 20)] == [name]


@pytest.mark.parametrize(
    ("name", "inverted"),
    [
        ("Ndiaye, Awa", "Awa Ndiaye"),
        ("Van Dyck, Jan P.", "Jan P. Van Dyck"),
        ("Awa Ndiaye", "Awa Ndiaye"),
        ("Awa Ndiaye, Paul Eto, Tom Reed", "Awa Ndiaye, Paul Eto, Tom Reed"),
    ],
)
def test_a_name_of_a_catalogue_is_put_in_order(name: str, inverted: str) -> None:
    assert invert_name(name) == inverted


@pytest.mark.parametrize(
    ("line", "people"),
    [
        # Where they write from.
        ("Awa Ndiaye, Garoua", ["Awa Ndiaye"]),
        ("journaldulac.fr, Garoua, Cameroun", ["journaldulac.fr"]),
        ("Awa et Paul", ["Awa", "Paul"]),
        # Whom the text was checked by.
        ("By Awa Ndiaye, DVM. Reviewed by Tom Reed, DVM", ["Awa Ndiaye, DVM"]),
        ("By Awa Ndiaye | Fact-checked by Tom Reed", ["Awa Ndiaye"]),
        ("Par Awa Ndiaye, relu par Paul Eto", ["Awa Ndiaye"]),
        # What they do.
        ("Awa Ndiaye, Head of Marketing and Community Development", ["Awa Ndiaye"]),
        ("Awa Ndiaye, Leitende Wirtschaftsredakteurin", ["Awa Ndiaye"]),
        ("Awa Ndiaye, Representative to the Lake Committee", ["Awa Ndiaye"]),
        # On whose behalf, and buttons.
        ("Awa Ndiaye on behalf of the Lake Group", ["Awa Ndiaye"]),
        ("Awa NdiayeTwitter", ["Awa Ndiaye"]),
        ("Awa Ndiaye ● 3 mars 2026 ● 6 min", ["Awa Ndiaye"]),
        # Conjunctions and labels of other languages.
        ("Trine Holm og Lars Vik", ["Trine Holm", "Lars Vik"]),
        ("This post was written by Awa Ndiaye, PhD", ["Awa Ndiaye, PhD"]),
        ("Autorin/Autor Awa Ndiaye", ["Awa Ndiaye"]),
        ("Contributors: Awa Ndiaye", ["Awa Ndiaye"]),
        ("Bild: Lac / Paul Eto", []),
        # Accounts, and names that are words elsewhere.
        ("Echo Admin", []),
        ("Course Author", []),
        ("Ben", ["Ben"]),
        ("ben", []),
        ("Lac24 Redaktion", ["Lac24 Redaktion"]),
    ],
)
def test_places_checkers_roles_and_buttons_are_not_people(line: str, people: list[str]) -> None:
    assert [name for name, _ in names(line)] == people


@pytest.mark.parametrize(
    ("line", "lang", "name"),
    [
        ("di Luca Ferri", "it", "Luca Ferri"),
        ("Door Piet Bakker", "nl-NL", "Piet Bakker"),
        ("Af Trine Holm", "da", "Trine Holm"),
        ("Di Luca Ferri", "en", "Di Luca Ferri"),
    ],
)
def test_other_prepositions_are_labels_only_in_their_language(line: str, lang: str, name: str) -> None:
    assert [author.name for author in clean_authors(parse_byline(line, lang), set(), 20)] == [name]


def test_a_name_with_a_role_glued_to_it_gives_way_to_the_name() -> None:
    assert [name for name, _ in names("Paul EtoReporter / Paul Eto / Paul Etonga")] == [
        "Paul Eto",
        "Paul Etonga",
    ]
