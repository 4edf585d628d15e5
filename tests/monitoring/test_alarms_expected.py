"""What an outlet's file expects, and which of it was not kept."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from newscrawl.monitoring.alarms import broken_bounds
from newscrawl.monitoring.figures import Figures
from newscrawl.monitoring.history import Past
from newscrawl.outlet import Expect

HOUR = 3600
NOW = 1_790_000_000


def a_run(articles: int, refused: int = 0, ago: int = 0, **more: Any) -> Past:
    rejected = {"too_short": refused, "not_modified": 9}
    figures = Figures(pages=articles + refused, articles=articles, rejected=rejected, **more)
    return Past(started=NOW - ago * HOUR, figures=figures)


def said(runs: list[Past], anew: bool = True, **expect: Any) -> list[tuple[str, str]]:
    alarms = broken_bounds(runs, Expect(**expect), anew=anew)
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
def test_broken_bounds_are_said(
    expect: dict[str, Any], articles: int, refused: int, alarms: list[tuple[str, str]]
) -> None:
    assert said([a_run(articles, refused)], **expect) == alarms


def test_a_run_that_knows_of_others_need_not_find_all_articles() -> None:
    assert said([a_run(0)], anew=False, articles_min=5) == []


def test_shares_are_judged_over_enough_pages() -> None:
    good, bad = a_run(20, ago=1), a_run(1, 1)
    assert said([good, bad], body_filled=0.9) == []
    assert said([good, *[bad] * 8], body_filled=0.9) == [HALF]


def test_texts_and_languages_have_bounds() -> None:
    run = a_run(4, lengths=[100, 200, 300, 4000], letters={"fr": 900, "en": 100})
    assert said([run], text_chars_min=250, languages={"fr": [0.5, 0.9], "en": [0.1, 0.3]}) == []
    assert said([run], text_chars_min=251, languages={"fr": [0.3, 0.7], "pcm": [0.1, 1.0]}) == [
        ("text_short", "half of the texts have up to 250 characters, at least 251 expected"),
        ("languages_shifted", "90% of the text is fr, 30% to 70% expected"),
        ("languages_shifted", "0% of the text is pcm, 10% to 100% expected"),
    ]
    assert said([a_run(0)], text_chars_min=250, languages={"fr": [0.5, 0.9]}) == []


def test_the_newest_entry_that_any_run_saw_has_an_age() -> None:
    seen = a_run(1, ago=20, newest=NOW - 21 * HOUR)
    assert said([seen, a_run(0)], stale_hours=21) == []
    assert said([seen, a_run(0)], stale_hours=20) == [
        ("feed_frozen", "the newest entry is 21 hours old, 20 at most expected")
    ]
    assert said([a_run(0)], stale_hours=1) == []


@pytest.mark.parametrize("bounds", [[0.7, 0.3], [0.3], [-0.1, 1.0], [0.0, 1.1], [0.1, 0.2, 0.3]])
def test_bounds_that_cannot_be_kept_are_an_error(bounds: list[float]) -> None:
    with pytest.raises(ValidationError, match="least and a greatest share"):
        Expect(languages={"fr": bounds})
