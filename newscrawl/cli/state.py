"""`newscrawl state`: the database of what is known between runs, as a whole."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.cli.status import Archives
from newscrawl.errors import NewscrawlError
from newscrawl.state.database import Database, database_url
from newscrawl.state.rows import seconds_of
from newscrawl.state.transfer import copy_state

app = typer.Typer(help="The database of what is known between runs.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """So that the one command keeps its name."""


@app.command()
def copy(
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    source: Annotated[
        str, typer.Option("--from", help="URL to read; the file beside the archives if none.")
    ] = "",
    target: Annotated[
        str, typer.Option("--to", help="URL of an empty database; NEWSCRAWL_STATE_URL if none.")
    ] = settings.NEWSCRAWL_STATE_URL,
) -> None:
    """Copy all that is known into another database, such as from SQLite to PostgreSQL."""
    here, there = (database_url(url, archives.resolve()) for url in (source, target))
    if here == there:
        raise NewscrawlError("nothing to copy: set NEWSCRAWL_STATE_URL, or name the target with --to")
    if not source and not Path(here.removeprefix("sqlite:///")).exists():
        raise NewscrawlError(f"no such file: {here.removeprefix('sqlite:///')}")
    with closing(Database.open(here)) as reading, closing(Database.open(there)) as writing:
        copied = copy_state(reading, writing, seconds_of(datetime.now(UTC)))
    told = ", ".join(f"{count} {table}" for table, count in copied.items() if count)
    Console().print(f"copied {told or 'nothing'}", markup=False, highlight=False, soft_wrap=True)
