"""`newscrawl index`: where in the archives a page stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.errors import NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.warc.cdxj import cdxj_lines, merged_lines
from newscrawl.warc.index import NAME, Built, Capture, Index, build, warc_files
from newscrawl.warc.index_entries import moment_of

NOTHING_FOUND = 1
HINTS = 5
"URLs named when the one that was asked for is not there."

Archives = Annotated[Path, typer.Option(help="Folder of the archives.", show_default=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Folders = Annotated[
    list[Path] | None, typer.Argument(help="Folders with WARC files; all of the archives if none.")
]
_ARCHIVES = Path(settings.NEWSCRAWL_ARCHIVES)

app = typer.Typer(help="Where in the archives a page stands.", no_args_is_help=True)


@app.command("build")
def build_command(folders: Folders = None, archives: Archives = _ARCHIVES, as_json: AsJson = False) -> None:
    """Bring the index of each folder into step with its finished WARC files."""
    built = {folder: build(folder) for folder in _wanted(folders, archives)}
    if as_json:
        print(json.dumps([{"folder": str(folder), **asdict(done)} for folder, done in built.items()]))
    else:
        Console().print(built_table(built.items()))


@app.command()
def lookup(  # noqa: PLR0917 # options, given by name
    url: Annotated[str, typer.Argument(help="URL as it was requested.")],
    folders: Folders = None,
    method: Annotated[str, typer.Option(help="Method of the request.")] = "GET",
    run: Annotated[str | None, typer.Option(help="Id of the run to look in; all runs if none.")] = None,
    at: Annotated[str | None, typer.Option(help="Show the capture nearest to this RFC 3339 time.")] = None,
    archives: Archives = _ARCHIVES,
    as_json: AsJson = False,
) -> None:
    """Show every capture of a URL: when, what came back, in which file. Exit code 1 when there is none."""
    with ExitStack() as stack:
        indexes = _opened(_wanted(folders, archives), stack)
        found = [(index.folder, c) for index in indexes for c in _captures(index, url, method, run, at)]
        found.sort(key=lambda pair: pair[1].moment)
        near = [] if found else [capture.url for index in indexes for capture in index.near(url, HINTS)]
    if at and found:
        asked = _moment(at)
        found = [min(found, key=lambda pair: abs((pair[1].date - asked).total_seconds()))]
    if as_json:
        print(json.dumps([{"folder": str(folder), **_facts(capture)} for folder, capture in found]))
    elif found:
        Console().print(captures_table(found))
    if not found:
        _say_nothing_found(url, list(dict.fromkeys(near))[:HINTS])
        raise typer.Exit(NOTHING_FOUND)


@app.command()
def cdxj(
    folders: Folders = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; printed if none.")] = None,
    archives: Archives = _ARCHIVES,
) -> None:
    """Write the index as sorted CDXJ lines, as pywb and other tools read it."""
    with ExitStack() as stack:
        indexes = _opened(_wanted(folders, archives), stack)
        lines = merged_lines([cdxj_lines(index.by_key()) for index in indexes])
        if out is None:
            _write(lines, sys.stdout)
            return
        draft = out.with_name(out.name + ".tmp")
        try:
            with draft.open("w", encoding="ascii", newline="\n") as stream:
                _write(lines, stream)
            draft.replace(out)
        except OSError as error:
            raise NewscrawlError(f"cannot write {out}: {error.strerror}") from error


def built_table(built: Iterable[tuple[Path, Built]]) -> Table:
    """One row a folder."""
    table = Table(title="Indexes", title_justify="left")
    table.add_column("folder", overflow="fold")
    for name in ("added", "kept", "removed", "records"):
        table.add_column(name, justify="right")
    for folder, done in built:
        table.add_row(
            escape(str(folder)), str(done.added), str(done.kept), str(done.removed), str(done.records)
        )
    return table


def captures_table(found: Iterable[tuple[Path, Capture]]) -> Table:
    """One row a capture."""
    table = Table(title="Captures", title_justify="left")
    table.add_column("date", no_wrap=True)
    for name in ("record", "status", "type", "file, offset and length"):
        table.add_column(name, overflow="fold")
    for folder, capture in found:
        table.add_row(
            rfc3339(capture.date),
            "unanswered" if capture.kind == "request" else capture.kind,
            str(capture.status or "–"),
            escape(capture.media_type or "–"),
            escape(f"{folder / capture.file} {capture.offset} {capture.length}"),
        )
    return table


def _wanted(folders: Sequence[Path] | None, archives: Path) -> list[Path]:
    """The folders named, or those of the archives that hold WARC files or an index of some."""
    if folders:
        return list(folders)
    below = [archives, *sorted(path for path in archives.glob("*/") if path.is_dir())]
    found = [path for path in below if warc_files(path) or (path / NAME).is_file()]
    if not found:
        raise NewscrawlError(f"no WARC files under {archives}")
    return found


def _opened(folders: Iterable[Path], stack: ExitStack) -> list[Index]:
    return [stack.enter_context(Index.open(folder)) for folder in folders]


def _captures(index: Index, url: str, method: str, run: str | None, at: str | None) -> list[Capture]:
    if at is None:
        return list(index.captures(method, url, run=run))
    nearest = index.nearest(url, _moment(at), method, run)
    return [nearest] if nearest else []


def _moment(text: str) -> datetime:
    moment = moment_of(text)
    if moment is None:
        raise NewscrawlError(f"--at {text}: not a time such as 2026-05-01T12:00:00Z")
    return moment


def _facts(capture: Capture) -> dict[str, Any]:
    facts = asdict(capture)
    del facts["moment"]
    return {"date": rfc3339(capture.date), **facts}


def _say_nothing_found(url: str, near: Sequence[str]) -> None:
    console = Console(stderr=True)
    console.print(f"no capture of {url}", markup=False, highlight=False)
    for other in near:
        console.print(f"  near: {other}", markup=False, highlight=False)


def _write(lines: Iterable[str], stream: TextIO) -> None:
    for line in lines:
        stream.write(line + "\n")
