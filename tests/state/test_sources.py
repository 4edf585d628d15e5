"""Of an outlet's sources those are asked that are due, and those they name with them."""

from __future__ import annotations

from collections.abc import Callable

from newscrawl.state.runs import State
from newscrawl.state.sources import (
    AT_ONCE,
    FIRST_SECONDS,
    File,
    Told,
    due_sources,
    first_due,
    known_sources,
    must_look,
)

NOW = 1_800_000_000
INDEX, FEED = "https://paper.example/sitemap.xml", "https://paper.example/feed"
FILE = File(named=[("feed", FEED), ("sitemap", INDEX)], digest="rules", most=6, deepest={"sitemap": 2})
LOOKED_FOR = File(named=[], digest="rules")
Opened = Callable[..., State]


def child(n: object) -> str:
    return f"https://paper.example/sitemap-{n}.xml"


def ok(url: str, *more: str, kind: str = "sitemap", rules: str = "rules") -> Told:
    return Told(url=url, outcome="ok", kind=kind, more=more, outlet_hash=rules)


def due(state: State, file: File = FILE, now: int = NOW) -> list[str]:
    return [source.url for source in due_sources(file, state.feeds.rows(), now)]


def test_what_is_not_known_is_due_and_what_was_asked_is_not(opened: Opened) -> None:
    state = opened()
    assert due(state) == [FEED, INDEX]
    assert first_due(FILE, {}) == AT_ONCE
    state.feeds.told(ok(FEED, kind="feed"), NOW)
    assert due(state) == [INDEX]
    state.feeds.told(ok(INDEX, child(1), child(2)), NOW)
    assert due(state) == [child(1), child(2)], "also where the run that read the index was stopped"
    state.feeds.told(ok(child(1)), NOW)
    state.feeds.told(Told(url=child(2), outcome="timeout", kind="sitemap"), NOW)
    assert due(state) == []
    assert first_due(FILE, state.feeds.rows()) == NOW + FIRST_SECONDS
    # A child is asked at its own pace, without the index.
    state.feeds.told(Told(url=INDEX, outcome="not_modified"), NOW + 1)
    assert due(state, now=NOW + FIRST_SECONDS) == [FEED, child(1)]


def test_other_rules_make_all_of_it_due(opened: Opened) -> None:
    state = opened()
    state.feeds.told(ok(FEED, kind="feed"), NOW)
    state.feeds.told(ok(INDEX, child(1)), NOW)
    state.feeds.told(ok(child(1)), NOW)
    assert due(state, FILE._replace(digest="other")) == [FEED, INDEX]


def test_only_so_many_are_asked_and_none_that_is_too_deep(opened: Opened) -> None:
    state = opened()
    state.feeds.told(ok(FEED, kind="feed"), NOW)
    state.feeds.told(ok(INDEX, *map(child, range(9))), NOW)
    assert due(state) == [child(n) for n in range(4)], "six with the file's own"
    state.feeds.told(ok(INDEX, child("a")), NOW)
    state.feeds.told(ok(child("a"), child("b")), NOW)
    state.feeds.told(ok(child("b"), child("c")), NOW)
    depths = {source.url: source.depth for source in known_sources(FILE, state.feeds.rows())}
    assert depths == {FEED: 0, INDEX: 0, child("a"): 1, child("b"): 2}


def test_where_none_is_named_those_that_were_found_are_asked_while_they_live(opened: Opened) -> None:
    state = opened()
    assert must_look(LOOKED_FOR, {}, NOW)
    state.feeds.told(Told(url=INDEX, outcome="http_404", kind="sitemap"), NOW)
    missed = state.feeds.rows()
    assert not must_look(LOOKED_FOR, missed, NOW), "nothing was found a moment ago"
    assert must_look(LOOKED_FOR, missed, first_due(LOOKED_FOR, missed) or 0)
    state.feeds.told(ok(FEED, kind="feed"), NOW)
    assert not must_look(LOOKED_FOR, state.feeds.rows(), NOW + 90_000)
    assert due(state, LOOKED_FOR, NOW + 90_000) == [FEED]
    now = NOW
    while not state.feeds.rows()[FEED].retired:
        now += 90_000
        state.feeds.told(Told(url=FEED, outcome="timeout", kind="feed"), now)
    rows = state.feeds.rows()
    assert must_look(LOOKED_FOR, rows, now + 90_000)
    assert due(state, LOOKED_FOR, now + 90_000) == []
