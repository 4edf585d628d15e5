"""Small plots over days as inline SVG: no script, no style attribute; classes give the colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from newscrawl.commands.safe_html import safe

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
