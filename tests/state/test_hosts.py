"""What a host has said holds for every outlet it serves, and for so long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from newscrawl.items import Link
from newscrawl.state.database_frontier import KeptFrontier
from newscrawl.state.hosts import PAUSE_SECONDS, ROBOTS_SECONDS, Robots, origin_of_url
from newscrawl.state.retry_policy import RETRIES
from newscrawl.state.rows import moment_of
from newscrawl.state.runs import State
from newscrawl.state.sources import Told

NOW = 1_800_000_000
ORIGIN = "https://paper.example"
RULES = b"User-agent: *\nDisallow: /caf\xe9\n"
Opened = Callable[..., State]


def test_a_robots_txt_holds_for_a_day_and_for_all_outlets(opened: Opened) -> None:
    hosts = opened().hosts
    assert hosts.robots(ORIGIN, NOW) is None
    hosts.tell_robots(ORIGIN, NOW, 200, RULES, crawl_delay=2.5)
    known = Robots(status=200, body=RULES, looked=NOW)
    assert opened("other_paper").hosts.robots(ORIGIN, NOW + ROBOTS_SECONDS - 1) == known
    assert hosts.robots(ORIGIN, NOW + ROBOTS_SECONDS) is None
    assert hosts.robots(ORIGIN, NOW - 1) is None, "the clock was set back"
    assert hosts.robots("http://paper.example", NOW) is None, "another scheme is another origin"


@pytest.mark.parametrize(
    ("status", "holds"), [(404, True), (403, True), (429, False), (503, False), (None, False)]
)
def test_only_what_says_something_is_remembered(opened: Opened, status: int | None, holds: bool) -> None:
    hosts = opened().hosts
    hosts.tell_robots(ORIGIN, NOW, 200, RULES)
    hosts.tell_robots(ORIGIN, NOW, status)
    known = hosts.robots(ORIGIN, NOW)
    assert (known == Robots(status=status or 0, body=b"", looked=NOW)) is holds
    assert (known is None) is not holds


def test_a_pause_holds_until_its_end_and_leaves_the_rest_alone(opened: Opened) -> None:
    hosts = opened().hosts
    assert hosts.paused(ORIGIN, NOW) is None
    hosts.tell_robots(ORIGIN, NOW, 200, RULES)
    hosts.pause(ORIGIN, NOW + 600)
    assert hosts.paused(ORIGIN, NOW + 599) == NOW + 600
    assert hosts.paused(ORIGIN, NOW + 600) is None
    assert hosts.robots(ORIGIN, NOW)
    hosts.pause(ORIGIN, NOW + PAUSE_SECONDS + 1)
    assert hosts.paused(ORIGIN, NOW) is None, "longer than anybody is left alone: a clock that was wrong"


def test_the_origin_of_an_address() -> None:
    assert origin_of_url("https://me:pw@Paper.Example:8080/a?b=://c") == "https://paper.example:8080"
    assert origin_of_url("http://paper.example?x") == "http://paper.example"


def test_what_waits_for_a_paused_host_is_due_when_its_pause_ends_and_has_not_failed(opened: Opened) -> None:
    state = opened()
    state.hosts.pause(ORIGIN, NOW + 7200)
    state.feeds.told(Told(url=f"{ORIGIN}/feed", outcome="host_paused"), NOW)
    row = state.feeds.rows()[f"{ORIGIN}/feed"]
    assert (row.next_due, row.failures, row.failing) == (NOW + 7200, 0, None)
    frontier = KeptFrontier(state.pages, "run-1", lambda: moment_of(NOW))
    frontier.found([Link(url=f"{ORIGIN}/story", via="feed"), Link(url="http://else.example/", via="feed")])
    for link in frontier.take(2):
        frontier.done(link.url, "host_paused")
    dues = {row.url: (row.next_due, row.status, row.tries) for row in state.pages.all()}
    assert dues[f"{ORIGIN}/story"] == (NOW + 7200, "failed", 0)
    # Given up for its run alone.
    assert dues["http://else.example/"] == (NOW + RETRIES[0], "failed", 0)
