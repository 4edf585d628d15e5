"""`newscrawl demo`: the embedded newsroom, to serve or to crawl."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings as defaults
from newscrawl.cli.processes import Crawled
from newscrawl.cli.run import crawl_with_progress, show
from newscrawl.cli.status import Archives
from newscrawl.demo.catalogue import Comparison, compare, demo_sites, write_outlets
from newscrawl.demo.saved_pages import page_sites
from newscrawl.demo.server import Newsroom, running, serve
from newscrawl.demo.site import Site

FAILED = 1
QUICK: Mapping[str, object] = {
    "NEWSCRAWL_ALLOW_PRIVATE_ADDRESSES": 1,
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": 0,
}
"The newsroom is on this machine: nobody is served later because a crawl hurries."

app = typer.Typer(help="A newsroom of invented outlets on loopback, to try everything on.")

Pages = Annotated[
    Path | None,
    typer.Option(
        help="Serve saved pages (*.html, *.html.gz, truth.jsonl) instead.", exists=True, file_okay=False
    ),
]


@app.command("serve")
def serve_newsroom(
    pages: Pages = None,
    port: Annotated[int, typer.Option(help="First port; each outlet takes the next. 0: any.")] = 8600,
    outlets: Annotated[
        Path | None, typer.Option(help="Where to write the outlet files; a temporary folder if not given.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Log every exchange to this file, a JSON line each.")
    ] = None,
) -> None:
    """Serve the newsroom until interrupted."""
    console = Console()
    folder = outlets or Path(tempfile.mkdtemp(prefix="newscrawl-demo-"))

    def ready(bases: dict[str, str]) -> None:
        write_outlets(bases, folder)
        for outlet, base in bases.items():
            console.print(f"{outlet:16} {base}/", markup=False)
        options = [f"NEWSCRAWL_OUTLETS={folder}", *(f"{name}={value}" for name, value in QUICK.items())]
        command = " ".join(["scrapy crawl", next(iter(bases)), *(f"-s {option}" for option in options)])
        console.print(f"crawl with: {command}", markup=False, soft_wrap=True)

    newsroom = Newsroom(_sites(pages), first_port=port, log_file=log, remember=False)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(newsroom, ready))


@app.command("run")
def run_newsroom(
    archives: Archives = Path(defaults.NEWSCRAWL_ARCHIVES),
    pages: Pages = None,
    jobs: Annotated[int, typer.Option(min=1, help="Outlets crawled at a time.")] = 2,
    log: Annotated[
        Path | None, typer.Option(help="Log every exchange to this file, a JSON line each.")
    ] = None,
) -> None:
    """Serve the newsroom, crawl all its outlets, and compare the stories with what was written."""
    with running(Newsroom(_sites(pages), log_file=log, remember=False)) as newsroom:
        # Kept beside the archives, by port: a replay of these runs needs the files they were made with.
        port = next(iter(newsroom.bases.values())).rpartition(":")[2]
        folder = archives.resolve() / "demo-outlets" / port
        write_outlets(newsroom.bases, folder)
        # Nothing is remembered: a port that was served before is another newsroom.
        given = {**QUICK, "NEWSCRAWL_OUTLETS": folder, "NEWSCRAWL_STATE_URL": "sqlite://"}
        crawled = crawl_with_progress(list(newsroom.bases), archives, jobs, given)
    show(crawled)
    exact = pages is not None or _show_exactness(crawled)
    if not exact or any(done.code for done in crawled):
        raise typer.Exit(FAILED)


def _sites(pages: Path | None) -> Sequence[Site]:
    return page_sites(pages) if pages else demo_sites()


def _show_exactness(crawled: Sequence[Crawled]) -> bool:
    """Print how many stories came out to the letter; whether all did."""
    console = Console()
    compared = {done.outlet: compare(texts_of(done), done.outlet) for done in crawled}
    exact = sum(len(result.exact) for result in compared.values())
    total = sum(_stories(result) for result in compared.values())
    console.print(f"{exact} of {total} bodies exact", style="green" if exact == total else "red")
    for outlet, result in compared.items():
        for difference in result.different:
            console.print(f"{outlet}{difference.path}: other text", markup=False)
        for path in (*result.missing, *result.unexpected):
            console.print(f"{outlet}{path}: missing or not expected", markup=False)
    return exact == total and not any(result.unexpected for result in compared.values())


def _stories(result: Comparison) -> int:
    return len(result.exact) + len(result.different) + len(result.missing)


def texts_of(done: Crawled) -> dict[str, str]:
    """URL to text of the articles a crawl has written."""
    if not done.report:
        return {}
    path = done.log.parent / f"{done.report.run}.jsonl"
    articles = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {article["url"]: article["text"] for article in articles}
