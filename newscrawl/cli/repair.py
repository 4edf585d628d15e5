"""`newscrawl repair`: close what killed crawls left open, and say what became of it."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.finished_runs import ended_pages, left_open
from newscrawl.archive.reextract import extract_at
from newscrawl.archive.repair import Repairs, add_line, drop_repeated, repair_folder, set_aside
from newscrawl.archive.report import SUFFIX, read_report
from newscrawl.archive.takedown import blocked
from newscrawl.cli.extract import default_policy
from newscrawl.cli.outlets import read_all
from newscrawl.cli.status import Archives, AsJson, KnownOutlets, StateUrl
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extraction.metadata.rights import decided
from newscrawl.items import Article, WarcPointer
from newscrawl.outlet import Outlet
from newscrawl.spiders.run_context import NOTHING, STATE_URL, is_gone
from newscrawl.state.database import Database, database_url
from newscrawl.state.reconcile import (
    Disagreement,
    Written,
    disagreements,
    mend,
    runs_in,
    take_down,
    take_over,
)
from newscrawl.state.rows import key_of, seconds_of
from newscrawl.state.runs import Holder, State
from newscrawl.state.scheduling import outlets_of
from newscrawl.state.urls import PageTable
from newscrawl.warc.filenames import owner_of

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


class MendedFiles(NamedTuple):
    """How much of what."""

    files: int = 0
    "Left open and closed now, or missing in the manifest."
    set_aside: int = 0
    "Broken lines that are in `….jsonl.broken` now."
    repeated: int = 0
    "Lines of a version that had one already."
    extracted: int = 0
    "Lost lines made again from the archive; those of other pages come when these are fetched again."


def mended_files(
    pages: PageTable, folder: Path, runs: Callable[[], Iterable[str]], outlet: Outlet | None
) -> MendedFiles:
    """Close, sort out, and make again; ArchiveError when a file cannot be written."""
    closed = repair_folder(folder, host=socket.gethostname(), complete=True)
    known = list(runs())
    return MendedFiles(
        files=len(closed.files),
        set_aside=set_aside(folder, known),
        repeated=drop_repeated(folder, known),
        extracted=_made_again(pages, folder, known, outlet),
    )


def _made_again(pages: PageTable, folder: Path, runs: list[str], outlet: Outlet | None) -> int:
    """Lines of texts that state knows and no line holds, from the records they were made from."""
    if outlet is None:
        return 0  # without its file the line would not be what it was
    there = {
        (key_of(pages.outlet, item.url_requested), item.id)
        for run in runs
        for item in ended_pages(folder, run)
        if isinstance(item, Article)
    }
    lost = [row for row in pages.all() if row.article and (row.key, row.article) not in there]
    found = 0
    for row in lost:
        article = _extracted(row, folder, outlet) if row.article_run in runs else None
        if article:
            add_line(folder, row.article_run, article)
            found += 1
    return found


def _extracted(row: Any, folder: Path, outlet: Outlet) -> Article | None:
    """The very article that state knows; None where the archive, or today's rules, give another."""
    try:
        pointer = WarcPointer.model_validate(json.loads(row.warc)["pointer"])
        for memory in _memories(folder, row.article_run):
            item = extract_at(folder, pointer, outlet, memory)
            if isinstance(item, Article) and (item.id, item.version) == (row.article, row.version):
                made = decided(item, outlet.rights or default_policy())
                return made if isinstance(made, Article) else None
    except (ArchiveError, TypeError, ValueError, LookupError):
        return None
    return None


def _memories(folder: Path, run: str) -> Iterator[Path | None]:
    """What was known of the site in that run."""
    path = folder / f"{run}{SUFFIX}"
    name = read_report(path).memory if path.exists() else None
    if name:
        yield folder / name
    yield None


FAILED_OF_DOCTOR = 1
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
        raise typer.Exit(FAILED_OF_DOCTOR)


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
