"""Crawls with a bar on stderr while they run, and a table of them when they have ended."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import MofNCompleteColumn

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX
from newscrawl.archive.report import REPORT_SUFFIX, find_report_file
from newscrawl.cli import ui
from newscrawl.cli.processes import CrawlResult, Launch, LineCounter, crawl_outlets, start_process
from newscrawl.cli.runs_table import print_runs

REFRESH_SECONDS = 0.5
MOST_NAMES = 16
"Characters for the outlets at work, in the line that shows the progress."


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
            ui.warn(overdue_text(name, limit), console=console)

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


def overdue_text(name: str, limit: int | None) -> str:
    return f"{name}: stopped after {limit} s; the next run goes on from there"


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
