"""The frontier that lasts: what one run leaves the next begins with, and nothing is fetched without cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from newscrawl.items import Article, Extractor, Http, Link, Rejection, WarcPointer, rejection_of
from newscrawl.state.database_frontier import KeptFrontier, against_known
from newscrawl.state.reconcile import take_over
from newscrawl.state.retry_policy import AWAY, HOUR, LOOKS, RETRIES, fate_of
from newscrawl.state.rows import key_of, seconds_of
from newscrawl.state.runs import Holder, State
from newscrawl.urls import normal_url

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
Opened = Callable[..., State]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def link(n: object, via: str = "feed", **fields: str) -> Link:
    given = {"from_url": f"https://paper.example/{via}", "title": f"Story {n}", **fields}
    return Link(url=f"https://paper.example/{n}", via=via, **given)  # type: ignore[arg-type]


def article(of: Link, text: str = "First text.", url: str = "", payload: str = "") -> Article:
    """What a page became, its version counted as in a crawl."""
    final = url or of.url
    digest = sha256(text.encode()).hexdigest()
    made = Article(
        id=sha256(f"{normal_url(final)} {digest}".encode()).hexdigest()[:32],
        url_requested=of.url,
        url=final,
        url_norm=normal_url(final),
        title="A story",
        text=text,
        text_sha256=digest,
        fetched="2026-03-01T12:00:00.000000Z",
        http=Http(etag='"e1"', last_modified="Sun, 01 Mar 2026 12:00:00 GMT"),
        warc=WarcPointer(file="f", offset=0, length=1, record_id=f"<urn:{of.url}>", payload_digest=payload),
        extractor=Extractor(name="x", version="1"),
    )
    found = against_known(made, of)
    assert isinstance(found, Article)
    return found


def urls(links: list[Link]) -> list[str]:
    return [one.url.rpartition("/")[2] for one in links]


def test_what_waits_is_there_for_the_next_run(opened: Opened, clock: Clock) -> None:
    frontier = KeptFrontier(opened().pages, "run1", clock)
    assert frontier.found([link(1), link(2), link("1?utm_source=x"), link(3)]) == 3
    (first,) = frontier.take(1)
    assert first == link(1)
    frontier.done(first.url, "article", article(first))
    assert frontier.counts() == {"pending": 2, "fetching": 0, "article": 1}
    # What was taken and not ended waits as well: the process may have been killed.
    frontier.take(1)
    again = KeptFrontier(opened().pages, "run2", clock)
    assert urls(again.take(9)) == ["2", "3"]
    assert again.found([link(n) for n in range(1, 5)]) == 1
    assert urls(again.take(9)) == ["4"]
    assert again.counts() == {"pending": 0, "fetching": 3, "known": 1, "resumed": 2}


def test_outlets_do_not_see_each_others_pages(opened: Opened, clock: Clock) -> None:
    KeptFrontier(opened("one").pages, "run1", clock).found([link(1)])
    other = KeptFrontier(opened("two").pages, "run1", clock)
    assert other.take(9) == []
    assert other.found([link(1)]) == 1


def test_newest_first_and_each_kind_of_source_in_turn(opened: Opened, clock: Clock) -> None:
    frontier = KeptFrontier(opened().pages, "run1", clock)
    frontier.found(link(f"old{n}", "sitemap", published=f"2019-01-{n:02}T00:00:00Z") for n in range(1, 29))
    frontier.found([link("undated", "sitemap")])
    frontier.found(
        [
            link("morning", published="Sun, 01 Mar 2026 08:00:00 +0100"),
            link("noon", published="2026-03-01T11:30:00Z"),
            link("tomorrow", published="2026-03-02T11:30:00Z"),
        ]
    )
    taken = urls(frontier.take(6))
    assert taken == ["tomorrow", "undated", "noon", "old28", "morning", "old27"]
    frontier.found([link("breaking", published="2026-03-01T11:59:00Z")])
    assert urls(frontier.take(2)) == ["breaking", "old26"]


def test_a_frontier_that_is_full_says_so(opened: Opened, clock: Clock) -> None:
    frontier = KeptFrontier(opened().pages, "run1", clock, max_waiting=3)
    assert frontier.found(link(n) for n in range(3)) == 3
    assert not frontier.is_full
    assert frontier.found([link(1), link(9)]) == 0
    assert frontier.is_full
    assert KeptFrontier(opened().pages, "run2", clock, max_waiting=3).found([link(9)]) == 0


def test_old_pages_of_a_large_sitemap_are_counted_so_far(opened: Opened, clock: Clock) -> None:
    """Each that is counted is kept in memory."""
    first = KeptFrontier(opened().pages, "run-1", clock)
    links = [link(n) for n in range(8)]
    first.found(links)
    for taken in first.take(8):
        first.done(taken.url, "listing")
    second = KeptFrontier(opened().pages, "run-2", clock, max_waiting=5)
    assert second.found(links) == 0
    assert second.counts()["known"] == 5


def test_an_article_is_looked_at_again_as_it_ages(opened: Opened, clock: Clock) -> None:
    looked: list[float] = []
    KeptFrontier(opened().pages, "run0", clock).found([link(1)])
    state = opened()
    for hours in range(24 * 9):
        frontier = KeptFrontier(state.pages, f"run{hours}", clock)
        for taken in frontier.take(9):
            looked.append(hours)
            if hours:
                assert taken.known_version == 1
                frontier.done(taken.url, "not_modified")
            else:
                frontier.done(taken.url, "article", article(taken))
        clock.pass_(hours=1)
    assert looked == [0, *(look // HOUR for look in LOOKS)]


def test_a_changed_text_is_a_version_an_unchanged_one_is_none(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = KeptFrontier(state.pages, "run1", clock)
    frontier.found([link(1)])
    (first,) = frontier.take(1)
    before = article(first)
    assert (before.version, before.previous_id, before.changed) == (1, None, [])
    frontier.done(first.url, "article", before)

    clock.pass_(hours=2)
    frontier = KeptFrontier(state.pages, "run2", clock)
    (second,) = frontier.take(1)
    seen = frontier.seen(second.url)
    assert seen
    assert seen.headers == {
        "If-None-Match": '"e1"',
        "If-Modified-Since": "Sun, 01 Mar 2026 12:00:00 GMT",
    }
    assert seen.warc == before.warc
    same = against_known(before.model_copy(update={"url_requested": first.url}), second)
    assert isinstance(same, Rejection)
    assert same.reason == "unchanged"
    after = article(second, "Second text.")
    assert (after.version, after.previous_id, after.changed) == (2, before.id, ["text"])
    frontier.done(second.url, "article", after)
    row = state.pages.row(key_of("paper", first.url))
    assert row
    assert (row.version, row.article, row.status, row.archived) == (2, after.id, "done", seconds_of(START))


def test_the_same_page_is_the_same_text_however_it_is_read(opened: Opened, clock: Clock) -> None:
    frontier = KeptFrontier(opened().pages, "run1", clock)
    frontier.found([link(1)])
    (first,) = frontier.take(1)
    frontier.done(first.url, "article", article(first, payload="sha1:A"))
    clock.pass_(hours=2)
    (second,) = KeptFrontier(opened().pages, "run2", clock).take(1)
    bare = article(link(1), "Read by a better extractor.", payload="sha1:A")
    assert isinstance(against_known(bare, second), Rejection)


def test_what_its_source_says_anew_makes_a_page_due(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = KeptFrontier(state.pages, "run1", clock)
    frontier.found([link(1), link(2)])
    for taken in frontier.take(2):
        frontier.done(taken.url, "article", article(taken))
    frontier = KeptFrontier(state.pages, "run2", clock)
    # Another source may name a page otherwise; that is no news.
    frontier.found([link(1, "sitemap", title="STORY 1"), link(2, title="Story 2, corrected")])
    assert urls(frontier.take(9)) == ["2"]
    assert frontier.counts()["known"] == 1
    frontier = KeptFrontier(state.pages, "run3", clock)
    frontier.done(link(2).url, "unchanged")
    frontier.found([link(2, title="Story 2, corrected")])
    assert frontier.take(9) == []


def test_failures_are_tried_again_later_and_later(opened: Opened, clock: Clock) -> None:
    frontier = KeptFrontier(opened().pages, "run1", clock)
    frontier.found([link(1)])
    waits = []
    for _ in range(6):
        began = clock.now
        while not (taken := frontier.take(1)) and clock.now - began < timedelta(days=5):
            clock.pass_(minutes=10)
        if taken:
            waits.append((clock.now - began) // timedelta(minutes=10))
            frontier.done(taken[0].url, "timeout")
    assert waits == [0, 1, 6, 36, 144, 432]


@pytest.mark.parametrize(
    ("outcome", "status", "due"),
    [
        ("article", "done", HOUR),
        ("unchanged", "done", HOUR),
        ("http_404", "gone", None),
        ("http_410", "gone", None),
        ("http_503", "failed", HOUR // 6),
        ("archive_error", "failed", 0),
        ("http_403", "rejected", None),
        ("listing", "rejected", None),
        ("too_short", "rejected", HOUR),
        ("robots_txt", "rejected", 7 * 24 * HOUR),
        ("kills_the_run", "rejected", 30 * 24 * HOUR),
    ],
)
def test_every_outcome_has_a_fate(outcome: str, status: str, due: int | None) -> None:
    assert fate_of(outcome, now=0, first=0, tries=0)[:2] == (status, due)


@pytest.mark.parametrize(
    ("outcome", "later"),
    [("timeout", None), ("http_503", None), ("robots_unreachable", AWAY), ("no_such_host", AWAY)],
)
def test_pages_of_a_host_that_is_away_are_not_given_up(outcome: str, later: int | None) -> None:
    last = len(RETRIES) - 1
    assert fate_of(outcome, now=0, first=0, tries=last).next_due == RETRIES[last]
    assert fate_of(outcome, now=0, first=0, tries=last + 1).next_due == later
    assert fate_of(outcome, now=0, first=0, tries=last + 9).next_due == later


def test_a_story_known_from_another_page_is_told(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = KeptFrontier(state.pages, "run1", clock)
    frontier.found([link(1), link("alias"), link("late_alias")])
    first, alias, _ = frontier.take(9)
    one, two = article(first), article(alias, url=first.url)
    frontier.done(first.url, "article", one)
    # Within a run the order of the archive decides, not that of extraction.
    assert frontier.known_as(two) is None
    frontier = KeptFrontier(state.pages, "run2", clock)
    assert frontier.known_as(one) is None
    assert frontier.known_as(article(link("late_alias"), url=first.url)) == first.url


def test_lines_of_a_killed_run_are_taken_over(opened: Opened, clock: Clock) -> None:
    """Its lines are the truth: state may have missed the last of them, or kept what a lost machine forgot."""
    state = opened()
    state.runs.begin("run1", Holder(host="here", pid=1), seconds_of(clock()))
    frontier = KeptFrontier(state.pages, "run1", clock)
    frontier.found([link(n) for n in range(4)])
    taken = frontier.take(4)
    for one in taken[:2]:
        frontier.done(one.url, "article", article(one))
    lines: list[Article | Rejection] = [
        article(taken[0]),
        article(taken[2]),
        rejection_of(article(link("never_heard_of")), "validate", "too_short"),
    ]
    (run,) = state.runs.unfinished()
    assert take_over(state.pages, state.runs, run, lines, seconds_of(clock())) == (2, 1)
    assert state.runs.unfinished() == []
    again = KeptFrontier(state.pages, "run2", clock)
    assert urls(again.take(9)) == ["1"]
    assert urls(again.take(9)) == ["3"], "alone: its process died beside it"
    row = state.pages.row(key_of("paper", taken[2].url))
    assert row
    assert (row.status, row.article, row.version) == ("done", lines[1].id, 1)  # type: ignore[union-attr]
    never = state.pages.row(key_of("paper", link("never_heard_of").url))
    assert never
    assert never.status == "rejected"


def killed(state: State, clock: Clock, run: str, lines: list[Article | Rejection] | None = None) -> None:
    """What the next run does about a run that was killed."""
    (row,) = [one for one in state.runs.unfinished() if one.id == run]
    take_over(state.pages, state.runs, row, lines or [], seconds_of(clock()))


def test_what_was_in_flight_comes_first(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = KeptFrontier(state.pages, "run1", clock)
    frontier.found(link(f"old{n}", published=f"2026-01-0{n}T00:00:00Z") for n in range(1, 6))
    assert urls(frontier.take(2)) == ["old5", "old4"]
    again = KeptFrontier(state.pages, "run2", clock)
    again.found([link("new", published="2026-03-01T00:00:00Z")])
    assert not again.is_careful, "that run was stopped, its process did not die"
    assert urls(again.take(9)) == ["old5", "old4", "new", "old3", "old2", "old1"]


def test_a_page_beside_which_the_process_dies_is_given_up(opened: Opened, clock: Clock) -> None:
    """The others that were in flight with it are fetched first, and one by one."""
    state = opened()
    state.runs.begin("run0", Holder(host="here", pid=1), seconds_of(clock()))
    frontier = KeptFrontier(state.pages, "run0", clock)
    frontier.found([link(n) for n in range(4)])
    frontier.take(3)
    killed(state, clock, "run0")
    for number in (1, 2):
        state.runs.begin(f"run{number}", Holder(host="here", pid=1), seconds_of(clock()))
        frontier = KeptFrontier(state.pages, f"run{number}", clock)
        assert frontier.is_careful
        good = [article(link(n)) for n in ("12" if number == 1 else "")]
        for one in good:
            frontier.done(one.url, "article", one)
        # What is left is the page that kills: it is alone in flight.
        assert urls(frontier.take(9)) == ["0"]
        assert frontier.refused(link(0).url) is None
        killed(state, clock, f"run{number}", [*good])
    frontier = KeptFrontier(state.pages, "run3", clock)
    assert urls(frontier.take(9)) == ["0"]
    assert frontier.refused(link(0).url) == "kills_the_run"
    frontier.done(link(0).url, "kills_the_run")
    assert not frontier.is_careful
    assert urls(frontier.take(9)) == ["3"]
    clock.pass_(days=29)
    state.runs.begin("run4", Holder(host="here", pid=1), seconds_of(clock()))
    assert "0" not in urls(KeptFrontier(state.pages, "run4", clock).take(9))
    state.pages.forgive(seconds_of(clock()))
    frontier = KeptFrontier(state.pages, "run5", clock)
    assert "0" in urls([*frontier.take(9), *frontier.take(9)])
    assert frontier.refused(link(0).url) is None


def test_a_page_that_ended_is_no_longer_suspect(opened: Opened, clock: Clock) -> None:
    state = opened()
    for number in range(3):
        state.runs.begin(f"run{number}", Holder(host="here", pid=1), seconds_of(clock()))
        frontier = KeptFrontier(state.pages, f"run{number}", clock)
        frontier.found([link(1)])
        assert urls(frontier.take(1)) == ["1"]
        if number % 2:
            frontier.done(link(1).url, "article", article(link(1)))
            clock.pass_(days=1)
        killed(state, clock, f"run{number}", [article(link(1))] if number % 2 else None)
    row = state.pages.row(key_of("paper", link(1).url))
    assert row
    assert row.deaths == 1


def test_an_outlet_may_have_its_own_ages(opened: Opened, clock: Clock) -> None:
    opened()
    state = State.of(opened().database, "paper", Holder(host="here", pid=1), (1800, 7200))
    frontier = KeptFrontier(state.pages, "run1", clock)
    frontier.found([link(1)])
    (first,) = frontier.take(1)
    frontier.done(first.url, "article", article(first))
    row = state.pages.row(key_of("paper", first.url))
    assert row
    assert row.next_due == seconds_of(START) + 1800
