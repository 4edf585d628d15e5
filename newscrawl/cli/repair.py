"""`newscrawl repair`: closes the files that killed crawls left open, and shows the result for each."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.repair import FolderRepair, repair_folder
from newscrawl.cli import ui
from newscrawl.cli.held_lease import holding_lease
from newscrawl.cli.stored_files import list_unstored_runs, require_bucket
from newscrawl.errors import Busy, NewscrawlError
from newscrawl.spiders.lease_holder import this_process
from newscrawl.state.reconcile import adopt_killed_run
from newscrawl.state.runs import State
from newscrawl.state.stored_runs import StoredRuns


@ui.app.command("repair")
def repair_archives(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=ui.parse_path,
            help="Archive folders, or folders of outlets in them. Default: all archives.",
        ),
    ] = None,
    as_json: ui.AsJson = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also repair files that were written on other hosts.")
    ] = False,
    lost: Annotated[
        str | None,
        typer.Option(
            metavar="HOST",
            help="This machine is lost: let the pages be fetched again that it had not sent to the bucket.",
        ),
    ] = None,
    state_url: ui.StateUrl = ui.STATE_URL,
) -> None:
    """Close the files that killed crawls left open and complete the manifests.

    The next run of an outlet repairs its folder too. Use this before you copy or verify archives after a
    crash. Incomplete records are moved to `.torn` files. With --lost, and archives in a bucket, nothing else
    is done than to give up what a machine took with it. Exit code 1: a file is still broken.
    """
    if lost is not None:
        give_up_runs(lost, folders, state_url, as_json=as_json)
        return
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
    return list(dict.fromkeys(_with_children(roots or [ui.parse_path(settings.NEWSCRAWL_ARCHIVES)])))


def _with_children(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield folder
        try:
            yield from sorted(child for child in folder.glob("*/") if not child.is_symlink())
        except OSError as error:
            raise NewscrawlError(f"cannot read {folder}: {error.strerror}") from error


def give_up_runs(host: str, folders: list[Path] | None, state_url: str, *, as_json: bool) -> None:
    """Let the pages of all runs of a host wait again whose lines are neither in the bucket nor here."""
    archives = folders[0] if folders else ui.parse_path(settings.NEWSCRAWL_ARCHIVES)
    require_bucket(archives)
    found: list[dict[str, Any]] = []
    busy: list[str] = []
    with ui.open_database(archives, state_url) as database:
        for outlet in StoredRuns(database).outlets_on(host):
            state, now = State.on(database, outlet, this_process()), int(time.time())
            try:
                with holding_lease(state) as require_lease:
                    for run in list_unstored_runs(state, archives / outlet):
                        if run.host == host:
                            require_lease()
                            counts = adopt_killed_run(state.urls, state.runs, run, (), now)
                            found.append({"outlet": outlet, "run": run.id, "waiting": counts.waiting})
            except Busy as error:
                busy.append(str(error))
    if as_json:
        ui.print_json(found)
    else:
        for row in found:
            ui.print_line(f"{row['outlet']}: run {row['run']} is given up: {row['waiting']} pages wait again")
        if not found and not busy:
            ui.print_line(f"all runs of {host} are in the bucket")
    for text in busy:
        ui.warn(f"{text}: call this again when it has ended")
    if busy:
        raise typer.Exit(ui.FAILED)


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
