"""Search: any words are a valid query, facets count what is found, and snippets mark it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lines_made import article, write_run

from newscrawl.items import Article, Syndication
from newscrawl.view.catalogue import Catalogue
from newscrawl.view.search import PAGE_SIZE, SearchRequest, build_match, search, split_snippet


def story(page: int, text: str, day: int = 1, **fields: object) -> Article:
    published = f"2026-03-{day:02}T10:00:00+00:00"
    plain = {"is_mixed": False, "lede": None, "fetched": "2026-04-01T00:00:00.000000Z"}
    return article(page, text, published=published, **plain | fields)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    wire = Syndication(agency="AFP", is_syndicated=True)
    own = Syndication()
    echo = [
        story(
            1,
            "Le marché couvert rouvre à Éséka.",
            title="Marché",
            lang="fr",
            section="Villes",
            syndication=own,
        ),
        story(2, "The market reopens.", 2, title="Market", lang="en", section="Towns", syndication=wire),
    ]
    wave = [
        story(3, "Un pont de bois, le marché fermé.", 3, title="Pont", lang="fr", section="", syndication=own)
    ]
    write_run(tmp_path, echo, outlet="echo")
    write_run(tmp_path, wave, outlet="wave")
    with closing(Catalogue.open(tmp_path)) as opened:
        opened.update()
        yield opened


def found(catalogue: Catalogue, words: str = "", **fields: object) -> list[str]:
    hits = search(catalogue, SearchRequest(words=words, **fields))["hits"]  # type: ignore[arg-type]
    return [hit["title"] for hit in hits]


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("", ["Pont", "Market", "Marché"]),
        ("marche", ["Pont", "Marché"]),
        ("MARCHÉ eseka", ["Marché"]),
        ('"marché couvert"', ["Marché"]),
        ('"couvert marché"', []),
        ("marché -bois", ["Marché"]),
        ("pont OR market", ["Pont", "Market"]),
        ("march*", ["Pont", "Marché"]),
        ("OR pont", ["Pont"]),
        ("absent", []),
    ],
)
def test_words_phrases_exclusions_and_beginnings(catalogue: Catalogue, words: str, titles: list[str]) -> None:
    assert found(catalogue, words) == titles


def test_filters_and_days(catalogue: Catalogue) -> None:
    assert found(catalogue, filters={"outlet": "echo"}) == ["Market", "Marché"]
    assert found(catalogue, filters={"lang": "fr"}) == ["Pont", "Marché"]
    assert found(catalogue, filters={"wire": "AFP"}) == ["Market"]
    assert found(catalogue, filters={"wire": ""}) == ["Pont", "Marché"]
    assert found(catalogue, filters={"section": "Villes"}, words="marché") == ["Marché"]
    assert found(catalogue, first_day="2026-03-02", last_day="2026-03-02") == ["Market"]
    assert found(catalogue, first_day="2026-03-02") == ["Pont", "Market"]
    assert found(catalogue, last_day="never", words="pont") == ["Pont"]


def test_facets_count_all_hits(catalogue: Catalogue) -> None:
    facets = search(catalogue, SearchRequest(words="marché"))["facets"]
    counts = {name: {entry["value"]: entry["count"] for entry in facets[name]} for name in facets}
    assert counts == {
        "outlet": {"echo": 1, "wave": 1},
        "lang": {"fr": 2},
        "wire": {"": 2},
        "section": {"Villes": 1, "": 1},
        "day": {"2026-03-03": 1, "2026-03-01": 1},
    }


def test_relevance_puts_a_title_first(catalogue: Catalogue) -> None:
    assert found(catalogue, "marché", order="relevance") == ["Marché", "Pont"]


def test_a_snippet_marks_what_was_looked_for(catalogue: Catalogue) -> None:
    (hit,) = search(catalogue, SearchRequest(words="eseka"))["hits"]
    assert (True, "Éséka") in split_snippet(hit["snippet"])
    assert "".join(text for _, text in split_snippet(hit["snippet"])) == "Le marché couvert rouvre à Éséka."


def test_pages_of_results_hold_every_hit_once(tmp_path: Path) -> None:
    count = PAGE_SIZE * 2 + 3
    write_run(tmp_path, [story(page, f"même mot {page}", title=str(page)) for page in range(count)])
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        pages = [search(catalogue, SearchRequest(words="mot", page=page)) for page in (1, 2, 3, 4)]
    titles = [hit["title"] for page in pages for hit in page["hits"]]
    assert sorted(map(int, titles)) == list(range(count))
    assert [page["has_more"] for page in pages] == [True, True, False, False]
    assert {page["total"] for page in pages} == {count}


def test_only_the_last_version_is_found_unless_asked(tmp_path: Path) -> None:
    first = story(1, "le texte premier", title="Avant", id="a" * 32)
    second = first.model_copy(
        update={"id": "b" * 32, "title": "Après", "version": 2, "fetched": "2026-04-02T00:00:00.000000Z"}
    )
    write_run(tmp_path, [first], pid=1)
    write_run(tmp_path, [second], pid=2)
    with closing(Catalogue.open(tmp_path)) as catalogue:
        catalogue.update()
        assert found(catalogue, "premier") == ["Après"]
        assert sorted(found(catalogue, "premier", with_old_versions=True)) == ["Après", "Avant"]


@given(st.text(st.characters() | st.sampled_from('"*-()^:{}+ORANDNOTEAR\0 '), max_size=80))
def test_no_words_make_an_invalid_query(words: str) -> None:
    match = build_match(words)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE texts USING fts5(title, body, tokenize='unicode61')")
        connection.execute("INSERT INTO texts VALUES ('a', 'b')")
        if match:
            connection.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (match,)).fetchall()


def test_a_snippet_with_stray_marks_is_text() -> None:
    assert split_snippet("a\x03b\x02c") == [(False, "ab"), (False, "c")]
