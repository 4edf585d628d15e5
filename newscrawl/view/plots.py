"""Plots as SVG with scales: an axis with round figures, the days below, and a legend in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

from markupsafe import Markup

WIDTH, HEIGHT = 640, 180
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 10, 24
"Space around the plot for the figures of its axes."
MAX_TICKS = 4
BAR_MAX_WIDTH = 48
LABEL_WIDTH = 90
"Space that a label below the plot takes."


def axis_ticks(highest: float, *, is_whole: bool = True) -> list[float]:
    """Round figures from 0 up to at least the highest value, in equal steps."""
    if highest <= 0:
        return [0, 1]
    raw = highest / MAX_TICKS
    size = 10.0 ** floor(log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw)
    if is_whole:
        step = max(1, ceil(step))
    return [step * number for number in range(ceil(highest / step) + 1)]


def bar_plot(labels: Sequence[str], series: Mapping[str, Sequence[int]], title: str) -> Markup:
    """Bars, a bar for each label, divided by series; empty if there is nothing to show.

    `series`: name in words to the values of the labels; the n-th has the class `series-n`.
    """
    sums = [sum(values) for values in zip(*series.values(), strict=True)]
    if not any(sums):
        return Markup("")
    ticks = axis_ticks(max(sums))
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    width = min(step * 0.8, BAR_MAX_WIDTH)
    shapes: list[Markup] = []
    for place, label in enumerate(labels):
        left = LEFT + step * (place + 0.5) - width / 2
        below = 0
        for number, (name, values) in enumerate(series.items()):
            if value := values[place]:
                bottom, top = _height(below, ticks), _height(below + value, ticks)
                shapes.append(
                    Markup(
                        '<rect class="series-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                        "<title>{}: {} {:,}</title></rect>"
                    ).format(number, left, top, width, bottom - top, label, name, value)
                )
            below += value
    return _frame(labels, ticks, title, shapes)


def point_plot(labels: Sequence[str], values: Sequence[float | None], title: str) -> Markup:
    """Points joined by lines where they follow each other; empty without values."""
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    ticks = axis_ticks(max(known))
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    shapes: list[Markup] = []
    last: tuple[float, float] | None = None
    for place, (label, value) in enumerate(zip(labels, values, strict=True)):
        point = None if value is None else (LEFT + step * (place + 0.5), _height(value, ticks))
        if point and last:
            line = Markup('<line class="line" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
            shapes.append(line.format(*last, *point))
        if point:
            dot = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.5"><title>{}: {:,.0f}</title></circle>')
            shapes.append(dot.format(*point, label, value))
        last = point
    return _frame(labels, ticks, title, shapes)


def _height(value: float, ticks: Sequence[float]) -> float:
    """Where a value is on the axis, from the top."""
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / ticks[-1])


def _frame(labels: Sequence[str], ticks: Sequence[float], title: str, shapes: Sequence[Markup]) -> Markup:
    """The SVG with both axes."""
    parts = [
        Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, HEIGHT, title
        )
    ]
    for tick in ticks:
        height = _height(tick, ticks)
        grid = Markup('<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>')
        parts.append(grid.format(LEFT, height, WIDTH - RIGHT, height))
        text = Markup('<text class="end" x="{}" y="{:.1f}">{:,.0f}</text>')
        parts.append(text.format(LEFT - 6, height + 4, tick))
    parts += shapes
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    every = max(1, ceil(LABEL_WIDTH / step))
    for place in range(0, len(labels), every):
        text = Markup('<text class="middle" x="{:.1f}" y="{}">{}</text>')
        center = max(LEFT + step * (place + 0.5), LEFT + LABEL_WIDTH / 3)
        parts.append(text.format(min(center, WIDTH - RIGHT - LABEL_WIDTH / 3), HEIGHT - 6, labels[place]))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)
