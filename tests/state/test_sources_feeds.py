"""What a source gave last time is asked about; how often it changes sets when it is due."""

from __future__ import annotations

from collections.abc import Callable

from newscrawl.items import WarcPointer
from newscrawl.state.runs import State
from newscrawl.state.sources import (
    CHANGED,
    FIRST_SECONDS,
    LONGEST_SECONDS,
    RETIRED_AFTER,
    RETIRED_FAILURES,
    RETIRED_SECONDS,
    SHORTEST_SECONDS,
    UNCHANGED,
    Told,
)

NOW = 1_800_000_000
URL = "https://paper.example/feed"
Opened = Callable[..., State]


def told(**fields: object) -> Told:
    digest = str(fields.pop("digest", "sha1:A"))
    pointer = WarcPointer(file="f", offset=1, length=2, record_id="<urn:x>", payload_digest=digest)
    given = {
        "url": URL,
        "outcome": "ok",
        "etag": '"1"',
        "more": (f"{URL}?page=2",),
        "answered": URL,
        "warc": pointer,
        "date": "2026-03-01T12:00:00.000000Z",
        "outlet_hash": "rules",
        **fields,
    }
    return Told(**given)  # type: ignore[arg-type]


def test_a_source_is_remembered_until_the_rules_change(opened: Opened) -> None:
    feeds = opened().feeds
    assert feeds.seen(URL, "rules") == (None, ())
    feeds.told(told(), NOW)
    seen, more = feeds.seen(URL, "rules")
    assert seen
    assert seen.headers == {"If-None-Match": '"1"'}
    assert seen.warc == told().warc
    assert more == (f"{URL}?page=2",)
    feeds.told(Told(url=URL, outcome="not_modified"), NOW + 60)
    feeds.told(Told(url=URL, outcome="timeout"), NOW + 120)
    assert opened().feeds.seen(URL, "rules") == (seen, more)
    assert feeds.seen(URL, "other rules") == (None, ())
    assert opened("other_paper").feeds.seen(URL, "rules") == (None, ())


def test_the_interval_follows_the_changes_within_limits(opened: Opened) -> None:
    feeds = opened().feeds
    feeds.told(told(), NOW)
    assert feeds.next_due() == NOW + FIRST_SECONDS
    feeds.told(told(digest="sha1:B"), NOW)
    assert feeds.next_due() == NOW + max(int(FIRST_SECONDS * CHANGED), SHORTEST_SECONDS)
    for n in range(20):
        feeds.told(told(digest=f"sha1:{n}"), NOW)
    assert feeds.next_due() == NOW + SHORTEST_SECONDS
    # The same bytes sent again are no change, whatever the server says.
    feeds.told(told(digest="sha1:19"), NOW)
    assert feeds.next_due() == NOW + int(SHORTEST_SECONDS * UNCHANGED)
    for _ in range(20):
        feeds.told(Told(url=URL, outcome="not_modified"), NOW)
    assert feeds.next_due() == NOW + LONGEST_SECONDS


def test_failures_wait_longer_and_longer(opened: Opened) -> None:
    feeds = opened().feeds
    waits = []
    for _ in range(8):
        feeds.told(Told(url=URL, outcome="timeout"), NOW)
        due = feeds.next_due()
        assert due
        waits.append(due - NOW)
    assert waits[0] == 2 * FIRST_SECONDS
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_SECONDS


def test_what_a_publisher_asks_for_is_the_least_interval(opened: Opened) -> None:
    state = opened()
    feeds = state.feeds
    feeds.told(told(least=7200), NOW)
    assert feeds.next_due() == NOW + 7200
    for n in range(9):
        feeds.told(told(digest=f"sha1:{n}", least=7200), NOW)
    assert feeds.next_due() == NOW + 7200
    # A 304 has no body that could say it again.
    feeds.told(Told(url=URL, outcome="not_modified"), NOW)
    assert feeds.next_due() == NOW + 7200
    feeds.told(told(digest="sha1:X", least=60), NOW)
    assert feeds.next_due() == NOW + SHORTEST_SECONDS
    state.hosts.pause("https://paper.example", NOW + 10 * 3600)
    feeds.told(Told(url=URL, outcome="http_503"), NOW)
    assert feeds.next_due() == NOW + 10 * 3600


def test_a_dead_source_is_retired_and_one_answer_brings_it_back(opened: Opened) -> None:
    feeds = opened().feeds
    feeds.told(told(kind="feed"), NOW)
    now, failures, retired = NOW, 0, False
    while not retired:
        now = feeds.next_due() or 0
        retired = feeds.told(Told(url=URL, outcome="timeout"), now)
        failures += 1
    assert failures >= RETIRED_FAILURES
    assert RETIRED_AFTER <= now - NOW <= RETIRED_AFTER + 2 * LONGEST_SECONDS
    assert feeds.next_due() == now + RETIRED_SECONDS
    assert not feeds.told(Told(url=URL, outcome="timeout"), now + RETIRED_SECONDS), "it is told once"
    row = feeds.rows()[URL]
    assert (row.kind, row.retired) == ("feed", now)
    feeds.told(told(digest="sha1:new"), now + 9)
    row = feeds.rows()[URL]
    assert (row.retired, row.failures, row.failing) == (None, 0, None)
    assert row.next_due - now - 9 <= FIRST_SECONDS


def test_a_bad_day_retires_nothing(opened: Opened) -> None:
    feeds = opened().feeds
    assert not any(feeds.told(Told(url=URL, outcome="timeout"), NOW + n * 600) for n in range(100))
