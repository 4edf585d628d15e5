"""Measure the cost of extraction: `text.py [--pages FOLDER] [--limit N] [--json]`.

How good the text is needs annotated pages: `newscrawl bench text`.

CPU milliseconds per page of a bare lxml parse, of trafilatura (precision mode, with metadata), of `extract`,
one after the other on each page, so that a busy machine slows all of them. Pages on which the classifier is
sure are reported apart from those for which it consulted trafilatura.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

import lxml.html
from line import saved_newsroom
from rich.console import Console
from rich.table import Table

from newscrawl.demo.saved_pages import saved_pages
from newscrawl.extraction.evaluation.measure import trafilatura_text
from newscrawl.extraction.extract import trace_extraction

FETCHED = datetime(2026, 1, 1, tzinfo=UTC)
MOST_OF_TRAFILATURA = 0.5
MOST_OF_PARSE = 6.0
"The goal for pages on which the classifier is sure; it is reported, but missing it is no failure."

HTML = {"content-type": "text/html"}

Pages = list[tuple[str, bytes]]
T = TypeVar("T")


class Row(NamedTuple):
    """CPU milliseconds of one page."""

    parse: float
    trafilatura: float
    extract: float
    consulted: bool
    "Whether the classifier consulted trafilatura."


def main() -> int:
    """Measure, print, and exit with 1 where extraction costs more than half of trafilatura."""
    options = _options()
    pages = _saved(options.pages) if options.pages else _newsroom()
    rows = _measured(pages[: options.limit])
    figures = _figures(rows)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        _show(figures)
    return int(figures["of_trafilatura"] > MOST_OF_TRAFILATURA)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, help="folder of saved pages; else those of the newsroom")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _saved(folder: Path) -> Pages:
    return [(page.url, page.read()) for page in saved_pages(folder)]


def _newsroom() -> Pages:
    with TemporaryDirectory() as folder:
        saved_newsroom(Path(folder))
        return _saved(Path(folder))


def _measured(pages: Pages) -> list[Row]:
    """The times of each page; the first page is measured twice, to warm up."""
    rows = []
    for url, html in [pages[0], *pages]:
        parse = _timed(lambda html=html: lxml.html.document_fromstring(html))[0]
        trafilatura = _timed(lambda html=html, url=url: trafilatura_text(html, url, favor_precision=True))[0]
        ours, trace = _timed(
            lambda html=html, url=url: trace_extraction(html, url, headers=HTML, fetched=FETCHED)
        )
        if trace.body is not None:
            rows.append(Row(parse, trafilatura, ours, trace.body.selection.asked_trafilatura))
    return rows[1:]


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    result = work()
    return (time.process_time() - began) * 1000, result


def _figures(rows: list[Row]) -> dict[str, float]:
    sure = [row for row in rows if not row.consulted]
    return {
        "pages": len(rows),
        "asked": 1 - len(sure) / len(rows),
        "parse_ms": fmean(row.parse for row in rows),
        "trafilatura_ms": fmean(row.trafilatura for row in rows),
        "extract_ms": fmean(row.extract for row in rows),
        "sure_ms": fmean(row.extract for row in sure),
        "of_trafilatura": sum(row.extract for row in rows) / sum(row.trafilatura for row in rows),
        "sure_of_parse": sum(row.extract for row in sure) / sum(row.parse for row in sure),
    }


def _show(figures: dict[str, float]) -> None:
    table = Table("figure", "value", "bound", title="CPU of a page's text")
    bounds = {"of_trafilatura": str(MOST_OF_TRAFILATURA), "sure_of_parse": f"{MOST_OF_PARSE} wanted"}
    for name, value in figures.items():
        table.add_row(name, f"{value:.3g}", bounds.get(name, ""))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
