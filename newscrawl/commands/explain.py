"""`newscrawl explain`: the blocks of a page, and why each is in the story or not."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile, is_zipfile

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.entries import moment_of
from newscrawl.commands.explained_lines import show
from newscrawl.commands.explained_page import html_of
from newscrawl.commands.target import Archived, Saved, page_named
from newscrawl.errors import NewscrawlError
from newscrawl.extraction import explained_page, memory_at
from newscrawl.items import Article
from newscrawl.outlet import Outlet, find_outlet, outlet_files
from newscrawl.state.memories import newest_memory
from newscrawl.text.audit import Audit, audit_of
from newscrawl.text.extract import Explained, explained
from newscrawl.text.judge.judge import Judge, judge_in
from newscrawl.text.memory import Memory

SCHEMA = "newscrawl.explanation/1"
_UNREADABLE = (OSError, ValueError, EOFError, BadZipFile, zlib.error)
"What reading arrays raises that are cut, damaged, or of another kind."
NO_STORY = 3
"Exit code for a page that was read and holds no story; 1 is for one that could not be read."


def explain(  # noqa: PLR0917 # typer hands them in by name
    page: Annotated[
        str,
        typer.Argument(help="URL in the archives, FILE.warc.gz:OFFSET, record id, or an HTML file."),
    ],
    url: Annotated[str | None, typer.Option(help="URL of the page, for an HTML file.")] = None,
    outlet: Annotated[
        str | None,
        typer.Option(help="Outlet whose rules hold; else the one the archive's folder is named for."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Of a URL's captures, the nearest to this RFC 3339 time; else the last."),
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(
            help="Memory of the site; else the newest of the archive's folder.", exists=True, dir_okay=False
        ),
    ] = None,
    judge: Annotated[
        Path | None, typer.Option(help="Another model than the shipped one.", exists=True, dir_okay=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the account to this HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Show every block, with all its text.")] = False,
    archives: Annotated[Path, typer.Option(help="Folder of the archives.", show_default=True)] = Path(
        settings.NEWSCRAWL_ARCHIVES
    ),
) -> None:
    """Show a page's blocks with the verdict on each. Exit code 3 when the page holds no story."""
    found = page_named(page, url=url, archives=archives, at=_moment(at))
    rules = outlet_of(found, outlet)
    known = memory or (newest_memory(found.folder) if isinstance(found, Archived) else None)
    told = account(found, rules, memory=memory_at(known) if known else None, judge=_judge(judge))
    audit = audit_of(told, memory=known.name if known else None)
    if html:
        write_page(html, html_of(audit))
    if as_json:
        print(json.dumps(facts_of(audit), indent=1))
    elif not html:
        show(audit, Console(highlight=False), whole=whole)
    if not isinstance(audit.result, Article):
        raise typer.Exit(NO_STORY)


def account(
    found: Archived | Saved, outlet: Outlet | None, *, memory: Memory | None, judge: Judge | None
) -> Explained:
    """The page read as the extractor reads it, with what it thought of each block."""
    if isinstance(found, Saved):
        return explained(found.html, found.url, outlet=outlet, memory=memory, judge=judge)
    told = explained_page(found.page, outlet, memory, judge)
    return replace(told, result=told.result.model_copy(update={"warc": found.page.pointer}))


def outlet_of(found: Archived | Saved, name: str | None) -> Outlet | None:
    """The outlet named, or the one whose name the archive's folder has."""
    places = [Path(folder) for folder in settings.NEWSCRAWL_OUTLETS]
    if name is None and isinstance(found, Archived):
        folder = found.folder.resolve().name
        name = folder if folder in outlet_files(places) else None
    return find_outlet(name, places) if name else None


def facts_of(audit: Audit) -> dict[str, Any]:
    """The account for programs."""
    return {
        "schema": SCHEMA,
        "url": audit.result.url,
        "outcome": audit.outcome,
        "confidence": audit.confidence,
        "second_opinion": audit.asked,
        "platforms": audit.platforms,
        "memory": audit.memory,
        "blocks": [asdict(line) for line in audit.lines],
        "taken": [removed.model_dump(mode="json") for removed in audit.taken],
        "result": audit.result.model_dump(mode="json", by_alias=True),
    }


def write_page(path: Path, text: str) -> None:
    """The file, whole or not at all."""
    draft = path.with_name(path.name + ".tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise NewscrawlError(f"cannot write {path}: {error.strerror}") from error


def _moment(text: str | None) -> datetime | None:
    moment = moment_of(text) if text else None
    if text and moment is None:
        raise NewscrawlError(f"--at {text}: not a time such as 2026-05-01T12:00:00Z")
    return moment


def _judge(path: Path | None) -> Judge | None:
    if path is None:
        return None
    # numpy leaves a file open that it finds to be no whole archive
    if not is_zipfile(path):
        raise NewscrawlError(f"{path} is no model of the judge: not a whole .npz file")
    try:
        return judge_in(path)
    except KeyError as error:
        raise NewscrawlError(f"{path} is no model of the judge: {error.args[0]}") from error
    except _UNREADABLE as error:
        raise NewscrawlError(f"{path} is no model of the judge: {error}") from error
