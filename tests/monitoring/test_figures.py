"""Figures add up, and are the same after they were kept."""

from __future__ import annotations

from typing import Any

import pytest

from newscrawl.items import Access, Article, Block, Extractor, LangShare, Removed
from newscrawl.monitoring.figures import (
    ENOUGH_ARTICLES,
    MAX_LENGTHS,
    Collected,
    Figures,
    figures_from,
    figures_text,
    pooled,
    speaks_as_spam,
    thinned,
)

SHARED = "Follow us on every channel there is, and never miss a story."


def an_article(number: int, **fields: Any) -> Article:
    text = f"What only story {number} tells."
    values: dict[str, Any] = {
        "id": f"{number:032x}",
        "title": "Conseil élargi",
        "blocks": [Block(kind="p", text=text)],
        "char_count": 100 + number,
        "lang_mix": [LangShare(lang="fr", share=1.0, chars=80)],
        "removed": [
            Removed(reason="related", chars=40, sample="x"),
            Removed(reason="promo", chars=10, sample="y"),
        ],
    }
    url = f"https://paper.example/{number}"
    known = {"url": url, "url_requested": url, "url_norm": url, "text_sha256": "00" * 32}
    return Article(**known, text=text, extractor=Extractor(name="x", version="1"), **values | fields)


def collected(articles: list[Article]) -> Figures:
    them = Collected()
    for one in articles:
        them.add(one)
    return Figures(**them.figures())


def test_articles_are_counted_by_what_they_say() -> None:
    found = collected(
        [
            an_article(0, lede="En bref", published="2026-05-01"),
            an_article(1, version=2, access=Access(wall="paywall")),
            an_article(2, title="Casino en ligne: bonus sans dépôt"),
        ]
    )
    assert found == Figures(
        new=2,
        filled={"title": 3, "lede": 1, "published": 1},
        lengths=[100, 101, 102],
        kept=303,
        removed=150,
        letters={"fr": 240},
        walls={"paywall": 1},
        spam=1,
    )


def test_an_article_that_takes_the_line_of_its_double_counts_once() -> None:
    assert collected([an_article(1), an_article(1, char_count=7)]).lengths == [7]


def test_paragraphs_of_several_articles_are_told_where_there_are_enough() -> None:
    footer = Block(kind="p", text=SHARED)
    own = [an_article(number) for number in range(ENOUGH_ARTICLES)]
    leaking = [one.model_copy(update={"blocks": [*one.blocks, footer]}) for one in own]
    assert collected(own).repeated == 0
    assert collected(own).compared == sum(len(one.text) for one in own)
    assert collected(leaking).repeated == ENOUGH_ARTICLES * len(SHARED)
    assert collected([*leaking[:2], *own[2:]]).repeated == 0
    assert collected(leaking[:-1]).compared == 0


def test_runs_add_up() -> None:
    one = Figures(pages=3, rejected={"listing": 1}, lengths=[5, 9], newest=7)
    two = Figures(pages=4, rejected={"listing": 2, "timeout": 1}, lengths=[6])
    assert pooled([one, two]) == Figures(
        pages=7, rejected={"listing": 3, "timeout": 1}, lengths=[5, 6, 9], newest=7
    )
    assert pooled([]) == Figures()


def test_what_is_kept_is_read_back_and_what_cannot_be_read_is_nothing() -> None:
    one = Figures(pages=3, rejected={"listing": 1}, lengths=[5, 9], newest=7)
    assert figures_from(figures_text(one)) == one
    assert figures_text(Figures()) == "{}"
    assert figures_from(None) == figures_from('{"pages": "many"}') == figures_from("[") == Figures()
    assert figures_from('{"pages": 1, "of_a_later_version": 2}') == Figures(pages=1)


def test_many_lengths_are_kept_as_quantiles() -> None:
    assert thinned([3, 1, 2]) == [1, 2, 3]
    many = thinned(range(10_000, 0, -1))
    assert len(many) == MAX_LENGTHS
    assert (many[0], many[-1]) == (1, 10_000)
    assert abs(many[MAX_LENGTHS // 2] - 5000) < 200


@pytest.mark.parametrize(
    ("title", "is_spam"),
    [
        ("Situs judi slot gacor hari ini", True),
        ("Best casino bonus codes 2026", True),
        ("Cheap viagra without prescription", True),
        ("Douala: le casino municipal ferme ses portes", False),
        ("Bitcoin: la BEAC met en garde", False),
        ("Lions indomptables: 2-1 contre le Ghana", False),
        ("", False),
    ],
)
def test_spam_is_told_by_words_newsrooms_do_not_print_together(title: str, is_spam: bool) -> None:
    assert speaks_as_spam(title) == is_spam
