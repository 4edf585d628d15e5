"""`newscrawl wacz`: runs as one WACZ file, for replayweb.page and other replay tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.finished import articles_of, finished_run, last_end
from newscrawl.archive.wacz import write_wacz
from newscrawl.commands.report import Archives

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
