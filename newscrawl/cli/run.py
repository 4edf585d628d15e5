"""`newscrawl run`: crawl several outlets, each in a process of its own, and show how the crawls ended."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.progress import MofNCompleteColumn

from newscrawl import settings as defaults
from newscrawl.cli import ui
from newscrawl.cli.outlets import read_outlets
from newscrawl.cli.processes import ArticleCounter, CrawlResult, crawl_outlets
from newscrawl.cli.status import print_runs
from newscrawl.discovery.sources import list_sources
from newscrawl.errors import BUSY, NewscrawlError, OutletError
from newscrawl.outlet import Outlet
from newscrawl.spiders.outlet import read_source_config
from newscrawl.state.database import Database
from newscrawl.state.due_outlets import Rotation, due_times, is_due, record_failure
from newscrawl.state.sources import AT_ONCE

DUE_SECONDS = 3600
"What a crawl may take under a timer, where an outlet that hangs must not hold up the others for ever."
READ_SECONDS = 30.0
"The age at which the due times of all outlets are read again; those of the next outlet are read each time."
IDLE_READ_SECONDS = 5.0
"The same while nothing is due and crawls are running."
REFRESH_SECONDS = 0.5


@ui.app.command("run")
def run_crawls(
    outlets: Annotated[list[str] | None, typer.Argument(help="Outlet ids.")] = None,
    *,
    due: Annotated[
        bool, typer.Option("--due", help="Crawl all outlets that are due, as a timer does.")
    ] = False,
    archives: ui.Archives = ui.ARCHIVES,
    jobs: ui.CrawlCount = 2,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"Seconds that each crawl may take. Default: {DUE_SECONDS} with --due, else no limit."
        ),
    ] = None,
    max_time: Annotated[
        int | None,
        typer.Option("--max-time", min=1, help="With --due: start no crawl after this many seconds."),
    ] = None,
    setting: ui.Settings = None,
    as_json: ui.AsJson = False,
) -> None:
    """Crawl several outlets, or all that are due, and show a table of the runs.

    Name outlets to crawl them now. Let a timer call it with --due (see `newscrawl schedule`) to crawl each
    outlet as often as it publishes. Exit code 1: a crawl failed.
    """
    if due == bool(outlets):
        raise typer.BadParameter("name outlets, or give --due")
    settings = ui.parse_settings(setting)
    if due:
        is_fine = run_due(archives, jobs, settings, limit or DUE_SECONDS, max_time=max_time, as_json=as_json)
    else:
        results = crawl_with_progress(outlets or [], archives, jobs, settings, limit=limit)
        show_results(results, as_json)
        is_fine = not any(result.code for result in results)
    if not is_fine:
        raise typer.Exit(ui.FAILED)


def run_due(
    archives: Path,
    jobs: int,
    settings: Mapping[str, object],
    limit: int,
    *,
    max_time: int | None = None,
    as_json: bool = False,
) -> bool:
    """Crawl what is due and show the results; whether nothing failed."""
    end = time.monotonic() + max_time if max_time is not None else None
    with due_queue(archives, settings) as queue:

        def on_end(result: CrawlResult) -> None:
            try:
                # A busy outlet is the business of the process that holds its lease.
                if result.code not in (0, BUSY):
                    queue.record_failure(result.outlet, result.last_line)
            finally:
                queue.release(result.outlet)

        for error in queue.broken:
            ui.error(str(error))
        count = queue.count_due()
        results = (
            crawl_with_progress(
                queue.outlets(lambda: end is not None and time.monotonic() >= end),
                archives,
                jobs,
                {**settings, "NEWSCRAWL_ONLY_DUE": 1},
                limit=limit,
                total=count,
                on_end=on_end,
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
    return not queue.broken and not any(result.code for result in own)


class DueQueue:
    """The outlets in the order in which they are due, of those that may be crawled; for several threads."""

    def __init__(
        self, database: Database, outlets: list[Outlet], broken: list[OutletError], max_sources: int
    ) -> None:
        self._database = database
        self._sources = {outlet.id: read_source_config(outlet, max_sources) for outlet in outlets}
        self.broken = broken
        "Files that cannot be read; the other outlets are crawled nevertheless."
        self._rotation = Rotation({outlet.id: crawled_hosts(outlet) for outlet in outlets}, self._due_times)
        self._times: dict[str, int] = {}
        self._read_again = 0.0
        self._lock = threading.Lock()

    def count_due(self) -> int:
        """Outlets that are due now."""
        now = int(time.time())
        times = self._read_due_times(now)
        return sum(times.get(name, AT_ONCE) <= now for name in self._sources)

    def outlets(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[str | None]:
        """The outlets to crawl, each when it is due and its hosts are free; None: ask again in a moment.

        It ends when nothing is due and no crawl is running, or with `is_over`.
        """
        while not is_over():
            with self._lock:
                outlet, is_busy = self._rotation.next(int(time.time())), self._rotation.is_any_running
            if outlet is None and not is_busy:
                return
            # Another process may have crawled it since the due times were read.
            if outlet and not self._is_due(outlet):
                self.release(outlet)
            else:
                yield outlet

    def release(self, outlet: str) -> None:
        """Its crawl has ended: its hosts are free for other outlets."""
        with self._lock:
            self._rotation.release(outlet)

    def record_failure(self, outlet: str, reason: str) -> None:
        """Its crawl has failed: it has to wait, the longer the more often it does."""
        now = int(time.time())
        self._database.repeat_while_away(lambda: record_failure(self._database, outlet, reason, now))

    def seconds_until_due(self) -> int | None:
        """Seconds until the next outlet is due; None when there is no outlet."""
        now = int(time.time())
        times = self._read_due_times(now)
        first = min((times.get(name, AT_ONCE) for name in self._sources), default=None)
        return None if first is None else max(0, first - now)

    def _read_due_times(self, now: int) -> dict[str, int]:
        return self._database.repeat_while_away(lambda: due_times(self._database, self._sources, now))

    def _is_due(self, outlet: str) -> bool:
        config, now = self._sources[outlet], int(time.time())
        return self._database.repeat_while_away(lambda: is_due(self._database, outlet, config, now))

    def _due_times(self, now: int) -> dict[str, int]:
        if time.monotonic() > self._read_again:
            self._times = self._read_due_times(now)
            is_any_due = any(self._times.get(name, AT_ONCE) <= now for name in self._sources)
            self._read_again = time.monotonic() + (READ_SECONDS if is_any_due else IDLE_READ_SECONDS)
        return self._times


def crawled_hosts(outlet: Outlet) -> frozenset[str]:
    """Hosts that every crawl of the outlet sends requests to."""
    return frozenset(
        urlsplit(url).netloc for url in (outlet.home, *(source.url for source in list_sources(outlet)))
    )


@contextmanager
def due_queue(archives: Path, settings: Mapping[str, object]) -> Iterator[DueQueue]:
    """The queue by the settings of the crawls; NewscrawlError for a folder that does not exist."""
    folders = _outlet_folders(settings)
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder of outlet files: {', '.join(missing)}")
    outlets, broken = read_outlets(folders)
    open_outlets = [outlet for outlet in outlets if outlet.status != "blocked"]
    max_sources = int(str(settings.get("NEWSCRAWL_SOURCES_MAX", defaults.NEWSCRAWL_SOURCES_MAX)))
    with ui.open_database(archives, str(settings.get("NEWSCRAWL_STATE_URL", ui.STATE_URL))) as database:
        yield DueQueue(database, open_outlets, broken, max_sources)


def _outlet_folders(settings: Mapping[str, object]) -> list[Path]:
    names = settings.get("NEWSCRAWL_OUTLETS")
    # Split as Scrapy splits a list that is given with -s.
    return ui.outlet_folders() if names is None else [Path(name) for name in str(names).split(",")]


def crawl_with_progress(
    outlets: Iterable[str | None],
    archives: Path,
    jobs: int,
    settings: Mapping[str, object],
    *,
    limit: int | None = None,
    total: int | None = None,
    on_end: Callable[[CrawlResult], None] = lambda _: None,
) -> list[CrawlResult]:
    """Crawl, with a bar on stderr of the outlets that are done and the articles written so far.

    `limit`: seconds that each crawl may take. `total`: number of outlets if they come from a queue. `on_end`
    is called with each crawl that has ended.
    """
    total = len(outlets) if isinstance(outlets, Sequence) else total
    with ui.progress_bar("crawling", total, amount=MofNCompleteColumn(), articles=0) as (update, console):
        running: set[str] = set()
        written: Counter[str] = Counter()
        counter = ArticleCounter(archives)

        def started() -> Iterator[str | None]:
            for name in outlets:
                running.update({name} if name else ())
                yield name

        def ended(result: CrawlResult) -> None:
            running.discard(result.outlet)
            written[result.outlet] += result.report.articles if result.report else 0
            update(advance=1)
            on_end(result)

        def overdue(name: str) -> None:
            ui.warn(f"{name}: stopped after {limit} s; the next run goes on from there", console=console)

        def refresh() -> None:
            update(articles=sum(map(counter.count, list(running))) + sum(written.values()))

        with _repeat(refresh):
            return crawl_outlets(
                limit,
                started(),
                archives,
                jobs=jobs,
                settings=settings,
                on_end=ended,
                on_overdue=overdue,
            )


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
                names = [f"{report.run}{suffix}" for suffix in (".jsonl", ".rejected.jsonl", ".report.json")]
                for name in (*names, *report.warcs):
                    ui.print_line(str(result.log.parent / name))
    for result in results:
        if result.code:
            ui.error(f"{result.outlet}: {result.last_line} (log: {result.log})")


def _crawl_data(result: CrawlResult) -> dict[str, object]:
    report = result.report.model_dump(mode="json", by_alias=True) if result.report else None
    return {"outlet": result.outlet, "code": result.code, "log": str(result.log), "report": report}
