"""What the start of a crawl costs: `PYTHONPATH=tests python tests/bench/no_start.py [rounds] [forks]`.

Demo outlets with nothing new, then one with a new story in each run, are crawled in turn as processes of
their own and as forks of a process that is ready, on the same servers: CPU seconds with all descendants, and
the most memory of the crawl. Then come so many quiet forks more, from one server.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from wire.crawl import FAST
from wire.edited_site import EditedSite

from newscrawl.archive.report import Report, newest_reports
from newscrawl.cli.forked_crawls import ForkServer
from newscrawl.cli.processes import SCRAPY, Child, crawl_command, crawl_environment, start_process
from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.demo.site import Site

OUTLETS = ("kamer_echo", "deccan_wire")
TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.02
MORE = 7
PR_SET_CHILD_SUBREAPER = 36
PRIVATE = ("Private_Clean", "Private_Dirty")


class Meter:
    """The most memory of a process that looks at it have seen, in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_over = threading.Event()
        self.private = self.proportional = 0
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            sizes = memory(self._pid)
            self.private = max(self.private, sum(sizes.get(name, 0) for name in PRIVATE))
            self.proportional = max(self.proportional, sizes.get("Pss", 0))

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()


def memory(pid: int) -> dict[str, int]:
    """Bytes by kind; nothing for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return {}
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}


def own_children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tree_seconds(pid: int) -> float:
    """CPU seconds of a process and its descendants, those included that it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS + sum(map(tree_seconds, children(pid)))


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def adopt_orphans() -> None:
    """Processes whose parent ends become children of this one, as without it of the first process."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def wait_for_orphans(server: int) -> None:
    """Wait for all children but the server, so that what they used is counted."""
    while left := set(children(os.getpid())) - {server}:
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(LOOK_SECONDS)


class Bench:
    """Quiet crawls of two outlets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server_pid = 0
        self.log = (folder / "crawl.log").open("ab")
        self.settings = {**FAST, "NEWSCRAWL_OUTLETS": folder / "outlets", "NEWSCRAWL_ONLY_DUE": 1}

    def command(self, outlet: str) -> list[str]:
        return crawl_command(outlet, self.folder / "a", self.settings)

    def make_due(self) -> None:
        with closing(sqlite3.connect(self.folder / "a" / "state.sqlite")) as state, state:
            state.execute("UPDATE sources SET next_due = 1")
            state.execute("UPDATE urls SET next_due = NULL")

    def run_process(self, outlet: str) -> tuple[float, Meter]:
        return self._measure(None, lambda: start_process(self.command(outlet), self.log))

    def run_fork(self, server: ForkServer, outlet: str) -> tuple[float, Meter]:
        return self._measure(server, lambda: server.start(self.command(outlet)[len(SCRAPY) :], self.log))

    def run_command_line(self, server: ForkServer) -> tuple[float, Meter]:
        """A fork that does no more than start."""
        return self._measure(server, lambda: server.start(["version"], self.log))

    def _measure(self, server: ForkServer | None, start: Callable[[], Child]) -> tuple[float, Meter]:
        def used() -> float:
            return own_children_seconds() + (tree_seconds(server.pid) if server else 0)

        before = used()
        child = start()
        meter = Meter(child.pid)
        code = child.wait()
        meter.stop()
        wait_for_orphans(self.server_pid)
        assert code == 0, (self.folder / "crawl.log").read_text()
        return used() - before, meter

    def newest_report(self, outlet: str) -> Report:
        ((_, report),) = newest_reports(self.folder / "a" / outlet)
        assert isinstance(report, Report), report
        return report


