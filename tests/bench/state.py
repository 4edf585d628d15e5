"""How long state takes: `python tests/bench/state.py [rows] [url]`; microseconds of CPU and of the clock."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newscrawl.downloader.capture import utc_now
from newscrawl.items import Link
from newscrawl.state.database_frontier import DatabaseFrontier, new_url_row
from newscrawl.state.encoding import epoch_seconds, page_key
from newscrawl.state.runs import Holder, State
from newscrawl.state.urls import batches
from newscrawl.urls import normalize_url

US = Holder(host="here", pid=1)
LOOKED_UP = 50_000
TAKEN = 1_000


def link(n: int) -> Link:
    return Link(
        url=f"https://news.example.org/2026/01/02/a-story-with-the-number-{n}/",
        via="sitemap" if n % 2 else "feed",
        from_url="https://news.example.org/feed/",
        title=f"A story with the number {n}",
        published="2026-01-02T03:04:05Z",
    )


SPENT: Counter[str] = Counter()


@contextmanager
def timed(what: str, count: int = 1, *, told: bool = True) -> Iterator[None]:
    """What is timed under one name is added up; `told` prints it by `count`."""
    cpu, clock = time.process_time_ns(), time.perf_counter_ns()
    yield
    SPENT[f"{what} CPU"] += time.process_time_ns() - cpu
    SPENT[what] += time.perf_counter_ns() - clock
    if told:
        used = SPENT[f"{what} CPU"] / count / 1000, SPENT[what] / count / 1000
        print(f"{what:40} {used[0]:12.1f} us CPU {used[1]:12.1f} us", flush=True)


def measure(rows: int, url: str) -> None:
    """Fill a new database, then start a run on it."""
    now = epoch_seconds(utc_now())
    state = State.open(url, "paper", US)
    links = map(link, range(rows))
    made = (new_url_row("paper", page_key("paper", x.url), normalize_url(x.url), x, now) for x in links)
    for batch in batches(made, 10_000):
        with timed("row inserted, batches", rows, told=False):
            state.urls.add(batch)
    with timed("row inserted, batches", rows):
        pass
    keys = [page_key("paper", link(n * 7919 % rows).url) for n in range(LOOKED_UP)]
    with timed("key looked up, batches", LOOKED_UP):
        state.urls.find(keys)
    with timed("row updated, batches", LOOKED_UP):
        state.urls.change({"at": key, "status": "done", "failures": 1} for key in keys)
    state.close()
    with timed("run start: open, count what waits"):
        state = State.open(url, "paper", US)
        frontier = DatabaseFrontier(state.urls, "run", utc_now)
    with timed("link taken", TAKEN):
        taken = frontier.take(TAKEN)
    with timed("page ended, one transaction each", TAKEN):
        for one in taken:
            frontier.finish(one.url, "listing")
    with timed("counts for the report"):
        frontier.counts()
    state.close()
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        measure(wanted, sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'state.sqlite'}")
