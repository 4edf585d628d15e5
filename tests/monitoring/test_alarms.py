"""Each alarm is raised by its cause, soon and alone; ordinary days raise none."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from monitoring.made import BEGAN, Paper, drawn, month, turned
from pydantic import ValidationError

from newscrawl.monitoring.alarms import HOUR, NAMES, evaluate_alarms, find_broken_bounds
from newscrawl.monitoring.history import DAY, WINDOW, RunRecord
from newscrawl.monitoring.metrics import RunMetrics
from newscrawl.outlet import Expect

HEALTHY = Paper()
SEEDS = range(4)
BEFORE = 21
NOW = 1_790_000_000


def named(runs: list[RunRecord]) -> set[str]:
    return {alarm.name for alarm in evaluate_alarms(runs, Expect())}


def after(change: dict[str, Any], days: int, seed: int) -> tuple[set[str], set[str]]:
    """Three weeks of a healthy outlet, then days of the changed one, judged after each run.

    Returns the alarms at the end, and all that were raised on the way.
    """
    chance = random.Random(seed)
    runs = month(HEALTHY, chance, days=BEFORE)
    raised: set[str] = set()
    names: set[str] = set()
    for run in month(turned(HEALTHY, **change), chance, days=days, start=BEGAN + BEFORE * DAY):
        names = named([*runs, run])
        runs.append(replace(run, alarms=frozenset(names)))
        raised |= names
    return names, raised


CHANGES: list[tuple[str, dict[str, Any], int, set[str]]] = [
    ("no_articles", {"stories": 0.0}, 1, {"layout_broken", "articles_low"}),
    ("articles_low", {"a_day": 0.5}, 2, set()),
    ("text_short", {"typical": 250}, 2, set()),
    ("fields_missing", {"fields": {"title": 1.0, "published": 0.0, "authors": 0.7, "lede": 0.5}}, 2, set()),
    ("chrome_rising", {"chrome": 0.9}, 2, set()),
    ("witness_differs", {"agreement": 0.7}, 2, set()),
    ("witness_differs", {"partial": 0.9}, 2, set()),
    ("languages_shifted", {"languages": {"fr": 0.0, "en": 1.0}}, 2, set()),
    ("layout_broken", {"stories": 0.2}, 2, {"articles_low", "no_articles"}),
    ("walls", {"walled": 0.8}, 2, set()),
    ("blocked", {"errors": 0.9}, 2, {"articles_low", "no_articles"}),
    ("robots_closed", {"is_forbidden": True}, 1, {"articles_low"}),
    ("feed_frozen", {"is_frozen": True}, 4, {"articles_low"}),
    ("feed_hijacked", {"is_foreign": True}, 2, set()),
    ("feed_hijacked", {"spam": 0.7}, 2, set()),
    ("feed_hijacked", {"languages": {"id": 1.0}}, 2, {"languages_shifted"}),
    ("run_failing", {"fails": 1.0}, 1, {"articles_low"}),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "change", "days", "besides"), CHANGES, ids=[change[0] for change in CHANGES]
)
def test_an_alarm_is_raised_by_its_cause(
    name: str, change: dict[str, Any], days: int, besides: set[str], seed: int
) -> None:
    standing, raised = after(change, days, seed)
    assert name in standing
    assert raised <= {name, *besides}


def forbidding(count: int, at: int, answering: int = 0) -> RunRecord:
    return RunRecord(started=BEGAN + at, metrics=RunMetrics(sources={"robots_txt": count, "ok": answering}))


def test_a_source_that_was_always_forbidden_may_be_due_alone() -> None:
    runs = [forbidding(1, 0, answering=2), forbidding(0, HOUR, answering=2)]
    assert named([*runs, forbidding(1, 2 * HOUR)]) == set()
    assert named([*runs, forbidding(2, 2 * HOUR)]) == {"robots_closed"}
    assert named([*runs, forbidding(1, 3 * DAY)]) == {"robots_closed"}, "requested separately"
    standing = replace(forbidding(2, 2 * HOUR), alarms=frozenset({"robots_closed"}))
    assert named([*runs, standing, forbidding(1, 3 * HOUR)]) == {"robots_closed"}
    assert named([*runs, standing, forbidding(1, 3 * HOUR, answering=1)]) == set()


def test_ordinary_months_raise_no_alarm() -> None:
    """A sample of what tests/bench/alarms.py does for all runs of hundreds of outlets."""
    false: list[tuple[int, set[str]]] = []
    for seed in range(30):
        chance = random.Random(seed)
        runs = month(drawn(chance), chance, days=42)
        for end in sorted(chance.sample(range(1, len(runs) + 1), 8)):
            newest = runs[end - 1].started
            found = named([run for run in runs[:end] if run.started > newest - WINDOW])
            false += [(seed, found)] * bool(found)
    print(f"{len(false)} of {30 * 8} judgements are false alarms")
    assert false == []


def test_the_page_explains_every_alarm() -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `(\w+)` \| (?:error|warning) \|", page, re.MULTILINE)) == NAMES


WITNESSED = {
    "witness_whole": 8,
    "witness_close": 3,
    "witness_common": 500,
    "witness_extra": {"p": 400, "caption": 80},
    "witness_missed": {"li": 120},
}
"F1 is 500 / 800."
DIFFERENCES = "too much: paragraphs 65%, captions 13%; missed: list items 19%"


@pytest.mark.parametrize(("common", "count", "is_raised"), [(500, 3, False), (400, 3, True), (400, 2, False)])
def test_a_low_agreement_is_an_alarm_from_the_third_run_on(common: int, count: int, is_raised: bool) -> None:
    runs = [make_run(8, ago=ago, **WITNESSED | {"witness_common": common}) for ago in range(count, 0, -1)]
    assert ("witness_differs" in named(runs)) == is_raised


def test_two_pages_that_nobody_would_read_alike_are_no_alarm() -> None:
    alike = WITNESSED | {"witness_common": 5000}
    odd = WITNESSED | {"witness_whole": 1, "witness_common": 10, "witness_extra": {"p": 90_000}}
    runs = [make_run(8, ago=ago, **(odd if ago in {2, 4} else alike)) for ago in range(4, 0, -1)]
    assert "witness_differs" not in named(runs)


def make_run(articles: int, refused: int = 0, ago: int = 0, **more: Any) -> RunRecord:
    rejected = {"too_short": refused, "not_modified": 9}
    metrics = RunMetrics(pages=articles + refused, articles=articles, rejected=rejected, **more)
    return RunRecord(started=NOW - ago * HOUR, metrics=metrics)


def broken(runs: list[RunRecord], is_first_run: bool = True, **expect: Any) -> list[tuple[str, str]]:
    alarms = find_broken_bounds(runs, Expect(**expect), is_first_run=is_first_run)
    assert {alarm.level for alarm in alarms} <= {"error"}
    return [(alarm.name, alarm.detail) for alarm in alarms]


LOW = ("articles_low", "4 articles, at least 5 expected")
HALF = ("layout_broken", "50% of pages are articles, 90% expected")


@pytest.mark.parametrize(
    ("expect", "articles", "refused", "alarms"),
    [
        ({}, 0, 9, []),
        ({"articles_min": 5}, 5, 0, []),
        ({"articles_min": 5}, 4, 0, [LOW]),
        ({"body_filled": 0.9}, 9, 1, []),
        ({"body_filled": 0.9}, 1, 1, [HALF]),
        ({"body_filled": 0.9}, 0, 0, []),
    ],
)
def test_a_broken_bound_is_an_alarm(
    expect: dict[str, Any], articles: int, refused: int, alarms: list[tuple[str, str]]
) -> None:
    assert broken([make_run(articles, refused)], **expect) == alarms


def test_a_run_after_others_need_not_find_all_articles() -> None:
    assert broken([make_run(0)], is_first_run=False, articles_min=5) == []


def test_shares_are_judged_over_enough_pages() -> None:
    good, bad = make_run(20, ago=1), make_run(1, 1)
    assert broken([good, bad], body_filled=0.9) == []
    assert broken([good, *[bad] * 8], body_filled=0.9) == [HALF]


def test_texts_and_languages_have_bounds() -> None:
    run = make_run(4, lengths=[100, 200, 300, 4000], letters={"fr": 900, "en": 100})
    assert broken([run], text_chars_min=250, languages={"fr": [0.5, 0.9], "en": [0.1, 0.3]}) == []
    assert broken([run], text_chars_min=251, languages={"fr": [0.3, 0.7], "pcm": [0.1, 1.0]}) == [
        ("text_short", "half of the texts have up to 250 characters, at least 251 expected"),
        ("languages_shifted", "90% of the text is fr, 30% to 70% expected"),
        ("languages_shifted", "0% of the text is pcm, 10% to 100% expected"),
    ]
    assert broken([make_run(0)], text_chars_min=250, languages={"fr": [0.5, 0.9]}) == []


def test_the_agreement_with_witnesses_has_a_bound_for_eight_articles() -> None:
    runs = [make_run(4, ago=ago, **WITNESSED | {"witness_whole": 4}) for ago in (2, 1)]
    assert broken(runs, agreement=0.62) == []
    assert broken(runs[:1], agreement=0.63) == []
    detail = f"classifier and witness agree on 62% of the text, at least 63% expected; {DIFFERENCES}"
    assert broken(runs, agreement=0.63) == [("witness_differs", detail)]


def test_the_newest_entry_of_any_run_must_be_fresh() -> None:
    seen = make_run(1, ago=20, newest=NOW - 21 * HOUR)
    assert broken([seen, make_run(0)], stale_hours=21) == []
    assert broken([seen, make_run(0)], stale_hours=20) == [
        ("feed_frozen", "the newest entry is 21 hours old, 20 at most expected")
    ]
    assert broken([make_run(0)], stale_hours=1) == []


@pytest.mark.parametrize("bounds", [[0.7, 0.3], [0.3], [-0.1, 1.0], [0.0, 1.1], [0.1, 0.2, 0.3]])
def test_impossible_bounds_are_an_error(bounds: list[float]) -> None:
    with pytest.raises(ValidationError, match="least and a greatest share"):
        Expect(languages={"fr": bounds})
