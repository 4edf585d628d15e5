"""`newscrawl status` and `newscrawl runs`: how each outlet is doing, and what its last run did."""

from __future__ import annotations

import time
from collections.abc import Iterable

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Column, Table

from newscrawl.archive.report import Report, newest_reports, read_report, unreported_run
from newscrawl.cli import ui
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.state.due_outlets import OutletStatus, list_outlets, read_outlet_status
from newscrawl.state.encoding import from_epoch


@ui.app.command("status")
def show_status(
    outlets: ui.OutletIds = None,
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    as_json: ui.AsJson = False,
) -> None:
    """Show how each outlet is doing: last and next run, articles, failures, alarms.

    Use it to see which outlets need attention, or let a monitoring program call it. Exit code 1: a last run
    failed, or there is an alarm of level error.
    """
    now = int(time.time())
    with ui.open_database(archives, state_url) as database:
        names = list_outlets(database)
        if unknown := sorted(set(outlets or ()) - set(names)):
            raise NewscrawlError(f"state has no run of {', '.join(unknown)}")
        statuses = [read_outlet_status(database, name, now) for name in outlets or names]
    if as_json:
        ui.print_json([_status_data(status) for status in statuses])
    else:
        ui.print_table(status_table(statuses, now))
    levels = {alarm["level"] for status in statuses for alarm in status.alarms}
    if "error" in levels or any(status.runs_failed for status in statuses):
        raise typer.Exit(ui.FAILED)


def status_table(statuses: Iterable[OutletStatus], now: int) -> Table:
    """A row for each outlet."""
    return ui.fill_table(
        "Outlets",
        statuses,
        (ui.line_column("outlet"), lambda status: escape(status.outlet)),
        ("last run", lambda status: _format_last_run(status, now)),
        (ui.line_column("next due"), lambda status: _format_next_due(status, now)),
        (ui.number_column("24 h"), lambda status: str(status.articles_day)),
        (ui.number_column("7 d"), lambda status: str(status.articles_week)),
        (ui.number_column("waiting"), lambda status: str(status.waiting)),
        ("failures", _format_failures),
        (ui.line_column("health"), _format_health),
    )


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


def _status_data(status: OutletStatus) -> dict[str, object]:
    data: dict[str, object] = status._asdict()
    for name in ("last_run", "next_due", "not_before"):
        seconds = data[name]
        data[name] = rfc3339(from_epoch(seconds)) if isinstance(seconds, int) else None
    return data


@ui.app.command("runs")
def show_runs(
    outlets: ui.OutletIds = None, archives: ui.Archives = ui.ARCHIVES, as_json: ui.AsJson = False
) -> None:
    """Show the last run of each outlet: pages, articles, rejections, languages, bytes.

    Use it after a crawl to see what came of it and which alarms it raised. Exit code 1: a report is broken.
    """
    wanted = list(outlets or ())
    reports: list[Report] = []
    broken = False
    for path in newest_reports(archives, wanted):
        try:
            reports.append(read_report(path))
        except ArchiveError as error:
            ui.error(str(error))
            broken = True
    if not broken and (missing := sorted(set(wanted) - {report.outlet for report in reports})):
        raise NewscrawlError(f"no run of {', '.join(missing)} under {archives}")
    for report in reports:
        if run := unreported_run(archives / report.outlet):
            ui.warn(f"{report.outlet}: run {run} has left no report: it was killed, or is still at work")
    if as_json:
        ui.print_json([report.model_dump(mode="json", by_alias=True) for report in reports])
    else:
        print_runs(reports)
    if broken:
        raise typer.Exit(ui.FAILED)


def print_runs(reports: Iterable[Report]) -> None:
    """The table of runs, and below it their errors and alarms, which may be longer than a column."""
    rows = list(reports)
    ui.print_table(runs_table(rows))
    for report in rows:
        if report.error:
            ui.print_line(f"{report.outlet}: {report.error}", "red")
        for alarm in report.alarms:
            ui.print_line(f"{report.outlet}: {alarm.name}: {alarm.detail}", "yellow")


def runs_table(reports: Iterable[Report]) -> Table:
    """A row for each run, and a sum where there are several."""
    rows = list(reports)
    warc_column = Column("WARC", decimal(sum(row.warc_bytes for row in rows)), justify="right", no_wrap=True)
    return ui.fill_table(
        "Runs",
        rows,
        (Column("outlet", "all", overflow="fold"), lambda row: escape(row.outlet)),
        (ui.number_column("pages", str(sum(row.pages for row in rows))), lambda row: str(row.pages)),
        (ui.number_column("articles", str(sum(row.articles for row in rows))), lambda row: str(row.articles)),
        (
            Column("rejected", str(sum(row.pages - row.articles for row in rows))),
            lambda row: ui.format_counts(row.rejected),
        ),
        ("languages", lambda row: ui.format_counts(row.languages)),
        (warc_column, lambda row: decimal(row.warc_bytes)),
        (
            ui.number_column("seconds", f"{sum(row.seconds for row in rows):.1f}"),
            lambda row: f"{row.seconds:.1f}",
        ),
        show_footer=len(rows) > 1,
    )
