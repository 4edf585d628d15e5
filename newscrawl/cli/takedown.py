"""`newscrawl takedown`: articles go out of lines and state, and out of what replays the archives."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.repair import repair_folder
from newscrawl.archive.takedown import TakenDown, block, erase_all, found_in, refusal_of, rewrite_lines
from newscrawl.cli.status import Archives, AsJson, StateUrl
from newscrawl.dedup.incremental import remove_pages
from newscrawl.errors import NewscrawlError
from newscrawl.items import rfc3339
from newscrawl.outlet import find_outlet
from newscrawl.spiders.run_context import is_gone
from newscrawl.state.database import Database, database_url
from newscrawl.state.duplicates import CopyTable
from newscrawl.state.reconcile import forget_sources, take_down
from newscrawl.state.rows import key_of, seconds_of
from newscrawl.state.runs import Holder, State
from newscrawl.warc.index import NAME, build

NOTHING_FOUND = 1
WITHOUT_STATE = "urls"
"Folder of pages that were listed by hand: no run of theirs knows of another."


class Order(NamedTuple):
    """What is to be done to the pages."""

    urls: list[str]
    reason: str
    when: datetime
    should_erase: bool
    with_sources: bool
    is_dry: bool


def takedown(  # noqa: PLR0917 # options, given by name
    urls: Annotated[list[str], typer.Argument(metavar="URL…", help="Addresses of the articles.")],
    outlet: Annotated[
        str | None,
        typer.Option(help="Its folder alone; the pages need not be there, they will never be fetched."),
    ] = None,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    state_url: StateUrl = settings.NEWSCRAWL_STATE_URL,
    reason: Annotated[str, typer.Option(help="Noted where the article was.")] = "",
    erase: Annotated[
        bool, typer.Option("--erase", help="Overwrite its records in the WARC files, not to be undone.")
    ] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="Erase feeds and lists too that name one of the addresses.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take articles down: out of the lines and out of state, blocked for replay, never fetched again.

    Exit code 1 when none of the addresses is known.
    """
    if outlet:
        _check_name(outlet, archives)
    order = Order(urls, reason, datetime.now(UTC), erase, erase and sources, dry_run)
    with closing(Database.open(database_url(state_url, archives.resolve()))) as database:
        done = {
            name: found
            for name in ([outlet] if outlet else _outlets(archives))
            if (found := _taken_down(database, archives / name, order, is_sure=outlet is not None))
        }
    _show(done, order, as_json)
    if not done:
        raise typer.Exit(NOTHING_FOUND)


def _check_name(outlet: str, archives: Path) -> None:
    """UnknownOutlet for a name that has neither an archive nor a file."""
    if not (archives / outlet).is_dir():
        find_outlet(outlet, [Path(folder) for folder in settings.NEWSCRAWL_OUTLETS])


def _outlets(archives: Path) -> list[str]:
    if not archives.is_dir():
        raise NewscrawlError(f"no such folder: {archives}")
    return sorted(path.name for path in archives.iterdir() if path.is_dir())


def _taken_down(database: Database, folder: Path, order: Order, *, is_sure: bool) -> TakenDown | None:
    """What was there and is gone now; None where the outlet knows none of the pages."""
    if not order.is_dry:
        # What killed crawls left open holds articles too, and would be closed by the next run.
        repair_folder(folder, host=socket.gethostname(), complete=True)
    found = found_in(folder, order.urls, with_exchanges=order.should_erase, with_sources=order.with_sources)
    is_known = found.lines or found.exchanges or found.urls - set(order.urls) or found.named
    if not is_sure and not is_known:
        return None
    if order.is_dry:
        return found
    state = State.of(database, folder.name, Holder(host=socket.gethostname(), pid=os.getpid()))
    now = seconds_of(order.when)
    state.lease.take(now, is_gone)
    try:
        # From what is hardest to undo by accident to what finds the pages again: killed between two steps,
        # the same command does the rest.
        if folder.name != WITHOUT_STATE:
            take_down(database, folder.name, found.urls, now)
            remove_pages(CopyTable(database), [key_of(folder.name, url) for url in found.urls])
        if order.with_sources:
            forget_sources(database, folder.name)
        block(folder, found.urls)
        is_indexed = (folder / NAME).is_file()
        if found.exchanges:
            _forget_index(folder)
        erase_all(folder, found, order.reason, order.when)
        day = rfc3339(order.when)[:10]
        rewrite_lines(folder, found.urls, lambda line: refusal_of(line, folder.name, order.reason, day))
        if is_indexed:
            build(folder)
    finally:
        state.lease.release()
    return found


def _forget_index(folder: Path) -> None:
    """Before its files are rewritten: it knows them by their size, which does not change."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{folder / NAME}{suffix}").unlink(missing_ok=True)


def _show(done: dict[str, TakenDown], order: Order, as_json: bool) -> None:
    told = {name: _told(found) for name, found in done.items()}
    if as_json:
        print(json.dumps({"dry_run": order.is_dry, "outlets": told}, sort_keys=True))
        return
    console = Console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    for name, found in done.items():
        erased = told[name]["exchanges"]
        what = f"{len(found.urls)} addresses, {found.lines} lines, {erased} exchanges in the archive"
        say(f"{name}: {'would take down' if order.is_dry else 'took down'} {what}")
        if not order.should_erase:
            say(f"{name}: records stay in the WARC files; --erase overwrites them")
        for copy in found.copies:
            say(f"{name}: {copy} may hold it too: delete it, or make it anew")
    if not done:
        say("none of these addresses is known")


def _told(found: TakenDown) -> dict[str, object]:
    return {
        "urls": sorted(found.urls),
        "lines": found.lines,
        "exchanges": sum(map(len, found.exchanges.values())),
        "copies": found.copies,
    }
