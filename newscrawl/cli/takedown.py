"""`newscrawl takedown`: removes articles from lines and state, and from what replays the archives."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from newscrawl.archive.bucket import LINE_SUFFIXES
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.site_memory import erase_from_memories
from newscrawl.archive.takedown import (
    Takedown,
    block_replay,
    find_takedown,
    overwrite_records,
    rewrite_lines,
    takedown_rejection,
)
from newscrawl.cli import ui
from newscrawl.cli.held_lease import holding_lease
from newscrawl.cli.stored_files import EVERY_SUFFIX, bring_files, send_files, warn_of_waiting_runs
from newscrawl.dedup.incremental import remove_pages
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import Busy, NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.outlet import find_outlet
from newscrawl.spiders.lease_holder import this_process
from newscrawl.state.database import Database
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import decode_link, epoch_seconds, page_key
from newscrawl.state.reconcile import forget_sources, mark_taken_down
from newscrawl.state.runs import State
from newscrawl.state.urls import UrlTable
from newscrawl.view.catalogue import update_catalogue
from newscrawl.warc.index import INDEX_NAME, update_index
from newscrawl.warc.writer import OPEN_SUFFIX

NOTHING_FOUND = 1
STATELESS_FOLDER = "urls"
"Folder of pages that a user listed: its runs remember nothing of each other."


class TakedownRequest(NamedTuple):
    """Which pages are to be removed, and how thoroughly."""

    urls: list[str]
    reason: str
    time: datetime
    should_erase: bool
    with_sources: bool
    is_dry_run: bool
    is_whole_outlet: bool


@ui.app.command("takedown")
def take_down(  # noqa: PLR0917 # options, handed in by name
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="URL…", help="URLs of the articles; none with --all.")
    ] = None,
    outlet: Annotated[
        str | None,
        typer.Option(
            help="Search only this outlet, and block the URLs there even if they were never crawled."
        ),
    ] = None,
    all_pages: Annotated[
        bool, typer.Option("--all", help="All pages of --outlet, also those that are only known of.")
    ] = False,
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    reason: Annotated[str, typer.Option(help="Reason to record in place of the article.")] = "",
    erase: Annotated[
        bool,
        typer.Option("--erase", help="Also overwrite the records in the WARC files. This cannot be undone."),
    ] = False,
    sources: Annotated[
        bool,
        typer.Option("--sources", help="With --erase: also the feeds and lists that name any of the URLs."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    as_json: ui.AsJson = False,
) -> None:
    """Remove articles from lines and state, block their replay, never fetch them again.

    Use it when an outlet or a person asks for it. The WARC files stay as they are unless you give --erase.
    Exit code 1: the archives have none of the URLs.
    """
    if all_pages and not outlet:
        raise typer.BadParameter("name the outlet with --outlet", param_hint="--all")
    if bool(urls) == all_pages:
        raise typer.BadParameter("name URLs, or give --outlet and --all")
    if outlet:
        names = [outlet]
        bring_files(archives, names, EVERY_SUFFIX if erase else LINE_SUFFIXES)
        if not (archives / outlet).is_dir():
            find_outlet(outlet, ui.outlet_folders())  # UnknownOutlet if it has no file either
    elif archives.is_dir():
        bring_files(archives, None, EVERY_SUFFIX if erase else LINE_SUFFIXES)
        names = sorted(path.name for path in archives.iterdir() if path.is_dir() and path.name[0] != ".")
    else:
        raise NewscrawlError(f"no such folder: {archives}; name the archives with --archives")
    request = TakedownRequest(
        urls or [], reason, utc_now(), erase, erase and sources, dry_run, is_whole_outlet=all_pages
    )
    with ui.open_database(archives, state_url) as database:
        takedowns, busy = _take_down_each(database, archives, names, request, is_certain=outlet is not None)
    if takedowns and not dry_run:
        update_catalogue(archives)
    if as_json:
        data = {
            name: {
                "urls": sorted(takedown.urls),
                "lines": takedown.lines,
                "exchanges": _count_exchanges(takedown),
                "copies": takedown.copies,
            }
            for name, takedown in takedowns.items()
        }
        ui.print_json({"dry_run": dry_run, "outlets": data})
    else:
        _show_takedowns(takedowns, request, is_complete=not busy)
    if busy:
        raise Busy(f"{'; '.join(busy)}; the pages stay there until you repeat this")
    if not takedowns:
        raise typer.Exit(NOTHING_FOUND)


def _take_down_each(
    database: Database, archives: Path, names: list[str], request: TakedownRequest, *, is_certain: bool
) -> tuple[dict[str, Takedown], list[str]]:
    """By outlet, what was there; and which outlets are being crawled, where the pages stay."""
    takedowns: dict[str, Takedown] = {}
    busy: list[str] = []
    for name in names:
        try:
            takedown = _take_down(database, archives / name, request, is_certain=is_certain)
        except Busy as error:
            busy.append(str(error))
            continue
        if takedown:
            takedowns[name] = takedown
    return takedowns, busy


def _take_down(
    database: Database, folder: Path, request: TakedownRequest, *, is_certain: bool
) -> Takedown | None:
    """What was there and is gone now; None where the outlet has none of the pages."""
    if request.is_dry_run or not is_certain:
        # Before the lease, so that a search for URLs waits for no outlet that has none of them.
        if not request.is_dry_run:
            repair_folder(folder, host=socket.gethostname())
        takedown = _find(database, folder, request)
        if not is_certain and not _is_here(database, folder, request, takedown):
            return None
        if request.is_dry_run:
            return takedown
    state = State.on(database, folder.name, this_process())
    now = epoch_seconds(request.time)
    with holding_lease(state) as require_lease:
        # Again under the lease: a run may have ended in the meantime.
        suffixes = EVERY_SUFFIX if request.should_erase else LINE_SUFFIXES
        bring_files(folder.parent, [folder.name], suffixes, with_memories=request.should_erase)
        require_lease()
        # The files that a killed crawl left open hold articles too, and the next run would close them.
        repair_folder(folder, host=socket.gethostname())
        _check_closed(folder)
        takedown = _find(database, folder, request, require_lease)
        # What finds the pages again comes last: if this is killed, the same command does the rest.
        if folder.name != STATELESS_FOLDER:
            mark_taken_down(database, folder.name, takedown.urls, now)
            remove_pages(DocumentTable(database), [page_key(folder.name, url) for url in takedown.urls])
        if request.with_sources:
            forget_sources(database, folder.name)
        block_replay(folder, takedown.urls)
        is_indexed = (folder / INDEX_NAME).is_file()
        if takedown.exchanges:
            # The index recognises files by their size, which overwriting does not change.
            for suffix in ("", "-wal", "-shm"):
                Path(f"{folder / INDEX_NAME}{suffix}").unlink(missing_ok=True)
        if request.should_erase:
            takedown.copies += erase_from_memories(
                folder, takedown.urls, is_whole_outlet=request.is_whole_outlet
            )
        for name, spans in takedown.exchanges.items():
            require_lease()
            overwrite_records(folder / name, spans, request.reason, request.time)
        day = rfc3339(request.time)[:10]
        rewrite_lines(
            folder,
            takedown.urls,
            lambda line: takedown_rejection(line, folder.name, request.reason, day),
        )
        if is_indexed:
            update_index(folder)
        send_files(folder.parent, [folder.name])
        warn_of_waiting_runs(state, folder)
        for name in takedown.open_files:
            # Only in the folder without leases; elsewhere open files end the command before.
            ui.warn(f"{folder / name} is being written and holds it too: repeat this when that run has ended")
    return takedown


def _is_here(database: Database, folder: Path, request: TakedownRequest, takedown: Takedown) -> bool:
    """Whether the outlet has one of the pages, or knows of it, so that a run at work may be fetching it."""
    if takedown.named or takedown.open_files or takedown.exchanges or takedown.urls - set(request.urls):
        return True
    return bool(UrlTable(database, folder.name).find(page_key(folder.name, url) for url in request.urls))


def _check_closed(folder: Path) -> None:
    """NewscrawlError if files are open that could not be repaired, such as those of another machine."""
    left = min(folder.glob(f"*{OPEN_SUFFIX}"), default=None)
    # Without a lease another crawl may be at work.
    if left and folder.name != STATELESS_FOLDER:
        raise NewscrawlError(
            f"{left} was left open and may hold the pages too: `newscrawl repair {folder}` says why,"
            " and `--force` closes what another machine has left; then repeat the command"
        )


def _find(
    database: Database,
    folder: Path,
    request: TakedownRequest,
    on_archive: Callable[[], None] = lambda: None,
) -> Takedown:
    urls = request.urls
    if request.is_whole_outlet:
        urls = [decode_link(row.link).url for row in UrlTable(database, folder.name).all()]
    return find_takedown(
        folder,
        urls,
        with_exchanges=request.should_erase,
        with_sources=request.with_sources,
        is_whole_outlet=request.is_whole_outlet,
        on_archive=on_archive,
    )


def _show_takedowns(takedowns: dict[str, Takedown], request: TakedownRequest, *, is_complete: bool) -> None:
    verb = "would take down" if request.is_dry_run else "took down"
    for name, takedown in takedowns.items():
        exchanges = _count_exchanges(takedown)
        counts = f"{len(takedown.urls)} URLs, {takedown.lines} lines, {exchanges} exchanges in the archive"
        ui.print_line(f"{name}: {verb} {counts}")
        if not request.should_erase:
            ui.print_line(f"{name}: records stay in the WARC files; --erase overwrites them")
        for copy in takedown.copies:
            ui.print_line(f"{name}: {copy} may hold it too: delete it, or make it again")
        if request.is_whole_outlet:
            ui.print_line(f'{name}: set status = "blocked" in its outlet file, or its new pages are crawled')
    if is_complete and not takedowns:
        ui.print_line("the archives have none of these URLs; `newscrawl index lookup URL` names similar ones")


def _count_exchanges(takedown: Takedown) -> int:
    return sum(map(len, takedown.exchanges.values()))
