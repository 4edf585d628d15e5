"""`newscrawl status` and `newscrawl runs`: how each outlet is doing, and what its last run did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.markup import escape
from rich.table import Column, Table

from newscrawl.cli import ui
from newscrawl.cli.runs_table import print_runs
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.monitoring.agreement import Agreement, sum_agreements
from newscrawl.monitoring.history import WINDOW
from newscrawl.monitoring.metrics import load_metrics
from newscrawl.state.database import Database
from newscrawl.state.encoding import from_epoch
from newscrawl.state.outlet_status import OutletStatus, list_outlets, read_statuses
from newscrawl.state.runs import RunTable

if TYPE_CHECKING:
    from newscrawl.archive.report import Report

COMPARED_RUNS = 100
"Runs of the last four weeks, the newest, whose agreement with witnesses is shown."
MOST_SHOWN = 1000
"Rows of a table that anybody reads; of more outlets it has those that need attention."
MOST_COMPARED = 200
"Outlets of which that is shown: the runs of more would take longer to read than anybody waits."

NOTHING_CRAWLED = "nothing was crawled yet: `newscrawl run --due`, or `newscrawl crawl OUTLET`"
NOT_COMPARED = sum_agreements(())
"Of an outlet whose runs are not read."


class StatusRow(NamedTuple):
    """An outlet as the table shows it."""

    status: OutletStatus
    agreement: Agreement
    "Of its newest runs."


@ui.app.command("status")
def show_status(
    outlets: ui.OutletIds = None,
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    watch: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="Show it again after so many seconds, until Ctrl-C."),
    ] = None,
    as_json: ui.AsJson = False,
) -> None:
    """Show how each outlet is doing: last and next run, articles, failures, alarms.

    Use it to see which outlets need attention, or let a monitoring program call it. `agreement` is how far
    the classifier agrees (F1) with the feed or API that has an article too, and on how many of the last
    100 runs; name the outlets where there are more than 200. Exit code 1: a last run failed, or there is an
    alarm of level error; with --watch it is 0.
    """
    if watch is not None:
        if as_json:
            raise typer.BadParameter("a program asks again by itself", param_hint="--watch")
        _watch_status(outlets, archives, state_url, watch)
        return
    now = int(time.time())
    rows = read_rows(outlets, archives, state_url, now)
    if as_json:
        agreements = {id(row.agreement): row.agreement.as_dict() for row in rows}
        ui.print_json([_status_data(row.status, agreements[id(row.agreement)]) for row in rows])
    else:
        _print_rows(rows, now, is_whole=bool(outlets))
    found = [row.status for row in rows]
    levels = {alarm["level"] for status in found for alarm in status.alarms}
    if "error" in levels or any(status.runs_failed for status in found):
        raise typer.Exit(ui.FAILED)


def read_rows(outlets: list[str] | None, archives: Path, state_url: str, now: int) -> list[StatusRow]:
    """What the table shows of these outlets, or of all; NewscrawlError for one that was never crawled."""
    with ui.open_known_database(archives, state_url) as database:
        if outlets and (unknown := sorted(set(outlets) - set(list_outlets(database)))):
            raise NewscrawlError(
                f"state has no run of {', '.join(unknown)}; `newscrawl list` shows the outlets"
            )
        statuses = read_statuses(database, now, outlets)
        is_compared = len(statuses) <= MOST_COMPARED
        return [
            StatusRow(
                statuses[name], read_recent_agreement(database, name, now) if is_compared else NOT_COMPARED
            )
            for name in outlets or statuses
        ]


def _print_rows(rows: Sequence[StatusRow], now: int, *, is_whole: bool) -> None:
    """The table; of more outlets than anybody reads, those that need attention, unless `is_whole`."""
    if not rows:
        ui.note(NOTHING_CRAWLED)
        return
    if is_whole or len(rows) <= MOST_SHOWN:
        ui.print_table(status_table(rows, now))
        return
    troubled = [row for row in rows if needs_attention(row.status)]
    ui.print_table(status_table(troubled[:MOST_SHOWN], now))
    ui.note(
        f"{len(rows)} outlets, {len(troubled)} with failures or alarms; name outlets to see them, "
        "--json has all"
    )


def _watch_status(outlets: list[str] | None, archives: Path, state_url: str, seconds: float) -> None:
    """The table again and again, in place of the last one if it is shown in a terminal."""
    with suppress(KeyboardInterrupt):
        while True:
            now = int(time.time())
            # Read before the screen is cleared, which else would stay empty for so long.
            rows = read_rows(outlets, archives, state_url, now)
            ui.clear_terminal()
            _print_rows(rows, now, is_whole=bool(outlets))
            time.sleep(seconds)


def needs_attention(status: OutletStatus) -> bool:
    """Whether something has failed lately, or an alarm stands."""
    counts = (status.runs_failed, status.feeds_failing, status.sources_retired, len(status.alarms))
    return any(counts) or status.last_error is not None


def read_recent_agreement(database: Database, outlet: str, now: int) -> Agreement:
    """That of the classifier with the outlet's feeds and APIs, over its newest runs."""
    rows = RunTable(database, outlet).measured(now - WINDOW, COMPARED_RUNS)
    return sum_agreements(load_metrics(row.figures).agreement for row in rows)


