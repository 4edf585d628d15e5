"""`newscrawl status`: how every outlet stands, from state alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.commands.report import Archives, AsJson
from newscrawl.errors import NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.state.database import Database, database_url
from newscrawl.state.outlets import Standing, outlets_of, standing_of
from newscrawl.state.rows import moment_of, seconds_of

KnownOutlets = Annotated[list[str] | None, typer.Argument(help="Outlet ids; all that are known if none.")]
StateUrl = Annotated[str, typer.Option("--state", help="Database of state, as NEWSCRAWL_STATE_URL.")]

FAILED = 1
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
        raise typer.Exit(FAILED)


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
