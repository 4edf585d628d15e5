"""`newscrawl run`: crawl several outlets, each in a process of its own, and show what came of it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

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
from newscrawl.commands import crawls
from newscrawl.commands.crawls import Crawled
from newscrawl.commands.due import agenda
from newscrawl.commands.limits import crawl_within
from newscrawl.commands.report import Archives, AsJson, report_table
from newscrawl.errors import BUSY

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
