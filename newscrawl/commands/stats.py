"""`newscrawl stats`: what the archive holds, outlet by day, in the terminal or as one HTML page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.wholefile import written_whole
from newscrawl.commands.known_copies import known_copies
from newscrawl.commands.report import Archives, AsJson
from newscrawl.commands.stats_page import html_of, number, part, percent
from newscrawl.commands.status import StateUrl
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.state.copies import CopyTable
from newscrawl.stats import Day, Stats, line_files, stats_of

FAILED = 1
DAYS = 28
SHOWN_BROKEN = 10
_BARS = " ▁▂▃▄▅▆▇█"


def stats(
    outlets: Annotated[list[str] | None, typer.Argument(help="Outlet ids; all if none.")] = None,
    *,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many days back.")] = DAYS,
    until: Annotated[str, typer.Option(help="Last day, as 2026-03-31 (UTC); today if none.")] = "",
    state_url: StateUrl = settings.NEWSCRAWL_STATE_URL,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained HTML page with plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show articles a day, languages, lengths, chrome removed, syndication and failures of each outlet.

    Days are those on which pages were fetched, in UTC. Exit code 1: a line could not be read.
    """
    last = _day(until) if until else datetime.now(UTC).date()
    span = [(last - timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1)]
    folders = _folders(archives, outlets or [])
    with known_copies(archives, state_url) as copies:
        found = _counted(folders, span, copies)
    if as_json:
        print(json.dumps(_as_data(found), sort_keys=True))
    elif html is None:
        Console().print(stats_table(found, span))
    if html is not None:
        with written_whole(html) as out:
            out.write(html_of(found, span).encode())
        Console(stderr=True).print(str(html), markup=False, highlight=False, soft_wrap=True)
    _tell_broken(found.broken)
    if found.broken:
        raise typer.Exit(FAILED)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day, as 2026-03-31", param_hint="--until") from None


def _folders(archives: Path, outlets: Sequence[str]) -> list[Path]:
    if not archives.is_dir():
        raise ArchiveError(f"no such folder: {archives}")
    found = {path.parent.name: path.parent for path in sorted(archives.glob("*/*.jsonl"))}
    if missing := sorted(set(outlets) - set(found)):
        raise NewscrawlError(f"no line of {', '.join(missing)} under {archives}")
    return [found[name] for name in outlets or found]


def _counted(folders: Sequence[Path], span: Sequence[str], copies: CopyTable | None) -> Stats:
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        total = sum(path.stat().st_size for folder in folders for path in line_files(folder))
        task = progress.add_task("", total=total)
        return stats_of(folders, span[0], span[-1], lambda size: progress.advance(task, size), copies)


def stats_table(found: Stats, span: Sequence[str]) -> Table:
    """One row an outlet, the largest first."""
    table = Table(title=f"{span[0]} to {span[-1]}", title_justify="left", show_footer=len(found.days) > 1)
    whole = found.total()
    table.add_column("outlet", footer="all", no_wrap=True)
    table.add_column("articles", justify="right", footer=str(whole.articles))
    table.add_column("a day", no_wrap=True, footer=bars(_a_day(found, found.days, span)))
    table.add_column("languages", footer=shares(whole.languages))
    table.add_column("median", justify="right", footer=number(whole.median_length))
    table.add_column("chrome", justify="right", footer=percent(whole.chrome_share))
    table.add_column("wire", justify="right", footer=part(whole.syndicated, whole.articles))
    table.add_column("copies", justify="right", footer=str(whole.copies))
    table.add_column("failures", footer=str(whole.failures.total()))
    for name, total in sorted(_totals(found), key=lambda pair: (-pair[1].articles, pair[0])):
        table.add_row(
            escape(name),
            str(total.articles),
            bars(_a_day(found, [name], span)),
            shares(total.languages),
            number(total.median_length),
            percent(total.chrome_share),
            part(total.syndicated, total.articles),
            str(total.copies or "–"),
            escape(", ".join(f"{reason} {count}" for reason, count in total.failures.most_common(3))) or "–",
        )
    return table


def _totals(found: Stats) -> list[tuple[str, Day]]:
    return [(name, found.total(name)) for name in found.days]


def _a_day(found: Stats, outlets: Iterable[str], span: Sequence[str]) -> list[int]:
    return [
        sum(found.days[name][day].articles for name in outlets if day in found.days[name]) for day in span
    ]


def bars(counts: Sequence[int]) -> str:
    """A line of blocks as high as the counts, the highest of them full."""
    most = max(counts, default=0) or 1
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)


def shares(languages: Counter[str]) -> str:
    """`fr 61 %, en 39 %`: the three most frequent."""
    total = languages.total()
    return escape(", ".join(f"{name} {part(count, total)}" for name, count in languages.most_common(3)))


def _tell_broken(broken: Sequence[str]) -> None:
    console = Console(stderr=True)
    for text in broken[:SHOWN_BROKEN]:
        console.print(f"{text}: no line of ours", style="red", markup=False, highlight=False, soft_wrap=True)
    if len(broken) > SHOWN_BROKEN:
        console.print(f"and {len(broken) - SHOWN_BROKEN} more", style="red", markup=False, highlight=False)


def _as_data(found: Stats) -> list[dict[str, object]]:
    return [
        {
            "outlet": outlet,
            "day": day,
            "articles": counted.articles,
            "languages": dict(sorted(counted.languages.items())),
            "median_chars": counted.median_length,
            "chrome_share": counted.chrome_share,
            "syndicated": counted.syndicated,
            "copies": counted.copies,
            "failures": dict(sorted(counted.failures.items())),
        }
        for outlet, days in sorted(found.days.items())
        for day, counted in sorted(days.items())
    ]
