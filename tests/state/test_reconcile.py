"""What a run did whose lines are lost counts as never done: its pages are fetched again, for their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from newscrawl.items import Article, Extractor, Http, Link, Rejection, WarcPointer, reject_article
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.encoding import page_key
from newscrawl.state.reconcile import (
    Line,
    WrittenLine,
    adopt_killed_run,
    find_inconsistencies,
    mark_taken_down,
)
from newscrawl.state.runs import Holder, State
from newscrawl.state.versions import assign_version

US = Holder(host="here", pid=1)
BEGAN = 1_780_000_000
DAY = 24 * 3600
Opened = Callable[..., State]


def extract(link: Link, text: str) -> Article | Rejection:
    """What the page of a link becomes in a crawl."""
    digest = sha256(text.encode()).hexdigest()
    article = Article(
        id=sha256(f"{link.url} {digest}".encode()).hexdigest()[:32],
        url_requested=link.url,
        url=link.url,
        url_norm=link.url,
        title="Bridge reopens",
        text=text,
        text_sha256=digest,
        fetched="2026-06-01T12:00:00.000000Z",
        http=Http(etag=f'"{digest[:8]}"'),
        warc=WarcPointer(file="f", offset=0, length=1, record_id=f"<urn:{link.url}>", payload_digest=digest),
        extractor=Extractor(name="x", version="1"),
    )
    return assign_version(article, link)


class Paper:
    """An outlet with a single page, the lines on its disk, and a day between two runs."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.link = Link(
            url="https://paper.example/bridge", via="feed", from_url="https://paper.example/feed"
        )
        self.lines: list[tuple[str, Line]] = []
        self.now = BEGAN
        self.runs = 0

    def crawl(self, text: str, *, are_lines_lost: bool = False, reason: str = "") -> Line | None:
        """The line that a run makes of the page with this text, or None when the page is not due."""
        for run in self.state.runs.unfinished():
            adopt_killed_run(self.state.urls, self.state.runs, run, self._lines(run.id), self.now)
        self.runs += 1
        run_id = f"run{self.runs}"
        self.state.runs.begin(run_id, US, self.now)
        frontier = DatabaseFrontier(self.state.urls, run_id, lambda: datetime.fromtimestamp(self.now, UTC))
        frontier.add([self.link])
        line: Line | None = None
        for link in frontier.take(1):
            line = extract(link, text)
            if reason and isinstance(line, Article):
                if reason == "duplicate":
                    frontier.finish(link.url, "article", line)
                line = reject_article(line, "dedupe", reason)
            frontier.finish(link.url, *("article", line) if isinstance(line, Article) else (line.reason,))
            if not are_lines_lost:
                self.lines.append((run_id, line))
        self.now += DAY
        if not are_lines_lost:
            self.state.runs.end(run_id, self.now, reason="finished")
        return line

    def _lines(self, run: str) -> Iterable[Line]:
        return [line for name, line in self.lines if name == run]

    def inconsistencies(self) -> list[str]:
        written = [WrittenLine(run=run, item=line, is_archived=True) for run, line in self.lines]
        return [str(found) for found in find_inconsistencies(self.state.urls, written)]


@pytest.fixture
def paper(opened: Opened) -> Paper:
    return Paper(opened())


def versions(lines: Iterable[tuple[str, Line]]) -> list[tuple[str, int | str]]:
    return [(run, line.version if isinstance(line, Article) else line.reason) for run, line in lines]


def test_an_article_whose_line_was_lost_is_written_by_the_next_run(paper: Paper) -> None:
    paper.crawl("It reopens in May.", are_lines_lost=True)
    assert isinstance(paper.crawl("It reopens in May."), Article)
    assert versions(paper.lines) == [("run2", 1)]
    assert paper.inconsistencies() == []


def test_the_lost_text_is_no_reason_for_a_304(paper: Paper) -> None:
    paper.crawl("It reopens in May.", are_lines_lost=True)
    (run,) = paper.state.runs.unfinished()
    adopt_killed_run(paper.state.urls, paper.state.runs, run, [], paper.now)
    frontier = DatabaseFrontier(paper.state.urls, "run2", lambda: datetime.fromtimestamp(paper.now, UTC))
    (link,) = frontier.take(1)
    assert (link.known_id, link.known_version, link.known_payload) == (None, 0, None)
    assert frontier.previous_fetch(link.url) is None


@pytest.mark.parametrize("after", ["It reopens in June.", "It reopens in May.", "It reopens in July."])
def test_the_version_before_a_lost_one_is_the_known_one(paper: Paper, after: str) -> None:
    """June's line was lost: June again is version 2, May is unchanged, and July is version 2 after May."""
    first = paper.crawl("It reopens in May.")
    paper.crawl("It reopens in June.", are_lines_lost=True)
    line = paper.crawl(after)
    assert line
    if after == "It reopens in May.":
        assert versions(paper.lines) == [("run1", 1), ("run3", "unchanged")]
    else:
        assert isinstance(line, Article)
        assert (line.version, line.previous_id) == (2, getattr(first, "id", None))
    assert paper.inconsistencies() == []


def test_two_lost_runs_leave_the_last_line_that_there_is(paper: Paper) -> None:
    paper.crawl("It reopens in May.")
    paper.crawl("It reopens in June.", are_lines_lost=True)
    paper.crawl("It reopens in July.", are_lines_lost=True)
    line = paper.crawl("It reopens in July.")
    assert isinstance(line, Article)
    assert (line.version, line.previous_id) == (2, getattr(paper.lines[0][1], "id", None))


@pytest.mark.parametrize("reason", ["too_short", "duplicate", "known"])
def test_a_lost_rejection_leaves_the_text_before_it(paper: Paper, reason: str) -> None:
    paper.crawl("It reopens in May.")
    paper.crawl("It reopens in June.", are_lines_lost=True, reason=reason)
    assert isinstance(paper.crawl("It reopens in May."), Rejection)
    assert versions(paper.lines) == [("run1", 1), ("run3", "unchanged")]
    assert paper.inconsistencies() == []


def test_what_is_set_back_looks_as_before_that_run(paper: Paper) -> None:
    """So `newscrawl check` finds nothing to complain of before the next run."""
    for reason in ("", "too_short"):
        paper.crawl("It reopens in May.", are_lines_lost=True, reason=reason)
        (run,) = paper.state.runs.unfinished()
        assert adopt_killed_run(paper.state.urls, paper.state.runs, run, [], paper.now) == (0, 1)
        assert paper.inconsistencies() == []
    paper.crawl("It reopens in May.")
    paper.crawl("It reopens in May.", are_lines_lost=True)
    (run,) = paper.state.runs.unfinished()
    adopt_killed_run(paper.state.urls, paper.state.runs, run, [], paper.now)
    assert paper.inconsistencies() == []


def test_a_page_that_was_taken_down_leaves_nothing_of_its_text(paper: Paper) -> None:
    paper.crawl("It reopens in May.")
    paper.crawl("It reopens in June.")
    mark_taken_down(paper.state.database, "paper", [paper.link.url], paper.now)
    row = paper.state.urls.row(page_key("paper", paper.link.url))
    assert row
    assert row.previous_values is None
