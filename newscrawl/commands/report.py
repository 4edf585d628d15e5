"""`newscrawl report`: what the last run of each outlet did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.report import Report, newest_reports, read_report, unreported_run
from newscrawl.errors import ArchiveError, NewscrawlError

FAILED = 1
Archives = Annotated[Path, typer.Option(help="Folder of the archives.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def report(
    outlets: Annotated[
        list[str] | None, typer.Argument(help="Outlet ids; all that have run if none.")
    ] = None,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    as_json: AsJson = False,
) -> None:
    """Show the last run of each outlet: pages, articles, rejections, languages, bytes."""
    wanted = list(outlets or ())
    reports, broken = _read(newest_reports(archives, wanted))
    for error in broken:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    if not broken and (unseen := sorted(set(wanted) - {found.outlet for found in reports})):
        raise NewscrawlError(f"no run of {', '.join(unseen)} under {archives}")
    for found in reports:
        if run := unreported_run(archives / found.outlet):
            text = f"{found.outlet}: run {run} has left no report: it was killed, or is still at work"
            Console(stderr=True).print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps([found.model_dump(mode="json", by_alias=True) for found in reports], sort_keys=True))
    else:
        Console().print(report_table(reports))
    if broken:
        raise typer.Exit(FAILED)


def _read(paths: Iterable[Path]) -> tuple[list[Report], list[ArchiveError]]:
    """The reports that can be read, and what is wrong with the others."""
    reports: list[Report] = []
    broken: list[ArchiveError] = []
    for path in paths:
        try:
            reports.append(read_report(path))
        except ArchiveError as error:
            broken.append(error)
    return reports, broken


def report_table(reports: Iterable[Report]) -> Table:
    """One row a run with its error and alarms, and a sum where there are several."""
    rows = list(reports)
    table = Table(title="Runs", title_justify="left", show_footer=len(rows) > 1)
    table.add_column("outlet", footer="all", no_wrap=True)
    table.add_column("pages", justify="right", footer=str(sum(row.pages for row in rows)))
    table.add_column("articles", justify="right", footer=str(sum(row.articles for row in rows)))
    table.add_column("rejected", footer=str(sum(row.pages - row.articles for row in rows)))
    table.add_column("languages")
    table.add_column(
        "WARC", justify="right", no_wrap=True, footer=decimal(sum(row.warc_bytes for row in rows))
    )
    table.add_column("seconds", justify="right", footer=f"{sum(row.seconds for row in rows):.1f}")
    for row in rows:
        told = [f"\n[red]{escape(row.error)}[/red]"] if row.error else []
        told += [f"\n[yellow]{escape(alarm.name)}[/yellow]" for alarm in row.alarms]
        table.add_row(
            escape(row.outlet) + "".join(told),
            str(row.pages),
            str(row.articles),
            counted(row.rejected),
            counted(row.languages),
            decimal(row.warc_bytes),
            f"{row.seconds:.1f}",
        )
    return table


def counted(counts: Mapping[str, int]) -> str:
    """A name and its count a line, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return escape("\n".join(f"{name} {count}" for name, count in ordered)) or "–"
