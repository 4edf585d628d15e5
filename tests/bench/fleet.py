"""A month of 10,000 outlets by a made-up clock: `python tests/bench/fleet.py [outlets] [days] [crawls]`.

When a source is asked again, when a page is, and what starts a run of its own is decided by newscrawl; the
newsrooms are made up, and what a run costs was measured (docs/scale.md). `crawls`: at a time.
Prints cores, memory, statements and files, and how long stories wait. It takes ten minutes.
"""

from __future__ import annotations

import heapq
import math
import sys
import time
from collections import Counter, deque
from functools import cache
from random import Random
from typing import Any, NamedTuple

from newscrawl.state.due_outlets import REVISIT_SLACK
from newscrawl.state.refetch_policy import DAY, HOUR, next_fetch
from newscrawl.state.sources import FetchResult, _values_after_answer

SOURCES = 3
MEAN_STORIES = 36.0
"Of an outlet a day; half of the outlets have less than 13."
SPREAD = 1.43
"Of the logarithm of that rate."
MORNING, NIGHT = 6, 22
"Hours between which newsrooms publish."
DELAY = 3.0
"Seconds between two requests to a host."
LOOK_SECONDS = 30
"Seconds for which nobody looks again what is due."


class Costs(NamedTuple):
    """What was measured of a run; CPU in seconds, memory in MB."""

    fork: float = 0.034
    "Until the command line of a crawl has been read."
    begin_and_end: float = 0.18
    "The parts of a crawl, its connection to the database, its report."
    request: float = 0.015
    "Conditional, with an answer that nothing has changed."
    story: float = 0.23
    "The first of a run. Its page, its extraction, its line."
    next_story: float = 0.045
    python: float = 3.4
    "Of a quiet run in a Python of its own; what forks crawls costs as much, once in `forks` crawls."
    forks: int = 2000
    quiet_memory: int = 35
    story_memory: int = 67
    "With the process that extracts."
    shared_memory: int = 290
    "Once on each machine."
    statements: int = 30
    story_statements: int = 24
    next_story_statements: int = 4
    files: int = 4
    "WARC, articles, rejections, report. A crawl leaves no empty file."


class Files(NamedTuple):
    """Files that a crawl leaves in a folder, where quiet crawls share some, and in a bucket."""

    folder: int
    bucket: int


COSTS = Costs()


class _Row(NamedTuple):
    """What the product reads of a source's row to find its next interval."""

    interval: int
    payload_digest: str = "same"
    min_interval: int | None = None


_SAME = FetchResult(url="", outcome="not_modified")
_CHANGED = FetchResult(url="", outcome="ok")


@cache
def next_interval(interval: int | None, is_changed: bool) -> int:
    """Seconds until a source is asked again, by the product; `interval`: those before, None at first."""
    row: Any = None if interval is None else _Row(interval)
    values = _values_after_answer(row, _CHANGED if is_changed else _SAME, 0)
    return int(values["next_due"])


@cache
def next_look(age: int) -> int | None:
    """The age at which a story of this age is fetched again, by the product."""
    return next_fetch("article", now=age, first=0, failures=0).next_due


