"""What a host has said holds for every outlet it serves, and for so long."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from newscrawl.items import Link
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.encoding import from_epoch
from newscrawl.state.hosts import MAX_PAUSE_SECONDS, ROBOTS_SECONDS, Robots, StoredRights, url_origin
from newscrawl.state.refetch_policy import RETRY_DELAYS
from newscrawl.state.runs import State
from newscrawl.state.schema import hosts
from newscrawl.state.sources import FetchResult

NOW = 1_800_000_000
ORIGIN = "https://paper.example"
RULES = b"User-agent: *\nDisallow: /caf\xe9\n"
Opened = Callable[..., State]


def test_a_robots_txt_holds_for_a_day_and_for_all_outlets(opened: Opened) -> None:
    hosts = opened().hosts
    assert hosts.robots(ORIGIN, NOW) is None
    hosts.store_robots(ORIGIN, NOW, 200, RULES, crawl_delay=2.5)
    known = Robots(status=200, body=RULES, fetched_at=NOW)
    assert opened("other_paper").hosts.robots(ORIGIN, NOW + ROBOTS_SECONDS - 1) == known
    assert hosts.robots(ORIGIN, NOW + ROBOTS_SECONDS) is None
    assert hosts.robots(ORIGIN, NOW - 1) is None, "the clock was set back"
    assert hosts.robots("http://paper.example", NOW) is None, "another scheme is another origin"


@pytest.mark.parametrize(
    ("status", "holds"), [(404, True), (403, True), (429, False), (503, False), (None, False)]
)
def test_only_what_says_something_is_remembered(opened: Opened, status: int | None, holds: bool) -> None:
    hosts = opened().hosts
    hosts.store_robots(ORIGIN, NOW, 200, RULES)
    hosts.store_robots(ORIGIN, NOW, status)
    known = hosts.robots(ORIGIN, NOW)
    assert (known == Robots(status=status or 0, body=b"", fetched_at=NOW)) is holds
    assert (known is None) is not holds


def test_a_pause_holds_until_its_end_and_leaves_the_rest_alone(opened: Opened) -> None:
    hosts = opened().hosts
    assert hosts.paused_until(ORIGIN, NOW) is None
    hosts.store_robots(ORIGIN, NOW, 200, RULES)
    hosts.pause(ORIGIN, NOW + 600)
    assert hosts.paused_until(ORIGIN, NOW + 599) == NOW + 600
    assert hosts.paused_until(ORIGIN, NOW + 600) is None
    assert hosts.robots(ORIGIN, NOW)
    hosts.pause(ORIGIN, NOW + MAX_PAUSE_SECONDS + 1)
    assert hosts.paused_until(ORIGIN, NOW) is None, (
        "longer than anybody is left alone: a clock that was wrong"
    )


def test_the_origin_of_an_address() -> None:
    assert url_origin("https://me:pw@Paper.Example:8080/a?b=://c") == "https://paper.example:8080"
    assert url_origin("http://paper.example?x") == "http://paper.example"


def test_what_waits_for_a_paused_host_is_due_when_its_pause_ends_and_has_not_failed(opened: Opened) -> None:
    state = opened()
    state.hosts.pause(ORIGIN, NOW + 7200)
    state.sources.record(FetchResult(url=f"{ORIGIN}/feed", outcome="host_paused"), NOW)
    row = state.sources.rows()[f"{ORIGIN}/feed"]
    assert (row.next_due, row.failures, row.failing_since) == (NOW + 7200, 0, None)
    frontier = DatabaseFrontier(state.urls, "run-1", lambda: from_epoch(NOW))
    frontier.add([Link(url=f"{ORIGIN}/story", via="feed"), Link(url="http://else.example/", via="feed")])
    for link in frontier.take(2):
        frontier.finish(link.url, "host_paused")
    dues = {row.url: (row.next_due, row.status, row.failures) for row in state.urls.all()}
    assert dues[f"{ORIGIN}/story"] == (NOW + 7200, "failed", 0)
    # Given up for its run alone.
    assert dues["http://else.example/"] == (NOW + RETRY_DELAYS[0], "failed", 0)


SITE = "https://paper.example"


def test_one_outlet_knows_what_another_was_told(opened: Opened) -> None:
    one, other = opened("one").hosts, opened("other").hosts
    assert one.rights(SITE) == StoredRights(None, None)
    one.store_rights(SITE, "{}", None)
    assert other.rights(SITE) == StoredRights("{}", None)
    other.store_rights(SITE, '{"ai": []}', NOW)
    assert one.rights(SITE) == StoredRights('{"ai": []}', NOW)
    assert one.rights(f"{SITE}:8443") == StoredRights(None, None)


def test_other_columns_of_a_host_stay_as_they_are(opened: Opened) -> None:
    state = opened()
    with state.database.writing() as connection:
        connection.execute(hosts.insert().values(origin=SITE, robots=b"x", paused_until=NOW))
    state.hosts.store_rights(SITE, "{}", NOW)
    with state.database.reading() as connection:
        row = connection.execute(select(hosts)).one()
    assert (row.robots, row.paused_until, row.rights, row.rights_fetched_at) == (b"x", NOW, "{}", NOW)
