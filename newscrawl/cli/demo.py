"""`newscrawl demo`: the embedded newsroom, to serve or to crawl."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from newscrawl.archive.lines import read_articles
from newscrawl.cli import ui
from newscrawl.cli.crawl_progress import crawl_with_progress, show_results
from newscrawl.cli.processes import CrawlResult
from newscrawl.demo.catalogue import compare_texts, demo_sites, write_outlets
from newscrawl.demo.saved_pages import page_sites
from newscrawl.demo.server import Newsroom, serve, serve_in_thread
from newscrawl.demo.site import Site

FAST_SETTINGS: Mapping[str, object] = {
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": 1,
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": 0,
}
"The newsroom is on this machine: nobody has to wait because a crawl is fast."

Pages = Annotated[
    Path | None,
    typer.Option(
        help="Serve the saved pages of this folder (*.html, *.html.gz, truth.jsonl) instead.",
        exists=True,
        file_okay=False,
    ),
]
ExchangeLog = Annotated[
    Path | None, typer.Option("--log", help="Log every exchange to this file, as a JSON line.")
]

app = typer.Typer(no_args_is_help=True)
ui.app.add_typer(app, name="demo")


@app.command("serve")
def serve_newsroom(
    pages: Pages = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65_535, help="Port of the first outlet; each outlet takes the next. 0: any free port."
        ),
    ] = 8600,
    outlets: Annotated[
        Path | None, typer.Option(help="Folder for the outlet files. Default: a temporary folder.")
    ] = None,
    log: ExchangeLog = None,
) -> None:
    """Serve the newsroom until you interrupt it, to try crawls without a real site."""
    folder = outlets or Path(tempfile.mkdtemp(prefix="newscrawl-demo-"))

    def ready(bases: dict[str, str]) -> None:
        write_outlets(bases, folder)
        for outlet, base in bases.items():
            ui.print_line(f"{outlet:16} {base}/")
        settings = {"NEWSCRAWL_OUTLETS": folder, **FAST_SETTINGS}
        options = "".join(f" -s {name}={value}" for name, value in settings.items())
        ui.print_line(f"crawl with: scrapy crawl {next(iter(bases))}{options}")

    newsroom = Newsroom(_list_sites(pages), first_port=port, log_file=log, remember=False)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(newsroom, ready))


@app.command("run")
def crawl_newsroom(
    archives: ui.Archives = ui.ARCHIVES,
    pages: Pages = None,
    jobs: ui.CrawlCount = 2,
    log: ExchangeLog = None,
) -> None:
    """Serve the newsroom, crawl all its outlets, and compare the articles with what was written.

    Use it to check an installation. Exit code 1: a crawl failed, or an article differs.
    """
    with serve_in_thread(Newsroom(_list_sites(pages), log_file=log, remember=False)) as newsroom:
        # The outlet files stay beside the archives, by port: a replay of these runs needs them.
        port = next(iter(newsroom.bases.values())).rpartition(":")[2]
        folder = archives.resolve() / "demo-outlets" / port
        write_outlets(newsroom.bases, folder)
        # Without state, since a port that was served before is another newsroom.
        settings = {**FAST_SETTINGS, "NEWSCRAWL_OUTLETS": folder, "NEWSCRAWL_STATE_URL": "sqlite://"}
        results = crawl_with_progress(list(newsroom.bases), archives, jobs, settings)
    show_results(results)
    is_exact = pages is not None or _show_exactness(results)
    if not is_exact or any(result.code for result in results):
        raise typer.Exit(ui.FAILED)


def _list_sites(pages: Path | None) -> Sequence[Site]:
    return page_sites(pages) if pages else demo_sites()


def _show_exactness(results: Sequence[CrawlResult]) -> bool:
    """Print how many articles are exactly what was written; whether all of them are."""
    comparisons = {result.outlet: compare_texts(_read_texts(result), result.outlet) for result in results}
    exact = sum(len(comparison.exact) for comparison in comparisons.values())
    total = exact + sum(len(each.different) + len(each.missing) for each in comparisons.values())
    ui.print_line(f"{exact} of {total} bodies exact", "green" if exact == total else "red")
    for outlet, comparison in comparisons.items():
        for difference in comparison.different:
            ui.print_line(f"{outlet}{difference.path}: other text")
        for path in (*comparison.missing, *comparison.unexpected):
            ui.print_line(f"{outlet}{path}: missing or not expected")
    return exact == total and not any(comparison.unexpected for comparison in comparisons.values())


def _read_texts(result: CrawlResult) -> dict[str, str]:
    """URL to text of the articles that a crawl has written."""
    if not result.report or not result.report.articles:
        return {}
    path = result.log.parent / f"{result.report.run}.jsonl"
    return {article.url: article.text for article in read_articles(path)}
