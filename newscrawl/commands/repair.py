"""`newscrawl repair`: close what killed crawls left open, and say what became of it."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.repair import Repairs, repair_folder
from newscrawl.commands.report import AsJson
from newscrawl.errors import NewscrawlError

FAILED = 1


def repair(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Archive folders, or folders of outlets in them; all archives if none."),
    ] = None,
    as_json: AsJson = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also files that were written on other hosts.")
    ] = False,
) -> None:
    """Cut torn tails off, close files, complete the manifests. Exit code 1 when something is left broken."""
    found = [
        repair_folder(folder, host=socket.gethostname(), force=force, complete=True)
        for folder in folders_of_outlets(folders)
    ]
    told = [repairs for repairs in found if repairs.files]
    if as_json:
        print(json.dumps([as_data(repairs) for repairs in told], sort_keys=True))
    elif told:
        Console().print(repairs_table(told))
    else:
        Console().print("Nothing to repair.")
    if not all(repairs.is_sound for repairs in found):
        raise typer.Exit(FAILED)


def folders_of_outlets(given: Iterable[Path] | None) -> list[Path]:
    """The folders and those directly in them, each once; NewscrawlError for one that is not there."""
    named = list(given or ())
    if missing := [str(folder) for folder in named if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder: {', '.join(missing)}")
    return list(dict.fromkeys(_with_children(named or [Path(settings.NEWSCRAWL_ARCHIVES)])))


def _with_children(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield folder
        try:
            yield from sorted(child for child in folder.glob("*/") if not child.is_symlink())
        except OSError as error:
            raise NewscrawlError(f"cannot read {folder}: {error.strerror}") from error


def as_data(repairs: Repairs) -> dict[str, object]:
    """For programs: the folder, and each file with every field."""
    files = [dataclasses.asdict(file) for file in repairs.files]
    return {"folder": str(repairs.folder), "files": files}


def repairs_table(found: Iterable[Repairs]) -> Table:
    """One row a file."""
    table = Table(title="Repairs", title_justify="left")
    table.add_column("folder")
    table.add_column("file", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    table.add_column("what was done", overflow="fold")
    for repairs in found:
        for file in repairs.files:
            outcome = f"[red]{file.outcome}[/red]" if file.outcome == "broken" else file.outcome
            table.add_row(escape(str(repairs.folder)), escape(file.name), outcome, escape(file.summary))
    return table
