"""Figures over pages whose scores are chosen, so that the averages can be worked out by hand."""

from __future__ import annotations

import pytest

from newscrawl.extraction.evaluation.figures import (
    bootstrap_mean,
    compute_figures,
    group_results,
    is_wrongly_rejected,
    rank_by_f1,
)
from newscrawl.extraction.evaluation.measure import DEFAULT, NEWSCRAWL, PRECISION, Output, PageResult
from newscrawl.extraction.evaluation.scores import Score, SegmentScore, TextScore


def text_score(precision: float, recall: float, *, has_words: bool = True) -> TextScore:
    return TextScore(
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / ((precision + recall) or 1),
        variant=0,
        has_words=has_words,
        truth_has_words=True,
    )


def result(
    page_id: str,
    *scores: Score,
    outcome: str = "article",
    site: str = "a.example",
    dataset: str = "pages",
    page_type: str = "article",
    chars: int = 2_000,
) -> PageResult:
    """A page with the scores of newscrawl and, in both modes, of trafilatura."""
    ours, theirs = scores
    programs = (NEWSCRAWL, PRECISION, DEFAULT)
    return PageResult(
        id=page_id,
        url=f"https://{site}/{page_id}",
        dataset=dataset,
        site=site,
        page_type=page_type,
        truth_chars=chars,
        outputs={
            NEWSCRAWL: Output("", outcome, page_id == "asked"),
            PRECISION: Output("", "article"),
            DEFAULT: Output("", "article"),
        },
        scores=dict(zip(programs, (ours, theirs, theirs), strict=True)),
        cpu_ms=dict(zip(programs, (10.0, 20.0, 40.0), strict=True)),
    )


NOTHING = text_score(0, 0, has_words=False)


def test_an_empty_page_drops_out_of_precision_and_stays_in_recall() -> None:
    figures = compute_figures(
        [
            result("good", text_score(1, 1), text_score(1, 1)),
            result("fair", text_score(0.5, 1), text_score(1, 1)),
            result("none", NOTHING, text_score(1, 1), outcome="listing"),
        ]
    )
    ours = figures.texts[NEWSCRAWL]
    assert (ours.precision, ours.recall) == pytest.approx((0.75, 2 / 3))
    assert ours.f1 == pytest.approx(2 * 0.75 * (2 / 3) / (0.75 + 2 / 3))
    assert ours.f1_page == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert (ours.right, ours.empty) == (pytest.approx(1 / 3), 1)
    assert figures.texts[PRECISION].f1 == 1


def test_the_difference_is_paired_and_names_better_and_worse_pages() -> None:
    figures = compute_figures(
        [
            result("a", text_score(1, 1), text_score(0.5, 0.5)),
            result("b", text_score(0.9, 0.9), text_score(1, 1)),
            result("c", text_score(0.9, 0.9), text_score(0.905, 0.905), site="b.example"),
        ]
    )
    difference = figures.differences[PRECISION]
    assert difference.mean == pytest.approx((0.5 - 0.1 - 0.005) / 3)
    assert (difference.better, difference.worse, difference.sites) == (1, 1, 2)
    # Of three pages the extreme draws are three times the best or the worst page.
    assert difference.by_page == pytest.approx((-0.1, 0.5))
    # Of two sites they are twice the one or the other.
    assert difference.by_site == pytest.approx((-0.005, 0.2))


def test_the_interval_is_that_of_the_mean_and_comes_out_the_same_again() -> None:
    values = [[0.0]] * 50 + [[1.0]] * 50
    interval = bootstrap_mean(values)
    # The standard error is 0.05.
    assert interval == pytest.approx((0.4, 0.6), abs=0.011)
    assert interval == bootstrap_mean(values)


def test_pages_of_a_site_widen_the_interval_by_site() -> None:
    by_site = bootstrap_mean([[0.0] * 10, [1.0] * 10] * 5)
    by_page = bootstrap_mean([[0.0], [1.0]] * 50)
    assert by_site.high - by_site.low > 2 * (by_page.high - by_page.low)


def test_segments_are_counted_over_all_pages() -> None:
    clean = SegmentScore(found=3, missing=0, leaked=0, avoided=2, has_words=True)
    leaky = SegmentScore(found=1, missing=2, leaked=1, avoided=1, has_words=True)
    empty = SegmentScore(found=0, missing=2, leaked=0, avoided=0, has_words=False)
    figures = compute_figures(
        [
            result("a", clean, clean, chars=0),
            result("b", leaky, clean, chars=0),
            result("c", empty, clean, chars=0, outcome="no_text"),
        ]
    )
    ours = figures.segments[NEWSCRAWL]
    assert (ours.precision, ours.recall) == (4 / 5, 4 / 8)
    assert ours.f1 == pytest.approx(8 / 13)
    assert ours.accuracy == 7 / 12
    assert (ours.clean, ours.empty) == (pytest.approx(1 / 3), 1)
    assert not figures.texts
    assert not figures.differences
    assert (figures.rejected, figures.wrongly_rejected) == ({"no_text": 1}, {})


def test_a_rejection_is_wrong_only_of_an_article_with_a_long_text() -> None:
    pages = [
        result("long", NOTHING, NOTHING, outcome="listing", chars=401),
        result("short", NOTHING, NOTHING, outcome="listing", chars=400),
        result("shop", NOTHING, NOTHING, outcome="listing", page_type="product"),
        result("read", text_score(1, 1), NOTHING),
    ]
    assert [page.id for page in pages if is_wrongly_rejected(page)] == ["long"]
    figures = compute_figures(pages)
    assert (figures.rejected, figures.wrongly_rejected) == ({"listing": 3}, {"listing": 1})
    assert (figures.long_pages, figures.wrong_rejection_rate) == (2, 0.5)


def test_costs_are_shares_of_sums() -> None:
    figures = compute_figures(
        [
            result("asked", text_score(1, 1), NOTHING),
            result("b", text_score(1, 1), NOTHING),
        ]
    )
    assert figures.cpu_ratios == {PRECISION: 0.5, DEFAULT: 0.25}
    assert figures.second_opinions == 0.5


def test_pages_that_are_no_articles_stand_apart() -> None:
    one = text_score(1, 1)
    pages = [
        result("a", one, one, dataset="x"),
        result("b", one, one, dataset="x", page_type="forum"),
        result("c", one, one, dataset="y"),
    ]
    groups = {name: [page.id for page in group] for name, group in group_results(pages).items()}
    assert groups == {"x": ["a"], "x, forum": ["b"], "y": ["c"], "all articles": ["a", "c"]}
    assert list(group_results(pages[:2])) == ["x", "x, forum"]


def test_the_worst_article_comes_first() -> None:
    pages = [
        result("forum", NOTHING, NOTHING, page_type="forum"),
        result("b", text_score(0.9, 0.9), NOTHING),
        result("a", text_score(0.9, 0.9), NOTHING),
        result("c", NOTHING, text_score(1, 1)),
    ]
    assert [page.id for page in sorted(pages, key=rank_by_f1)] == ["c", "a", "b", "forum"]
