"""Days of many outlets, simulated in seconds: every outlet is crawled in time, and no host too often."""

from __future__ import annotations

import pytest
from bench.fleet import LOOK_SECONDS, cpu_seconds, next_interval, next_look, simulate
from wire.month_model import TICK, Month
from wire.paper_model import DAY, HOUR, papers

from newscrawl.state.refetch_policy import REVISIT_AGES
from newscrawl.state.sources import FIRST_SECONDS, SHORTEST_SECONDS

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


def test_a_fleet_of_outlets_spends_little_on_starting() -> None:
    """The small form of tests/bench/fleet.py: 10,000 outlets for a month."""
    totals = simulate(outlets=60, days=3, most=40)
    runs, stories = totals.counts["runs"], totals.counts["stories"]
    assert stories > 60 * 3
    assert totals.counts["requests"] > stories + runs, "stories are looked at again"
    assert 0.3 < totals.counts["quiet"] / runs < 0.9
    seconds = cpu_seconds(totals)
    assert seconds["starting processes"] < sum(seconds.values()) / 5
    late = sorted(totals.late)
    assert late[len(late) * 95 // 100] < 2 * HOUR
    assert max(totals.starts) <= LOOK_SECONDS


def test_a_fleet_with_too_few_places_waits() -> None:
    few, many = (simulate(outlets=200, days=2, most=most) for most in (1, 40))
    assert max(few.at_work) < 1 <= max(many.at_work)
    assert max(few.starts) > HOUR > max(many.starts)


def test_the_intervals_of_a_fleet_are_the_product_s() -> None:
    assert next_interval(None, True) == FIRST_SECONDS
    assert next_interval(3600, True) == 1800
    assert next_interval(3600, False) == 4500
    assert next_interval(900, True) == SHORTEST_SECONDS
    ages = [next_look(0)]
    while ages[-1] is not None:
        ages.append(next_look(ages[-1]))
    assert tuple(ages[:-1]) == REVISIT_AGES
