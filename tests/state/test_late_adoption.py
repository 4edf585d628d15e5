"""A killed run whose files stay open, as on a machine that is gone, is adopted only after later runs.

Lines are pairs of the run that wrote them and what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from newscrawl.items import Article, Extractor, Http, Link, Rejection, WarcPointer
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.reconcile import (
    Line,
    WrittenLine,
    adopt_killed_run,
    find_inconsistencies,
    repair_state,
)
from newscrawl.state.runs import Holder, State
from newscrawl.state.versions import assign_version

DAY = 24 * 3600
BEGAN = 1_780_000_000
URL = "https://paper.example/quay"


def read_page(link: Link, text: str) -> Article | Rejection:
    digest = sha256(text.encode()).hexdigest()
    article = Article(
        id=digest[:32],
        url_requested=link.url,
        url=link.url,
        url_norm=link.url,
        title="The quay",
        text=text,
        text_sha256=digest,
        fetched="2026-06-01T12:00:00.000000Z",
        http=Http(),
        warc=WarcPointer(file="f", offset=0, length=1, record_id="<urn:x>", payload_digest=digest),
        extractor=Extractor(name="x", version="1"),
    )
    return assign_version(article, link)


class Crawls:
    """Runs over a page, a day apart; only `adopt` brings a killed one to its end."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.lines: list[tuple[str, Line]] = []
        self.now = BEGAN

    def crawl(self, run: str, text: str, *, is_killed: bool = False, are_lines_lost: bool = False) -> None:
        self.state.runs.begin(run, Holder(host="gone", pid=1), self.now)
        frontier = DatabaseFrontier(self.state.urls, run, lambda: datetime.fromtimestamp(self.now, UTC))
        frontier.add([Link(url=URL, via="feed")])
        for link in frontier.take(1):
            line = read_page(link, text)
            frontier.finish(link.url, *("article", line) if isinstance(line, Article) else (line.reason,))
            if not are_lines_lost:
                self.lines.append((run, line))
        if not is_killed:
            self.state.runs.end(run, self.now, reason="finished")
        self.now += DAY

    def adopt(self) -> None:
        for run in self.state.runs.unfinished():
            lines = [line for name, line in self.lines if name == run.id]
            adopt_killed_run(self.state.urls, self.state.runs, run, lines, self.now)

    def repair(self) -> None:
        repair_state(self.state.urls, self.written(), self.now)

    def written(self) -> list[WrittenLine]:
        return [WrittenLine(run=run, item=line, is_archived=True) for run, line in self.lines]

    def inconsistencies(self) -> list[str]:
        return [str(found) for found in find_inconsistencies(self.state.urls, self.written())]

    def outcomes(self) -> list[tuple[str, int | str]]:
        return [(run, line.version if isinstance(line, Article) else line.reason) for run, line in self.lines]


@pytest.fixture
def crawls(opened: Callable[..., State]) -> Crawls:
    return Crawls(opened())


@pytest.mark.parametrize("mend", [Crawls.adopt, Crawls.repair])
def test_a_lost_text_that_a_later_run_found_unchanged_is_written(
    crawls: Crawls, mend: Callable[[Crawls], None]
) -> None:
    crawls.crawl("a", "It reopens in May.", is_killed=True, are_lines_lost=True)
    crawls.crawl("b", "It reopens in May.")
    mend(crawls)
    assert crawls.inconsistencies() == []
    crawls.crawl("c", "It reopens in May.")
    assert crawls.outcomes() == [("b", "unchanged"), ("c", 1)]
    assert crawls.inconsistencies() == []


def test_the_version_that_a_later_run_wrote_stays(crawls: Crawls) -> None:
    crawls.crawl("a", "It reopens in May.", is_killed=True)
    crawls.crawl("b", "It reopens in June.")
    crawls.adopt()
    assert crawls.inconsistencies() == []
    crawls.now += 7 * DAY
    crawls.crawl("c", "It reopens in June.")
    assert crawls.outcomes() == [("a", 1), ("b", 2), ("c", "unchanged")]
