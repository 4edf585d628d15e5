"""Plots: scales of round figures, and nothing drawn where there is nothing."""

from __future__ import annotations

import pytest
from lxml import etree

from newscrawl.view.plots import MAX_TICKS, axis_ticks, bar_plot, point_plot


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [(0, [0, 1]), (1, [0, 1]), (3, [0, 1, 2, 3]), (23, [0, 10, 20, 30]), (4000, [0, 1000, 2000, 3000, 4000])],
)
def test_an_axis_has_round_figures(highest: float, ticks: list[float]) -> None:
    assert axis_ticks(highest) == ticks


@pytest.mark.parametrize("highest", [1, 7, 99, 101, 12_345, 10**9])
def test_an_axis_reaches_the_highest_value_in_few_steps(highest: int) -> None:
    ticks = axis_ticks(highest)
    assert ticks[-1] >= highest
    assert len(ticks) <= MAX_TICKS + 2


def test_bars_are_as_high_as_their_values_and_escape_their_names() -> None:
    svg = etree.fromstring(bar_plot(["<a>", "b"], {"x&y": [2, 0], "z": [2, 1]}, "<t>"))
    assert svg.get("aria-label") == "<t>"
    bars = svg.findall("rect")
    heights = [round(float(bar.get("height")), 1) for bar in bars]
    assert heights[0] == heights[1] == pytest.approx(heights[2] * 2, abs=0.2)
    assert [bar.findtext("title") for bar in bars] == ["<a>: x&y 2", "<a>: z 2", "b: z 1"]


def test_points_are_joined_only_where_they_follow_each_other() -> None:
    svg = etree.fromstring(point_plot(["a", "b", "c", "d"], [1, 2, None, 3], "t"))
    assert len(svg.findall("circle")) == 3
    assert len(svg.findall("line[@class='line']")) == 1


def test_nothing_is_drawn_without_values() -> None:
    assert not bar_plot(["a"], {"x": [0]}, "t")
    assert not point_plot(["a"], [None], "t")
