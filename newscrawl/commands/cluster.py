"""`newscrawl cluster`: finds copies among the articles of all outlets, and shows who carried a story."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.ended import ended_pages
from newscrawl.archive.finished import is_replay
from newscrawl.archive.owner import owner_of
from newscrawl.clustering.anew import rebuild
from newscrawl.clustering.texts import text_of
from newscrawl.clustering.window import DAY, WINDOW_DAYS, cluster_texts
from newscrawl.commands.carried import carried_of, show_carried
from newscrawl.commands.report import Archives, AsJson
from newscrawl.commands.status import KnownOutlets, StateUrl
from newscrawl.copies.text import Text
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Article
from newscrawl.outlet import outlet_files, read_outlet
from newscrawl.state.agreement import runs_in
from newscrawl.state.copies import CopyTable
from newscrawl.state.database import Database, database_url
from newscrawl.state.rows import seconds_of

FAILED = 1


def cluster(  # noqa: PLR0917 # typer hands them in by name
    outlets: KnownOutlets = None,
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    state_url: StateUrl = settings.NEWSCRAWL_STATE_URL,
    days: Annotated[int, typer.Option(min=1, max=366, help="Texts so old are still compared.")] = WINDOW_DAYS,
    anew: Annotated[bool, typer.Option("--rebuild", help="Forget what was found, read all lines.")] = False,
    show: Annotated[str | None, typer.Option(help="Show who carried this article: its id or URL.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="With --show: the texts side by side.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find copies of one story among outlets. Exit code 1: lines could not be read."""
    if diff and not show:
        raise NewscrawlError("--diff goes with --show")
    if show and (anew or outlets):
        raise NewscrawlError("--show looks for nothing: name no outlets, and no --rebuild")
    with closing(Database.open(database_url(state_url, archives.resolve()))) as database:
        table = CopyTable(database)
        if show:
            show_carried(carried_of(table, archives, show, with_texts=diff), as_json)
            return
        _find(table, archives, outlets, days, anew=anew, as_json=as_json)


def _find(
    table: CopyTable, archives: Path, outlets: list[str] | None, days: int, *, anew: bool, as_json: bool
) -> None:
    if anew and outlets:
        raise NewscrawlError("--rebuild looks at all outlets: name none")
    now = seconds_of(datetime.now(UTC))
    lines = _Lines(archives, None if anew else now - days * DAY)
    texts = lines.texts(_folders(archives, outlets))
    found = (rebuild if anew else cluster_texts)(table, texts, now, days=days)
    for error in lines.broken:
        Console(stderr=True).print(error, style="red", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps({"looked_at": found.texts, "broken": len(lines.broken), **table.counts()}))
    else:
        counts = table.counts()
        print(
            f"{found.texts} texts looked at; of {counts['texts']} known {counts['duplicates']} repeat one of"
        )
        print(f"{counts['clusters']} stories; {counts['same_story']} pairs tell one event in two languages")
    if lines.broken:
        raise typer.Exit(FAILED)


def _folders(archives: Path, outlets: Iterable[str] | None) -> list[Path]:
    """Of outlets that have lines; NewscrawlError names one that has none."""
    found = {path.parent.name: path.parent for path in sorted(archives.glob("*/*.jsonl"))}
    if unknown := sorted(set(outlets or ()) - set(found)):
        raise NewscrawlError(f"no lines of {', '.join(unknown)} under {archives}")
    return [found[name] for name in outlets or found]


class _Lines:
    """Articles on disk as texts; what cannot be read is told and passed by."""

    def __init__(self, archives: Path, since: int | None) -> None:
        self._archives, self._since = archives, since
        self._wires = set(_wires())
        self.broken: list[str] = []

    def texts(self, folders: Iterable[Path]) -> list[Text]:
        """The last text of each page, in the order in which they were fetched."""
        last: dict[bytes, Text] = {}
        for folder in folders:
            for text in self._texts(folder):
                known = last.get(text.key)
                if known is None or known.seen <= text.seen:
                    last[text.key] = text
        return sorted(last.values(), key=lambda text: (text.seen, text.article))

    def _texts(self, folder: Path) -> Iterator[Text]:
        is_wire = folder.name in self._wires
        for run in self._runs(folder):
            try:
                for line in ended_pages(folder, run):
                    text = text_of(line, is_wire=is_wire) if isinstance(line, Article) else None
                    if text and (self._since is None or text.seen >= self._since):
                        yield text
            except ArchiveError as error:
                self.broken.append(str(error))

    def _runs(self, folder: Path) -> list[str]:
        """Runs that ended late enough and are no replays."""
        since = self._since or 0
        paths = [path for path in folder.glob("*.jsonl") if owner_of(path.name)]
        return [
            run
            for run in runs_in(path.name for path in paths if path.stat().st_mtime >= since)
            if not is_replay(folder, run)
        ]


def _wires() -> Iterator[str]:
    """Outlets that are agencies; a broken file is not this command's business."""
    for name, path in outlet_files(map(Path, settings.NEWSCRAWL_OUTLETS)).items():
        try:
            if read_outlet(path).kind == "wire":
                yield name
        except NewscrawlError:
            continue
