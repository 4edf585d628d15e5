"""`newscrawl export`: articles of many runs as Parquet, CSV, SQLite and more, for other programs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from newscrawl import settings
from newscrawl.cli.status import FAILED, Archives, StateUrl
from newscrawl.export.run import Selection
from newscrawl.export.run import export as write_export
from newscrawl.export.scan import outlets_in, units_of
from newscrawl.export.sinks import sink_for
from newscrawl.export.tally import Tally
from newscrawl.state.database import FILE, Database, database_url
from newscrawl.state.duplicates import CopyTable


@contextmanager
def known_copies(archives: Path, state_url: str) -> Iterator[CopyTable | None]:
    """What state knows of copies; None without state, for reading makes none."""
    url = database_url(state_url, archives.resolve())
    if not state_url and not (archives / FILE).exists():
        yield None
        return
    with closing(Database.open(url)) as database:
        yield CopyTable(database)


SCHEMA = "newscrawl.exported/1"
REASONS = {
    "older_version": "a later version of the page goes out (--all-versions)",
    "reserved": "their site reserves use by machines (--include-reserved)",
    "unreadable": "no article's line",
    "no_record": "made from no record of an archive",
    "no_id": "the id can name no file",
}


class FormatName(StrEnum):
    """What can be written."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    CSV = "csv"
    SQLITE = "sqlite"
    TEXT = "text"
    WET = "wet"


class ShapeName(StrEnum):
    """Tools whose names can be used."""

    DATATROVE = "datatrove"
    HUGGINGFACE = "huggingface"
    ZYTE = "zyte"
    SCHEMAORG = "schemaorg"
    FUNDUS = "fundus"
    NEWSPLEASE = "newsplease"


class PackingName(StrEnum):
    """How files can be packed."""

    NONE = "none"
    GZ = "gz"
    ZST = "zst"


def export(  # noqa: PLR0917 # typer hands them in by name
    out: Annotated[str, typer.Option("--out", "-o", help="Folder, file or URL to write to.")],
    format_: Annotated[FormatName, typer.Option("--format", "-f", help="What is written.")],
    outlets: Annotated[list[str] | None, typer.Argument(help="Outlets; all that have run if none.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day: published, else fetched."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, itself included.")
    ] = None,
    lang: Annotated[
        list[str] | None, typer.Option(help="Only texts in this language; may be repeated.")
    ] = None,
    mixed: Annotated[
        bool | None, typer.Option("--mixed/--no-mixed", help="Only, or no, mixed texts.")
    ] = None,
    page_type: Annotated[
        list[str] | None, typer.Option(help="Only pages of this kind; may be repeated.")
    ] = None,
    duplicates: Annotated[
        bool, typer.Option("--duplicates/--no-duplicates", help="Whether copies of other articles go out.")
    ] = True,
    all_versions: Annotated[
        bool, typer.Option("--all-versions/--latest-version", help="All texts of a page, or the last.")
    ] = False,
    include_reserved: Annotated[
        bool, typer.Option("--include-reserved", help="Texts that are reserved against machines, too.")
    ] = False,
    shape: Annotated[ShapeName | None, typer.Option("--as", help="Use another tool's names.")] = None,
    compress: Annotated[PackingName | None, typer.Option(help="How JSON lines and CSV are packed.")] = None,
    bom: Annotated[
        bool, typer.Option("--bom", help="CSV with a byte order mark, as some spreadsheets want it.")
    ] = False,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    state_url: StateUrl = settings.NEWSCRAWL_STATE_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Write articles for other programs; the same command again adds what is new."""
    selection = Selection(
        since=_day(since),
        until=_day(until),
        languages=frozenset(lang or ()),
        mixed=mixed,
        page_types=frozenset(page_type or ()),
        duplicates=duplicates,
        reserved=include_reserved,
        all_versions=all_versions,
    )
    names = outlets_in(archives, outlets or ())
    size = sum(unit.bytes for name in names for unit in units_of(archives, name))
    with _staging() as staging, known_copies(archives, state_url) as copies, _bar() as bar:
        sink = sink_for(
            out,
            format_.value,
            shape=shape.value if shape else None,
            packing=compress.value if compress else None,
            selection=selection,
            staging=staging,
            bom=bom,
        )
        task = bar.add_task("exported", total=size)
        tally = write_export(
            archives, names, selection, sink, advanced=lambda read: bar.advance(task, read), copies=copies
        )
    _tell(tally, out, as_json)
    if tally.left_out["unreadable"]:
        raise typer.Exit(FAILED)


@contextmanager
def _staging() -> Iterator[Path]:
    """A folder of our own for units on their way to a URL."""
    with tempfile.TemporaryDirectory(prefix="newscrawl-export-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _day(asked: datetime | None) -> date | None:
    return asked.date() if asked else None


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _tell(tally: Tally, out: str, as_json: bool) -> None:
    """The counts, and the lines that are none."""
    for said in tally.unreadable:
        Console(stderr=True).print(said, style="red", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print(
            json.dumps(
                {"schema": SCHEMA, "out": out, "kept_units": tally.skipped_units, **tally.noted()},
                sort_keys=True,
            )
        )
        return
    table = Table(title=f"Exported to {escape(out)}", title_justify="left")
    for name in ("rows", "what"):
        table.add_column(name, justify="right" if name == "rows" else "left", overflow="fold")
    table.add_row(str(tally.rows), f"written, {tally.files} files of {tally.bytes} bytes")
    for reason, count in sorted(tally.left_out.items()):
        table.add_row(
            str(count), f"left out: {REASONS.get(reason, reason.replace('_', ' ') + ' not asked for')}"
        )
    if tally.guarded:
        table.add_row(str(tally.guarded), "cells changed: formulas, NUL characters")
    if tally.skipped_units:
        table.add_row("", f"{tally.skipped_units} days of outlets were there already")
    Console().print(table)
