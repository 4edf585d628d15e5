"""The frontier that lasts: what one run leaves the next begins with, and nothing is fetched without cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from newscrawl.items import (
    Article,
    Extractor,
    Http,
    Link,
    Rejection,
    StoryPage,
    WarcPointer,
    WitnessPointer,
    reject_article,
)
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.encoding import epoch_seconds, page_key
from newscrawl.state.reconcile import adopt_killed_run
from newscrawl.state.refetch_policy import (
    HOST_DOWN_DELAY,
    HOUR,
    RETRY_DELAYS,
    REVISIT_AGES,
    STORY_INCOMPLETE,
    next_fetch,
)
from newscrawl.state.runs import Holder, State
from newscrawl.state.versions import assign_version
from newscrawl.urls import normalize_url

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
        id=sha256(f"{normalize_url(final)} {digest}".encode()).hexdigest()[:32],
        url_requested=of.url,
        url=final,
        url_norm=normalize_url(final),
        title="A story",
        text=text,
        text_sha256=digest,
        fetched="2026-03-01T12:00:00.000000Z",
        http=Http(etag='"e1"', last_modified="Sun, 01 Mar 2026 12:00:00 GMT"),
        warc=WarcPointer(file="f", offset=0, length=1, record_id=f"<urn:{of.url}>", payload_digest=payload),
        extractor=Extractor(name="x", version="1"),
    )
    found = assign_version(made, of)
    assert isinstance(found, Article)
    return found


def urls(links: list[Link]) -> list[str]:
    return [one.url.rpartition("/")[2] for one in links]


def test_what_waits_is_there_for_the_next_run(opened: Opened, clock: Clock) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock)
    assert frontier.add([link(1), link(2), link("1?utm_source=x"), link(3)]) == 3
    (first,) = frontier.take(1)
    assert first == link(1)
    frontier.finish(first.url, "article", article(first))
    assert frontier.counts() == {"pending": 2, "fetching": 0, "article": 1}
    # What was taken and not ended waits as well: the process may have been killed.
    frontier.take(1)
    again = DatabaseFrontier(opened().urls, "run2", clock)
    assert urls(again.take(9)) == ["2", "3"]
    assert again.add([link(n) for n in range(1, 5)]) == 1
    assert urls(again.take(9)) == ["4"]
    assert again.counts() == {"pending": 0, "fetching": 3, "known": 1, "resumed": 2}


def test_outlets_do_not_see_each_others_pages(opened: Opened, clock: Clock) -> None:
    DatabaseFrontier(opened("one").urls, "run1", clock).add([link(1)])
    other = DatabaseFrontier(opened("two").urls, "run1", clock)
    assert other.take(9) == []
    assert other.add([link(1)]) == 1


def test_newest_first_and_each_kind_of_source_in_turn(opened: Opened, clock: Clock) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock)
    frontier.add(link(f"old{n}", "sitemap", published=f"2019-01-{n:02}T00:00:00Z") for n in range(1, 29))
    frontier.add([link("undated", "sitemap")])
    frontier.add(
        [
            link("morning", published="Sun, 01 Mar 2026 08:00:00 +0100"),
            link("noon", published="2026-03-01T11:30:00Z"),
            link("tomorrow", published="2026-03-02T11:30:00Z"),
        ]
    )
    taken = urls(frontier.take(6))
    assert taken == ["tomorrow", "undated", "noon", "old28", "morning", "old27"]
    frontier.add([link("breaking", published="2026-03-01T11:59:00Z")])
    assert urls(frontier.take(2)) == ["breaking", "old26"]


def test_a_frontier_that_is_full_says_so(opened: Opened, clock: Clock) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock, max_waiting=3)
    assert frontier.add(link(n) for n in range(3)) == 3
    assert not frontier.is_full
    assert frontier.add([link(1), link(9)]) == 0
    assert frontier.is_full
    assert DatabaseFrontier(opened().urls, "run2", clock, max_waiting=3).add([link(9)]) == 0


def test_old_pages_of_a_large_sitemap_are_counted_so_far(opened: Opened, clock: Clock) -> None:
    """Each that is counted is kept in memory."""
    first = DatabaseFrontier(opened().urls, "run-1", clock)
    links = [link(n) for n in range(8)]
    first.add(links)
    for taken in first.take(8):
        first.finish(taken.url, "listing")
    second = DatabaseFrontier(opened().urls, "run-2", clock, max_waiting=5)
    assert second.add(links) == 0
    assert second.counts()["known"] == 5


def test_an_article_is_looked_at_again_as_it_ages(opened: Opened, clock: Clock) -> None:
    looked: list[float] = []
    DatabaseFrontier(opened().urls, "run0", clock).add([link(1)])
    state = opened()
    for hours in range(24 * 9):
        frontier = DatabaseFrontier(state.urls, f"run{hours}", clock)
        for taken in frontier.take(9):
            looked.append(hours)
            if hours:
                assert taken.known_version == 1
                frontier.finish(taken.url, "not_modified")
            else:
                frontier.finish(taken.url, "article", article(taken))
        clock.pass_(hours=1)
    assert looked == [0, *(look // HOUR for look in REVISIT_AGES)]


def test_a_changed_text_is_a_version_an_unchanged_one_is_none(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([link(1)])
    (first,) = frontier.take(1)
    before = article(first)
    assert (before.version, before.previous_id, before.changed) == (1, None, [])
    frontier.finish(first.url, "article", before)

    clock.pass_(hours=2)
    frontier = DatabaseFrontier(state.urls, "run2", clock)
    (second,) = frontier.take(1)
    previous = frontier.previous_fetch(second.url)
    assert previous
    assert previous.headers == {
        "If-None-Match": '"e1"',
        "If-Modified-Since": "Sun, 01 Mar 2026 12:00:00 GMT",
    }
    assert previous.warc == before.warc
    same = assign_version(before.model_copy(update={"url_requested": first.url}), second)
    assert isinstance(same, Rejection)
    assert same.reason == "unchanged"
    after = article(second, "Second text.")
    assert (after.version, after.previous_id, after.changed) == (2, before.id, ["text"])
    frontier.finish(second.url, "article", after)
    row = state.urls.row(page_key("paper", first.url))
    assert row
    assert (row.version, row.article_id, row.status, row.first_archived_at) == (
        2,
        after.id,
        "done",
        epoch_seconds(START),
    )


def test_a_headline_alone_makes_a_version_and_no_other_field_does(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([link(1)])
    (first,) = frontier.take(1)
    frontier.finish(first.url, "article", article(first))
    clock.pass_(hours=2)
    frontier = DatabaseFrontier(state.urls, "run2", clock)
    (second,) = frontier.take(1)
    plain = article(first)
    for field, value in {"lede": "More.", "section": "News", "tags": ["a"], "modified": "2026-03-02"}.items():
        assert isinstance(assign_version(plain.model_copy(update={field: value}), second), Rejection)
    new = assign_version(plain.model_copy(update={"title": "A better headline", "lede": "More."}), second)
    assert isinstance(new, Article)
    assert (new.version, new.id, new.previous_id) == (2, plain.id, plain.id)
    assert new.changed == ["title", "lede"]
    frontier.finish(second.url, "article", new)
    row = state.urls.row(page_key("paper", first.url))
    assert row
    assert (row.version, row.article_id) == (2, plain.id)

    clock.pass_(days=1)
    (third,) = DatabaseFrontier(state.urls, "run3", clock).take(1)
    again = plain.model_copy(update={"title": "A better headline"})
    assert isinstance(assign_version(again, third), Rejection)
    # What an early version archived does not say what its fields were, nor do equal bytes.
    assert isinstance(assign_version(plain, replace(third, known_fields=None)), Rejection)
    pointer = WarcPointer(file="f", offset=0, length=1, record_id="<urn:x>", payload_digest="sha1:A")
    equal = plain.model_copy(update={"warc": pointer})
    assert isinstance(assign_version(equal, replace(third, known_payload="sha1:A")), Rejection)


def test_the_same_page_is_the_same_text_however_it_is_read(opened: Opened, clock: Clock) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock)
    frontier.add([link(1)])
    (first,) = frontier.take(1)
    frontier.finish(first.url, "article", article(first, payload="sha1:A"))
    clock.pass_(hours=2)
    (second,) = DatabaseFrontier(opened().urls, "run2", clock).take(1)
    bare = article(link(1), "Read by a better extractor.", payload="sha1:A")
    assert isinstance(assign_version(bare, second), Rejection)


def test_what_its_source_says_anew_makes_a_page_due(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([link(1), link(2)])
    for taken in frontier.take(2):
        frontier.finish(taken.url, "article", article(taken))
    frontier = DatabaseFrontier(state.urls, "run2", clock)
    # Another source may name a page otherwise; that is no news.
    frontier.add([link(1, "sitemap", title="STORY 1"), link(2, title="Story 2, corrected")])
    assert urls(frontier.take(9)) == ["2"]
    assert frontier.counts()["known"] == 1
    frontier = DatabaseFrontier(state.urls, "run3", clock)
    frontier.finish(link(2).url, "unchanged")
    frontier.add([link(2, title="Story 2, corrected")])
    assert frontier.take(9) == []


def test_failures_are_tried_again_later_and_later(opened: Opened, clock: Clock) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock)
    frontier.add([link(1)])
    waits = []
    for _ in range(6):
        began = clock.now
        while not (taken := frontier.take(1)) and clock.now - began < timedelta(days=5):
            clock.pass_(minutes=10)
        if taken:
            waits.append((clock.now - began) // timedelta(minutes=10))
            frontier.finish(taken[0].url, "timeout")
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
def test_every_outcome_leads_to_a_next_fetch(outcome: str, status: str, due: int | None) -> None:
    assert next_fetch(outcome, now=0, first=0, failures=0)[:2] == (status, due)


@pytest.mark.parametrize(
    ("outcome", "later"),
    [
        ("timeout", None),
        ("http_503", None),
        ("robots_unreachable", HOST_DOWN_DELAY),
        ("no_such_host", HOST_DOWN_DELAY),
    ],
)
def test_pages_of_a_host_that_is_away_are_not_given_up(outcome: str, later: int | None) -> None:
    last = len(RETRY_DELAYS) - 1
    assert next_fetch(outcome, now=0, first=0, failures=last).next_due == RETRY_DELAYS[last]
    assert next_fetch(outcome, now=0, first=0, failures=last + 1).next_due == later
    assert next_fetch(outcome, now=0, first=0, failures=last + 9).next_due == later


def test_a_story_known_from_another_page_is_found(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([link(1), link("alias"), link("late_alias")])
    first, alias, _ = frontier.take(9)
    one, two = article(first), article(alias, url=first.url)
    frontier.finish(first.url, "article", one)
    # Within a run the order of the archive decides, not that of extraction.
    assert frontier.find_duplicate(two) is None
    frontier = DatabaseFrontier(state.urls, "run2", clock)
    assert frontier.find_duplicate(one) is None
    assert frontier.find_duplicate(article(link("late_alias"), url=first.url)) == first.url


def test_lines_of_a_killed_run_are_taken_over(opened: Opened, clock: Clock) -> None:
    """Its lines are the truth: state may have missed the last of them, or kept what a lost machine forgot."""
    state = opened()
    state.runs.begin("run1", Holder(host="here", pid=1), epoch_seconds(clock()))
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([link(n) for n in range(4)])
    taken = frontier.take(4)
    for one in taken[:2]:
        frontier.finish(one.url, "article", article(one))
    lines: list[Article | Rejection] = [
        article(taken[0]),
        article(taken[2]),
        reject_article(article(link("never_heard_of")), "validate", "too_short"),
    ]
    (run,) = state.runs.unfinished()
    assert adopt_killed_run(state.urls, state.runs, run, lines, epoch_seconds(clock())) == (2, 1)
    assert state.runs.unfinished() == []
    again = DatabaseFrontier(state.urls, "run2", clock)
    assert urls(again.take(9)) == ["1"]
    assert urls(again.take(9)) == ["3"], "alone: its process died beside it"
    row = state.urls.row(page_key("paper", taken[2].url))
    assert row
    assert (row.status, row.article_id, row.version) == ("done", lines[1].id, 1)  # type: ignore[union-attr]
    never = state.urls.row(page_key("paper", link("never_heard_of").url))
    assert never
    assert never.status == "rejected"


def killed(state: State, clock: Clock, run: str, lines: list[Article | Rejection] | None = None) -> None:
    """What the next run does about a run that was killed."""
    (row,) = [one for one in state.runs.unfinished() if one.id == run]
    adopt_killed_run(state.urls, state.runs, row, lines or [], epoch_seconds(clock()))


def test_what_was_in_flight_comes_first(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add(link(f"old{n}", published=f"2026-01-0{n}T00:00:00Z") for n in range(1, 6))
    assert urls(frontier.take(2)) == ["old5", "old4"]
    again = DatabaseFrontier(state.urls, "run2", clock)
    again.add([link("new", published="2026-03-01T00:00:00Z")])
    assert not again.is_careful, "that run was stopped, its process did not die"
    assert urls(again.take(9)) == ["old5", "old4", "new", "old3", "old2", "old1"]


def test_a_page_beside_which_the_process_dies_is_given_up(opened: Opened, clock: Clock) -> None:
    """The others that were in flight with it are fetched first, and one by one."""
    state = opened()
    state.runs.begin("run0", Holder(host="here", pid=1), epoch_seconds(clock()))
    frontier = DatabaseFrontier(state.urls, "run0", clock)
    frontier.add([link(n) for n in range(4)])
    frontier.take(3)
    killed(state, clock, "run0")
    for number in (1, 2):
        state.runs.begin(f"run{number}", Holder(host="here", pid=1), epoch_seconds(clock()))
        frontier = DatabaseFrontier(state.urls, f"run{number}", clock)
        assert frontier.is_careful
        good = [article(link(n)) for n in ("12" if number == 1 else "")]
        for one in good:
            frontier.finish(one.url, "article", one)
        # What is left is the page that kills: it is alone in flight.
        assert urls(frontier.take(9)) == ["0"]
        assert frontier.skip_reason(link(0).url) is None
        killed(state, clock, f"run{number}", [*good])
    frontier = DatabaseFrontier(state.urls, "run3", clock)
    assert urls(frontier.take(9)) == ["0"]
    assert frontier.skip_reason(link(0).url) == "kills_the_run"
    frontier.finish(link(0).url, "kills_the_run")
    assert not frontier.is_careful
    assert urls(frontier.take(9)) == ["3"]
    clock.pass_(days=29)
    state.runs.begin("run4", Holder(host="here", pid=1), epoch_seconds(clock()))
    assert "0" not in urls(DatabaseFrontier(state.urls, "run4", clock).take(9))
    state.urls.lift_quarantine(epoch_seconds(clock()))
    frontier = DatabaseFrontier(state.urls, "run5", clock)
    assert "0" in urls([*frontier.take(9), *frontier.take(9)])
    assert frontier.skip_reason(link(0).url) is None


def test_a_page_that_ended_is_no_longer_suspect(opened: Opened, clock: Clock) -> None:
    state = opened()
    for number in range(3):
        state.runs.begin(f"run{number}", Holder(host="here", pid=1), epoch_seconds(clock()))
        frontier = DatabaseFrontier(state.urls, f"run{number}", clock)
        frontier.add([link(1)])
        assert urls(frontier.take(1)) == ["1"]
        if number % 2:
            frontier.finish(link(1).url, "article", article(link(1)))
            clock.pass_(days=1)
        killed(state, clock, f"run{number}", [article(link(1))] if number % 2 else None)
    row = state.urls.row(page_key("paper", link(1).url))
    assert row
    assert row.crash_count == 1


def test_an_outlet_may_have_its_own_ages(opened: Opened, clock: Clock) -> None:
    opened()
    state = State.on(opened().database, "paper", Holder(host="here", pid=1), (1800, 7200))
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([link(1)])
    (first,) = frontier.take(1)
    frontier.finish(first.url, "article", article(first))
    row = state.urls.row(page_key("paper", first.url))
    assert row
    assert row.next_due == epoch_seconds(START) + 1800


def witness(file: str = "f1", source: str = "feed", content: str = "1") -> WitnessPointer:
    return WitnessPointer(
        file=file,
        offset=7,
        length=1,
        record_id="<urn:feed>",
        source=source,  # type: ignore[arg-type]
        entry="g",
        content_sha256=content,
    )


def test_a_witness_waits_with_its_link(opened: Opened, clock: Clock) -> None:
    given = replace(link(1, content="<p>The story.</p>"), witness=witness())
    DatabaseFrontier(opened().urls, "run1", clock).add([given])
    frontier = DatabaseFrontier(opened().urls, "run2", clock)
    assert frontier.find_witness(link(1).url) is None
    assert frontier.take(1) == [link(1)], "what the source's record has is not stored twice"
    assert frontier.find_witness("https://paper.example/1?utm_source=x") == witness()
    frontier.finish(link(1).url, "article", article(link(1)))
    assert frontier.find_witness(link(1).url) is None


def test_a_witness_of_another_source_is_found_while_the_page_is_fetched(opened: Opened, clock: Clock) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock)
    frontier.add([link(1, via="sitemap"), link(2, via="sitemap")])
    frontier.take(1)
    other = replace(link(1), witness=witness()), replace(link(2), witness=witness())
    assert frontier.add(other) == 0
    assert frontier.find_witness(link(1).url) == witness()
    assert frontier.take(9) == [link(2, via="sitemap")]
    assert frontier.find_witness(link(2).url) == witness()
    assert frontier.counts()["pending"] == 0, "a witness alone makes no page due"


def test_a_page_left_in_flight_takes_the_witness_that_came_since(opened: Opened, clock: Clock) -> None:
    killed = DatabaseFrontier(opened().urls, "run1", clock)
    killed.add([replace(link(1), witness=witness("f1"))])
    killed.take(1)
    frontier = DatabaseFrontier(opened().urls, "run2", clock)
    frontier.add([replace(link(1), witness=witness("f2"))])
    assert frontier.take(1) == [link(1)]
    assert frontier.find_witness(link(1).url) == witness("f2")


@pytest.mark.parametrize(
    ("new", "is_taken"),
    [
        (witness(), False),
        (witness(content="2"), True),
        (witness(file="f2"), True),
        (witness(source="api"), True),
        (witness(file="f2", source="api"), True),
    ],
    ids=["same", "changed", "newer", "api", "newer api"],
)
def test_a_page_takes_the_newest_witness_and_the_api_of_two(
    opened: Opened, clock: Clock, new: WitnessPointer, is_taken: bool
) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock)
    frontier.add([replace(link(1), witness=witness())])
    frontier.add([replace(link(1), witness=new)])
    frontier.take(1)
    assert frontier.find_witness(link(1).url) == (new if is_taken else witness())
    frontier.add([replace(link(1), witness=witness())])
    if new.source == "api" and new.file == "f1":
        assert frontier.find_witness(link(1).url) == new


def test_a_story_keeps_its_pages_until_they_were_missing_at_several_looks(
    opened: Opened, clock: Clock
) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([link(1)])
    (first,) = frontier.take(1)
    pointer = WarcPointer(file="f", offset=0, length=1, record_id="<urn:1>")
    pages = [StoryPage(url=first.url, warc=pointer), StoryPage(url=f"{first.url}/2", warc=pointer)]
    whole = article(first).model_copy(update={"pages": [*pages, StoryPage(url=f"{first.url}/3")]})
    frontier.finish(first.url, "article", whole.model_copy(update={"warc": pointer}))
    clock.pass_(hours=1)
    for number, delay in enumerate(RETRY_DELAYS):
        frontier = DatabaseFrontier(state.urls, f"look{number}", clock)
        (again,) = frontier.take(1)
        assert again.known_pages == 2
        frontier.finish(again.url, STORY_INCOMPLETE)
        clock.pass_(seconds=delay)
    frontier = DatabaseFrontier(state.urls, "last", clock)
    (again,) = frontier.take(1)
    assert (again.known_id, again.known_pages) == (whole.id, 0)


def test_a_story_that_lacks_pages_is_looked_at_again_whatever_failed_before() -> None:
    for failures in range(len(RETRY_DELAYS) + 2):
        following = next_fetch(STORY_INCOMPLETE, now=1000, first=0, failures=failures)
        assert following.status == "failed"
        assert following.next_due == 1000 + RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)]
        assert following.failures <= len(RETRY_DELAYS)


@pytest.mark.parametrize(
    ("new", "is_taken"),
    [
        (witness(file="f2"), False),
        (witness(file="f2", content="2"), True),
        (witness(file="f2", source="api"), True),
    ],
)
def test_the_same_story_in_a_newer_answer_is_stored_only_for_a_page_of_this_run(
    opened: Opened, clock: Clock, new: WitnessPointer, is_taken: bool
) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock)
    frontier.add([replace(link(1), witness=witness())])
    (first,) = frontier.take(1)
    frontier.finish(first.url, "article", article(first))
    clock.pass_(minutes=30)
    frontier = DatabaseFrontier(state.urls, "run2", clock)
    frontier.add([replace(link(1), witness=new)])
    row = state.urls.row(page_key(state.urls.outlet, first.url))
    assert row
    assert WitnessPointer.model_validate_json(row.witness) == (new if is_taken else witness())
    clock.pass_(hours=1)
    frontier = DatabaseFrontier(state.urls, "run3", clock)
    frontier.add([replace(link(1), witness=witness(file="f3"))])
    assert frontier.take(1)
    assert frontier.find_witness(first.url) == witness(file="f3"), "it is due"


def test_a_page_that_is_never_fetched_again_takes_no_witness(opened: Opened, clock: Clock) -> None:
    frontier = DatabaseFrontier(opened().urls, "run1", clock)
    frontier.add([link(1)])
    frontier.take(1)
    frontier.finish(link(1).url, "http_410")
    frontier.add([replace(link(1), witness=witness())])
    row = opened().urls.row(page_key("paper", link(1).url))
    assert row is None or row.next_due is not None or row.witness is None


def test_outcomes_are_stored_together_and_none_is_forgotten(opened: Opened, clock: Clock) -> None:
    state = opened()
    frontier = DatabaseFrontier(state.urls, "run1", clock, outcomes_at_once=3)
    frontier.add([link(n) for n in range(5)])
    taken = frontier.take(5)

    def stored() -> list[str | None]:
        rows = (state.urls.row(page_key("paper", each.url)) for each in taken)
        return [row and row.reason for row in rows]

    for each, outcome in zip(taken[:2], ("article", "listing"), strict=True):
        frontier.finish(each.url, outcome, article(each) if outcome == "article" else None)
    assert stored() == [None] * 5
    frontier.finish(taken[2].url, "article", article(taken[2]))
    assert stored() == ["article", "listing", "article", None, None]
    frontier.finish(taken[3].url, "article", article(taken[3]))
    # The same page again within what waits.
    frontier.withdraw(taken[3].url, "duplicate")
    assert stored()[3] == "article"
    counts = frontier.counts()
    assert stored()[3] == "article", "counting stores nothing"
    assert counts == {"pending": 0, "fetching": 1, "article": 2, "duplicate": 1, "listing": 1}
    frontier.store_outcomes()
    assert stored() == ["article", "listing", "article", "duplicate", None]
    assert frontier.counts() == counts


def test_a_run_that_has_lost_its_lease_stores_no_outcome_over_those_of_the_next(
    opened: Opened, clock: Clock
) -> None:
    state, lost = opened(), False
    frontier = DatabaseFrontier(state.urls, "run1", clock, outcomes_at_once=2, may_store=lambda: not lost)
    frontier.add([link(n) for n in range(4)])
    taken = frontier.take(3)
    frontier.finish(taken[0].url, "listing")
    lost = True
    later = DatabaseFrontier(opened().urls, "run2", clock)
    for each in later.take(9):
        later.finish(each.url, "article", article(each))
    frontier.finish(taken[1].url, "timeout")
    frontier.finish(taken[2].url, "timeout")
    frontier.store_outcomes()
    rows = [state.urls.row(page_key("paper", each.url)) for each in taken]
    assert [row and (row.reason, row.run) for row in rows] == [("article", "run2")] * 3


def test_what_waits_to_be_stored_counts_as_stored(opened: Opened, clock: Clock) -> None:
    state = opened()
    first = DatabaseFrontier(state.urls, "run1", clock)
    first.add([link(1), link(2)])
    for each in first.take(2):
        first.finish(each.url, "article", article(each, text=each.url, url="https://paper.example/same"))
    clock.pass_(days=1)
    frontier = DatabaseFrontier(state.urls, "run2", clock, outcomes_at_once=9)
    one, two = frontier.take(2)
    moved = article(two, text=one.url, url="https://paper.example/same")
    assert frontier.find_duplicate(moved) == normalize_url(one.url)
    frontier.finish(one.url, "article", article(one, text="New text."))
    assert frontier.find_duplicate(moved) is None
    frontier.finish(two.url, "article", moved)
    # A source that describes a page otherwise makes it due again, after its outcome.
    frontier.add([link(2, title="Story 2, corrected")])
    assert [each.url for each in frontier.take(9)] == [two.url]


def test_a_killed_run_leaves_no_line_without_state(opened: Opened, clock: Clock) -> None:
    state = opened()
    state.runs.begin("run1", Holder(host="here", pid=1), epoch_seconds(clock()))
    frontier = DatabaseFrontier(state.urls, "run1", clock, outcomes_at_once=8)
    frontier.add([link(n) for n in range(4)])
    taken = frontier.take(4)
    listing = reject_article(article(taken[1]), "validate", "listing")
    lines: list[Article | Rejection] = [article(taken[0]), listing]
    frontier.finish(taken[0].url, "article", article(taken[0]))
    frontier.finish(taken[1].url, "listing")
    # The process dies here.
    (run,) = state.runs.unfinished()
    assert adopt_killed_run(state.urls, state.runs, run, lines, epoch_seconds(clock())) == (2, 0)
    rows = [state.urls.row(page_key("paper", each.url)) for each in taken]
    assert [row and (row.reason, row.crash_count) for row in rows] == [
        ("article", 0),
        ("listing", 0),
        (None, 1),
        (None, 1),
    ]
