"""The `newscrawl` command: everything that is not a crawl; crawls are `scrapy crawl <outlet>`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

import typer
from rich.console import Console

from newscrawl import __version__
from newscrawl.errors import NewscrawlError

FAILED = 1
GROUPS = ("outlets", "demo", "index", "schedule", "state")
"Commands with commands below them: the `app` of the module of that name."
COMMANDS = (
    "run",
    "report",
    "stats",
    "status",
    "sync",
    "cluster",
    "doctor",
    "repair",
    "verify",
    "explain",
    "export",
    "extract",
    "freeze",
    "languages",
    "learn",
    "replay",
    "takedown",
    "schema",
    "wacz",
    "wet",
)
"The function of that name in the module of that name."

ELSEWHERE = {"doctor": "repair", "report": "status", "learn": "extract", "wacz": "pack", "wet": "pack"}
"Commands that share a module with another."


def app_of(names: Iterable[str]) -> typer.Typer:
    """The command with these below it; no module of another is imported."""
    app = typer.Typer(
        help="Crawl news outlets: every exchange as WARC, every article as one cleaned JSON line. "
        "One outlet is crawled with `scrapy crawl <outlet>`.",
        no_args_is_help=True,
    )
    app.callback()(options)
    for name in names:
        module = import_module(f"newscrawl.cli.{ELSEWHERE.get(name, name)}")
        if name in GROUPS:
            app.add_typer(module.app, name=name)
        else:
            app.command()(getattr(module, name))
    return app


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show it."),
) -> None:
    """Options before the command."""


def main() -> None:
    """The console script: an error a user can mend is one line and exit code 1."""
    every = (*GROUPS, *COMMANDS)
    asked = [word for word in sys.argv[1:2] if word in every]
    try:
        app_of(asked or every)()
    except NewscrawlError as error:
        Console(stderr=True).print(f"newscrawl: {error}", style="red", markup=False, highlight=False)
        sys.exit(FAILED)


def __getattr__(name: str) -> typer.Typer:
    """`app`, with every command: made when somebody asks for it."""
    if name != "app":
        raise AttributeError(name)
    return app_of((*GROUPS, *COMMANDS))
