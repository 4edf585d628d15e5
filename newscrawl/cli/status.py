"""`newscrawl report`: what the last run of each outlet did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
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
from newscrawl.items import rfc3339
from newscrawl.state.database import Database, database_url
from newscrawl.state.rows import moment_of, seconds_of
from newscrawl.state.scheduling import Standing, outlets_of, standing_of

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


KnownOutlets = Annotated[list[str] | None, typer.Argument(help="Outlet ids; all that are known if none.")]
StateUrl = Annotated[str, typer.Option("--state", help="Database of state, as NEWSCRAWL_STATE_URL.")]

FAILED_OF_STATUS = 1
_TIMES = ("last_run", "next_due", "not_before")


def status(
    outlets: KnownOutlets = None,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    state_url: StateUrl = settings.NEWSCRAWL_STATE_URL,
    as_json: AsJson = False,
) -> None:
    """Show how each outlet stands: runs, articles, failures, alarms.

    Exit code 1: a last run failed, or an alarm of level error stands.
    """
    now = seconds_of(datetime.now(UTC))
    with closing(Database.open(database_url(state_url, archives.resolve()))) as database:
        known = outlets_of(database)
        if unknown := sorted(set(outlets or ()) - set(known)):
            raise NewscrawlError(f"no run of {', '.join(unknown)} is known")
        standings = [standing_of(database, name, now) for name in outlets or known]
    if as_json:
        print(json.dumps([_as_data(standing) for standing in standings], sort_keys=True))
    else:
        Console().print(status_table(standings, now))
    if any(standing.runs_failed or _is_ill(standing) for standing in standings):
        raise typer.Exit(FAILED_OF_STATUS)


def status_table(standings: Iterable[Standing], now: int) -> Table:
    """One row an outlet."""
    table = Table(title="Outlets", title_justify="left")
    table.add_column("outlet", no_wrap=True)
    table.add_column("last run")
    table.add_column("next due", no_wrap=True)
    for name in ("24 h", "7 d", "waiting"):
        table.add_column(name, justify="right")
    table.add_column("failures")
    table.add_column("health", no_wrap=True)
    for one in standings:
        table.add_row(
            escape(one.outlet),
            _last_run(one, now),
            _next_due(one, now),
            str(one.articles_day),
            str(one.articles_week),
            str(one.waiting),
            _failures(one),
            _health(one),
        )
    return table


def _last_run(one: Standing, now: int) -> str:
    if one.last_run is None:
        return "never"
    how = f"at work ({one.holder})" if one.holder else (one.last_reason or "killed")
    text = escape(f"{_from_now(one.last_run, now)}, {how}")
    return f"{text}\n[red]{escape(one.last_error)}[/red]" if one.last_error else text


def _next_due(one: Standing, now: int) -> str:
    """When something is due; later where a timer leaves a failing outlet alone."""
    text = _from_now(one.next_due, now)
    if one.not_before is None or one.not_before <= now:
        return text
    return f"{text}\n[yellow]held back, {_from_now(one.not_before, now)}[/yellow]"


def _failures(one: Standing) -> str:
    counts = {
        "runs": one.runs_failed,
        "sources": one.feeds_failing,
        "retired": one.sources_retired,
        "pages": one.failed,
    }
    return "\n".join(f"{name} {count}" for name, count in counts.items() if count) or "–"


def _health(one: Standing) -> str:
    """`ok`, or the names of the alarms that stand."""
    colours = {"error": "red", "warning": "yellow"}
    names = [f"[{colours[alarm['level']]}]{escape(alarm['name'])}[/]" for alarm in one.alarms]
    return "\n".join(names) or ("ok" if one.last_run is not None and not one.runs_failed else "–")


def _is_ill(one: Standing) -> bool:
    return any(alarm["level"] == "error" for alarm in one.alarms)


def _from_now(moment: int | None, now: int) -> str:
    """`3 h ago`, `in 12 min`, or a dash."""
    if moment is None:
        return "–"
    away = abs(moment - now)
    units = (("d", 86_400), ("h", 3600), ("min", 60))
    size = next((f"{away // seconds} {name}" for name, seconds in units if away >= 2 * seconds), f"{away} s")
    return f"{size} ago" if moment <= now else f"in {size}"


def _as_data(one: Standing) -> dict[str, object]:
    data: dict[str, object] = one._asdict()
    for name in _TIMES:
        moment = data[name]
        data[name] = rfc3339(moment_of(moment)) if isinstance(moment, int) else None
    return data
