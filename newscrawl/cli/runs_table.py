"""The table of runs: pages, articles, rejections, languages, bytes and seconds of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.filesize import decimal
from rich.markup import escape
from rich.table import Column, Table

from newscrawl.cli import ui

if TYPE_CHECKING:
    from newscrawl.archive.report import Report


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
        (ui.line_column("outlet", "all"), lambda row: escape(row.outlet)),
        (ui.number_column("pages", str(sum(row.pages for row in rows))), lambda row: str(row.pages)),
        (ui.number_column("articles", str(sum(row.articles for row in rows))), lambda row: str(row.articles)),
        (
            ui.line_column("rejected", str(sum(row.pages - row.articles for row in rows))),
            lambda row: ui.format_counts(row.rejected),
        ),
        (ui.line_column("languages"), lambda row: ui.format_counts(row.languages)),
        (warc_column, lambda row: decimal(row.warc_bytes)),
        (
            ui.number_column("seconds", f"{sum(row.seconds for row in rows):.1f}"),
            lambda row: f"{row.seconds:.1f}",
        ),
        show_footer=len(rows) > 1,
    )
