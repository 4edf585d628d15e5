"""Of an outlet's sources those are asked that are due, and those they name with them."""

from __future__ import annotations

from collections.abc import Callable

from newscrawl.items import WarcPointer
from newscrawl.state.runs import State
from newscrawl.state.sources import (
    AT_ONCE,
    CHANGED_FACTOR,
    FIRST_SECONDS,
    LONGEST_SECONDS,
    RETIRED_AFTER,
    RETIRED_FAILURES,
    RETIRED_SECONDS,
    SHORTEST_SECONDS,
    UNCHANGED_FACTOR,
    FetchResult,
    SourceConfig,
    find_due_sources,
    first_source_due,
    iter_sources,
    must_discover,
)

NOW = 1_800_000_000
INDEX, FEED = "https://paper.example/sitemap.xml", "https://paper.example/feed"
FILE = SourceConfig(
    configured=[("feed", FEED), ("sitemap", INDEX)], digest="rules", max_sources=6, max_depths={"sitemap": 2}
)
LOOKED_FOR = SourceConfig(configured=[], digest="rules")
Opened = Callable[..., State]


def child(n: object) -> str:
    return f"https://paper.example/sitemap-{n}.xml"


def ok(url: str, *more: str, kind: str = "sitemap", rules: str = "rules") -> FetchResult:
    return FetchResult(url=url, outcome="ok", kind=kind, child_sources=more, outlet_digest=rules)


def due(state: State, file: SourceConfig = FILE, now: int = NOW) -> list[str]:
    return [source.url for source in find_due_sources(file, state.sources.rows(), now)]


def test_what_is_not_known_is_due_and_what_was_asked_is_not(opened: Opened) -> None:
    state = opened()
    assert due(state) == [FEED, INDEX]
    assert first_source_due(FILE, {}, NOW) == AT_ONCE
    state.sources.record(ok(FEED, kind="feed"), NOW)
    assert due(state) == [INDEX]
    state.sources.record(ok(INDEX, child(1), child(2)), NOW)
    assert due(state) == [child(1), child(2)], "also where the run that read the index was stopped"
    state.sources.record(ok(child(1)), NOW)
    state.sources.record(FetchResult(url=child(2), outcome="timeout", kind="sitemap"), NOW)
    assert due(state) == []
    assert first_source_due(FILE, state.sources.rows(), NOW) == NOW + FIRST_SECONDS
    # A child is asked at its own pace, without the index.
    state.sources.record(FetchResult(url=INDEX, outcome="not_modified"), NOW + 1)
    assert due(state, now=NOW + FIRST_SECONDS) == [FEED, child(1)]


def test_other_rules_make_all_of_it_due(opened: Opened) -> None:
    state = opened()
    state.sources.record(ok(FEED, kind="feed"), NOW)
    state.sources.record(ok(INDEX, child(1)), NOW)
    state.sources.record(ok(child(1)), NOW)
    assert due(state, FILE._replace(digest="other")) == [FEED, INDEX]


def test_only_so_many_are_asked_and_none_that_is_too_deep(opened: Opened) -> None:
    state = opened()
    state.sources.record(ok(FEED, kind="feed"), NOW)
    state.sources.record(ok(INDEX, *map(child, range(9))), NOW)
    assert due(state) == [child(n) for n in range(4)], "six with the file's own"
    state.sources.record(ok(INDEX, child("a")), NOW)
    state.sources.record(ok(child("a"), child("b")), NOW)
    state.sources.record(ok(child("b"), child("c")), NOW)
    depths = {source.url: source.depth for source in iter_sources(FILE, state.sources.rows())}
    assert depths == {FEED: 0, INDEX: 0, child("a"): 1, child("b"): 2}


def test_where_none_is_named_those_that_were_found_are_asked_while_they_live(opened: Opened) -> None:
    state = opened()
    assert must_discover(LOOKED_FOR, {}, NOW)
    state.sources.record(FetchResult(url=INDEX, outcome="http_404", kind="sitemap"), NOW)
    missed = state.sources.rows()
    assert not must_discover(LOOKED_FOR, missed, NOW), "nothing was found a moment ago"
    assert must_discover(LOOKED_FOR, missed, first_source_due(LOOKED_FOR, missed, NOW) or 0)
    state.sources.record(ok(FEED, kind="feed"), NOW)
    assert not must_discover(LOOKED_FOR, state.sources.rows(), NOW + 90_000)
    assert due(state, LOOKED_FOR, NOW + 90_000) == [FEED]
    now = NOW
    while not state.sources.rows()[FEED].retired_at:
        now += 90_000
        state.sources.record(FetchResult(url=FEED, outcome="timeout", kind="feed"), now)
    rows = state.sources.rows()
    assert must_discover(LOOKED_FOR, rows, now + 90_000)
    assert due(state, LOOKED_FOR, now + 90_000) == []


URL = "https://paper.example/feed"


