"""`newscrawl run`: its options. What it does is in `due_crawls`, which `--help` does not load."""

from __future__ import annotations

from typing import Annotated

import typer

from newscrawl.cli import ui

DUE_SECONDS = 3600
"What a crawl may take under a timer, where an outlet that hangs must not hold up the others for ever."


@ui.app.command("run")
def run_crawls(
    *,
    due: Annotated[
        bool, typer.Option("--due", help="Crawl all outlets that are due, as a timer does.")
    ] = False,
    forever: Annotated[
        bool,
        typer.Option("--forever", help="Crawl each outlet whenever it is due, until SIGTERM or Ctrl-C."),
    ] = False,
    archives: ui.Archives = ui.ARCHIVES,
    jobs: ui.CrawlCount = 2,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Seconds that each crawl may take. Default: {DUE_SECONDS}.",
        ),
    ] = None,
    max_time: Annotated[
        int | None,
        typer.Option(
            "--max-time", min=1, help="With --due or --forever: start no crawl after this many seconds."
        ),
    ] = None,
    fork: ui.Fork = True,
    on: ui.Cluster = ui.CLUSTER,
    setting: ui.Settings = None,
    as_json: ui.AsJson = False,
) -> None:
    """Crawl the outlets that are due, and show a table of the runs.

    Let a timer call it with --due (see `newscrawl schedule`) to crawl each outlet as often as it publishes,
    or let it stay with --forever. `newscrawl crawl` crawls the outlets that you name. With --on the workers
    of a cluster crawl, --jobs outlets at a time; they share the folder of the archives. Exit code 1: a crawl
    failed, which --forever only names, or the cluster has gone.
    """
    if due == forever:
        raise typer.BadParameter("give either --due or --forever; `newscrawl crawl OUTLET` crawls one now")
    if forever and as_json:
        raise typer.BadParameter("there is no end at which --forever could print it", param_hint="--json")
    settings = ui.parse_settings(setting)
    from newscrawl.cli.due_crawls import run_due, run_forever
    from newscrawl.cli.processes import launching
    from newscrawl.cli.project_exports import ProjectExports

    exports = ProjectExports(archives)
    crawling = launching(fork=fork)
    if on:
        from newscrawl.cli.cluster_crawls import crawling_on

        crawling = crawling_on(on, archives, settings)
    with crawling as launch:
        if forever:
            seconds = limit or DUE_SECONDS
            run_forever(archives, jobs, settings, seconds, launch, exports=exports, max_time=max_time)
            is_fine = True
        else:
            is_fine = run_due(
                archives,
                jobs,
                settings,
                limit or DUE_SECONDS,
                launch,
                exports=exports,
                max_time=max_time,
                as_json=as_json,
            )
    if not is_fine:
        raise typer.Exit(ui.FAILED)
