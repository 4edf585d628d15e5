"""Outlets that do not exist: their runs over weeks, with the noise of real ones."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from newscrawl.monitoring.agreement import CLOSE
from newscrawl.monitoring.history import DAY, RunRecord
from newscrawl.monitoring.metrics import FIELDS, RunMetrics, sample_lengths

BEGAN = 1_790_000_000
WEEKEND = (5, 6)


@dataclass(kw_only=True)
class Paper:
    """What an outlet publishes, and how it is crawled."""

    a_day: float = 40
    runs_a_day: int = 8
    weekend: float = 0.6
    stories: float = 0.92
    "Share of pages that are articles."
    typical: float = 2200
    scatter: float = 0.6
    languages: dict[str, float] = field(default_factory=lambda: {"fr": 0.6, "en": 0.4})
    fields: dict[str, float] = field(
        default_factory=lambda: {"title": 1.0, "published": 0.98, "authors": 0.7, "lede": 0.5}
    )
    chrome: float = 0.35
    walled: float = 0.03
    errors: float = 0.02
    spam: float = 0.01
    witnessed: float = 0.8
    "Share of articles that a full-text feed has too."
    partial: float = 0.05
    "Share of these of which the feed seems to have only a part."
    odd: float = 0.1
    "Share of the others in which the classifier is far from the feed."
    agreement: float = 0.98
    "Usual agreement of the classifier with the feed in all others."
    fails: float = 0.005
    is_forbidden: bool = False
    is_frozen: bool = False
    is_foreign: bool = False


def drawn(chance: random.Random) -> Paper:
    """A random paper."""
    french = chance.choice([1.0, 0.9, 0.5, 0.1])
    return Paper(
        a_day=chance.choice([6, 15, 40, 120]),
        runs_a_day=chance.choice([1, 4, 8, 24]),
        weekend=chance.uniform(0.3, 1),
        stories=chance.uniform(0.5, 1),
        typical=chance.uniform(800, 4000),
        scatter=chance.uniform(0.3, 0.9),
        languages={"fr": french, "en": 1 - french},
        fields={"title": 1.0, **{name: chance.random() for name in FIELDS[1:]}},
        chrome=chance.uniform(0.1, 0.7),
        walled=chance.uniform(0, 0.3),
        errors=chance.uniform(0, 0.05),
        witnessed=chance.choice([0, 0.3, 1]),
        partial=chance.uniform(0, 0.4),
        odd=chance.uniform(0, 0.3),
        agreement=chance.uniform(0.85, 0.99),
    )


def month(paper: Paper, chance: random.Random, days: int = 28, start: int = BEGAN) -> list[RunRecord]:
    """Its runs over so many days; the first of all finds everything there is."""
    step = DAY // paper.runs_a_day
    count = days * paper.runs_a_day
    moments = [start + number * step + chance.randrange(600) for number in range(count)]
    return [
        run_at(paper, moment, chance, first=start == BEGAN and number == 0)
        for number, moment in enumerate(moments)
    ]


def run_at(paper: Paper, moment: int, chance: random.Random, first: bool = False) -> RunRecord:
    """A run; news comes in bursts, and there is little of it at night."""
    if chance.random() < paper.fails:
        return RunRecord(started=moment, failed=True)
    share = 1 / paper.runs_a_day
    daily = paper.a_day * (paper.weekend if moment // DAY % 7 in WEEKEND else 1)
    hour = 1 - 0.7 * math.cos(moment % DAY / DAY * math.tau) if paper.runs_a_day > 2 else 1
    mean = daily * share * hour * chance.gammavariate(4, 0.25)
    pages = 60 if first else int(poisson(mean, chance))
    pages = 0 if paper.is_frozen else pages
    return RunRecord(started=moment, metrics=metrics_at(paper, pages, moment, chance))


def metrics_at(paper: Paper, pages: int, moment: int, chance: random.Random) -> RunMetrics:
    if paper.is_forbidden:
        return RunMetrics(sources={"robots_txt": 2})
    bad = sum(chance.random() < paper.errors for _ in range(pages + 2))
    came = max(pages - bad, 0)
    # A batch of galleries now and then.
    stories = paper.stories if chance.random() > 0.03 else paper.stories * 0.4
    articles = sum(chance.random() < stories for _ in range(came))
    lengths = [int(paper.typical * math.exp(chance.gauss(0, paper.scatter))) for _ in range(articles)]
    languages = Counter(chance.choices([*paper.languages], [*paper.languages.values()], k=articles))
    listed = 0 if chance.random() < 0.3 else 20
    values: dict[str, Any] = {
        "pages": pages,
        "read": came,
        "articles": articles,
        "new": articles,
        "rejected": {"listing": came - articles, "http_503": pages - came},
        "filled": {
            name: sum(chance.random() < share for _ in range(articles))
            for name, share in paper.fields.items()
        },
        "lengths": sample_lengths(lengths),
        "kept": sum(lengths),
        "removed": int(sum(lengths) * paper.chrome / (1 - paper.chrome) * chance.uniform(0.8, 1.25)),
        "languages": dict(languages),
        "walls": {"paywall": sum(chance.random() < paper.walled for _ in range(articles))},
        "spam": sum(chance.random() < paper.spam for _ in range(articles)),
        "statuses": {"200": came + 2, "503": bad},
        "listed": listed,
        "own": 0 if paper.is_foreign else listed - (chance.random() < 0.1 and listed > 0),
        "offered": pages,
        "newest": moment - 1800,
        "sources": {"ok": 1, "not_modified": 1},
    }
    return RunMetrics(**values, **witnessed_at(paper, lengths, random.Random(moment)))


def witnessed_at(paper: Paper, lengths: list[int], chance: random.Random) -> dict[str, Any]:
    """What the classifier and a full-text feed make of articles with texts of these lengths."""
    compared = [length for length in lengths if chance.random() < paper.witnessed]
    whole = [length for length in compared if chance.random() >= paper.partial]
    close, common, extra, missed = 0, 0, 0, 0
    for length in whole:
        is_odd = chance.random() < paper.odd
        share = chance.uniform(0.3, 0.95) if is_odd else min(1, chance.gauss(paper.agreement, 0.02))
        close += share >= CLOSE
        differing = int(length * (1 / max(0.05, share) - 1) * 2)
        common, is_extra = common + length, chance.random() < 0.7
        extra, missed = extra + differing * is_extra, missed + differing * (not is_extra)
    return {
        "witness_whole": len(whole),
        "witness_partial": len(compared) - len(whole),
        "witness_close": close,
        "witness_common": common,
        "witness_extra": {"p": extra} if extra else {},
        "witness_missed": {"li": missed} if missed else {},
    }


def poisson(mean: float, chance: random.Random) -> int:
    limit, count, product = math.exp(-min(mean, 600)), 0, chance.random()
    while product > limit:
        count, product = count + 1, product * chance.random()
    return count


def turned(paper: Paper, **changed: Any) -> Paper:
    return replace(paper, **changed)
