"""A month of `newscrawl run --due` in minutes: the code that decides is the real one, the wire is a model.

Whose turn it is, which sources are asked, what is fetched next, when it is due again and how long who fails
waits is decided by newscrawl itself, on its own database. Newsrooms, the network and the clock are made up.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from newscrawl.items import Article, Extractor, Http, Link, Rejection, WarcPointer, reject_article
from newscrawl.spiders.outlet import DueSources
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.due_outlets import (
    Agenda,
    Rotation,
    due_times,
    find_next_due,
    is_due,
    read_due,
    record_failure,
    refresh_due_times,
)
from newscrawl.state.reconcile import adopt_killed_run
from newscrawl.state.runs import Holder, RunEnd, State
from newscrawl.state.sources import AT_ONCE, FetchResult, SourceConfig
from wire.paper_model import DAY, Paper

US = Holder(host="here", pid=1)
TICK = 600
"Seconds between two starts by the timer."
DELAY = 3
"Seconds between two requests to a host."
START, CLOSE = 4, 2
"Seconds a process takes to begin and to end."
DIES = 0.003
"Share of runs that are killed at some page."
STALE = 300
"Seconds for which what is due is not looked up again."


@dataclass
class Outcome:
    """What came of the month."""

    waits: list[int] = field(default_factory=list)
    "Seconds from when an outlet was due until its crawl began."
    late: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    "Seconds from publication to the first fetch, by kind of newsroom."
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    "Sources asked, by kind of newsroom and day."
    edits_seen: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    "By what was asked for: source, page."
    impolite: int = 0
    "Requests that came while another was at the same host, or too soon after it."
    killed: int = 0
    runs: int = 0
    wrong: int = 0
    "Outlets that were due by their rows and not by what is stored of them, or the other way round."


class Month:
    """Newsrooms, the database of those who crawl them, and a clock."""

    def __init__(self, newsrooms: list[Paper], begin: int, jobs: int, seed: int) -> None:
        self.papers = {paper.id: paper for paper in newsrooms}
        self.begin = begin
        self.jobs = jobs
        self.outcome = Outcome()
        self.database = Database.open("sqlite://")
        self.files = {
            paper.id: SourceConfig(configured=[("feed", paper.feed)], digest="rules") for paper in newsrooms
        }
        self._dice = Random(seed)
        self._free: dict[str, int] = {}
        "Host to when it was left."
        self._lines: dict[str, list[Article | Rejection]] = {}
        "Of killed runs."
        self._seen: dict[tuple[str, int], int] = {}
        "Version of each story that is archived."

    def pass_(self, days: int) -> None:
        now, end = self.begin, self.begin + days * DAY
        while now < end:
            over = self._tick(now, end)
            # The timer starts no second one beside the first.
            now = max(now + TICK, -(-over // TICK) * TICK)

    def _tick(self, now: int, end: int) -> int:
        """One `newscrawl run --due`; when it has ended."""
        hosts = {name: frozenset({paper.host}) for name, paper in self.papers.items()}
        agenda = Agenda({}, ())
        fresh_until = -1

        def read_agenda(at: int) -> Agenda:
            nonlocal agenda, fresh_until
            if at >= fresh_until:
                begun = refresh_due_times(self.database, self.files, at)
                agenda, fresh_until = Agenda(read_due(self.database, at), begun), at + STALE
                found = due_times(self.database, self.files, at)
                self.outcome.wrong += sum(
                    (name in agenda.due) != (found.get(name, AT_ONCE) <= at) for name in begun
                )
            return agenda

        turns, at_work = Rotation(hosts, read_agenda), list[tuple[int, str]]()
        while True:
            while len(at_work) < self.jobs and now < end and (name := turns.next(now)):
                if not is_due(self.database, name, self.files[name], now):
                    turns.release(name)
                    continue
                if agenda.due.get(name, AT_ONCE) > AT_ONCE:
                    self.outcome.waits.append(now - agenda.due[name])
                heapq.heappush(at_work, (self._crawl(self.papers[name], now), name))
            if not at_work:
                return now
            now, name = heapq.heappop(at_work)
            turns.release(name)

    def _crawl(self, paper: Paper, began: int) -> int:
        """One run of an outlet; when it has ended."""
        self.outcome.runs += 1
        clock = _Clock(began + START)
        state = State.on(self.database, paper.id, US)
        for run in state.runs.unfinished():
            adopt_killed_run(state.urls, state.runs, run, self._lines.pop(run.id), clock.second())
        name = f"{paper.id}-{began}"
        state.runs.begin(name, US, clock.second())
        frontier = DatabaseFrontier(state.urls, name, clock)
        failed = self._ask_sources(paper, state, frontier, clock)
        if not self._fetch_pages(paper, frontier, clock, name):
            self.outcome.killed += 1
            record_failure(self.database, paper.id, "killed", clock.second())
            return clock.second()
        has_failed = failed and not any(frontier.counts().values())
        file, over = self.files[paper.id], clock.second()
        due = max(find_next_due(state, file, over), began + START)
        values = {"reason": "finished"}
        state.end_run(RunEnd(name, over, values, not has_failed, due, file.digest, over - 40 * DAY), over)
        if has_failed:
            record_failure(self.database, paper.id, "no link was found", clock.second())
        return clock.second() + CLOSE

    def _ask_sources(self, paper: Paper, state: State, frontier: DatabaseFrontier, clock: _Clock) -> bool:
        """Whether one of them failed."""
        asking = DueSources(self.files[paper.id], state.sources, clock.second)
        asked, failed = set[str](), False
        waiting = deque(asking.first() or [])
        while waiting:
            kind, url, depth = waiting.popleft()
            if url in asked:
                continue
            asked.add(url)
            self._request("source", paper, clock)
            self.outcome.asked[paper.kind, (clock.second() - self.begin) // DAY] += 1
            if not paper.answers(clock.second()):
                failed = True
                state.sources.record(FetchResult(url=url, outcome="http_503", kind=kind), clock.second())
                continue
            listed = paper.listed(clock.second())
            frontier.add(self._links(paper, listed))
            state.sources.record(_answer(paper, url, kind, listed, clock), clock.second())
            waiting.extend(asking.following(kind, (), depth))
        return failed

    def _links(self, paper: Paper, listed: range) -> Iterator[Link]:
        for story in reversed(listed):
            date = datetime.fromtimestamp(paper.stories[story], UTC).isoformat()
            yield Link(
                url=paper.url(story), via="feed", from_url=paper.feed, title=f"Story {story}", published=date
            )

    def _fetch_pages(self, paper: Paper, frontier: DatabaseFrontier, clock: _Clock, run: str) -> bool:
        """Whether the process lived to see the end."""
        dies_at = self._dice.randrange(4) if self._dice.random() < DIES else None
        lines: list[Article | Rejection] = []
        while links := frontier.take(1 if frontier.is_careful else 32):
            for link in links:
                if dies_at is not None and len(lines) >= dies_at:
                    self._lines[run] = lines
                    return False
                self._request("page", paper, clock)
                lines.append(self._page(paper, link, clock.second()))
                last = lines[-1]
                outcome = "article" if isinstance(last, Article) else last.reason
                frontier.finish(link.url, outcome, last if isinstance(last, Article) else None)
        return True

    def _page(self, paper: Paper, link: Link, now: int) -> Article | Rejection:
        story = paper.story_at(link.url)
        version = paper.version(story, now)
        article = _article(link, story, version)
        if not paper.answers(now):
            return reject_article(article, "fetch", "http_503")
        before = self._seen.get((paper.id, story))
        if before == version:
            return reject_article(article, "dedupe", "not_modified")
        if before is None and paper.stories[story] >= self.begin:
            self.outcome.late[paper.kind].append(now - paper.stories[story])
        self.outcome.edits_seen += before is not None
        self._seen[paper.id, story] = version
        return article

    def _request(self, what: str, paper: Paper, clock: _Clock) -> None:
        clock.pass_(DELAY)
        self.outcome.requests[what] += 1
        self.outcome.impolite += clock.second() < self._free.get(paper.host, 0) + DELAY
        self._free[paper.host] = clock.second()


class _Clock:
    def __init__(self, now: int) -> None:
        self._now = now

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)

    def second(self) -> int:
        return self._now

    def pass_(self, seconds: int) -> None:
        self._now += seconds


def _answer(paper: Paper, url: str, kind: str, listed: range, clock: _Clock) -> FetchResult:
    edited = sum(paper.version(story, clock.second()) - 1 for story in listed)
    digest = f"sha1:{listed.stop}"
    pointer = WarcPointer(file="f", offset=0, length=1, record_id="<urn:x>", payload_digest=digest)
    assert edited >= 0, "edits do not show in the feed: looks have to find them"
    return FetchResult(
        url=url,
        outcome="ok",
        kind=kind,
        min_interval=paper.least,
        answered=url,
        warc=pointer,
        outlet_digest="rules",
    )


_SAMPLE = Article(
    id="",
    url_requested="",
    url="",
    url_norm="",
    title="A story",
    text="Text.",
    text_sha256="",
    fetched="2026-03-01T12:00:00.000000Z",
    http=Http(etag='"e1"'),
    warc=WarcPointer(file="f", offset=0, length=1, record_id="<urn:y>", payload_digest="sha1:B"),
    extractor=Extractor(name="x", version="1"),
)


def _article(link: Link, story: int, version: int) -> Article:
    return _SAMPLE.model_copy(
        update={
            "id": f"{link.url} {version}",
            "url_requested": link.url,
            "url": link.url,
            "url_norm": link.url,
            "text_sha256": f"{story}.{version}",
            "version": version,
        }
    )
