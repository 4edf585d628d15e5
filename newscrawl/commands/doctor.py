"""`newscrawl doctor`: whether state and the files on disk agree, and mending where they do not."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.ended import ended_pages, left_open
from newscrawl.archive.owner import owner_of
from newscrawl.archive.report import SUFFIX, read_report
from newscrawl.archive.takedown import blocked
from newscrawl.commands.mending import MendedFiles, mended_files
from newscrawl.commands.outlets import read_all
from newscrawl.commands.report import Archives, AsJson
from newscrawl.commands.status import KnownOutlets, StateUrl
from newscrawl.errors import ArchiveError
from newscrawl.outlet import Outlet
from newscrawl.spiders.given import NOTHING, STATE_URL
from newscrawl.spiders.remembering import is_gone
from newscrawl.state.agreement import Disagreement, Written, disagreements, mend, runs_in, take_over
from newscrawl.state.database import Database, database_url
from newscrawl.state.leases import Holder
from newscrawl.state.outlets import outlets_of
from newscrawl.state.rows import seconds_of
from newscrawl.state.state import State
from newscrawl.state.taken import take_down

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
    mended: dict[str, MendedFiles] = {}
    with closing(Database.open(database_url(state_url, archives.resolve()))) as database:
        names = outlets or sorted({*outlets_of(database), *_with_lines(archives)})
        states = {name: _state(database, name) for name in names}
        if should_mend:
            files = {outlet.id: outlet for outlet in read_all(map(Path, settings.NEWSCRAWL_OUTLETS))[0]}
            mended = {
                name: _mended(state, archives / name, files.get(name)) for name, state in states.items()
            }
        found = {
            name: [*_left_open(state, archives / name), *_told(state, archives / name)]
            for name, state in states.items()
        }
    _show(found, mended, as_json)
    if any(found.values()):
        raise typer.Exit(FAILED)


def _state(database: Database, outlet: str) -> State:
    return State.of(database, outlet, Holder(host=socket.gethostname(), pid=os.getpid()))


def _mended(state: State, folder: Path, outlet: Outlet | None) -> MendedFiles:
    """Under the outlet's lease: nobody crawls it meanwhile."""
    now = seconds_of(datetime.now(UTC))
    state.lease.take(now, is_gone)
    try:
        files = mended_files(state.pages, folder, lambda: _remembered(folder), outlet)
        for run in state.runs.unfinished():
            if left_open(folder, run.id):
                continue
            take_over(state.pages, state.runs, run, ended_pages(folder, run.id), now)
        take_down(state.database, folder.name, blocked(folder), now)
        mend(state.pages, _written(folder), now)
    finally:
        state.lease.release()
    return files


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


def _show(found: dict[str, list[Disagreement]], mended: dict[str, MendedFiles], as_json: bool) -> None:
    if as_json:
        told = {name: [each._asdict() for each in all_] for name, all_ in found.items()}
        counts = {name: files._asdict() for name, files in mended.items()}
        print(json.dumps({"disagreements": told, **({"mended": counts} if counts else {})}))
        return
    console = Console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    for name, files in mended.items():
        if any(files):
            done = ", ".join(f"{what.replace('_', ' ')} {n}" for what, n in files._asdict().items() if n)
            say(f"{name}: mended: {done}")
    for name, all_ in found.items():
        for each in all_[:SHOWN]:
            say(f"{name}: {each.kind}: {each.detail}")
        if len(all_) > SHOWN:
            say(f"{name}: and {len(all_) - SHOWN} more")
    if not any(found.values()):
        say(f"state and files agree: {len(found)} outlets")
