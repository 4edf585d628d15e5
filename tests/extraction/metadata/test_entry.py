"""The entry of a feed fills what the page does not say, and where it says something else that is flagged."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest

from newscrawl.extraction.extract import extract
from newscrawl.extraction.metadata.entry import DATE_DISAGREES, TITLE_DISAGREES
from newscrawl.extraction.witness import Witness
from newscrawl.items import Article

URL = "https://lantern.example/news/weathercock"
STORY = [
    "The weathercock of the corn exchange was taken down on Monday, and four men were needed to carry it.",
    "It has stood on the roof since the year of the flood, and nobody can say who paid for it at the time.",
    "A coppersmith from the harbour will mend the tail, which a storm had bent towards the railway station.",
    "Until the summer a wooden copy turns in its place, painted by the pupils of the school on the hill.",
]
TEXT = "".join(f"<p>{escape(line)}</p>" for line in STORY)


def read(head: str = "", witness: Witness | None = None) -> Article:
    html = f"<html lang=en><head><title>The weathercock comes down</title>{head}</head><body>"
    html += f"<article><h1>The weathercock comes down</h1><div>{TEXT}</div></article></body></html>"
    result = extract(html, URL, witness=witness)
    assert isinstance(result, Article)
    return result


def entry(**fields: Any) -> Witness:
    return Witness(html=TEXT, **fields)


def test_authors_and_tags_that_the_page_lacks_are_those_of_the_entry() -> None:
    tags = ("Harbour", "harbour", "Uncategorized", "Crafts")
    article = read(witness=entry(authors=("Maud Ferrant", "admin"), tags=tags))
    assert [author.name for author in article.authors] == ["Maud Ferrant"]
    assert article.tags == ["Harbour", "Crafts"]
    assert {"authors_from_witness", "tags_from_witness"} <= set(article.quality.flags)
    assert article.quality.witness == "feed"


def test_what_the_page_declares_stays() -> None:
    head = '<meta name="author" content="Jonas Weir"><meta name="keywords" content="weather, roofs">'
    article = read(head, entry(authors=("Maud Ferrant",), tags=("Harbour",)))
    bare = read(head)
    assert (article.authors, article.tags) == (bare.authors, bare.tags)
    assert [author.name for author in article.authors] == ["Jonas Weir"]
    assert not {"authors_from_witness", "tags_from_witness"} & set(article.quality.flags)


def test_an_entry_of_another_page_fills_nothing() -> None:
    other = Witness(html="<p>Quite another story of the same day.</p>" * 9, authors=("Maud Ferrant",))
    assert read(witness=other) == read()


@pytest.mark.parametrize(
    ("title", "disagrees"), [("The weathercock", False), ("Budget passed", True), ("", False)]
)
def test_a_title_without_a_common_word_is_flagged(title: str, disagrees: bool) -> None:
    article = read(witness=entry(title=title))
    assert (TITLE_DISAGREES in article.quality.flags) is disagrees
    assert article.title == "The weathercock comes down"


@pytest.mark.parametrize(
    ("date", "disagrees"),
    [
        ("Wed, 04 Mar 2026 10:00:00 GMT", False),
        ("2026-03-05T01:00:00Z", False),
        ("2026-03-09T10:00:00Z", True),
        ("soon", False),
    ],
)
def test_a_date_of_another_day_is_flagged(date: str, disagrees: bool) -> None:
    head = '<meta property="article:published_time" content="2026-03-04T10:00:00+00:00">'
    article = read(head, entry(published=date))
    assert (DATE_DISAGREES in article.quality.flags) is disagrees
    assert article.published
    assert article.published.startswith("2026-03-04")
