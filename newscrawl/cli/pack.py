"""`newscrawl wacz`: runs as one WACZ file, for replayweb.page and other replay tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.finished_runs import articles_of, finished_run, last_end
from newscrawl.archive.wacz import write_wacz
from newscrawl.cli.status import Archives
from newscrawl.items import Article
from newscrawl.warc.wet import write_wet

Runs = Annotated[list[str], typer.Argument(help="Run ids, or paths of their .report.json files.")]


def wacz(
    runs: Runs,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; ends with .wacz.")],
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    title: Annotated[str | None, typer.Option(help="Title of the package; the run ids if none.")] = None,
) -> None:
    """Pack archives, index and a page list with every article's title, text and date into one file."""
    found = [finished_run(run, archives) for run in dict.fromkeys(runs)]
    files = [path for run in found for path in run.warcs]
    named = title or ", ".join(run.report.run for run in found)
    pages = write_wacz(out, files, articles_of(found), title=named, made=last_end(found))
    Console(stderr=True).print(f"{out}: {pages} pages", markup=False, highlight=False, soft_wrap=True)


def wet(
    runs: Runs,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; ends with .warc.wet.gz.")],
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
) -> None:
    """Write every article's text as a record that refers to the response it was made from.

    Articles whose use is reserved are left out, as exports leave them out.
    """
    found = [finished_run(run, archives) for run in dict.fromkeys(runs)]
    ids = [run.report.run for run in found]
    reserved = 0

    def exported() -> Iterator[Article]:
        nonlocal reserved
        for article in articles_of(found):
            if article.rights.is_reserved:
                reserved += 1
            else:
                yield article

    count = write_wet(out, exported(), made=last_end(found), runs=ids)
    told = f"{out}: {count} records" + (f", {reserved} reserved and left out" if reserved else "")
    Console(stderr=True).print(told, markup=False, highlight=False, soft_wrap=True)