class Paper:
    """A newsroom, and what is known of it."""

    __slots__ = (
        "asked",
        "continues",
        "dice",
        "due",
        "intervals",
        "known",
        "looks",
        "newest",
        "pending",
        "rate",
        "upcoming",
    )

    def __init__(self, number: int, begin: float) -> None:
        self.dice = Random(number)
        # A lognormal distribution whose mean is MEAN_STORIES.
        self.rate = MEAN_STORIES * math.exp(self.dice.gauss(-SPREAD * SPREAD / 2, SPREAD)) / DAY
        self.rate *= 24 / (NIGHT - MORNING)
        self.upcoming = self._publish(begin)
        self.pending: list[float] = []
        "Stories that are out and not fetched."
        self.newest = 0.0
        "When the last story came out."
        self.asked = [begin] * SOURCES
        self.intervals: list[int | None] = [None] * SOURCES
        self.due = [begin + self.dice.random() * 1800] * SOURCES
        self.looks: dict[int, deque[tuple[float, float]]] = {}
        "By the age of a look: when it is due and when the story was fetched first, in order."
        self.known = 0
        self.continues: int | None = None
        "The day of the last crawl if that found no story: the next one of the day writes to its WARC file."

    def _publish(self, after: float) -> float:
        """When the next story comes: a Poisson process that sleeps at night."""
        moment = after + self.dice.expovariate(self.rate)
        hour = moment % DAY / HOUR
        if not MORNING <= hour < NIGHT:
            moment += (MORNING - hour) % 24 * HOUR
        return moment

    def next_due(self) -> float:
        """When the first source is due, or a look has waited so long that it starts a run."""
        first = min(self.due)
        for waiting in self.looks.values():
            if waiting and waiting[0][0] + REVISIT_SLACK < first:
                first = waiting[0][0] + REVISIT_SLACK
        return first

    def crawl(self, now: float, late: list[int]) -> tuple[int, int, Files]:
        """What is due: the number of requests, of new stories, and of files that the crawl leaves.

        `late` gets the wait of some of the stories.
        """
        while self.upcoming <= now:
            self.newest = self.upcoming
            self.pending.append(self.newest)
            self.upcoming = self._publish(self.newest)
        requests = 0
        for number in range(SOURCES):
            if self.due[number] <= now:
                requests += 1
                is_changed = self.intervals[number] is None or self.newest > self.asked[number]
                wait = next_interval(self.intervals[number], is_changed)
                self.intervals[number], self.asked[number] = wait, now
                self.due[number] = now + wait
        new = 0
        if requests and self.pending:
            for published in self.pending:
                self._store(published, now + DELAY * (requests + new), late)
                new += 1
            self.pending.clear()
        again = 0
        for age in list(self.looks):
            waiting = self.looks[age]
            while waiting and waiting[0][0] <= now:
                first = waiting.popleft()[1]
                again += 1
                self._look_later(first, now + DELAY * (requests + new + again))
        return requests + new + again, new, self._count_files(int(now // DAY), new, again)

    def _count_files(self, day: int, new: int, again: int) -> Files:
        is_continued = self.continues == day
        self.continues = None if new else day
        if new:
            return Files(COSTS.files - is_continued, COSTS.files)
        # Rejections say of each story that was looked at again that it is the same; the rest is shared.
        return Files((again > 0) + (0 if is_continued else 2), (again > 0) + 2)

    def _store(self, published: float, now: float, late: list[int]) -> None:
        self.known += 1
        if self.known % 16 == 0:
            late.append(int(now - published))
        self._look_later(now, now)

    def _look_later(self, first: float, now: float) -> None:
        due = next_look(int(now - first))
        if due is not None:
            self.looks.setdefault(due, deque()).append((first + due, first))


class Totals:
    """What a month comes to."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.late: list[int] = []
        self.starts: list[int] = []
        "Seconds by which crawls began later than they were due."
        self.at_work: Counter[int] = Counter()
        "How often so many crawls were running when another began."

    def add(self, requests: int, new: int, files: Files) -> None:
        self.counts["runs"] += 1
        self.counts["quiet"] += not new
        self.counts["requests"] += requests
        self.counts["stories"] += new
        self.counts["files"] += files.folder
        self.counts["files in a bucket"] += files.bucket
        self.counts["without files"] += not files.folder
        self.counts["story runs"] += new > 0


def simulate(outlets: int, days: int, most: int) -> Totals:
    """`most`: crawls at a time on all machines together."""
    begin = 1_772_323_200.0
    end = begin + days * DAY
    papers = [Paper(number, begin) for number in range(outlets)]
    waiting = [(paper.next_due(), number) for number, paper in enumerate(papers)]
    heapq.heapify(waiting)
    ends: list[float] = []
    totals = Totals()
    while waiting[0][0] < end:
        due, number = waiting[0]
        # Nobody looks at each moment what is due.
        now = due + papers[number].dice.random() * LOOK_SECONDS
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        if len(ends) >= most:
            now = heapq.heappop(ends)
        paper = papers[number]
        requests, new, files = paper.crawl(now, totals.late)
        totals.add(requests, new, files)
        if totals.counts["runs"] % 64 == 0:
            totals.starts.append(int(now - due))
            totals.at_work[len(ends)] += 1
        over = now + DELAY * requests
        heapq.heappush(ends, over)
        heapq.heapreplace(waiting, (max(paper.next_due(), over), number))
    return totals


def cpu_seconds(totals: Totals) -> dict[str, float]:
    """What the month costs, by what it is spent on."""
    counts = totals.counts
    runs, stories, story_runs = counts["runs"], counts["stories"], counts["story runs"]
    return {
        "starting processes": runs * (COSTS.fork + COSTS.python / COSTS.forks),
        "begin and end of crawls": runs * COSTS.begin_and_end,
        "sources, and looks at known stories": (counts["requests"] - stories) * COSTS.request,
        "stories": story_runs * COSTS.story + (stories - story_runs) * COSTS.next_story,
    }


def show(totals: Totals, outlets: int, days: int) -> None:
    counts, seconds = totals.counts, days * DAY
    runs, stories = counts["runs"], counts["stories"]
    more = stories - counts["story runs"]
    cpu = cpu_seconds(totals)
    whole = sum(cpu.values())
    print(f"{outlets} outlets, {days} days: {runs} runs, {runs / seconds:.1f} a second, of which")
    print(f"{counts['quiet'] / runs:.0%} find nothing; {stories} stories, {counts['requests']} requests")
    in_processes = whole + runs * (COSTS.python - COSTS.fork - COSTS.begin_and_end - SOURCES * COSTS.request)
    print(f"cores: {whole / seconds:.2f}; {in_processes / seconds:.1f} if each crawl started a Python")
    for name, used in cpu.items():
        print(f"  {name:38} {used / seconds:6.3f} cores {used / whole:6.1%}")
    work = sorted(totals.at_work.elements())
    half, most = (work[len(work) * share // 100] for share in (50, 99))
    share = counts["quiet"] / runs
    memory = most * (share * COSTS.quiet_memory + (1 - share) * COSTS.story_memory) / 1000
    print(f"crawls at a time: p50 {half}, p99 {most}, most {work[-1]}")
    print(f"memory: {memory:.1f} GB for p99, and {COSTS.shared_memory} MB on each machine")
    statements = runs * COSTS.statements + counts["story runs"] * COSTS.story_statements
    statements += more * COSTS.next_story_statements
    print(f"statements of PostgreSQL: {statements / seconds:.0f} a second")
    print(
        f"files: {counts['files'] / 1e6:.1f} million, {counts['files in a bucket'] / 1e6:.1f} in a bucket,"
        f" {runs * COSTS.files / 1e6:.1f} if each crawl left four;"
        f" {counts['without files'] / runs:.0%} of the crawls leave none"
    )
    for name, values in (("a due outlet waits", totals.starts), ("a story waits", totals.late)):
        values.sort()
        p50, p95 = (values[len(values) * share // 100] / 60 for share in (50, 95))
        print(f"{name}: p50 {p50:.1f} min, p95 {p95:.1f} min")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    chosen = (*given, *(10_000, 30, 400)[len(given) :])
    began = time.process_time()
    show(simulate(*chosen), *chosen[:2])
    print(f"{time.process_time() - began:.0f} s of CPU")
