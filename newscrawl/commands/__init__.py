"""The `newscrawl` command: everything that is not a crawl; crawls are `scrapy crawl <outlet>`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from newscrawl import __version__
from newscrawl.commands import demo, index, outlets
from newscrawl.commands.extract import extract
from newscrawl.commands.repair import repair
from newscrawl.commands.replay import replay
from newscrawl.commands.report import report
from newscrawl.commands.run import run
from newscrawl.commands.verify import verify
from newscrawl.commands.wacz import wacz
from newscrawl.commands.wet import wet
from newscrawl.errors import NewscrawlError

FAILED = 1

app = typer.Typer(
    help="Crawl news outlets: every exchange as WARC, every article as one cleaned JSON line. "
    "One outlet is crawled with `scrapy crawl <outlet>`.",
    no_args_is_help=True,
)
app.add_typer(outlets.app, name="outlets")
app.add_typer(demo.app, name="demo")
app.add_typer(index.app, name="index")
app.command()(run)
app.command()(report)
app.command()(repair)
app.command()(verify)
app.command()(extract)
app.command()(replay)
app.command()(wacz)
app.command()(wet)


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show it."),
) -> None:
    """Options before the command."""


def main() -> None:
    """The console script: an error a user can mend is one line and exit code 1."""
    try:
        app()
    except NewscrawlError as error:
        Console(stderr=True).print(f"newscrawl: {error}", style="red", markup=False, highlight=False)
        sys.exit(FAILED)
