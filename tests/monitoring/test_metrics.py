"""Metrics add up, and survive being written and read back."""

from __future__ import annotations

from typing import Any

import pytest

from newscrawl.items import Access, Article, Block, Extractor, KindChars, LangShare, Quality, Removed
from newscrawl.monitoring.agreement import Agreement, read_agreement, sum_agreements
from newscrawl.monitoring.metrics import (
    MAX_LENGTHS,
    MIN_COMPARED,
    RunCollector,
    RunMetrics,
    dump_metrics,
    load_metrics,
    looks_like_spam,
    pool_metrics,
    sample_lengths,
)

SHARED = "Follow us on every channel there is, and never miss a story."


def make_article(number: int, **fields: Any) -> Article:
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
    urls_and_digest = {"url": url, "url_requested": url, "url_norm": url, "text_sha256": "00" * 32}
    return Article(
        **urls_and_digest, text=text, extractor=Extractor(name="x", version="1"), **values | fields
    )


def collect(articles: list[Article]) -> RunMetrics:
    collector = RunCollector()
    for article in articles:
        collector.add(article)
    return RunMetrics(**collector.metrics())


def test_articles_are_counted_by_their_fields() -> None:
    metrics = collect(
        [
            make_article(0, lede="En bref", published="2026-05-01"),
            make_article(1, version=2, access=Access(wall="paywall")),
            make_article(2, title="Casino en ligne: bonus sans dépôt"),
        ]
    )
    assert metrics == RunMetrics(
        new=2,
        filled={"title": 3, "lede": 1, "published": 1},
        lengths=[100, 101, 102],
        kept=303,
        removed=150,
        letters={"fr": 240},
        walls={"paywall": 1},
        spam=1,
    )


def test_an_article_that_replaces_another_counts_once() -> None:
    assert collect([make_article(1), make_article(1, char_count=7)]).lengths == [7]


def test_repeated_paragraphs_are_counted_if_there_are_enough_articles() -> None:
    footer = Block(kind="p", text=SHARED)
    own = [make_article(number) for number in range(MIN_COMPARED)]
    leaking = [article.model_copy(update={"blocks": [*article.blocks, footer]}) for article in own]
    assert collect(own).repeated == 0
    assert collect(own).compared == sum(len(article.text) for article in own)
    assert collect(leaking).repeated == MIN_COMPARED * len(SHARED)
    assert collect([*leaking[:2], *own[2:]]).repeated == 0
    assert collect(leaking[:-1]).compared == 0


WHOLE = Quality(
    witness="feed",
    witness_agreement=0.896,
    witness_common_chars=900,
    witness_extra_chars=[KindChars(kind="p", chars=100), KindChars(kind="caption", chars=9)],
    witness_missed_chars=[KindChars(kind="li", chars=100)],
)


def test_the_classifier_is_compared_with_whole_witnesses_only() -> None:
    close = WHOLE.model_copy(
        update={"witness_agreement": 0.9, "witness_extra_chars": [KindChars(kind="p", chars=1)]}
    )
    partial = WHOLE.model_copy(update={"witness": "api", "flags": ["witness_partial"]})
    qualities = [WHOLE, close, partial, Quality()]
    metrics = collect([make_article(number, quality=one) for number, one in enumerate(qualities)])
    assert metrics.agreement == Agreement(
        whole=2, partial=1, close=1, common=1800, extra={"p": 101, "caption": 9}, missed={"li": 200}
    )
    assert metrics.agreement.precision == 1800 / 1910
    assert metrics.agreement.recall == 1800 / 2000
    assert metrics.agreement.f1 == 3600 / 3910
    assert metrics.agreement.describe_differences() == "too much: paragraphs 5%; missed: list items 10%"


def test_agreements_of_runs_add_up() -> None:
    one = read_agreement(WHOLE)
    assert one
    runs = [collect([make_article(1, quality=WHOLE)])] * 2
    assert pool_metrics(runs).agreement == sum_agreements([one, one])
    assert read_agreement(Quality()) is None
    empty = sum_agreements([])
    assert (empty.precision, empty.recall, empty.f1, empty.describe_differences()) == (None, None, None, "")


def test_runs_add_up() -> None:
    first = RunMetrics(pages=3, rejected={"listing": 1}, lengths=[5, 9], newest=7)
    second = RunMetrics(pages=4, rejected={"listing": 2, "timeout": 1}, lengths=[6])
    assert pool_metrics([first, second]) == RunMetrics(
        pages=7, rejected={"listing": 3, "timeout": 1}, lengths=[5, 6, 9], newest=7
    )
    assert pool_metrics([]) == RunMetrics()


def test_metrics_are_read_back_and_unreadable_ones_are_empty() -> None:
    metrics = RunMetrics(pages=3, rejected={"listing": 1}, lengths=[5, 9], newest=7)
    assert load_metrics(dump_metrics(metrics)) == metrics
    assert dump_metrics(RunMetrics()) == "{}"
    assert load_metrics(None) == load_metrics('{"pages": "many"}') == load_metrics("[") == RunMetrics()
    assert load_metrics('{"pages": 1, "of_a_later_version": 2}') == RunMetrics(pages=1)


def test_many_lengths_are_stored_as_quantiles() -> None:
    assert sample_lengths([3, 1, 2]) == [1, 2, 3]
    many = sample_lengths(range(10_000, 0, -1))
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
def test_spam_is_recognised_by_words_that_newsrooms_do_not_combine(title: str, is_spam: bool) -> None:
    assert looks_like_spam(title) == is_spam
