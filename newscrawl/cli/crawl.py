"""`newscrawl crawl`: crawl the outlets that are named, and show how the crawls ended.

What it uses is imported when it runs: its help needs none of it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from newscrawl.cli import ui


@ui.app.command("crawl")
def crawl_named(
    outlets: Annotated[
        list[str],
        typer.Argument(help="Outlet ids, see `newscrawl list`.", autocompletion=ui.complete_outlets),
    ],
    *,
    archives: ui.Archives = ui.ARCHIVES,
    jobs: ui.CrawlCount = 2,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Seconds that each crawl may take. Default: no limit.")
    ] = None,
    fork: ui.Fork = True,
    setting: ui.Settings = None,
    as_json: ui.AsJson = False,
) -> None:
    """Crawl the outlets that you name, now.

    A table shows how each crawl ended, and where its files are. Exit code 1: a crawl failed.
    """
    settings = ui.parse_settings(setting)
    from newscrawl.cli.crawl_progress import crawl_with_progress, show_results
    from newscrawl.cli.outlets import check_contact, configured_folders
    from newscrawl.cli.processes import launching
    from newscrawl.cli.project_exports import ProjectExports
    from newscrawl.outlet import find_outlet
    from newscrawl.spiders.crawl_options import URLS

    # A wrong name or a missing contact stops everything before anything is written.
    folders = configured_folders(settings)
    check_contact([find_outlet(name, folders) for name in outlets if name != URLS], settings)
    exports = ProjectExports(archives)
    with launching(fork=fork) as launch:
        results = crawl_with_progress(outlets, archives, jobs, settings, limit=limit, launch=launch)
    show_results(results, as_json)
    is_exported = exports.make_after(results)
    if not is_exported or any(result.code for result in results):
        raise typer.Exit(ui.FAILED)
