"""`newscrawl sync`: the archive's finished files in an object store or another folder too."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from newscrawl.archive.manifest import MANIFEST
from newscrawl.archive.sync import SyncResult, finished_files, send_folder
from newscrawl.cli import ui
from newscrawl.errors import BUSY, ArchiveError
from newscrawl.storage import Storage, try_lock

LOCK = ".sync.lock"
_FATAL = ("damaged", "failed")
_STYLES = {"gone": "yellow", "damaged": "red", "failed": "red"}


@ui.app.command("sync")
def sync_archives(
    url: Annotated[str, typer.Argument(help="Target: s3://bucket/folder, gs://bucket/folder or a folder.")],
    outlets: ui.OutletIds = None,
    *,
    archives: ui.Archives = ui.ARCHIVES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
    read_back: Annotated[
        bool,
        typer.Option("--read-back/--no-read-back", help="Read each file back from the target to compare it."),
    ] = True,
    as_json: ui.AsJson = False,
) -> None:
    """Copy finished files to an object store or another folder, each of them once.

    Use it to back up WARC, JSONL, report and memory files after each crawl. Exit code 1: a file is damaged or
    could not be sent.
    """
    folders = ui.outlet_archives(archives, outlets, files=MANIFEST, noun="finished files")
    storage = Storage.open(url)
    with _locked(archives):
        results = _send(folders, storage, dry_run, read_back)
    if as_json:
        data = [
            {
                "file": result.file.name,
                "sha256": result.file.digest,
                "outcome": result.outcome,
                "bytes": result.bytes,
                "detail": result.detail,
            }
            for result in results
        ]
        ui.print_json(data)
    _show_results(results, storage, dry_run)
    if any(result.outcome in _FATAL for result in results):
        raise typer.Exit(ui.FAILED)


@contextmanager
def _locked(archives: Path) -> Iterator[None]:
    """Allow a single sync of an archive at a time: a second ends with exit code 75."""
    path = archives / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
    try:
        if not try_lock(descriptor):
            ui.warn(f"{archives} is being synced by another process")
            raise typer.Exit(BUSY)
        yield
    finally:
        os.close(descriptor)


def _send(folders: Sequence[Path], storage: Storage, dry_run: bool, read_back: bool) -> list[SyncResult]:
    total = sum(ui.file_size(file.path) for folder in folders for file in finished_files(folder))
    with ui.progress_bar("syncing", total) as (update, _):

        def on_result(result: SyncResult) -> None:
            update(description=result.file.name, advance=ui.file_size(result.file.path))

        return [
            result
            for folder in folders
            for result in send_folder(
                folder, storage, reads_back=read_back, is_trial=dry_run, on_result=on_result
            )
        ]


def _show_results(results: Sequence[SyncResult], storage: Storage, dry_run: bool) -> None:
    for result in results:
        if style := _STYLES.get(result.outcome):
            ui.note(f"{result.file.name}: {result.outcome}: {result.detail}", style)
    sent = sum(result.bytes for result in results if result.outcome == "sent")
    outcomes = sorted(Counter(result.outcome for result in results).items())
    counts = ", ".join(f"{count} {name}" for name, count in outcomes) or "nothing is finished"
    ui.note(f"{storage.url}: {'would send' if dry_run else 'sent'} {decimal(sent)} ({counts})")
