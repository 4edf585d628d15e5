"""`newscrawl stats`: what the archives hold, by outlet and day, in the terminal or as an HTML page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from newscrawl.cli import ui
from newscrawl.cli.stored_files import bring_files
from newscrawl.downloader.capture import utc_now
from newscrawl.monitoring.stats import ArchiveStats, DayStats, count_archive, line_files

DEFAULT_DAYS = 28
MAX_BROKEN_SHOWN = 10
MAX_PLOTTED = 200
"Outlets that have plots of their own, the largest of them; the others have only a row of figures."
LANGUAGES = ("fr", "en", "mixed")
"Languages with a colour of their own."
OTHER_LANGUAGES = "others"
PLOT_WIDTH = 560
LABEL_SPACE = 20
"Below and above the bars, for the first and last day and the highest value."
BAR_HEIGHTS = " ▁▂▃▄▅▆▇█"


@ui.app.command("stats")
def show_stats(
    outlets: ui.OutletIds = None,
    *,
    archives: ui.Archives = ui.ARCHIVES,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Number of days.")] = DEFAULT_DAYS,
    until: Annotated[str, typer.Option(help="Last day, such as 2026-03-31 (UTC). Default: today.")] = "",
    state_url: ui.StateUrl = ui.STATE_URL,
    html: Annotated[
        Path | None, typer.Option(help="Write a self-contained HTML page with plots to this file.")
    ] = None,
    as_json: ui.AsJson = False,
) -> None:
    """Count the articles, languages, lengths and failures of each outlet by day.

    Use it to see how the archives grow and where an outlet broke. `agreement` is how far the classifier
    agrees (F1) with feeds and APIs that have an article too. Days are those on which pages were fetched, in
    UTC. Exit code 1: a line could not be read.
    """
    try:
        last = date.fromisoformat(until) if until else utc_now().date()
    except ValueError:
        raise typer.BadParameter(f"{until!r} is no day such as 2026-03-31", param_hint="--until") from None
    span = [(last - timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1)]
    bring_files(archives, outlets)
    folders = ui.outlet_archives(archives, outlets)
    size = sum(path.stat().st_size for folder in folders for path in line_files(folder))
    with (
        ui.open_documents(archives, state_url) as documents,
        ui.progress_bar("reading", size) as (update, _),
    ):
        stats = count_archive(folders, span[0], span[-1], lambda read: update(advance=read), documents)
    if as_json:
        ui.print_json(_stats_data(stats))
    elif html is None:
        ui.print_table(stats_table(stats, span))
    if html is not None:
        with ui.open_output(html) as stream:
            stream.write(render_stats(stats, span).encode())
        ui.note(str(html))
    for text in stats.broken[:MAX_BROKEN_SHOWN]:
        ui.error(f"{text}: not a line of newscrawl")
    if len(stats.broken) > MAX_BROKEN_SHOWN:
        ui.error(f"and {len(stats.broken) - MAX_BROKEN_SHOWN} more")
    if stats.broken:
        raise typer.Exit(ui.FAILED)


def _stats_data(stats: ArchiveStats) -> list[dict[str, object]]:
    return [
        {
            "outlet": outlet,
            "day": day,
            "articles": counts.articles,
            "languages": dict(sorted(counts.languages.items())),
            "median_chars": counts.median_length,
            "chrome_share": counts.chrome_share,
            "syndicated": counts.syndicated,
            "agreement": counts.agreement.as_dict(),
            "copies": counts.copies,
            "failures": dict(sorted(counts.failures.items())),
        }
        for outlet, days in sorted(stats.days.items())
        for day, counts in sorted(days.items())
    ]


def stats_table(stats: ArchiveStats, span: Sequence[str]) -> Table:
    """A row for each outlet, the largest first."""
    whole = stats.total()
    table = ui.make_table(
        f"{span[0]} to {span[-1]}",
        ui.line_column("outlet", "all"),
        ui.number_column("articles", str(whole.articles)),
        ui.line_column("a day", sparkline(_daily_articles(stats, stats.days, span))),
        Column("languages", _format_languages(whole.languages)),
        ui.number_column("median", format_number(whole.median_length)),
        ui.number_column("chrome", format_percent(whole.chrome_share)),
        ui.number_column("agreement", format_percent(whole.agreement.f1)),
        ui.number_column("wire", format_share(whole.syndicated, whole.articles)),
        ui.number_column("copies", str(whole.copies)),
        Column("failures", str(whole.failures.total())),
        show_footer=len(stats.days) > 1,
    )
    for name in _by_size(stats):
        total = stats.total(name)
        table.add_row(
            escape(name),
            str(total.articles),
            sparkline(_daily_articles(stats, [name], span)),
            _format_languages(total.languages),
            format_number(total.median_length),
            format_percent(total.chrome_share),
            format_percent(total.agreement.f1),
            format_share(total.syndicated, total.articles),
            str(total.copies or "–"),
            escape(_frequent_failures(total)),
        )
    return table


def _by_size(stats: ArchiveStats) -> list[str]:
    return sorted(stats.days, key=lambda name: (-stats.total(name).articles, name))


def _daily_articles(stats: ArchiveStats, outlets: Iterable[str], span: Sequence[str]) -> list[int]:
    return [
        sum(stats.days[name][day].articles for name in outlets if day in stats.days[name]) for day in span
    ]


def sparkline(counts: Sequence[int]) -> str:
    """A line of blocks as high as the counts; the highest of them is a full block."""
    highest = max(counts, default=0) or 1
    return "".join(BAR_HEIGHTS[-(-count * (len(BAR_HEIGHTS) - 1) // highest)] for count in counts)


def _format_languages(languages: Counter[str]) -> str:
    """`fr 61%, en 39%`: the three most frequent."""
    total = languages.total()
    shares = [f"{name} {format_share(count, total)}" for name, count in languages.most_common(3)]
    return escape(", ".join(shares))


def _frequent_failures(day: DayStats) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in day.failures.most_common(3)) or "–"


def format_share(count: int, whole: int) -> str:
    """A share in percent, or a dash if the whole is nothing."""
    return format_percent(count / whole) if whole else "–"


def format_percent(share: float | None) -> str:
    """`61%`, or a dash."""
    return "–" if share is None else f"{share:.0%}"


def format_number(value: int | None) -> str:
    """`1,301`, or a dash."""
    return "–" if value is None else f"{value:,}"


def render_stats(stats: ArchiveStats, span: Sequence[str]) -> str:
    """The HTML page; `span` are the days that it shows, in order."""
    names = _by_size(stats)
    every_outlet: dict[str, DayStats] = defaultdict(DayStats)
    for outlet in stats.days.values():
        for day, counts in outlet.items():
            every_outlet[day].add(counts)
    return ui.fill_template(
        "stats.html",
        span=ui.safe_html(f"{span[0]} to {span[-1]}"),
        facts="".join(_fact_boxes(stats)),
        plots=_plot_figures(every_outlet, span),
        rows="\n".join(_outlet_row(name, stats) for name in names),
        outlets="\n".join(
            f"<details><summary>{ui.safe_html(name)}</summary>"
            f'<div class="plots">{_plot_figures(stats.days[name], span)}</div></details>'
            for name in names[:MAX_PLOTTED]
        ),
    )


def _fact_boxes(stats: ArchiveStats) -> Iterator[str]:
    whole = stats.total()
    facts = {
        "articles": f"{whole.articles:,}",
        "outlets": f"{len(stats.days):,}",
        "median length": format_number(whole.median_length),
        "chrome removed": format_percent(whole.chrome_share),
        "syndicated": format_share(whole.syndicated, whole.articles),
        "copies": f"{whole.copies:,}",
        "failures": f"{whole.failures.total():,}",
        "broken lines": f"{len(stats.broken):,}",
    }
    for name, value in facts.items():
        yield f"<div><b>{ui.safe_html(value)}</b><span>{ui.safe_html(name)}</span></div>"


def _outlet_row(name: str, stats: ArchiveStats) -> str:
    total = stats.total(name)
    languages = total.languages.most_common(3)
    figures = (
        f"{total.articles:,}",
        ", ".join(f"{code} {format_share(count, total.articles)}" for code, count in languages),
        format_number(total.median_length),
        format_percent(total.chrome_share),
        format_share(total.syndicated, total.articles),
        f"{total.copies:,}",
        _frequent_failures(total),
    )
    cells = "".join(f"<td>{ui.safe_html(figure)}</td>" for figure in figures)
    newest = ui.safe_html(stats.newest.get(name, ""))
    return f'<tr><th>{ui.safe_html(name)}</th>{cells}<td dir="auto">{newest}</td></tr>'


def _plot_figures(days: Mapping[str, DayStats], span: Sequence[str]) -> str:
    """Six plots of the same days."""
    shown = [days.get(day, DayStats()) for day in span]
    plots = {
        "Articles a day, by language": stacked_bars(span, _articles_by_language(shown)),
        "Median length of texts, characters": line_plot(span, [day.median_length for day in shown]),
        "Chrome removed, share of the text on pages": line_plot(
            span, [day.chrome_share for day in shown], unit="%"
        ),
        "Agreement of the classifier with feeds and APIs, F1 by characters": line_plot(
            span, [day.agreement.f1 for day in shown], unit="%"
        ),
        "Syndicated articles": stacked_bars(span, {"wire": [day.syndicated for day in shown]}, 60),
        "Failures a day": stacked_bars(span, {"failures": [day.failures.total() for day in shown]}, 60),
    }
    return "".join(
        f"<figure><figcaption>{ui.safe_html(title)}</figcaption>{svg or '<p>none</p>'}</figure>"
        for title, svg in plots.items()
    )


def _articles_by_language(days: Sequence[DayStats]) -> dict[str, list[int]]:
    series = {name: [day.languages[name] for day in days] for name in LANGUAGES}
    sums = map(sum, zip(*series.values(), strict=True))
    return series | {OTHER_LANGUAGES: [day.articles - count for day, count in zip(days, sums, strict=True)]}


def stacked_bars(span: Sequence[str], series: Mapping[str, Sequence[int]], height: int = 90) -> str:
    """An SVG with a bar for each day, divided by series; empty text if there is nothing to show.

    `series`: class name to the counts of the days.
    """
    highest = max((sum(counts) for counts in zip(*series.values(), strict=True)), default=0)
    if not highest:
        return ""
    step, bars = PLOT_WIDTH / len(span), ""
    for place, day in enumerate(span):
        below = 0
        for name, counts in series.items():
            if not (count := counts[place]):
                continue
            size = height * count / highest
            top = LABEL_SPACE + height * (1 - below / highest) - size
            bars += (
                f'<rect class="{ui.safe_html(name)}" x="{step * place + step * 0.1:.1f}" y="{top:.1f}" '
                f'width="{step * 0.8:.1f}" height="{size:.1f}">'
                f"<title>{ui.safe_html(f'{day}: {name} {count}')}</title></rect>"
            )
            below += count
    return _wrap_svg(span, bars, f"{highest:,}", height)


def line_plot(
    span: Sequence[str], values: Sequence[float | None], height: int = 60, *, unit: str = ""
) -> str:
    """An SVG with a point for each day, joined where days follow each other; empty text without values."""
    highest = max((value for value in values if value is not None), default=None)
    if highest is None:
        return ""
    highest = highest or 1
    step = PLOT_WIDTH / len(span)
    points = [
        None if value is None else (step * (place + 0.5), LABEL_SPACE + height * (1 - value / highest))
        for place, value in enumerate(values)
    ]
    lines = "".join(
        f'<line x1="{left[0]:.1f}" y1="{left[1]:.1f}" x2="{right[0]:.1f}" y2="{right[1]:.1f}"/>'
        for left, right in pairwise(points)
        if left and right
    )
    dots = "".join(
        f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="2">'
        f"<title>{ui.safe_html(day)}: {_format_value(value, unit)}</title></circle>"
        for day, point, value in zip(span, points, values, strict=True)
        if point and value is not None
    )
    return _wrap_svg(span, lines + dots, _format_value(highest, unit), height)


def _format_value(value: float, unit: str) -> str:
    return f"{value:.0%}" if unit == "%" else f"{value:,.0f}{unit}"


def _wrap_svg(span: Sequence[str], shapes: str, highest: str, height: int) -> str:
    whole = height + 2 * LABEL_SPACE
    return (
        f'<svg viewBox="0 0 {PLOT_WIDTH} {whole}" role="img">'
        f'<text x="0" y="{LABEL_SPACE - 4}">{ui.safe_html(highest)}</text>{shapes}'
        f'<text x="0" y="{whole - 2}">{ui.safe_html(span[0])}</text>'
        f'<text class="end" x="{PLOT_WIDTH}" y="{whole - 2}">{ui.safe_html(span[-1])}</text></svg>'
    )
