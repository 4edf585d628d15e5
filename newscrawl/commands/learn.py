"""`newscrawl learn`: what recurs over an outlet's pages, from its archive, for the crawls to come."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.commands.extract import pool_of, rules_of
from newscrawl.commands.report import Archives, AsJson
from newscrawl.errors import NewscrawlError
from newscrawl.extracting.learning import Learnt, learnt_from
from newscrawl.extracting.places import archive_files
from newscrawl.pipelines.extract import QUEUED_PER_PROCESS, default_processes

SCHEMA = "newscrawl.learn/1"


def learn(
    outlets: Annotated[list[str], typer.Argument(help="Outlets whose archives are read.")],
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one fewer than cores.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Learn the chrome of sites from the newest pages of their archives; what was known is begun anew."""
    for outlet in outlets:
        learnt = _learnt(outlet, archives, jobs or default_processes())
        if as_json:
            print(json.dumps({"schema": SCHEMA, "outlet": outlet, **asdict(learnt)}, sort_keys=True))
        else:
            Console().print(_sentence(outlet, learnt), markup=False, highlight=False, soft_wrap=True)


def _learnt(outlet: str, archives: Path, processes: int) -> Learnt:
    folder = archives / outlet
    if not folder.is_dir():
        raise NewscrawlError(f"no archive of {outlet!r} under {archives}")
    files = archive_files([folder])
    with pool_of(processes) as pool:
        return learnt_from(
            folder,
            files,
            rules_of(files, None),
            pool=pool,
            seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
            ahead=processes * QUEUED_PER_PROCESS,
        )


def _sentence(outlet: str, learnt: Learnt) -> str:
    if learnt.memory is None:
        return f"{outlet}: no page holds a story, nothing was learned"
    counts = f"{learnt.pages} pages, {learnt.stories} stories, {learnt.recurring} texts that recur"
    return f"{outlet}: {counts}: {learnt.memory}"
