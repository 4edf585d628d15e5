"""`newscrawl run`: crawl several outlets, each in a process of its own, and show what came of it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from newscrawl import settings as defaults
from newscrawl.cli import processes as crawls
from newscrawl.cli.outlets import read_all
from newscrawl.cli.processes import Crawled, crawl_within
from newscrawl.cli.status import Archives, AsJson, report_table
from newscrawl.discovery.sources import sources_of
from newscrawl.errors import BUSY, NewscrawlError, OutletError
from newscrawl.outlet import Outlet
from newscrawl.spiders.outlet import file_of
from newscrawl.state.database import Database, database_url
from newscrawl.state.rows import seconds_of
from newscrawl.state.scheduling import Turns, due_moments, is_due, note_failure
from newscrawl.state.sources import AT_ONCE

LOOKED_SECONDS = 30.0
"How old what is known of all outlets may be; the outlet whose turn it is is looked at once more."
QUIET_SECONDS = 5.0
"The same while nothing is due and crawls are at work."


class Agenda:
    """What is due when, of the outlets that have a file and may be crawled; for several threads."""

    def __init__(
        self, database: Database, outlets: list[Outlet], broken: list[OutletError], sources_max: int
    ) -> None:
        self._database = database
        self._files = {outlet.id: file_of(outlet, sources_max) for outlet in outlets}
        self.broken = broken
        "Files that cannot be read; they cost no other outlet its turn."
        self._turns = Turns({outlet.id: hosts_of(outlet) for outlet in outlets}, self._moments)
        self._known: dict[str, int] = {}
        self._fresh_until = 0.0
        self._lock = threading.Lock()

    def count(self) -> int:
        """Outlets that are due now."""
        now, moments = _now(), due_moments(self._database, self._files)
        return sum(moments.get(name, AT_ONCE) <= now for name in self._files)

    def turns(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[str | None]:
        """The outlets to crawl, each when its turn has come; None: ask again in a moment.

        It ends when nothing is due and nobody at work, or with `is_over`.
        """
        while not is_over():
            with self._lock:
                turn, is_busy = self._turns.next(_now()), self._turns.is_any_at_work
            if turn is None and not is_busy:
                return
            # Another process may have crawled it since it was listed.
            if turn and not is_due(self._database, turn, self._files[turn], _now()):
                self.ended(turn)
            else:
                yield turn

    def ended(self, outlet: str) -> None:
        with self._lock:
            self._turns.ended(outlet)

    def failed(self, outlet: str, why: str) -> None:
        """Its crawl failed: it has to wait."""
        note_failure(self._database, outlet, why, _now())

    def seconds_left(self) -> int | None:
        """Until the next outlet is due; None when there is no outlet."""
        moments = due_moments(self._database, self._files)
        first = min((moments.get(name, AT_ONCE) for name in self._files), default=None)
        return None if first is None else max(0, first - _now())

    def _moments(self, now: int) -> dict[str, int]:
        if time.monotonic() > self._fresh_until:
            self._known = due_moments(self._database, self._files)
            is_any_due = any(self._known.get(name, AT_ONCE) <= now for name in self._files)
            self._fresh_until = time.monotonic() + (LOOKED_SECONDS if is_any_due else QUIET_SECONDS)
        return self._known


def hosts_of(outlet: Outlet) -> frozenset[str]:
    """Hosts that a crawl of the outlet asks for sure."""
    return frozenset(
        urlsplit(url).netloc for url in (outlet.home, *(source.url for source in sources_of(outlet)))
    )


@contextmanager
def agenda(archives: Path, settings: Mapping[str, object]) -> Iterator[Agenda]:
    """The agenda by the settings that the crawls are given; NewscrawlError for a missing folder."""
    folders = _folders(settings)
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder of outlet files: {', '.join(missing)}")
    found, broken = read_all(folders)
    url = str(settings.get("NEWSCRAWL_STATE_URL", defaults.NEWSCRAWL_STATE_URL))
    with closing(Database.open(database_url(url, archives.resolve()))) as database:
        open_ones = [outlet for outlet in found if outlet.status != "blocked"]
        most = int(str(settings.get("NEWSCRAWL_SOURCES_MAX", defaults.NEWSCRAWL_SOURCES_MAX)))
        yield Agenda(database, open_ones, broken, most)


def _folders(settings: Mapping[str, object]) -> list[Path]:
    given = settings.get("NEWSCRAWL_OUTLETS")
    # As Scrapy reads a list that is given with -s.
    names = defaults.NEWSCRAWL_OUTLETS if given is None else str(given).split(",")
    return [Path(name) for name in names]


def _now() -> int:
    return seconds_of(datetime.now(UTC))


FAILED = 1
DUE_SECONDS = 3600
"What an outlet may take under a timer, where one that hangs must not hold up the others for ever."
REFRESH_SECONDS = 0.5


def run(
    outlets: Annotated[list[str] | None, typer.Argument(help="Outlet ids.")] = None,
    *,
    due: Annotated[bool, typer.Option("--due", help="All outlets that are due, for a timer.")] = False,
    archives: Archives = Path(defaults.NEWSCRAWL_ARCHIVES),
    jobs: Annotated[int, typer.Option(min=1, help="Outlets crawled at a time.")] = 2,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help=f"Seconds an outlet may take; with --due {DUE_SECONDS}, else any."),
    ] = None,
    begin_within: Annotated[
        int | None, typer.Option("--for", min=1, help="With --due: seconds after which no crawl begins.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="NAME=VALUE for each crawl.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Crawl outlets, then show a table of the runs. Exit code 1 when one of them failed."""
    if due == bool(outlets):
        raise typer.BadParameter("name outlets, or give --due")
    given = _settings(setting)
    if due:
        is_fine = run_due(
            archives, jobs, given, limit or DUE_SECONDS, begin_within=begin_within, as_json=as_json
        )
    else:
        crawled = crawl_with_progress(outlets or [], archives, jobs, given, limit=limit)
        show(crawled, as_json)
        is_fine = not any(done.code for done in crawled)
    if not is_fine:
        raise typer.Exit(FAILED)


