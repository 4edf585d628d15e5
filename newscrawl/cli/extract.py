"""`newscrawl extract`: its options. What it does is in `extraction_run`, which `--help` does not load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newscrawl.cli import ui


@ui.app.command("extract")
def extract_archives(  # noqa: PLR0917 # typer hands them in by name
    archives: Annotated[
        list[Path],
        typer.Argument(parser=ui.parse_path, metavar="PATHS", help="WARC files, or folders that hold some."),
    ],
    outlet: Annotated[
        str | None,
        typer.Option(help="Use the rules of this outlet. Default: the outlet that each folder is named for."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="JSONL file to write. Default: standard output.")
    ] = None,
    jobs: ui.ProcessCount = 0,
    compare: Annotated[
        Path | None,
        typer.Option(help="Compare the result with this older JSONL file.", exists=True, dir_okay=False),
    ] = None,
    memory: Annotated[
        ui.MemoryChoice,
        typer.Option(help="Memory of a site's boilerplate: that of the page's run, the newest, or none."),
    ] = "run",
    on: ui.Cluster = ui.CLUSTER,
    as_json: ui.CountsAsJson = False,
) -> None:
    """Extract the articles of archived pages again, without a crawl.

    Use it after an update of the extractor or of an outlet's rules, and for archives that other programs
    made: WARC, ARC and WACZ. With --compare it shows what has changed. A command that was killed goes on
    where it was when it is called again, with --on too: the workers share the folders of the archives and of
    --out. Exit code 1: records or pages were lost.
    """
    if on and not out:
        raise typer.BadParameter("the workers need a file to write to: give --out", param_hint="--on")
    from newscrawl.cli.extraction_run import extract_and_report

    extract_and_report(
        archives, outlet, out=out, jobs=jobs, compare=compare, memory=memory, on=on, as_json=as_json
    )
