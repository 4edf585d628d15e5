"""What `newscrawl run` does: it crawls the outlets that are due, once or without an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from newscrawl.cli import ui
from newscrawl.cli.crawl_progress import crawl_with_progress, overdue_text, show_results
from newscrawl.cli.due_queue import DueQueue, due_queue
from newscrawl.cli.processes import CrawlResult, Launch, crawl_outlets
from newscrawl.cli.project_exports import ProjectExports
from newscrawl.errors import BUSY, NOT_ITS_FAULT, OutletError
from newscrawl.spiders.crawl_options import ONLY_DUE


def run_due(
    archives: Path,
    jobs: int,
    settings: Mapping[str, object],
    limit: int,
    launch: Launch,
    *,
    exports: ProjectExports,
    max_time: int | None = None,
    as_json: bool = False,
) -> bool:
    """Crawl what is due, show the results and make the project's exports; whether nothing failed."""
    is_over = _make_deadline(max_time)
    with due_queue(archives, settings) as queue:
        for error in queue.broken:
            ui.error(str(error))
        count = queue.count_due()
        results = (
            crawl_with_progress(
                queue.outlets(is_over),
                archives,
                jobs,
                {**settings, ONLY_DUE: 1},
                limit=limit,
                total=count,
                on_end=partial(_take_back, queue),
                launch=launch,
            )
            if count
            else []
        )
        if not results:
            wait = queue.seconds_until_due()
            ui.note("nothing is due" + (f"; the next outlet is in {wait} s" if wait else ""), "green")
    own = [result for result in results if result.code != BUSY]
    for name in sorted({result.outlet for result in results} - {result.outlet for result in own}):
        ui.warn(f"{name}: another process is crawling it")
    if own or as_json:
        show_results(own, as_json)
    is_exported = exports.make_after(own)
    return is_exported and not queue.broken and not any(result.code for result in own)


def run_forever(
    archives: Path,
    jobs: int,
    settings: Mapping[str, object],
    limit: int,
    launch: Launch,
    *,
    exports: ProjectExports,
    max_time: int | None = None,
) -> None:
    """Crawl each outlet whenever it is due, until SIGTERM or the time is over; what happens is printed."""

    def on_broken(error: OutletError) -> None:
        ui.error(str(error))

    with due_queue(archives, settings) as queue:

        def on_end(result: CrawlResult) -> None:
            _take_back(queue, result)
            if result.code == BUSY:
                ui.warn(f"{result.outlet}: another process is crawling it")
            elif result.code:
                ui.error(f"{result.outlet}: {result.last_line} (log: {result.log})")
            elif result.report and result.report.articles:
                ui.note(
                    f"{result.outlet}: {result.report.articles} articles in {result.report.seconds:.0f} s"
                )
                exports.make_sometimes()

        ui.note(f"crawling whatever is due under {archives}, {jobs} outlets at a time, until SIGTERM")
        # Both signals have ended the crawls that were running, which is how this is meant to end.
        with suppress(SystemExit, KeyboardInterrupt):
            crawl_outlets(
                limit,
                queue.outlets_forever(_make_deadline(max_time), on_broken),
                archives,
                jobs=jobs,
                settings={**settings, ONLY_DUE: 1},
                on_end=on_end,
                on_overdue=lambda name: ui.warn(overdue_text(name, limit)),
                launch=launch,
                is_endless=True,
            )


def _make_deadline(seconds: int | None) -> Callable[[], bool]:
    """A function that says whether so many seconds are over; without them it never does."""
    end = time.monotonic() + seconds if seconds is not None else None
    return lambda: end is not None and time.monotonic() >= end


def _take_back(queue: DueQueue, result: CrawlResult) -> None:
    """Record in the queue how a crawl ended."""
    try:
        if result.code == NOT_ITS_FAULT:
            # A local crawl: on a cluster other workers try, and if none can, the command ends.
            queue.pause()
        # A busy outlet is the business of the process that holds its lease.
        elif result.code not in (0, BUSY):
            queue.record_failure(result.outlet, result.last_line)
    finally:
        queue.release(result.outlet)