def run_due(
    archives: Path,
    jobs: int,
    settings: Mapping[str, object],
    limit: int,
    *,
    begin_within: int | None = None,
    as_json: bool = False,
) -> bool:
    """Crawl what is due and say what came of it; whether nothing failed."""
    is_over = _after(begin_within)
    with agenda(archives, settings) as found:

        def ended(done: Crawled) -> None:
            try:
                # Whoever has the lease tells how it went.
                if done.code not in (0, BUSY):
                    found.failed(done.outlet, _last_line(done))
            finally:
                found.ended(done.outlet)

        for error in found.broken:
            _warn(str(error), "red")
        given = {**settings, "NEWSCRAWL_ONLY_DUE": 1}
        turns, count = found.turns(is_over), found.count()
        crawled = (
            crawl_with_progress(turns, archives, jobs, given, limit=limit, total=count, after=ended)
            if count
            else []
        )
        if not crawled:
            left = found.seconds_left()
            _warn("nothing is due" + (f"; the next outlet is in {left} s" if left else ""), "green")
    # Whoever has the lease crawls it.
    ours = [done for done in crawled if done.code != BUSY]
    for name in sorted({done.outlet for done in crawled} - {done.outlet for done in ours}):
        _warn(f"{name}: another process is crawling it", "yellow")
    if ours or as_json:
        show(ours, as_json)
    return not found.broken and not any(done.code for done in ours)


def crawl_with_progress(
    outlets: Iterable[str | None],
    archives: Path,
    jobs: int,
    settings: Mapping[str, object],
    *,
    limit: int | None = None,
    total: int | None = None,
    after: Callable[[Crawled], None] = lambda _: None,
) -> list[Crawled]:
    """Crawl, with a bar on stderr that tells outlets done and articles written so far.

    `limit`: seconds an outlet may take. `total`: outlets there are, where they come one by one. `after`:
    called with each crawl that has ended.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[articles]} articles"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        known = len(outlets) if isinstance(outlets, Sequence) else total
        task = progress.add_task("crawling", total=known, articles=0)
        at_work: set[str] = set()
        written: Counter[str] = Counter()
        so_far = crawls.Progress(archives)

        def begun() -> Iterator[str | None]:
            for name in outlets:
                at_work.update({name} if name else ())
                yield name

        def ended(done: Crawled) -> None:
            at_work.discard(done.outlet)
            written[done.outlet] += done.report.articles if done.report else 0
            progress.advance(task)
            after(done)

        def overdue(name: str) -> None:
            text = f"{name}: stopped after {limit} s; the next run goes on from there"
            progress.console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)

        def refresh() -> None:
            live = sum(so_far.articles(name) for name in list(at_work))
            progress.update(task, articles=live + sum(written.values()))

        with _repeating(refresh):
            return crawl_within(
                limit,
                begun(),
                archives,
                jobs=jobs,
                settings=settings,
                ended=ended,
                overdue=overdue,
            )


def show(crawled: Sequence[Crawled], as_json: bool = False) -> None:
    """The table of runs and the paths written, or a JSON array; what failed is said on stderr."""
    console = Console()
    if as_json:
        print(json.dumps([_as_data(done) for done in crawled], sort_keys=True))
    else:
        console.print(report_table(done.report for done in crawled if done.report))
        for path in (path for done in crawled for path in _paths(done)):
            console.print(str(path), markup=False, highlight=False, soft_wrap=True)
    for done in crawled:
        if done.code:
            _warn(f"{done.outlet}: {_last_line(done)} (log: {done.log})", "red")


def _last_line(done: Crawled) -> str:
    return (done.said.strip().splitlines() or ["no output"])[-1]


def _after(seconds: int | None) -> Callable[[], bool]:
    """Whether so many seconds have passed since it was asked for."""
    began = time.monotonic()
    return lambda: seconds is not None and time.monotonic() - began >= seconds


def _warn(text: str, style: str) -> None:
    Console(stderr=True).print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _as_data(done: Crawled) -> dict[str, object]:
    report = done.report.model_dump(mode="json", by_alias=True) if done.report else None
    return {"outlet": done.outlet, "code": done.code, "log": str(done.log), "report": report}


def _paths(done: Crawled) -> list[Path]:
    """Files a run has left, in the order people look at them."""
    if not done.report:
        return []
    names = [f"{done.report.run}{suffix}" for suffix in (".jsonl", ".rejected.jsonl", ".report.json")]
    return [done.log.parent / name for name in (*names, *done.report.warcs)]


def _settings(given: Sequence[str] | None) -> dict[str, object]:
    pairs = (text.partition("=") for text in given or ())
    found: dict[str, object] = {}
    for name, equals, value in pairs:
        if not equals:
            raise typer.BadParameter(f"{name!r} is not NAME=VALUE", param_hint="--set")
        found[name] = value
    return found


@contextmanager
def _repeating(step: Callable[[], None]) -> Iterator[None]:
    """Call `step` every REFRESH_SECONDS from a thread while the block runs."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(REFRESH_SECONDS):
            step()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
