"""`newscrawl export`: articles of many runs as Parquet, CSV, SQLite and more, for other programs."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from newscrawl.archive.lines import ARTICLES_SUFFIX
from newscrawl.cli import ui
from newscrawl.cli.stored_files import bring_files
from newscrawl.export.manifest import ExportCounts
from newscrawl.export.partitions import group_line_files, iter_partitions, outlets_in
from newscrawl.export.run import Selection, run_export
from newscrawl.export.sinks import sink_for
from newscrawl.storage import hide_credentials

SCHEMA = "newscrawl.exported/1"
REASONS = {
    "older_version": "a later version of the page is exported (--all-versions)",
    "reserved": "their site reserves use by machines (--include-reserved)",
    "unreadable": "the line is no valid article",
    "no_record": "made from no record of an archive",
    "not_representable": "the format cannot hold a value, such as an integer of more than 64 bits",
    "mixed": "the text mixes languages (--no-mixed)",
    "not_mixed": "the text does not mix languages (--mixed)",
    "no_id": "the id cannot be part of a file name",
}
"Why articles are left out, for reasons that no option of the selection explains."

FormatName = Literal["parquet", "jsonl", "csv", "sqlite", "text", "wet"]
ShapeName = Literal["datatrove", "huggingface", "zyte", "schemaorg", "fundus", "newsplease"]
"Tools whose field names can be used."
CompressionName = Literal["none", "gz", "zst"]


@ui.app.command("export")
def export_articles(  # noqa: PLR0917 # typer hands them in by name
    out: Annotated[str, typer.Option("--out", "-o", help="Folder, file or URL to write to.")],
    format_: Annotated[
        FormatName | None,
        typer.Option("--format", "-f", help="Format of the files; `--as huggingface` means parquet."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="OUTLET | LINES.jsonl",
            help="Outlet ids, or JSON lines made by `newscrawl extract`. Default: all outlets.",
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="First day, by the publication date, else the fetch date."
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, which is included.")
    ] = None,
    lang: Annotated[
        list[str] | None, typer.Option(help="Export only texts in this language. Can be repeated.")
    ] = None,
    mixed: Annotated[
        bool | None,
        typer.Option(
            "--mixed/--no-mixed", help="Export only texts that mix languages, or only texts that do not."
        ),
    ] = None,
    page_type: Annotated[
        list[str] | None, typer.Option(help="Export only pages of this type. Can be repeated.")
    ] = None,
    duplicates: Annotated[
        bool,
        typer.Option("--duplicates/--no-duplicates", help="Export near-duplicates of other articles too."),
    ] = True,
    all_versions: Annotated[
        bool,
        typer.Option("--all-versions/--latest-version", help="Export every version of a page, or the last."),
    ] = False,
    include_reserved: Annotated[
        bool, typer.Option("--include-reserved", help="Export texts that are reserved against machines too.")
    ] = False,
    shape: Annotated[ShapeName | None, typer.Option("--as", help="Use the names of another tool.")] = None,
    compress: Annotated[
        CompressionName | None, typer.Option(help="Compression of JSON lines and CSV.")
    ] = None,
    bom: Annotated[
        bool, typer.Option("--bom", help="Begin CSV files with a byte order mark, for some spreadsheets.")
    ] = False,
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    as_json: ui.CountsAsJson = False,
) -> None:
    """Write articles as Parquet, CSV, SQLite, JSON lines, text or WET.

    Use it to hand articles to other programs: those of the runs, and those that `newscrawl extract` made from
    any archive. The same command later adds what is new. Exit code 1: a line could not be read.
    """
    if format_ is None and shape != "huggingface":
        raise typer.BadParameter(
            "a format is missing: parquet, jsonl, csv, sqlite, text or wet", param_hint="--format"
        )
    # A text that mixes French and English is labelled so.
    ui.require_codes("--lang", {*(lang or ())} - {"mixed"}, "fr")
    selection = Selection(
        since=_to_date(since),
        until=_to_date(until),
        languages=frozenset(lang or ()),
        mixed=mixed,
        page_types=frozenset(page_type or ()),
        duplicates=duplicates,
        reserved=include_reserved,
        all_versions=all_versions,
    )
    files = [Path(name) for name in names or () if name.endswith(ARTICLES_SUFFIX)]
    ids = [name for name in names or () if not name.endswith(ARTICLES_SUFFIX)]
    if ids or not files:
        bring_files(archives, ids or None)
    outlets = outlets_in(archives, ids) if ids or not files else []
    groups = chain((iter_partitions(archives, outlet) for outlet in outlets), group_line_files(files))
    size = sum(partition.bytes for partitions in groups for partition in partitions)
    with (
        # For partitions on their way to a URL.
        tempfile.TemporaryDirectory(prefix="newscrawl-export-", ignore_cleanup_errors=True) as staging,
        ui.open_documents(archives, state_url) as documents,
        ui.progress_bar("exported", size) as (update, _),
    ):
        sink = sink_for(
            out,
            format_ or "parquet",
            shape=shape,
            compression=compress,
            selection=selection,
            staging=Path(staging),
            bom=bom,
        )
        counts = run_export(
            archives,
            outlets,
            selection,
            sink,
            advanced=lambda read: update(advance=read),
            documents=documents,
            files=files,
        )
    for text in counts.unreadable:
        ui.error(text)
    if as_json:
        data = {
            "schema": SCHEMA,
            "out": hide_credentials(out),
            "kept_units": counts.skipped_partitions,
            **counts.as_dict(),
        }
        ui.print_json(data)
    else:
        _show_export(counts, out)
    if counts.left_out["unreadable"]:
        raise typer.Exit(ui.FAILED)


def _to_date(time: datetime | None) -> date | None:
    return time.date() if time else None


def _show_export(counts: ExportCounts, out: str) -> None:
    table = ui.make_table(
        f"Exported to {escape(hide_credentials(out))}", ui.number_column("rows"), ui.folded_column("what")
    )
    table.add_row(str(counts.rows), f"written, {counts.files} files of {counts.bytes} bytes")
    for reason, count in sorted(counts.left_out.items()):
        explanation = REASONS.get(reason, f"{reason.replace('_', ' ')} not selected")
        table.add_row(str(count), f"left out: {explanation}")
    if counts.guarded:
        table.add_row(str(counts.guarded), "cells changed: formulas, NUL characters")
    if counts.skipped_partitions:
        table.add_row("", f"{counts.skipped_partitions} days of outlets were already there")
    ui.print_table(table)
