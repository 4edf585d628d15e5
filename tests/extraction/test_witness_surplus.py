"""A witness with more of the story than the page shows is flagged, and nothing of it is in the text."""

from __future__ import annotations

from typing import Any

import pytest
from stories_made import TITLE, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.extraction.witness import Witness
from newscrawl.items import Article, Link

URL = "https://post.example/2026/wall/"
BODY = paragraphs(4_000)
FLAG, RESERVED = "witness_has_more", "witness_reserved"


def read(shown: list[str], witness: Witness | str | None, **facts: Any) -> Article:
    article = extract(story(tagged(shown)), URL, witness=witness, **facts)
    assert isinstance(article, Article)
    return article


def whole(**more: Any) -> Witness:
    return Witness(html=tagged(BODY), title=TITLE, **more)


@pytest.mark.parametrize("count", [2, len(BODY) // 2, len(BODY) * 3 // 4])
def test_more_than_the_page_is_a_flag(count: int) -> None:
    article = read(BODY[:count], whole())
    assert FLAG in article.quality.flags
    assert article.text in "\n\n".join(BODY[:count])
    assert FLAG in read(BODY[:count], tagged(BODY)).quality.flags


@pytest.mark.parametrize(
    "witness",
    [
        None,
        whole(),
        Witness(html=tagged([*BODY, "A short line for subscribers of the feed alone."])),
        Witness(html=tagged([f"{BODY[0][:100]} […]"]), title=TITLE),
        Witness(html=tagged(paragraphs(4_000, skip=400)), title=TITLE),
        Witness(html=tagged([*BODY, *paragraphs(4_000, skip=400)]), title="Zebras elsewhere"),
    ],
    ids=["none", "the_same", "a_line", "teaser", "another_story", "another_title"],
)
def test_no_more_than_the_page_is_none(witness: Witness | None) -> None:
    assert FLAG not in read(BODY, witness).quality.flags


def test_what_reserves_the_source_holds_for_what_was_used_of_it() -> None:
    for shown in (BODY, BODY[:2]):
        article = read(shown, whole(reserved_by=("noai", "tdm-reservation=1")))
        assert article.rights.reserved_by == ["noai", "tdm-reservation=1"]
        assert (article.rights.is_reserved, article.rights.tdm_reserved) == (True, None)
        assert RESERVED in article.quality.flags


def test_a_source_that_was_not_used_reserves_nothing() -> None:
    teaser = Witness(html=tagged([f"{BODY[0][:100]} […]"]), title=TITLE, reserved_by=("noai",))
    article = read(BODY, teaser)
    assert article.rights.reserved_by == []
    assert article == read(BODY, None)


def test_what_the_page_reserves_itself_is_not_the_source_s() -> None:
    link = Link(url=URL, via="feed", rights="tdm-reservation=1")
    article = read(BODY, whole(reserved_by=("tdm-reservation=1",)), link=link)
    assert article.rights.reserved_by == ["tdm-reservation=1"]
    assert RESERVED not in article.quality.flags
