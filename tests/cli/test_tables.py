"""Tables in narrow terminals: no id, number or word is cut, whatever the width."""

from __future__ import annotations

import re

import pytest
from rich.table import Table
from rich.text import Text

from newscrawl.cli import ui

IDS = ("connectionivoirienne", "cameroon-tribune", "bbc")
REASONS = {"robots_txt": 12, "rights_reserved": 3, "http_404": 1}
PATH = "archives/connectionivoirienne/connectionivoirienne-20260501100000000-00000-host-7.warc.gz"


def make_table() -> Table:
    table = ui.make_table(
        "Runs",
        ui.line_column("outlet", "all"),
        *(ui.number_column(name, "1,234,567") for name in ("pages", "articles", "agreement", "seconds")),
        ui.line_column("rejected"),
        ui.folded_column("file"),
        "last run",
        show_footer=True,
    )
    for name in IDS:
        numbers = ("1,234", "987", "97% of 41", "15.3")
        table.add_row(name, *numbers, ui.format_counts(REASONS), PATH, "finished two hours ago, unexpectedly")
    return table


@pytest.mark.parametrize("width", [400, 200, 120, 100, 80, 60, 44])
def test_a_table_fits_and_nothing_in_it_is_cut(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    ui.print_table(make_table(), width=width)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    wanted = [*IDS, "articles", "agreement", "seconds", "1,234,567", "97% of 41", "unexpectedly"]
    wanted += [f"{name} {count}" for name, count in REASONS.items()]
    for text in wanted:
        assert text in shown
    # A path may break, but all of it is there.
    column = re.sub(r"\s|[│┃]", "", shown)
    assert column.count("archives/connec") == len(IDS)


def test_a_wide_terminal_gets_lines_and_a_narrow_one_further_tables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ui.print_table(make_table(), width=400)
    assert capsys.readouterr().out.count("┏") == 1
    ui.print_table(make_table(), width=60)
    shown = capsys.readouterr().out
    assert "┏" not in shown
    assert shown.count("Runs") == 1
    # Each part begins with the outlet, so that it can be read by itself.
    parts = shown.split("\n\n")
    assert len(parts) > 1
    assert all(name in part for part in parts for name in IDS)
    assert all(part.lstrip("Runs \n").startswith("outlet") for part in parts)


def test_a_word_that_would_fill_the_line_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    table = ui.make_table("Runs", ui.line_column("outlet"), ui.number_column("pages"))
    table.add_row("x" * 150, "17")
    ui.print_table(table, width=80)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("x") == 150
    assert "17" in shown


def test_cells_may_be_more_than_strings(capsys: pytest.CaptureFixture[str]) -> None:
    table = ui.make_table("Runs", ui.line_column("outlet"), "words")
    table.add_row("echo", Text("of a colour", style="red"))
    ui.print_table(table, width=40)
    assert "of a colour" in capsys.readouterr().out


def test_an_empty_table_shows_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    ui.print_table(ui.make_table("Runs", "outlet", "pages"), width=80)
    assert "outlet" in capsys.readouterr().out
