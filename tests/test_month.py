"""Days of many outlets, simulated in seconds: every outlet is crawled in time, and no host too often."""

from __future__ import annotations

import pytest
from wire.month_model import TICK, Month
from wire.paper_model import DAY, HOUR, papers

BEGIN = 1_772_323_200
"A midnight in UTC."
DAYS = 4


@pytest.fixture(scope="module")
def month() -> Month:
    made = Month(papers(20, BEGIN, DAYS, seed=3), BEGIN, jobs=2, seed=4)
    made.pass_(DAYS)
    return made


def test_outlets_that_are_due_are_crawled_within_two_ticks(month: Month) -> None:
    assert max(month.outcome.waits) <= 2 * TICK
    asked = {kind for kind, _ in month.outcome.asked}
    assert asked == {paper.kind for paper in month.papers.values()}


def test_news_comes_soon_for_a_third_of_the_requests_of_a_fixed_poll(month: Month) -> None:
    late = [seconds for kind in month.outcome.late.values() for seconds in kind]
    assert len(late) > 100
    assert sum(seconds <= HOUR for seconds in late) > 0.5 * len(late)
    assert sum(seconds <= 6 * HOUR for seconds in late) > 0.9 * len(late)
    assert max(late) <= 3 * DAY, "not even of servers that were down for two days"
    assert sum(month.outcome.asked.values()) < len(month.papers) * DAYS * 48 / 3


def test_intervals_follow_the_rhythm_of_a_newsroom(month: Month) -> None:
    asked = {
        kind: sum(
            count for (name, day), count in month.outcome.asked.items() if name == kind and day == DAYS - 1
        )
        / sum(paper.kind == kind for paper in month.papers.values())
        for kind in ("busy", "daily", "weekly", "dies")
    }
    assert asked["busy"] > 2 * asked["daily"]
    assert asked["daily"] > 2 * asked["weekly"]
    assert asked["dies"] <= 2


def test_no_host_gets_two_requests_at_a_time_and_edits_are_noticed(month: Month) -> None:
    assert month.outcome.impolite == 0
    assert month.outcome.wrong == 0
    assert month.outcome.edits_seen > 10
