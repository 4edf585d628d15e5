"""`newscrawl doctor`: whether state and the files on disk agree, and mending where they do not."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.ended import ended_pages, left_open
from newscrawl.archive.owner import owner_of
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.report import SUFFIX, read_report
from newscrawl.commands.report import Archives, AsJson
from newscrawl.commands.status import KnownOutlets, StateUrl
from newscrawl.errors import ArchiveError
from newscrawl.spiders.given import NOTHING, STATE_URL
from newscrawl.spiders.remembering import is_gone
from newscrawl.state.agreement import Disagreement, Written, disagreements, mend, runs_in, take_over
from newscrawl.state.database import Database, database_url
from newscrawl.state.leases import Holder
from newscrawl.state.outlets import outlets_of
from newscrawl.state.rows import seconds_of
from newscrawl.state.state import State

FAILED = 1
SHOWN = 20
"Disagreements of one outlet that are told one by one."


def doctor(
    outlets: KnownOutlets = None,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    state_url: StateUrl = settings.NEWSCRAWL_STATE_URL,
    should_mend: Annotated[bool, typer.Option("--mend", help="Make state say what the files say.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold state against lines and archives. Exit code 0 only when all of it agrees."""
    database = Database.open(database_url(state_url, archives.resolve()))
    try:
        names = outlets or sorted({*outlets_of(database), *_with_lines(archives)})
        found = {name: _examined(database, archives, name, should_mend) for name in names}
    finally:
        database.close()
    _show(found, as_json)
    if any(found.values()):
        raise typer.Exit(FAILED)


def _examined(database: Database, archives: Path, outlet: str, should_mend: bool) -> list[Disagreement]:
    """What does not agree, after mending if that is wanted."""
    state = State.of(database, outlet, Holder(host=socket.gethostname(), pid=os.getpid()))
    folder = archives / outlet
    if should_mend:
        _mended(state, folder)
    return [*_left_open(state, folder), *_told(state, folder)]


def _mended(state: State, folder: Path) -> None:
    """Under the outlet's lease: nobody crawls it meanwhile."""
    now = seconds_of(datetime.now(UTC))
    state.lease.take(now, is_gone)
    try:
        repair_folder(folder, host=socket.gethostname(), complete=True)
        for run in state.runs.unfinished():
            if left_open(folder, run.id):
                continue
            take_over(state.pages, state.runs, run, ended_pages(folder, run.id), now)
        mend(state.pages, _written(folder), now)
    finally:
        state.lease.release()


def _left_open(state: State, folder: Path) -> Iterator[Disagreement]:
    """Runs that neither ended nor go on, and their files."""
    held = state.lease.holder()
    is_running = held is not None and not is_gone(held[0], held[1])
    if is_running:
        return
    for run in state.runs.unfinished():
        yield Disagreement("run_killed", f"run {run.id} has not ended and is not at work")
    for path in sorted(folder.glob("*.open")):
        yield Disagreement("file_open", f"{path.name} was left open")


def _told(state: State, folder: Path) -> Iterator[Disagreement]:
    try:
        yield from disagreements(state.pages, _written(folder))
    except ArchiveError as error:
        yield Disagreement("line_broken", str(error))


def _written(folder: Path) -> Iterator[Written]:
    """Each line of the folder, with its run, in the order of runs; and whether its record is there."""
    sizes: dict[str, int] = {}
    for run in _remembered(folder):
        for item in ended_pages(folder, run):
            warc = item.warc
            if warc and warc.file not in sizes:
                path = folder / Path(warc.file).name
                sizes[warc.file] = path.stat().st_size if path.is_file() else 0
            is_there = not warc or warc.offset + warc.length <= sizes[warc.file]
            yield Written(run=run, item=item, is_archived=is_there)


def _remembered(folder: Path) -> Iterator[str]:
    """Runs of a folder that state should know: no replays, none that was to remember nothing."""
    for run in runs_in(path.name for path in folder.glob("*.jsonl") if owner_of(path.name)):
        path = folder / f"{run}{SUFFIX}"
        report = read_report(path) if path.exists() else None
        if report is None or (report.replay_of is None and report.settings.get(STATE_URL) != NOTHING):
            yield run


def _with_lines(archives: Path) -> set[str]:
    found = {path.parent for path in archives.glob("*/*.jsonl")} - {archives / "urls"}
    return {folder.name for folder in found if any(_remembered(folder))}


def _show(found: dict[str, list[Disagreement]], as_json: bool) -> None:
    if as_json:
        print(json.dumps({name: [each._asdict() for each in told] for name, told in found.items()}))
        return
    console = Console()
    for name, told in found.items():
        for each in told[:SHOWN]:
            console.print(
                f"{name}: {each.kind}: {each.detail}", markup=False, highlight=False, soft_wrap=True
            )
        if len(told) > SHOWN:
            console.print(f"{name}: and {len(told) - SHOWN} more", markup=False, highlight=False)
    if not any(found.values()):
        console.print(f"state and files agree: {len(found)} outlets", markup=False, highlight=False)
