"""What a site reserves is remembered by origin, for all outlets."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from newscrawl.state.hosts import KeptSignals
from newscrawl.state.runs import State
from newscrawl.state.schema import hosts

SITE = "https://paper.example"
NOW = 1_800_000_000
Opened = Callable[..., State]


def test_one_outlet_knows_what_another_was_told(opened: Opened) -> None:
    one, other = opened("one").signals, opened("other").signals
    assert one.known(SITE) == KeptSignals(None, None)
    one.told(SITE, "{}", None)
    assert other.known(SITE) == KeptSignals("{}", None)
    other.told(SITE, '{"ai": []}', NOW)
    assert one.known(SITE) == KeptSignals('{"ai": []}', NOW)
    assert one.known(f"{SITE}:8443") == KeptSignals(None, None)


def test_other_columns_of_a_host_stay_as_they_are(opened: Opened) -> None:
    state = opened()
    with state.database.writing() as connection:
        connection.execute(hosts.insert().values(origin=SITE, robots=b"x", paused=NOW))
    state.signals.told(SITE, "{}", NOW)
    with state.database.reading() as connection:
        row = connection.execute(select(hosts)).one()
    assert (row.robots, row.paused, row.signals, row.signals_looked) == (b"x", NOW, "{}", NOW)
