"""`newscrawl stats`: what the archive holds, outlet by day, in the terminal or as one HTML page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from newscrawl import settings
from newscrawl.cli.export import known_copies
from newscrawl.cli.html import page_of, safe
from newscrawl.cli.status import Archives, AsJson, StateUrl
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.monitoring.stats import Day, Stats, line_files, stats_of
from newscrawl.state.duplicates import CopyTable
from newscrawl.warc.writer import written_whole

WIDTH = 560
LABEL_SPACE = 20
"Below and above the bars, for the first and last day and the highest value."


def stacked(span: Sequence[str], series: Mapping[str, Sequence[int]], height: int = 90) -> str:
    """A bar a day, divided by series (class name to one count a day); empty text where all is nothing."""
    totals = [sum(column) for column in zip(*series.values(), strict=True)]
    most = max(totals, default=0)
    return _svg(span, "".join(_bars(span, series, most, height)), f"{most:,}", height) if most else ""


def lined(span: Sequence[str], values: Sequence[float | None], height: int = 60, *, unit: str = "") -> str:
    """A point a day, joined where days follow each other; empty text where no day has a value."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    most = max(known) or 1
    step = WIDTH / len(span)
    points = [
        None if value is None else (step * (place + 0.5), LABEL_SPACE + height * (1 - value / most))
        for place, value in enumerate(values)
    ]
    dots = "".join(
        f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="2">'
        f"<title>{safe(day)}: {_told(value, unit)}</title></circle>"
        for day, point, value in zip(span, points, values, strict=True)
        if point and value is not None
    )
    return _svg(span, "".join(_lines(points)) + dots, _told(most, unit), height)


def _bars(span: Sequence[str], series: Mapping[str, Sequence[int]], most: int, height: int) -> Iterator[str]:
    step = WIDTH / len(span)
    for place, day in enumerate(span):
        below = 0
        for name, counts in series.items():
            if not (count := counts[place]):
                continue
            size = height * count / most
            top = LABEL_SPACE + height * (1 - below / most) - size
            yield (
                f'<rect class="{safe(name)}" x="{step * place + step * 0.1:.1f}" y="{top:.1f}" '
                f'width="{step * 0.8:.1f}" height="{size:.1f}">'
                f"<title>{safe(f'{day}: {name} {count}')}</title></rect>"
            )
            below += count


def _lines(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    for before, after in pairwise(points):
        if before and after:
            yield (
                f'<line x1="{before[0]:.1f}" y1="{before[1]:.1f}" x2="{after[0]:.1f}" y2="{after[1]:.1f}"/>'
            )


def _told(value: float, unit: str) -> str:
    return f"{value:.0%}" if unit == "%" else f"{value:,.0f}{unit}"


def _svg(span: Sequence[str], inside: str, most: str, height: int) -> str:
    whole = height + 2 * LABEL_SPACE
    return (
        f'<svg viewBox="0 0 {WIDTH} {whole}" role="img">'
        f'<text x="0" y="{LABEL_SPACE - 4}">{safe(most)}</text>{inside}'
        f'<text x="0" y="{whole - 2}">{safe(span[0])}</text>'
        f'<text class="end" x="{WIDTH}" y="{whole - 2}">{safe(span[-1])}</text></svg>'
    )


TEMPLATE = "stats.html"
PLOTTED = 200
"Outlets with plots of their own, the largest; the others have their row of figures."
LANGUAGES = ("fr", "en", "mixed")
"Languages with a colour; all others share one."
_OTHERS = "others"


def html_of(found: Stats, span: Sequence[str]) -> str:
    """The whole file; `span` are the days shown, in order."""
    names = sorted(found.days, key=lambda name: (-found.total(name).articles, name))
    whole = _joined(found.days.values())
    return page_of(
        TEMPLATE,
        span=safe(f"{span[0]} to {span[-1]}"),
        facts="".join(_facts(found, len(names))),
        plots=_plots(whole, span),
        rows="\n".join(_row(name, found) for name in names),
        outlets="\n".join(_outlet(name, found, span) for name in names[:PLOTTED]),
    )


def _joined(outlets: Iterable[Mapping[str, Day]]) -> dict[str, Day]:
    days: dict[str, Day] = {}
    for outlet in outlets:
        for day, counted in outlet.items():
            days.setdefault(day, Day()).add(counted)
    return days


def _facts(found: Stats, outlets: int) -> Iterator[str]:
    whole = found.total()
    told = {
        "articles": f"{whole.articles:,}",
        "outlets": f"{outlets:,}",
        "median length": number(whole.median_length),
        "chrome removed": percent(whole.chrome_share),
        "syndicated": part(whole.syndicated, whole.articles),
        "copies": f"{whole.copies:,}",
        "failures": f"{whole.failures.total():,}",
        "broken lines": f"{len(found.broken):,}",
    }
    for name, value in told.items():
        yield f"<div><b>{safe(value)}</b><span>{safe(name)}</span></div>"


def _plots(days: Mapping[str, Day], span: Sequence[str]) -> str:
    """Five plots of the same days."""
    known = [days.get(day, Day()) for day in span]
    drawn = {
        "Articles a day, by language": stacked(span, _by_language(known)),
        "Median length of texts, characters": lined(span, [day.median_length for day in known]),
        "Chrome removed, share of the text on pages": lined(
            span, [day.chrome_share for day in known], unit="%"
        ),
        "Syndicated articles": stacked(span, {"wire": [day.syndicated for day in known]}, 60),
        "Failures a day": stacked(span, {"failures": [day.failures.total() for day in known]}, 60),
    }
    return "".join(
        f"<figure><figcaption>{safe(title)}</figcaption>{svg or '<p>none</p>'}</figure>"
        for title, svg in drawn.items()
    )


def _by_language(days: Sequence[Day]) -> dict[str, list[int]]:
    series = {name: [day.languages[name] for day in days] for name in LANGUAGES}
    named = [sum(counts) for counts in zip(*series.values(), strict=True)]
    return series | {_OTHERS: [day.articles - count for day, count in zip(days, named, strict=True)]}


def _row(name: str, found: Stats) -> str:
    total = found.total(name)
    figures = (
        f"{total.articles:,}",
        ", ".join(f"{code} {part(n, total.articles)}" for code, n in total.languages.most_common(3)),
        number(total.median_length),
        percent(total.chrome_share),
        part(total.syndicated, total.articles),
        f"{total.copies:,}",
        ", ".join(f"{reason} {count}" for reason, count in total.failures.most_common(3)) or "–",
    )
    cells = "".join(f"<td>{safe(figure)}</td>" for figure in figures)
    return f'<tr><th>{safe(name)}</th>{cells}<td dir="auto">{safe(found.newest.get(name, ""))}</td></tr>'


def _outlet(name: str, found: Stats, span: Sequence[str]) -> str:
    plots = _plots(found.days[name], span)
    return f'<details><summary>{safe(name)}</summary><div class="plots">{plots}</div></details>'


def part(count: int, whole: int) -> str:
    """A share in percent; a dash of nothing."""
    return percent(count / whole) if whole else "–"


def percent(share: float | None) -> str:
    """`61%`, or a dash."""
    return "–" if share is None else f"{share:.0%}"


def number(value: int | None) -> str:
    """`1,301`, or a dash."""
    return "–" if value is None else f"{value:,}"


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
