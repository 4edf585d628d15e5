"""How many statements a crawl sends to PostgreSQL: `PYTHONPATH=tests python tests/bench/statements.py`.

A demo outlet is crawled first with nothing known, then with nothing new, then with one new story. The log of
the server counts, BEGIN, COMMIT and ROLLBACK included. `-v` lists the statements by kind and table.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from wire.crawl import crawl
from wire.edited_site import EditedSite
from wire.statement_log import StatementLog, count_statements, logging_cluster

from newscrawl.demo.catalogue import write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread

OUTLET = "kamer_echo"
MAKE_DUE = ("UPDATE sources SET next_due = 1", "UPDATE urls SET next_due = NULL")


def measure(log: StatementLog, folder: Path, *, is_verbose: bool) -> None:
    site = EditedSite(OUTLET, held_back=1)
    with serve_in_thread(Newsroom([site], remember=False)) as newsroom:
        write_outlets(newsroom.bases, folder / "outlets")
        for name, publishes in (("first run", False), ("nothing new", False), ("one new story", True)):
            if publishes:
                site.publish()
            if name != "first run":
                for statement in MAKE_DUE:
                    log.execute(statement)
            log.take()
            done = crawl(
                OUTLET,
                archives=folder / "a",
                NEWSCRAWL_STATE_URL=log.url,
                NEWSCRAWL_OUTLETS=folder / "outlets",
                NEWSCRAWL_ONLY_DUE=1,
            )
            assert done.code == 0, done.output
            statements = log.take()
            report = done.report
            print(
                f"{name}: {len(statements)} statements, {report['articles']} articles, "
                f"{report['requests']} requests",
                flush=True,
            )
            if is_verbose:
                for kind, count in count_statements(statements).most_common():
                    print(f"  {count:5} {kind}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, logging_cluster() as log:
        measure(log, Path(made), is_verbose="-v" in sys.argv[1:])
