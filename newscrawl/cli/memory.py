"""`newscrawl memory`: the memory of the texts that recur on an outlet's site, its boilerplate."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from newscrawl import settings
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.site_memory import learn_from_archive
from newscrawl.cli import ui
from newscrawl.cli.extraction_run import extraction_pool
from newscrawl.cli.stored_files import EVERY_SUFFIX, bring_files
from newscrawl.cli.target import find_outlets
from newscrawl.errors import NewscrawlError
from newscrawl.workers import QUEUED_PER_PROCESS, default_process_count

SCHEMA = "newscrawl.learn/1"

app = typer.Typer(no_args_is_help=True)
ui.app.add_typer(app, name="memory")


@app.command("build")
def build_memories(
    outlets: Annotated[list[str], typer.Argument(help="Outlets whose archives are read.")],
    archives: ui.Archives = ui.ARCHIVES,
    jobs: ui.ProcessCount = 0,
    as_json: ui.AsJson = False,
) -> None:
    """Find the texts that recur on the newest archived pages of an outlet, for its next crawl.

    Crawls do this themselves when they end. Use it for archives of crawls that were killed or that other
    programs made, and before `newscrawl extract --memory newest`. The memory from before is replaced.
    """
    processes = jobs or default_process_count()
    for outlet in outlets:
        folder = archives / outlet
        bring_files(archives, [outlet], EVERY_SUFFIX)
        if not folder.is_dir():
            raise NewscrawlError(f"no archive of {outlet!r} under {archives}")
        files = find_archive_files([folder])
        with extraction_pool(processes) as pool:
            result = learn_from_archive(
                folder,
                files,
                find_outlets({file.path.parent for file in files}, None),
                pool=pool,
                seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
                ahead=processes * QUEUED_PER_PROCESS,
            )
        if as_json:
            ui.print_json({"schema": SCHEMA, "outlet": outlet, **asdict(result)})
        elif result.memory is None:
            ui.print_line(f"{outlet}: no page holds a story, nothing was learned")
        else:
            counts = f"{result.pages} pages, {result.stories} stories, {result.recurring} recurring texts"
            ui.print_line(f"{outlet}: {counts}: {result.memory}")
