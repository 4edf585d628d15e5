"""`newscrawl index`: finds the captures of a URL in the archives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from newscrawl.cli import ui
from newscrawl.cli.stored_files import make_folders
from newscrawl.cli.target import archive_folders, open_indexes, parse_time
from newscrawl.engine.cluster import open_engine
from newscrawl.errors import NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.storage import read_bucket_url
from newscrawl.warc.cdxj import cdxj_lines, merge_cdxj_lines
from newscrawl.warc.index import INDEX_NAME, Index, IndexEntry, archive_sizes, update_index

NOTHING_FOUND = 1
MAX_SUGGESTIONS = 5
"Other URLs that are named when the URL has no capture."

Folders = Annotated[
    list[Path] | None,
    typer.Argument(
        parser=ui.parse_path, help="Folders with WARC files. Default: all folders of the archives."
    ),
]

app = typer.Typer(no_args_is_help=True)
ui.app.add_typer(app, name="index")


@app.command("build")
def build_indexes(
    folders: Folders = None,
    archives: ui.Archives = ui.ARCHIVES,
    on: ui.Cluster = ui.CLUSTER,
    as_json: ui.AsJson = False,
) -> None:
    """Update the index of each folder after its WARC files have changed.

    The other commands of this group, `explain` and `fixture` need it to find pages by their URL. Exit code 1:
    records were lost, because their file is damaged there or their date names no moment.
    """
    make_folders(archives)
    chosen = _choose_folders(folders, archives)
    if on and any(read_bucket_url(folder.parent) for folder in chosen):
        ui.note("the index of files in a bucket is in the spool of this machine, which makes it")
        on = ""
    with open_engine(on) as engine:
        # A worker has another working folder.
        results = engine.results(update_index, [folder.absolute() for folder in chosen])
        by_path = {result.unit: result.get() for result in results}
    updates = {folder: by_path[folder.absolute()] for folder in chosen}
    rows = [
        (str(folder), update.added, update.unchanged, update.removed, update.records)
        for folder, update in updates.items()
    ]
    if as_json:
        keys = ("folder", "added", "kept", "removed", "records", "skipped")
        skipped = [update.skipped for update in updates.values()]
        data = [dict(zip(keys, (*row, lost), strict=True)) for row, lost in zip(rows, skipped, strict=True)]
        ui.print_json(data, sort_keys=False)
    else:
        names = ("added", "unchanged", "removed", "records")
        table = ui.make_table("Indexes", ui.folded_column("folder"), *map(ui.number_column, names))
        for folder, *numbers in rows:
            table.add_row(escape(folder), *map(str, numbers))
        ui.print_table(table)
    for path, update in updates.items():
        for file, reasons in update.skipped.items():
            lost = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
            ui.warn(f"{path / file}: records were lost: {lost}")
    if any(update.skipped for update in updates.values()):
        raise typer.Exit(ui.FAILED)


@app.command("lookup")
def look_up_url(  # noqa: PLR0917 # options, handed in by name
    url: Annotated[str, typer.Argument(help="URL as it was requested.")],
    folders: Folders = None,
    method: Annotated[str, typer.Option(help="Method of the request.")] = "GET",
    run: Annotated[str | None, typer.Option(help="Id of a run to search. Default: all runs.")] = None,
    at: Annotated[
        str | None, typer.Option(help="Show only the capture that is nearest to this RFC 3339 time.")
    ] = None,
    archives: ui.Archives = ui.ARCHIVES,
    as_json: ui.AsJson = False,
) -> None:
    """Show every capture of a URL: when it was made, the response, the file that holds it.

    Exit code 1: there is none.
    """
    time = parse_time(at) if at is not None else None
    with ExitStack() as stack:
        indexes = open_indexes(_choose_folders(folders, archives), stack)
        captures = [
            (index.folder, entry) for index in indexes for entry in _find(index, url, method, run, time)
        ]
        captures.sort(key=lambda pair: pair[1].moment)
        near = (
            [] if captures else [entry.url for index in indexes for entry in index.near(url, MAX_SUGGESTIONS)]
        )
    if time and captures:
        captures = [min(captures, key=lambda pair: abs((pair[1].date - time).total_seconds()))]
    if as_json:
        rows = [{"folder": str(folder), **_entry_data(entry)} for folder, entry in captures]
        ui.print_json(rows, sort_keys=False)
    elif captures:
        ui.print_table(captures_table(captures))
    if not captures:
        ui.note(f"no capture of {url}")
        for other in list(dict.fromkeys(near))[:MAX_SUGGESTIONS]:
            ui.note(f"  near: {other}")
        raise typer.Exit(NOTHING_FOUND)


@app.command("cdxj")
def export_cdxj(
    folders: Folders = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write. Default: standard output.")
    ] = None,
    archives: ui.Archives = ui.ARCHIVES,
) -> None:
    """Write the index as sorted CDXJ lines, as pywb and other replay tools read it."""
    with ExitStack() as stack:
        indexes = open_indexes(_choose_folders(folders, archives), stack)
        lines = merge_cdxj_lines([cdxj_lines(index.by_key()) for index in indexes])
        if out is None:
            for line in lines:
                ui.print_data(line)
        else:
            with ui.open_output(out) as stream:
                stream.writelines(f"{line}\n".encode("ascii") for line in lines)


def captures_table(captures: Iterable[tuple[Path, IndexEntry]]) -> Table:
    names = ("record", "status", "type", "file, offset and length")
    table = ui.make_table("Captures", ui.line_column("date"), *map(ui.folded_column, names))
    for folder, entry in captures:
        table.add_row(
            rfc3339(entry.date),
            "unanswered" if entry.kind == "request" else entry.kind,
            str(entry.status or "–"),
            escape(entry.media_type or "–"),
            escape(f"{folder / entry.file} {entry.offset} {entry.length}"),
        )
    return table


def _choose_folders(folders: Sequence[Path] | None, archives: Path) -> list[Path]:
    """The folders that are named, or those of the archives that hold WARC files or an index."""
    if folders:
        return list(folders)
    ui.require_archives(archives)
    every = archive_folders(archives)
    chosen = [folder for folder in every if archive_sizes(folder) or (folder / INDEX_NAME).is_file()]
    if not chosen:
        raise NewscrawlError(f"no WARC files under {archives}")
    return chosen


def _find(index: Index, url: str, method: str, run: str | None, time: datetime | None) -> list[IndexEntry]:
    if time is None:
        return list(index.captures(method, url, run=run))
    nearest = index.nearest(url, time, method, run)
    return [nearest] if nearest else []


def _entry_data(entry: IndexEntry) -> dict[str, Any]:
    data = asdict(entry)
    del data["moment"]
    return {"date": rfc3339(entry.date), **data}
