"""Tables of data, apart from those that only lay out a page."""

from __future__ import annotations

from lxml.html import HtmlElement

from newscrawl.text.elements import text_of
from newscrawl.text.folding import tidy

_CELL_TEXT = 100
"Cells of tables of figures are short; longer ones on average mean a table that lays out the page."


def data_rows(table: HtmlElement) -> list[list[str]]:
    """Rows of cell texts of a table of data; none when it only lays out the page."""
    if next(table.iterdescendants("table"), None) is not None:
        return []
    rows = [row for row in map(_cells, table.iterdescendants("tr")) if any(row)]
    cells = [cell for row in rows for cell in row]
    if not rows or max(map(len, rows)) < 2 or len(rows) < 2 or sum(map(len, cells)) > _CELL_TEXT * len(cells):
        return []
    return rows


def _cells(row: HtmlElement) -> list[str]:
    return [tidy(text_of(cell)) for cell in row.iterchildren("td", "th")]
