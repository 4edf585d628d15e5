"""`newscrawl run`: crawl the outlets that are due, each in a process of its own, once or without an end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import MofNCompleteColumn

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX
from newscrawl.archive.report import REPORT_SUFFIX, find_report_file
from newscrawl.cli import ui
from newscrawl.cli.cluster_crawls import crawling_on
from newscrawl.cli.due_queue import DueQueue, due_queue
from newscrawl.cli.processes import (
    CrawlResult,
    Launch,
    LineCounter,
    crawl_outlets,
    launching,
    start_process,
)
from newscrawl.cli.project_exports import ProjectExports
from newscrawl.cli.status import print_runs
from newscrawl.errors import BUSY, NOT_ITS_FAULT, OutletError
from newscrawl.spiders.crawl_options import ONLY_DUE

DUE_SECONDS = 3600
"What a crawl may take under a timer, where an outlet that hangs must not hold up the others for ever."
REFRESH_SECONDS = 0.5
MOST_NAMES = 16
"Characters for the outlets at work, in the line that shows the progress."


@ui.app.command("run")
def run_crawls(
    *,
    due: Annotated[
        bool, typer.Option("--due", help="Crawl all outlets that are due, as a timer does.")
    ] = False,
    forever: Annotated[
        bool,
        typer.Option("--forever", help="Crawl each outlet whenever it is due, until SIGTERM or Ctrl-C."),
    ] = False,
    archives: ui.Archives = ui.ARCHIVES,
    jobs: ui.CrawlCount = 2,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Seconds that each crawl may take. Default: {DUE_SECONDS}.",
        ),
    ] = None,
    max_time: Annotated[
        int | None,
        typer.Option(
            "--max-time", min=1, help="With --due or --forever: start no crawl after this many seconds."
        ),
    ] = None,
    fork: ui.Fork = True,
    on: ui.Cluster = ui.CLUSTER,
    setting: ui.Settings = None,
    as_json: ui.AsJson = False,
) -> None:
    """Crawl the outlets that are due, and show a table of the runs.

    Let a timer call it with --due (see `newscrawl schedule`) to crawl each outlet as often as it publishes,
    or let it stay with --forever. `newscrawl crawl` crawls the outlets that you name. With --on the workers
    of a cluster crawl, --jobs outlets at a time; they share the folder of the archives. Exit code 1: a crawl
    failed, which --forever only names, or the cluster has gone.
    """
    if due == forever:
        raise typer.BadParameter("give either --due or --forever; `newscrawl crawl OUTLET` crawls one now")
    if forever and as_json:
        raise typer.BadParameter("there is no end at which --forever could print it", param_hint="--json")
    settings = ui.parse_settings(setting)
    exports = ProjectExports(archives)
    here = launching(fork=fork)
    with crawling_on(on, archives, settings) if on else here as launch:
        if forever:
            seconds = limit or DUE_SECONDS
            run_forever(archives, jobs, settings, seconds, launch, exports=exports, max_time=max_time)
            is_fine = True
        else:
            is_fine = run_due(
                archives,
                jobs,
                settings,
                limit or DUE_SECONDS,
                launch,
                exports=exports,
                max_time=max_time,
                as_json=as_json,
            )
    if not is_fine:
        raise typer.Exit(ui.FAILED)


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
                on_overdue=lambda name: ui.warn(_overdue_text(name, limit)),
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


def _overdue_text(name: str, limit: int | None) -> str:
    return f"{name}: stopped after {limit} s; the next run goes on from there"


def crawl_with_progress(
    outlets: Iterable[str | None],
    archives: Path,
    jobs: int,
    settings: Mapping[str, object],
    *,
    limit: int | None = None,
    total: int | None = None,
    on_end: Callable[[CrawlResult], None] = lambda _: None,
    launch: Launch = start_process,
) -> list[CrawlResult]:
    """Crawl, with a bar on stderr: outlets at work, how many are done, pages and articles written so far.

    `limit`: seconds that each crawl may take. `total`: number of outlets if they come from a queue. `on_end`
    is called with each crawl that has ended.
    """
    total = len(outlets) if isinstance(outlets, Sequence) else total
    amount = MofNCompleteColumn()
    start: dict[str, Any] = {"pages": 0, "a minute": 0, "articles": 0, "left": "–"}
    with ui.progress_bar("crawling", total, amount=amount, bar_width=8, **start) as (update, console):
        running: set[str] = set()
        pages: Counter[str] = Counter()
        articles: Counter[str] = Counter()
        done: list[str] = []
        counter = LineCounter(archives)
        began = time.monotonic()

        def started() -> Iterator[str | None]:
            for name in outlets:
                running.update({name} if name else ())
                yield name

        def ended(result: CrawlResult) -> None:
            running.discard(result.outlet)
            done.append(result.outlet)
            pages[result.outlet] += result.report.pages if result.report else 0
            articles[result.outlet] += result.report.articles if result.report else 0
            update(advance=1)
            on_end(result)

        def overdue(name: str) -> None:
            ui.warn(_overdue_text(name, limit), console=console)

        def refresh() -> None:
            names = sorted(running)
            counts = [counter.count(name) for name in names]
            fetched = pages.total() + sum(count for count, _ in counts)
            seconds = time.monotonic() - began
            figures: dict[str, Any] = {
                "pages": fetched,
                "a minute": round(60 * fetched / seconds) if seconds else 0,
                "articles": articles.total() + sum(count for _, count in counts),
                "left": _estimate_rest(seconds, len(done), total),
            }
            update(description=_name_running(names), **figures)

        with _repeat(refresh):
            return crawl_outlets(
                limit,
                started(),
                archives,
                jobs=jobs,
                settings=settings,
                on_end=ended,
                on_overdue=overdue,
                launch=launch,
            )


def _name_running(names: Sequence[str]) -> str:
    """The outlets at work, in the room that a line has for them."""
    text = ", ".join(names) or "crawling"
    if len(text) <= MOST_NAMES:
        return text
    return names[0] if len(names) == 1 else f"{names[0]}, {len(names) - 1} more"


def _estimate_rest(seconds: float, done: int, total: int | None) -> str:
    """How long the other outlets will take if they are like those that are done: `4 min`, or a dash."""
    if not done or not total or done >= total:
        return "–"
    rest = seconds / done * (total - done)
    return f"{rest / 60:.0f} min" if rest >= 2 * 60 else f"{rest:.0f} s"


@contextmanager
def _repeat(step: Callable[[], None]) -> Iterator[None]:
    """Call `step` every REFRESH_SECONDS from a thread while the block runs."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(REFRESH_SECONDS):
            step()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def show_results(results: Sequence[CrawlResult], as_json: bool = False) -> None:
    """The table of runs and the paths of their files, or a JSON array; failures go to stderr."""
    if as_json:
        ui.print_json([_crawl_data(result) for result in results])
    else:
        print_runs(result.report for result in results if result.report)
        for result in results:
            if report := result.report:
                folder = result.log.parent
                articles = [f"{report.run}{ARTICLES_SUFFIX}"] if report.articles else []
                rejections = [f"{report.run}{REJECTED_SUFFIX}"] if report.pages else []
                reports = find_report_file(folder, report.run) or folder / f"{report.run}{REPORT_SUFFIX}"
                for name in (*articles, *rejections, reports.name, *report.warcs):
                    ui.print_line(str(folder / name))
    for result in results:
        if result.code:
            ui.error(f"{result.outlet}: {result.last_line} (log: {result.log})")


def _crawl_data(result: CrawlResult) -> dict[str, object]:
    report = result.report.model_dump(mode="json", by_alias=True) if result.report else None
    return {"outlet": result.outlet, "code": result.code, "log": str(result.log), "report": report}