def answer(**fields: object) -> FetchResult:
    digest = str(fields.pop("digest", "sha1:A"))
    pointer = WarcPointer(file="f", offset=1, length=2, record_id="<urn:x>", payload_digest=digest)
    values = {
        "url": URL,
        "outcome": "ok",
        "etag": '"1"',
        "child_sources": (f"{URL}?page=2",),
        "answered": URL,
        "warc": pointer,
        "date": "2026-03-01T12:00:00.000000Z",
        "outlet_digest": "rules",
        **fields,
    }
    return FetchResult(**values)  # type: ignore[arg-type]


def test_a_source_is_remembered_until_the_rules_change(opened: Opened) -> None:
    sources = opened().sources
    assert sources.previous_fetch(URL, "rules") == (None, ())
    sources.record(answer(), NOW)
    previous, more = sources.previous_fetch(URL, "rules")
    assert previous
    assert previous.headers == {"If-None-Match": '"1"'}
    assert previous.warc == answer().warc
    assert more == (f"{URL}?page=2",)
    sources.record(FetchResult(url=URL, outcome="not_modified"), NOW + 60)
    sources.record(FetchResult(url=URL, outcome="timeout"), NOW + 120)
    assert opened().sources.previous_fetch(URL, "rules") == (previous, more)
    assert sources.previous_fetch(URL, "other rules") == (None, ())
    assert opened("other_paper").sources.previous_fetch(URL, "rules") == (None, ())


def test_the_interval_follows_the_changes_within_limits(opened: Opened) -> None:
    sources = opened().sources
    sources.record(answer(), NOW)
    assert sources.next_due() == NOW + FIRST_SECONDS
    sources.record(answer(digest="sha1:B"), NOW)
    assert sources.next_due() == NOW + max(int(FIRST_SECONDS * CHANGED_FACTOR), SHORTEST_SECONDS)
    for n in range(20):
        sources.record(answer(digest=f"sha1:{n}"), NOW)
    assert sources.next_due() == NOW + SHORTEST_SECONDS
    # The same bytes sent again are no change, whatever the server says.
    sources.record(answer(digest="sha1:19"), NOW)
    assert sources.next_due() == NOW + int(SHORTEST_SECONDS * UNCHANGED_FACTOR)
    for _ in range(20):
        sources.record(FetchResult(url=URL, outcome="not_modified"), NOW)
    assert sources.next_due() == NOW + LONGEST_SECONDS


def test_failures_wait_longer_and_longer(opened: Opened) -> None:
    sources = opened().sources
    waits = []
    for _ in range(8):
        sources.record(FetchResult(url=URL, outcome="timeout"), NOW)
        due = sources.next_due()
        assert due
        waits.append(due - NOW)
    assert waits[0] == 2 * FIRST_SECONDS
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_SECONDS


def test_what_a_publisher_asks_for_is_the_least_interval(opened: Opened) -> None:
    state = opened()
    sources = state.sources
    sources.record(answer(min_interval=7200), NOW)
    assert sources.next_due() == NOW + 7200
    for n in range(9):
        sources.record(answer(digest=f"sha1:{n}", min_interval=7200), NOW)
    assert sources.next_due() == NOW + 7200
    # A 304 has no body that could say it again.
    sources.record(FetchResult(url=URL, outcome="not_modified"), NOW)
    assert sources.next_due() == NOW + 7200
    sources.record(answer(digest="sha1:X", min_interval=60), NOW)
    assert sources.next_due() == NOW + SHORTEST_SECONDS
    state.hosts.pause("https://paper.example", NOW + 10 * 3600)
    sources.record(FetchResult(url=URL, outcome="http_503"), NOW)
    assert sources.next_due() == NOW + 10 * 3600


def test_a_dead_source_is_retired_and_one_answer_brings_it_back(opened: Opened) -> None:
    sources = opened().sources
    sources.record(answer(kind="feed"), NOW)
    now, failures, retired = NOW, 0, False
    while not retired:
        now = sources.next_due() or 0
        retired = sources.record(FetchResult(url=URL, outcome="timeout"), now)
        failures += 1
    assert failures >= RETIRED_FAILURES
    assert RETIRED_AFTER <= now - NOW <= RETIRED_AFTER + 2 * LONGEST_SECONDS
    assert sources.next_due() == now + RETIRED_SECONDS
    assert not sources.record(FetchResult(url=URL, outcome="timeout"), now + RETIRED_SECONDS), (
        "it is told once"
    )
    row = sources.rows()[URL]
    assert (row.kind, row.retired_at) == ("feed", now)
    sources.record(answer(digest="sha1:new"), now + 9)
    row = sources.rows()[URL]
    assert (row.retired_at, row.failures, row.failing_since) == (None, 0, None)
    assert row.next_due - now - 9 <= FIRST_SECONDS


def test_a_bad_day_retires_nothing(opened: Opened) -> None:
    sources = opened().sources
    assert not any(sources.record(FetchResult(url=URL, outcome="timeout"), NOW + n * 600) for n in range(100))
