"""Days of many outlets in seconds, decided by the code that crawls: nobody starves and nobody is pestered."""

from __future__ import annotations

import pytest
from wire.month import TICK, Month
from wire.papers import DAY, HOUR, papers

BEGIN = 1_772_323_200
"A midnight in UTC."
DAYS = 4


@pytest.fixture(scope="module")
def month() -> Month:
    made = Month(papers(20, BEGIN, DAYS, seed=3), BEGIN, jobs=2, seed=4)
    made.pass_(DAYS)
    return made


def test_who_is_due_is_crawled_within_two_ticks(month: Month) -> None:
    assert max(month.told.waits) <= 2 * TICK
    asked = {kind for kind, _ in month.told.asked}
    assert asked == {paper.kind for paper in month.papers.values()}


def test_news_comes_soon_for_a_third_of_the_requests_of_a_fixed_poll(month: Month) -> None:
    late = [seconds for kind in month.told.late.values() for seconds in kind]
    assert len(late) > 100
    assert sum(seconds <= HOUR for seconds in late) > 0.5 * len(late)
    assert sum(seconds <= 6 * HOUR for seconds in late) > 0.9 * len(late)
    assert max(late) <= 3 * DAY, "not even of servers that were down for two days"
    assert sum(month.told.asked.values()) < len(month.papers) * DAYS * 48 / 3


def test_intervals_settle_by_what_a_newsroom_does(month: Month) -> None:
    asked = {
        kind: sum(count for (one, day), count in month.told.asked.items() if one == kind and day == DAYS - 1)
        / sum(paper.kind == kind for paper in month.papers.values())
        for kind in ("busy", "daily", "weekly", "dies")
    }
    assert asked["busy"] > 2 * asked["daily"]
    assert asked["daily"] > 2 * asked["weekly"]
    assert asked["dies"] <= 2


def test_no_host_is_asked_twice_at_a_time_and_edits_are_seen(month: Month) -> None:
    assert month.told.impolite == 0
    assert month.told.edits_seen > 10
