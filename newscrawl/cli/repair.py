"""`newscrawl repair`: closes the files that killed crawls left open, and shows the result for each."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.repair import FolderRepair, repair_folder
from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError


@ui.app.command("repair")
def repair_archives(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Archive folders, or folders of outlets in them. Default: all archives."),
    ] = None,
    as_json: ui.AsJson = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also repair files that were written on other hosts.")
    ] = False,
) -> None:
    """Close the files that killed crawls left open and complete the manifests.

    The next run of an outlet repairs its folder too. Use this before you copy or verify archives after a
    crash. Incomplete records are moved to `.torn` files. Exit code 1: a file is still broken.
    """
    repairs = [
        repair_folder(folder, host=socket.gethostname(), force=force) for folder in list_folders(folders)
    ]
    changed = [repair for repair in repairs if repair.files]
    if as_json:
        data = [
            {"folder": str(repair.folder), "files": list(map(dataclasses.asdict, repair.files))}
            for repair in changed
        ]
        ui.print_json(data)
    elif changed:
        ui.print_table(repairs_table(changed))
    else:
        ui.print_line("Nothing to repair.")
    if not all(repair.is_sound for repair in repairs):
        raise typer.Exit(ui.FAILED)


def list_folders(folders: Iterable[Path] | None) -> list[Path]:
    """The folders and those directly in them, without repeats; NewscrawlError if a folder does not exist."""
    roots = list(folders or ())
    if missing := [str(folder) for folder in roots if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder: {', '.join(missing)}")
    return list(dict.fromkeys(_with_children(roots or [Path(settings.NEWSCRAWL_ARCHIVES)])))


def _with_children(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield folder
        try:
            yield from sorted(child for child in folder.glob("*/") if not child.is_symlink())
        except OSError as error:
            raise NewscrawlError(f"cannot read {folder}: {error.strerror}") from error


def repairs_table(repairs: Iterable[FolderRepair]) -> Table:
    """A row for each file."""
    table = ui.make_table(
        "Repairs",
        "folder",
        ui.folded_column("file"),
        ui.line_column("outcome"),
        ui.folded_column("what was done"),
    )
    for repair in repairs:
        for file in repair.files:
            outcome = f"[red]{file.outcome}[/red]" if file.outcome == "broken" else file.outcome
            table.add_row(escape(str(repair.folder)), escape(file.name), outcome, escape(file.summary))
    return table
