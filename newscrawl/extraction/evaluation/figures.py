"""Figures over measured pages: averages, paired differences with their uncertainty, wrong rejections, CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import fmean
from typing import NamedTuple, TypeVar

import numpy as np

from newscrawl.extraction.evaluation.measure import ARTICLE, NEWSCRAWL, PROGRAMS, PageResult
from newscrawl.extraction.evaluation.scores import SegmentScore, TextScore, ratio

S = TypeVar("S", TextScore, SegmentScore)

RESAMPLES = 10_000
SEED = 1
_RESAMPLES_AT_ONCE = 100
"Bounds the memory of the bootstrap."
LIKE_TRUTH = 0.98
"F1 from which a page counts as right."
NOTABLE = 0.01
"Difference in F1 from which a page is better or worse."
LONG_CHARS = 400
"A page whose annotated text is longer has a story: rejecting it is wrong."


class ConfidenceInterval(NamedTuple):
    """The middle 95 % of the resampled means."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFigures:
    """A program on pages whose whole text is annotated."""

    precision: float
    "Averaged over pages on which it found words."
    recall: float
    "Averaged over pages that have words."
    f1: float
    "The harmonic mean of these two averages."
    f1_page: float
    "The mean of the pages' F1."
    right: float
    "Share of the pages with an F1 of 0.98 or more."
    empty: int
    "Pages on which it found no words."


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentFigures:
    """A program on pages of which segments are annotated; the segments of all pages are counted together."""

    precision: float
    recall: float
    f1: float
    accuracy: float
    clean: float
    "Share of the pages with all wanted and no unwanted segments."
    empty: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The F1 of newscrawl less that of another program, on the same pages with annotated texts."""

    mean: float
    by_page: ConfidenceInterval
    by_site: ConfidenceInterval
    "Sites are drawn, each with all its pages, because pages of a site are no independent observations."
    sites: int
    better: int
    "Pages that are better by more than 0.01."
    worse: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """All figures of a group of pages."""

    pages: int
    texts: Mapping[str, TextFigures]
    "By program; empty where no whole text is annotated."
    segments: Mapping[str, SegmentFigures]
    "By program; empty where no segments are annotated."
    differences: Mapping[str, Difference]
    "By the other program; empty where no whole text is annotated."
    rejected: Mapping[str, int]
    "Pages without a text, by newscrawl's reason."
    long_pages: int
    "Articles whose annotated text has more than 400 characters."
    wrongly_rejected: Mapping[str, int]
    "Those of them without a text, by newscrawl's reason."
    wrong_rejection_rate: float
    "Their share."
    second_opinions: float
    "Share of the pages on which trafilatura was asked."
    cpu_ms: Mapping[str, float]
    "Mean per page by program, metadata included; without newscrawl where its texts were given."
    cpu_ratios: Mapping[str, float]
    "Newscrawl's CPU time divided by that of the other program."


def group_results(results: Iterable[PageResult]) -> dict[str, list[PageResult]]:
    """The pages by corpus, those that are no articles apart; with several corpora all articles as well."""
    groups: dict[str, list[PageResult]] = {}
    articles: list[PageResult] = []
    for result in results:
        is_article = result.page_type == ARTICLE
        name = result.dataset if is_article else f"{result.dataset}, {result.page_type}"
        groups.setdefault(name, []).append(result)
        articles += [result] if is_article else []
    if len({result.dataset for result in articles}) > 1:
        groups["all articles"] = articles
    return groups


def is_wrongly_rejected(result: PageResult) -> bool:
    """Whether newscrawl gave nothing for an article with a text of some length."""
    return _is_long(result) and result.outcome != ARTICLE


def rank_by_f1(result: PageResult) -> tuple[bool, float, str]:
    """For sorting: the worst article first, then the worst of the pages that are none."""
    return result.page_type != ARTICLE, result.scores[NEWSCRAWL].f1, result.id


def _is_long(result: PageResult) -> bool:
    return result.page_type == ARTICLE and result.truth_chars > LONG_CHARS


def compute_figures(pages: Sequence[PageResult]) -> Figures:
    """The figures of at least one page."""
    others = PROGRAMS[1:]
    texts = _select_scores(pages, TextScore)
    segments = _select_scores(pages, SegmentScore)
    timed = [name for name in PROGRAMS if all(name in page.cpu_ms for page in pages)]
    cpu_ms = {name: fmean(page.cpu_ms[name] for page in pages) for name in timed}
    sites = [page.site for page in pages if isinstance(page.scores[NEWSCRAWL], TextScore)]
    long_pages = sum(map(_is_long, pages))
    wrong = _count_reasons(filter(is_wrongly_rejected, pages))
    return Figures(
        pages=len(pages),
        texts={name: _average_texts(scores) for name, scores in texts.items()},
        segments={name: _sum_segments(scores) for name, scores in segments.items()},
        differences={
            name: _compare(texts[NEWSCRAWL], texts[name], sites) for name in others if name in texts
        },
        rejected=_count_reasons(page for page in pages if page.outcome != ARTICLE),
        long_pages=long_pages,
        wrongly_rejected=wrong,
        wrong_rejection_rate=ratio(sum(wrong.values()), long_pages),
        second_opinions=fmean(page.outputs[NEWSCRAWL].has_second_opinion for page in pages),
        cpu_ms=cpu_ms,
        cpu_ratios={
            name: ratio(cpu_ms[NEWSCRAWL], cpu_ms[name])
            for name in others
            if {name, NEWSCRAWL} <= cpu_ms.keys()
        },
    )


def _select_scores(pages: Iterable[PageResult], kind: type[S]) -> dict[str, list[S]]:
    """The scores of this kind by program; nothing where there are none."""
    selected: dict[str, list[S]] = {}
    for page in pages:
        for name, score in page.scores.items():
            if isinstance(score, kind):
                selected.setdefault(name, []).append(score)
    return selected


def _count_reasons(pages: Iterable[PageResult]) -> dict[str, int]:
    return dict(Counter(page.outcome for page in pages).most_common())


def _average_texts(scores: Sequence[TextScore]) -> TextFigures:
    precisions = [score.precision for score in scores if score.has_words]
    recalls = [score.recall for score in scores if score.truth_has_words]
    precision = fmean(precisions) if precisions else 0.0
    recall = fmean(recalls) if recalls else 0.0
    return TextFigures(
        precision=precision,
        recall=recall,
        f1=ratio(2 * precision * recall, precision + recall),
        f1_page=fmean(score.f1 for score in scores),
        right=fmean(score.f1 >= LIKE_TRUTH for score in scores),
        empty=sum(not score.has_words for score in scores),
    )


def _sum_segments(scores: Sequence[SegmentScore]) -> SegmentFigures:
    total = reduce(add, scores)
    right, wrong = total.found + total.avoided, total.leaked + total.missing
    return SegmentFigures(
        precision=ratio(total.found, total.found + total.leaked),
        recall=ratio(total.found, total.found + total.missing),
        f1=total.f1,
        accuracy=ratio(right, right + wrong),
        clean=fmean(not score.leaked and not score.missing for score in scores),
        empty=sum(not score.has_words for score in scores),
    )


def _compare(ours: Sequence[TextScore], theirs: Sequence[TextScore], sites: Sequence[str]) -> Difference:
    differences = [mine.f1 - other.f1 for mine, other in zip(ours, theirs, strict=True)]
    by_site: dict[str, list[float]] = {}
    for site, difference in zip(sites, differences, strict=True):
        by_site.setdefault(site, []).append(difference)
    return Difference(
        mean=fmean(differences),
        by_page=bootstrap_mean([[difference] for difference in differences]),
        by_site=bootstrap_mean([*by_site.values()]),
        sites=len(by_site),
        better=sum(difference > NOTABLE for difference in differences),
        worse=sum(difference < -NOTABLE for difference in differences),
    )


def bootstrap_mean(clusters: Sequence[Sequence[float]]) -> ConfidenceInterval:
    """The 95 % interval of the mean over all values, when whole clusters are drawn with replacement.

    Percentiles of 10,000 resamples (Efron 1979), with a fixed seed: the same values give the same interval.
    """
    sums = np.array([sum(cluster) for cluster in clusters])
    sizes = np.array([len(cluster) for cluster in clusters])
    generator = np.random.default_rng(SEED)
    means = []
    for _ in range(RESAMPLES // _RESAMPLES_AT_ONCE):
        drawn = generator.integers(0, len(clusters), (_RESAMPLES_AT_ONCE, len(clusters)))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return ConfidenceInterval(float(low), float(high))