def status_table(rows: Sequence[StatusRow], now: int) -> Table:
    """A row for each outlet."""
    columns: list[tuple[Column | str, Callable[[StatusRow], str]]] = [
        (ui.line_column("outlet"), lambda row: escape(row.status.outlet)),
        ("last run", lambda row: _format_last_run(row.status, now)),
        (ui.line_column("next due"), lambda row: _format_next_due(row.status, now)),
        (ui.number_column("24 h"), lambda row: str(row.status.articles_day)),
        (ui.number_column("7 d"), lambda row: str(row.status.articles_week)),
        (ui.number_column("waiting"), lambda row: str(row.status.waiting)),
        (ui.line_column("failures"), lambda row: _format_failures(row.status)),
        (ui.line_column("health"), lambda row: _format_health(row.status)),
    ]
    if any(row.agreement.whole for row in rows):
        columns.insert(6, (ui.number_column("agreement"), lambda row: _format_agreement(row.agreement)))
    return ui.fill_table("Outlets", rows, *columns)


def _format_agreement(agreement: Agreement) -> str:
    """`97% of 41`, or a dash."""
    return "–" if agreement.f1 is None else f"{agreement.f1:.0%} of {agreement.whole}"


def _format_last_run(status: OutletStatus, now: int) -> str:
    if status.last_run is None:
        return "never"
    how = f"at work ({status.holder})" if status.holder else (status.last_reason or "killed")
    text = escape(f"{_relative_time(status.last_run, now)}, {how}")
    return f"{text}\n[red]{escape(status.last_error)}[/red]" if status.last_error else text


def _format_next_due(status: OutletStatus, now: int) -> str:
    """When something is due; later where a timer leaves a failing outlet alone."""
    text = _relative_time(status.next_due, now)
    if status.not_before is None or status.not_before <= now:
        return text
    return f"{text}\n[yellow]held back, {_relative_time(status.not_before, now)}[/yellow]"


def _format_failures(status: OutletStatus) -> str:
    counts = {
        "runs": status.runs_failed,
        "sources": status.feeds_failing,
        "retired": status.sources_retired,
        "pages": status.failed,
    }
    return "\n".join(f"{name} {count}" for name, count in counts.items() if count) or "–"


def _format_health(status: OutletStatus) -> str:
    """`ok`, or the names of the current alarms."""
    colours = {"error": "red", "warning": "yellow"}
    names = [f"[{colours[alarm['level']]}]{escape(alarm['name'])}[/]" for alarm in status.alarms]
    return "\n".join(names) or ("ok" if status.last_run is not None and not status.runs_failed else "–")


def _relative_time(seconds: int | None, now: int) -> str:
    """`3 h ago`, `in 12 min`, or a dash."""
    if seconds is None:
        return "–"
    distance = abs(seconds - now)
    units = (("d", 86_400), ("h", 3600), ("min", 60))
    size = next((f"{distance // unit} {name}" for name, unit in units if distance >= 2 * unit), None)
    size = size or f"{distance} s"
    return f"{size} ago" if seconds <= now else f"in {size}"


def _status_data(status: OutletStatus, agreement: dict[str, Any]) -> dict[str, object]:
    data: dict[str, object] = status._asdict()
    for name in ("last_run", "next_due", "not_before"):
        seconds = data[name]
        data[name] = rfc3339(from_epoch(seconds)) if isinstance(seconds, int) else None
    data["agreement"] = agreement
    return data


@ui.app.command("runs")
def show_runs(
    outlets: ui.OutletIds = None, archives: ui.Archives = ui.ARCHIVES, as_json: ui.AsJson = False
) -> None:
    """Show the last run of each outlet: pages, articles, rejections, languages, bytes.

    Use it after a crawl to see what came of it and which alarms it raised. Exit code 1: a report is broken.
    """
    # `newscrawl status` need not load what reads reports.
    from newscrawl.archive.report import newest_reports, unreported_run

    ui.require_archives(archives)
    wanted = list(outlets or ())
    reports: list[Report] = []
    broken = False
    for folder in sorted(archives.glob("*/")):
        for _, report in newest_reports(folder) if not wanted or folder.name in wanted else ():
            if isinstance(report, ArchiveError):
                ui.error(str(report))
                broken = True
            else:
                reports.append(report)
    if not broken and (missing := sorted(set(wanted) - {report.outlet for report in reports})):
        raise NewscrawlError(
            f"no run of {', '.join(missing)} under {archives}; `newscrawl list` shows the outlets"
        )
    for report in reports:
        if run := unreported_run(archives / report.outlet):
            ui.warn(f"{report.outlet}: run {run} has left no report: it was killed, or is still at work")
    if as_json:
        ui.print_json([report.model_dump(mode="json", by_alias=True) for report in reports])
    else:
        print_runs(reports)
    if not reports and not broken and not as_json:
        ui.note(NOTHING_CRAWLED)
    if broken:
        raise typer.Exit(ui.FAILED)
