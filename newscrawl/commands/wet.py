"""`newscrawl wet`: the text of runs as WARC conversion records, for readers of Common Crawl's WET files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.finished import articles_of, finished_run, last_end
from newscrawl.archive.wet import write_wet
from newscrawl.commands.report import Archives
from newscrawl.commands.wacz import Runs
from newscrawl.items import Article


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
