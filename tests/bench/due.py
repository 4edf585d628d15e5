"""What many outlets cost PostgreSQL: `PYTHONPATH=tests python tests/bench/due.py [outlets] [pages each]`.

10,000 outlets, each with 100 waiting pages, three sources and ten runs, of which a hundredth is due. Prints
what the question which outlets are due costs the server, and what `newscrawl status` takes for all of them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sqlalchemy import text
from wire.many_outlets import fill, server_milliseconds
from wire.postgres import temporary_cluster

from newscrawl.state.database import Database
from newscrawl.state.due_outlets import read_due, read_next_due, refresh_due_times
from newscrawl.state.outlet_status import read_statuses
from newscrawl.state.sources import SourceConfig

T = TypeVar("T")
DIGEST = "rules"


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def server_seconds(database: Database, step: Callable[[], object]) -> float:
    """CPU seconds that the only connection's process of the server needs for a step."""
    with database.reading() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    before = cpu_seconds(pid)
    step()
    return cpu_seconds(pid) - before


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(what: str, step: Callable[[], T]) -> T:
    cpu, clock = time.process_time(), time.perf_counter()
    found = step()
    used = time.process_time() - cpu, time.perf_counter() - clock
    print(f"{what:50} {used[0] * 1000:9.1f} ms CPU here {used[1] * 1000:9.1f} ms", flush=True)
    return found


def measure(url: str, outlets: int, pages: int, folder: Path) -> None:
    now = int(time.time())
    with closing(Database.open(url)) as database:
        timed(f"{outlets} outlets, {outlets * pages} pages", lambda: fill(database, outlets, pages, now))
        print(f"which are due: {server_milliseconds(database, now):.2f} ms of the server", flush=True)
        due = timed("the same, read", lambda: read_due(database, now))
        print(f"{len(due)} are due")
        configs = {
            f"paper_{n}": SourceConfig(
                configured=[("feed", f"https://paper-{n}.example/feed/{m}") for m in range(1, 4)],
                digest=DIGEST,
            )
            for n in range(1, outlets + 1)
        }
        timed("when the next is due", lambda: read_next_due(database, configs, now))
        timed("look for stale times, none is", lambda: refresh_due_times(database, configs, now))
        timed("status of all", lambda: read_statuses(database, now))
        used = server_seconds(database, lambda: read_statuses(database, now))
        print(f"status of all: {used:.2f} CPU s of the server", flush=True)
        stale = {name: config._replace(digest="other") for name, config in configs.items()}
        timed("find all due times again", lambda: refresh_due_times(database, stale, now))
    command = [str(Path(sys.executable).with_name("newscrawl")), "status", "--archives", str(folder)]
    environment = {**os.environ, "NEWSCRAWL_STATE_URL": url}
    for more in (["--json"], []):
        began, used = time.perf_counter(), children_seconds()
        done = subprocess.run([*command, *more], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        seconds, used = time.perf_counter() - began, children_seconds() - used
        print(f"newscrawl {' '.join(['status', *more])}: {seconds:.2f} s, {used:.2f} CPU s", flush=True)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    wanted = (*given, *(10_000, 100)[len(given) :])
    with tempfile.TemporaryDirectory() as made, temporary_cluster() as server:
        measure(server, *wanted, Path(made))
