"""`newscrawl wacz` and `newscrawl wet`: finished runs as a file of a standard format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from newscrawl.archive.finished_runs import find_run, latest_end, read_run_articles
from newscrawl.archive.lines import ARTICLES_SUFFIX, read_articles
from newscrawl.archive.wacz import copy_shared_parts, write_wacz
from newscrawl.cli import ui
from newscrawl.cli.stored_files import bring_run
from newscrawl.errors import NewscrawlError
from newscrawl.items import Article
from newscrawl.warc.wet import write_wet


@ui.app.command("wacz")
def pack_wacz(
    runs: ui.RunIds,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; its name ends with .wacz.")],
    archives: ui.Archives = ui.ARCHIVES,
    title: Annotated[str | None, typer.Option(help="Title of the package. Default: the run ids.")] = None,
) -> None:
    """Pack runs into a WACZ file for replayweb.page and other replay tools.

    It holds the WARC files, their index and a list of pages with the title, text and date of every article.
    Use it to browse what was crawled, or to hand it on.
    """
    for run in runs:
        bring_run(archives, run)
    finished = [find_run(run, archives) for run in dict.fromkeys(runs)]
    title = title or ", ".join(run.report.run for run in finished)
    with TemporaryDirectory(prefix="newscrawl-wacz-") as folder:
        files = list(copy_shared_parts([part for run in finished for part in run.warc_parts], Path(folder)))
        pages = write_wacz(out, files, read_run_articles(finished), title=title, made=latest_end(finished))
    ui.note(f"{out}: {pages} pages")


@ui.app.command("wet")
def pack_wet(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Run ids, paths of their .report.json files, or JSON lines made by `newscrawl extract`."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; its name ends with .warc.wet.gz.")],
    archives: ui.Archives = ui.ARCHIVES,
) -> None:
    """Write the text of every article of some runs as WET records.

    Use it for tools that read the WET files of Common Crawl. Each record refers to the response that its text
    was extracted from. Articles whose use is reserved are left out, as exports leave them out.
    """
    names = dict.fromkeys(runs)
    for name in names:
        bring_run(archives, name)
    files = [Path(name) for name in names if name.endswith(ARTICLES_SUFFIX)]
    finished = [find_run(run, archives) for run in names if not run.endswith(ARTICLES_SUFFIX)]
    reserved = 0

    def iter_allowed() -> Iterator[Article]:
        nonlocal reserved
        for article in chain(read_run_articles(finished), *map(read_articles, files)):
            if article.rights.is_reserved:
                reserved += 1
            else:
                yield article

    ids = [run.report.run for run in finished]
    made = latest_end(finished) if finished else _latest_fetch(files)
    count = write_wet(out, iter_allowed(), made=made, runs=ids)
    ui.note(f"{out}: {count} records" + (f", {reserved} reserved and left out" if reserved else ""))


def _latest_fetch(files: Iterable[Path]) -> datetime:
    """When the last article of these files was fetched; NewscrawlError if there is none."""
    dates = (article.fetched for path in files for article in read_articles(path))
    if newest := max(filter(None, dates), default=None):
        return datetime.fromisoformat(newest)
    raise NewscrawlError("there is no article in these files")