@contextmanager
def prepared(sites: Sequence[Site] | None = None) -> Iterator[tuple[Bench, ForkServer]]:
    """Outlets whose first crawl is done, and a server that has forked once."""
    adopt_orphans()
    with (
        tempfile.TemporaryDirectory() as made,
        serve_in_thread(Newsroom(sites or list(map(demo_site, OUTLETS)), remember=False)) as newsroom,
    ):
        bench = Bench(Path(made))
        write_outlets(newsroom.bases, bench.folder / "outlets")
        server = ForkServer(crawl_environment())
        bench.server_pid = server.pid
        for outlet in newsroom.bases:
            bench.run_fork(server, outlet)
        wait_until_idle(server)
        yield bench, server
        server.close()
        server.wait()
        bench.log.close()


def wait_until_idle(server: ForkServer) -> None:
    """Until the parent of its workers has loaded everything."""
    before = -1.0
    while (now := tree_seconds(server.pid)) > before:
        before = now
        time.sleep(1)


class Costs(NamedTuple):
    """Of a fork: its part of a process's CPU time, and the most bytes of its own."""

    ratio: float
    private: int


def compare(
    bench: Bench, server: ForkServer, rounds: int, outlets: Sequence[str], publish: Callable[[], object]
) -> Costs:
    """Print both costs of a run."""
    processes, forks = [], []
    for _ in range(rounds):
        for outlet in outlets:
            publish()
            bench.make_due()
            processes.append(bench.run_process(outlet))
            publish()
            bench.make_due()
            forks.append(bench.run_fork(server, outlet))
    ratio = show("fork", forks) / show("process", processes)
    print(f"a fork costs {ratio:.3f} of a process")
    return Costs(ratio, max(meter.private for _, meter in forks))


def show(name: str, runs: list[tuple[float, Meter]]) -> float:
    seconds = statistics.mean(cost for cost, _ in runs)
    private = statistics.mean(meter.private for _, meter in runs) / 1e6
    shared = statistics.mean(meter.proportional for _, meter in runs) / 1e6
    print(f"{name:8} {seconds:.3f} CPU s, {private:.0f} MB of its own (USS), {shared:.0f} MB PSS", flush=True)
    return seconds


def compare_quiet(bench: Bench, server: ForkServer, rounds: int) -> Costs:
    costs = compare(bench, server, rounds, OUTLETS, lambda: None)
    for outlet in OUTLETS:
        report = bench.newest_report(outlet)
        assert (report.articles, report.error) == (0, None)
        assert report.requests
    return costs


def compare_news(rounds: int) -> Costs:
    """Runs that find one new story each."""
    site = EditedSite(OUTLETS[0], held_back=2 * rounds)
    with prepared([site]) as (bench, server):
        costs = compare(bench, server, rounds, OUTLETS[:1], site.publish)
        assert bench.newest_report(OUTLETS[0]).articles == 1
    return costs


def compare_more_news() -> None:
    """What each story costs that a run finds beside its first."""
    site, seconds = EditedSite(OUTLETS[0], held_back=2 + MORE), []
    with prepared([site]) as (bench, server):
        for count in (1, 1 + MORE):
            site.publish(count)
            bench.make_due()
            seconds.append(bench.run_fork(server, OUTLETS[0])[0])
            assert bench.newest_report(OUTLETS[0]).articles == count
    print(f"each of {MORE} further stories: {(seconds[1] - seconds[0]) / MORE:.3f} CPU s")


def main(rounds: int, more: int) -> None:
    with prepared() as (bench, server):
        print("nothing new")
        compare_quiet(bench, server, rounds)
        show("start", [bench.run_command_line(server) for _ in range(3 * rounds)])
        show("no work", [bench.run_fork(server, OUTLETS[0]) for _ in range(2 * rounds)])
        for number in range(more):
            bench.make_due()
            bench.run_fork(server, OUTLETS[number % len(OUTLETS)])
            if number % max(1, more // 8) == 0:
                sizes = memory(server.pid)
                print(f"after {number + 1} more the server has {sizes['Rss'] / 1e6:.1f} MB", flush=True)
    print("one new story")
    compare_news(rounds)
    compare_more_news()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(*given, *(4, 0)[len(given) :]))
