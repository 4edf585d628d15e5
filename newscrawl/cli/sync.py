"""`newscrawl sync`: the archive's finished files in an object store or another folder too."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from newscrawl.archive.bucket import OutletCopy, Spool, is_stored, set_aside_given_up
from newscrawl.archive.manifest import MANIFEST
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.sync import SyncResult, finished_files, send_folder
from newscrawl.cli import ui
from newscrawl.cli.held_lease import holding_lease
from newscrawl.cli.stored_files import require_bucket
from newscrawl.errors import BUSY, ArchiveError, Busy, NewscrawlError
from newscrawl.spiders.lease_holder import this_process
from newscrawl.state.runs import State
from newscrawl.storage import Storage, read_bucket_url, try_lock

LOCK = ".sync.lock"
_FATAL = ("damaged", "failed")
_STYLES = {"gone": "yellow", "damaged": "red", "failed": "red"}


@ui.app.command("sync")
def sync_archives(
    url: Annotated[
        str | None,
        typer.Argument(
            help="Target: s3://bucket/folder, gs://bucket/folder or a folder. "
            "None: what waits here for the bucket of the archives."
        ),
    ] = None,
    outlets: ui.OutletIds = None,
    *,
    archives: ui.Archives = ui.ARCHIVES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
    read_back: Annotated[
        bool,
        typer.Option("--read-back/--no-read-back", help="Read each file back from the target to compare it."),
    ] = True,
    state_url: ui.StateUrl = ui.STATE_URL,
    as_json: ui.AsJson = False,
) -> None:
    """Copy finished files to an object store or another folder, each of them once.

    Use it to back up WARC, JSONL, report and memory files after each crawl. Archives in a bucket need it only
    where files wait on a machine that crawls no more. Exit code 1: a file is damaged or could not be sent.
    """
    if url is None:
        send_waiting_files(archives, state_url, as_json=as_json)
        return
    if read_bucket_url(archives) is not None:
        raise NewscrawlError("the archives are in a bucket: copy that with its own tools")
    folders = ui.outlet_archives(archives, outlets, files=MANIFEST, noun="finished files")
    storage = Storage.open(url)
    with _locked(archives):
        results = _send(folders, storage, dry_run, read_back)
    _report(results, storage, dry_run, as_json)


def send_waiting_files(archives: Path, state_url: str, *, as_json: bool) -> None:
    """Send what waits in the spool, each outlet's files under its lease; those of running crawls are left."""
    spool = require_bucket(archives)
    results: list[SyncResult] = []
    with _locked(archives), ui.open_database(archives, state_url) as database:
        for outlet in _list_waiting_outlets(spool):
            copy = OutletCopy(folder=archives / outlet, storage=spool.storage)
            try:
                with holding_lease(State.on(database, outlet, this_process())) as require_lease:
                    repair_folder(copy.folder, host=socket.gethostname())
                    copy.refresh()
                    require_lease()
                    set_aside_given_up(copy, database)
                    sent = copy.send()
                    if is_stored(sent):
                        spool.unmark(outlet)
                    results += sent
            except Busy:
                ui.warn(f"{outlet}: another process is crawling it")
    spool.note_back()
    _report(results, spool.storage, False, as_json)


def _list_waiting_outlets(spool: Spool) -> list[str]:
    """Those that runs have marked, and those in which a command has changed something."""
    marked = [mark.outlet for mark in spool.list_waiting()]
    folders = (path.parent for path in sorted(spool.archives.glob(f"*/{MANIFEST}")))
    copies = (OutletCopy(folder=folder, storage=spool.storage) for folder in folders)
    return list(dict.fromkeys([*marked, *(copy.folder.name for copy in copies if copy.list_waiting())]))


def _report(results: Sequence[SyncResult], storage: Storage, dry_run: bool, as_json: bool) -> None:
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
