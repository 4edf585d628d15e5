"""Each alarm fires on what it is for, soon and alone; what happens on any day fires none."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from monitoring.made import BEGAN, Paper, drawn, month, turned

from newscrawl.monitoring.alarm import NAMES
from newscrawl.monitoring.alarms import HOUR, alarms_of
from newscrawl.monitoring.figures import Figures
from newscrawl.monitoring.history import DAY, WINDOW, Past
from newscrawl.outlet import Expect

HEALTHY = Paper()
SEEDS = range(4)
BEFORE = 21


def named(runs: list[Past]) -> set[str]:
    return {alarm.name for alarm in alarms_of(runs, Expect())}


def after(change: dict[str, Any], days: int, seed: int) -> tuple[set[str], set[str]]:
    """Three weeks of a healthy outlet and so many days of what it turned into, judged after each run.

    What stands at the end, and all that was raised on the way.
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
@pytest.mark.parametrize(("name", "change", "days", "besides"), CHANGES, ids=[one[0] for one in CHANGES])
def test_an_alarm_fires_on_what_it_is_for(
    name: str, change: dict[str, Any], days: int, besides: set[str], seed: int
) -> None:
    standing, raised = after(change, days, seed)
    assert name in standing
    assert raised <= {name, *besides}


def forbidding(count: int, at: int, answering: int = 0) -> Past:
    return Past(started=BEGAN + at, figures=Figures(sources={"robots_txt": count, "ok": answering}))


def test_a_source_that_always_was_forbidden_may_be_due_alone() -> None:
    runs = [forbidding(1, 0, answering=2), forbidding(0, HOUR, answering=2)]
    assert named([*runs, forbidding(1, 2 * HOUR)]) == set()
    assert named([*runs, forbidding(2, 2 * HOUR)]) == {"robots_closed"}
    assert named([*runs, forbidding(1, 3 * DAY)]) == {"robots_closed"}, "asked one by one"
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
    page = (Path(__file__).parents[2] / "docs" / "health.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `(\w+)` \| (?:error|warning) \|", page, re.MULTILINE)) == NAMES
