"""`newscrawl state`: the state database as a whole."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from newscrawl.cli import ui
from newscrawl.errors import NewscrawlError
from newscrawl.state.database import Database, database_url
from newscrawl.state.transfer import copy_database

app = typer.Typer(no_args_is_help=True)
ui.app.add_typer(app, name="state")


@app.command("copy")
def copy_state(
    archives: ui.Archives = ui.ARCHIVES,
    source: Annotated[
        str, typer.Option("--from", help="URL to read. Default: the SQLite file in the archives.")
    ] = "",
    target: Annotated[
        str,
        # Its default may hold a password.
        typer.Option(
            "--to", help="URL of an empty database. Default: NEWSCRAWL_STATE_URL.", show_default=False
        ),
    ] = ui.STATE_URL,
) -> None:
    """Copy everything in the state database to another database.

    Use it to move from SQLite to PostgreSQL, so that several machines can crawl together.
    """
    source_url, target_url = (database_url(url, archives.resolve()) for url in (source, target))
    if source_url == target_url:
        raise NewscrawlError("nothing to copy: set NEWSCRAWL_STATE_URL, or name the target with --to")
    path = source_url.removeprefix("sqlite:///")
    if path != source_url and not path.startswith((":", "file:")) and not Path(path).exists():
        raise NewscrawlError(f"no such file: {path}; name the database to read with --from")
    with closing(Database.open(source_url)) as old, closing(Database.open(target_url)) as new:
        copied = copy_database(old, new, int(time.time()))
    counts = ", ".join(f"{count} {table}" for table, count in copied.items() if count)
    ui.print_line(f"copied {counts or 'nothing'}")
