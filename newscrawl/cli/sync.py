"""`newscrawl sync`: the archive's finished files in an object store or another folder too."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from newscrawl import settings
from newscrawl.archive.manifest import MANIFEST
from newscrawl.archive.sync import Synced, finished_files, sync_folder
from newscrawl.cli.status import Archives
from newscrawl.errors import BUSY, ArchiveError, NewscrawlError
from newscrawl.storage import Storage
from newscrawl.warc.filenames import lock

FAILED = 1
LOCK = ".sync.lock"
_TROUBLE = ("gone", "damaged", "failed")
_FATAL = ("damaged", "failed")


def sync(
    url: Annotated[str, typer.Argument(help="Where to: s3://bucket/folder, gs://bucket/folder or a folder.")],
    outlets: Annotated[list[str] | None, typer.Argument(help="Outlet ids; all if none.")] = None,
    *,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be sent.")] = False,
    read_back: Annotated[
        bool, typer.Option("--read-back/--no-read-back", help="Read each file again where it was sent to.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for programs.")] = False,
) -> None:
    """Send finished WARC, JSONL, report and memory files, each once. Exit code 1: one damaged or failed."""
    folders = _folders(archives, outlets or [])
    storage = Storage.open(url)
    with _alone(archives):
        done = _synced(folders, storage, dry_run, read_back)
    if as_json:
        print(json.dumps([_as_data(one) for one in done], sort_keys=True))
    _tell(done, storage, dry_run)
    if any(one.outcome in _FATAL for one in done):
        raise typer.Exit(FAILED)


def _folders(archives: Path, outlets: Sequence[str]) -> list[Path]:
    if not archives.is_dir():
        raise ArchiveError(f"no such folder: {archives}")
    found = {path.parent.name: path.parent for path in sorted(archives.glob(f"*/{MANIFEST}"))}
    if missing := sorted(set(outlets) - set(found)):
        raise NewscrawlError(f"nothing finished of {', '.join(missing)} under {archives}")
    return [found[name] for name in outlets or found]


@contextmanager
def _alone(archives: Path) -> Iterator[None]:
    """One sync of an archive at a time: another ends with exit code 75."""
    try:
        fd = os.open(archives / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ArchiveError(f"cannot write {archives / LOCK}: {error.strerror}") from error
    try:
        if not lock(fd):
            text = f"{archives} is being synced by another process"
            Console(stderr=True).print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(BUSY)
        yield
    finally:
        os.close(fd)


def _synced(folders: Sequence[Path], storage: Storage, dry_run: bool, read_back: bool) -> list[Synced]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("syncing", total=sum(map(_bytes_of, folders)))

        def told(one: Synced) -> None:
            progress.update(task, description=one.file.name, advance=_size(one.file.path))

        return [
            one
            for folder in folders
            for one in sync_folder(folder, storage, reads_back=read_back, is_trial=dry_run, told=told)
        ]


def _bytes_of(folder: Path) -> int:
    return sum(_size(file.path) for file in finished_files(folder))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _tell(done: Sequence[Synced], storage: Storage, dry_run: bool) -> None:
    console = Console(stderr=True)
    for one in done:
        if one.outcome in _TROUBLE:
            style = "red" if one.outcome in _FATAL else "yellow"
            console.print(
                f"{one.file.name}: {one.outcome}: {one.detail}", style=style, markup=False, soft_wrap=True
            )
    counts = Counter(one.outcome for one in done)
    sent = sum(one.bytes for one in done if one.outcome == "sent")
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing is finished"
    verb = "would send" if dry_run else "sent"
    console.print(f"{storage.url}: {verb} {decimal(sent)} ({said})", markup=False, soft_wrap=True)


def _as_data(one: Synced) -> dict[str, object]:
    return {
        "file": one.file.name,
        "sha256": one.file.digest,
        "outcome": one.outcome,
        "bytes": one.bytes,
        "detail": one.detail,
    }
