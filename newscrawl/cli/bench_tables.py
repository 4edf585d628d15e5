"""The figures of `newscrawl bench text` as tables for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from newscrawl.cli import ui
from newscrawl.extraction.evaluation.figures import (
    LIKE_TRUTH,
    LONG_CHARS,
    NOTABLE,
    ConfidenceInterval,
    Difference,
    Figures,
    SegmentFigures,
    TextFigures,
)
from newscrawl.extraction.evaluation.measure import NEWSCRAWL, PageResult

Rows = Iterable[tuple[str, Iterable[str]]]


def score_tables(groups: Mapping[str, Figures], wrong_rejections: Sequence[PageResult]) -> Iterator[Table]:
    """The figures by group of pages; a kind of figure that no page has is left out."""
    names: tuple[str, ...]
    if any(figures.texts for figures in groups.values()):
        names = ("precision", "recall", "F1", f"≥ {format_score(LIKE_TRUTH, 2)}", "empty")
        yield _table(
            "Whole texts, by shingles of 4 words", names, groups, lambda figures: score_rows(figures.texts)
        )
        names = ("F1", "95 % by page", "95 % by site", "better", "worse")
        title = f"Newscrawl less trafilatura, page by page (better: by more than {format_score(NOTABLE, 2)})"
        yield _table(title, names, groups, _difference_rows)
    if any(figures.segments for figures in groups.values()):
        names = ("precision", "recall", "F1", "clean", "empty")
        yield _table(
            "Segments, wanted and unwanted", names, groups, lambda figures: score_rows(figures.segments)
        )
    names = ("ms a page", "ratio to it", "second opinions")
    yield _table("CPU time, metadata included (ratio: newscrawl's)", names, groups, _cost_rows)
    yield ui.fill_table(
        f"Pages without a text (wrong: of articles whose text has more than {LONG_CHARS} characters)",
        groups.items(),
        (ui.line_column(""), lambda group: escape(group[0])),
        (ui.number_column("pages"), lambda group: str(group[1].pages)),
        ("rejected", lambda group: ui.format_counts(group[1].rejected)),
        (ui.number_column("long articles"), lambda group: str(group[1].long_pages)),
        ("wrong", lambda group: ui.format_counts(group[1].wrongly_rejected)),
        (ui.number_column("rate"), lambda group: format_score(group[1].wrong_rejection_rate)),
    )
    if wrong_rejections:
        yield ui.fill_table(
            "Wrongly rejected articles",
            wrong_rejections,
            (ui.folded_column("page"), lambda page: escape(page.id)),
            (ui.line_column("reason"), lambda page: escape(page.outcome)),
            (ui.number_column("characters"), lambda page: str(page.truth_chars)),
            (ui.folded_column("URL"), lambda page: escape(page.url)),
        )


def _table(
    title: str, names: Iterable[str], groups: Mapping[str, Figures], rows: Callable[[Figures], Rows]
) -> Table:
    """A section for each group of pages, with a row for each program."""
    table = ui.make_table(title, ui.line_column(""), *map(ui.number_column, names))
    for name, figures in groups.items():
        lines = list(rows(figures))
        if lines:
            table.add_section()
            table.add_row(f"[bold]{escape(name)}[/]")
        for program, values in lines:
            table.add_row(f" {program}", *values)
    return table


def score_rows(programs: Mapping[str, TextFigures | SegmentFigures]) -> Rows:
    for program, figures in programs.items():
        right = figures.right if isinstance(figures, TextFigures) else figures.clean
        shares = map(format_score, (figures.precision, figures.recall, figures.f1, right))
        yield program, (*shares, str(figures.empty))


def _difference_rows(figures: Figures) -> Rows:
    for program, difference in figures.differences.items():
        mean, by_page, by_site, _, *counts = format_difference(difference)
        yield program.removeprefix("trafilatura "), (mean, by_page, by_site, *counts)


def _cost_rows(figures: Figures) -> Rows:
    for program, milliseconds in figures.cpu_ms.items():
        share = figures.cpu_ratios.get(program)
        opinions = f"{figures.second_opinions:.1%}" if program == NEWSCRAWL else ""
        yield program, (f"{milliseconds:.1f}", "" if share is None else f"{share:.2f}", opinions)


def format_score(value: float, digits: int = 4) -> str:
    """`.9731`; 1 with the same number of digits."""
    return f"{value:.{digits}f}".removeprefix("0")


def format_difference(difference: Difference) -> list[str]:
    """Mean, its intervals by page and by site, number of sites, pages that are better and worse."""
    intervals = map(_format_interval, (difference.by_page, difference.by_site))
    counts = map(str, (difference.sites, difference.better, difference.worse))
    return [_format_signed(difference.mean), *intervals, *counts]


def _format_interval(interval: ConfidenceInterval) -> str:
    return f"{_format_signed(interval.low)} {_format_signed(interval.high)}"


def _format_signed(value: float) -> str:
    text = f"{value:+.4f}"
    return text[0] + text[1:].removeprefix("0")
