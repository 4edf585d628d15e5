"""The archive as one HTML page with plots: it needs nothing else, runs nothing and asks no server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from newscrawl.commands.plots import lined, stacked
from newscrawl.commands.safe_html import page_of, safe
from newscrawl.stats import Day, Stats

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
