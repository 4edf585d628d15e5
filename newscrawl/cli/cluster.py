"""`newscrawl cluster`: finds copies among the articles of all outlets, and shows who carried a story."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.finished_runs import ended_pages, is_replay
from newscrawl.cli.status import Archives, AsJson, KnownOutlets, StateUrl
from newscrawl.dedup.articles import text_of
from newscrawl.dedup.bulk import rebuild
from newscrawl.dedup.fingerprints import Text
from newscrawl.dedup.incremental import DAY, WINDOW_DAYS, cluster_texts
from newscrawl.dedup.similarity import Changes, Side, changes, side_by_side
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Article, rfc3339
from newscrawl.outlet import outlet_files, read_outlet
from newscrawl.state.database import Database, database_url
from newscrawl.state.duplicates import CopyTable
from newscrawl.state.reconcile import runs_in
from newscrawl.state.rows import moment_of, seconds_of
from newscrawl.urls import normal_url
from newscrawl.warc.filenames import owner_of


@dataclass(frozen=True, kw_only=True)
class Carried:
    """One outlet's text of a story."""

    row: Any
    is_original: bool
    changes: Changes | None
    "Against the original; None where one of the two texts is not on disk."
    sides: list[Side]
    "Empty unless asked for."


@dataclass(frozen=True, kw_only=True)
class Story:
    members: list[Carried]
    "In the order in which they came out."
    same_story: list[Any]
    "Rows that tell the same event in other languages."


def carried_of(table: CopyTable, archives: Path, name: str, *, with_texts: bool) -> Story:
    """The story of an article, named by its id, its cluster or its URL; NewscrawlError when none is known."""
    rows = table.named(name, normal_url(name))
    if not rows:
        raise NewscrawlError(f"no article {name} is known: `newscrawl cluster` reads lines not yet looked at")
    members, others = table.carried(rows[0])
    original = next((row for row in members if row.duplicate_of is None), members[0])
    first = _text(archives, original)
    found = [_carried(archives, row, original, first, with_texts) for row in members]
    return Story(members=sorted(found, key=lambda each: each.row.published), same_story=others)


def _carried(archives: Path, row: Any, original: Any, first: str | None, with_texts: bool) -> Carried:
    text = None if row.id == original.id else _text(archives, row)
    both = first is not None and text is not None
    return Carried(
        row=row,
        is_original=row.id == original.id,
        changes=changes(first, text) if first is not None and text is not None else None,
        sides=list(side_by_side(first or "", text or "")) if both and with_texts else [],
    )


def _text(archives: Path, row: Any) -> str | None:
    """The text of a row, from the lines of its outlet, the newest run first."""
    sought = f'"id":"{row.latest}"'.encode()
    for path in sorted((archives / row.outlet).glob("*.jsonl"), reverse=True):
        with path.open("rb") as stream:
            for line in stream:
                if sought in line and (data := _read(line)).get("id") == row.latest:
                    return str(data.get("text") or "")
    return None


def _read(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def show_carried(story: Story, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_as_data(story)))
        return
    console = Console()
    console.print(_table(story))
    for row in story.same_story:
        console.print(
            f"same event ({row.lang}): {row.outlet}: {row.title} {row.url}", markup=False, soft_wrap=True
        )
    for member in story.members:
        if member.sides:
            console.print(_sides(member))


def _table(story: Story) -> Table:
    first = next(member.row for member in story.members if member.is_original)
    table = Table(title=escape(f"{first.title}\n{first.cluster or 'no copy is known'}"), title_justify="left")
    for name in ("outlet", "published", "kept", "own", "from", "headline and address"):
        table.add_column(name, overflow="fold")
    for member in story.members:
        row, changed = member.row, member.changes
        kept, own = (f"{changed.kept:.0%}", f"{changed.own:.0%}") if changed else ("–", "–")
        source = " ".join(part for part in (row.agency, row.original_url) if part)
        name = f"{row.outlet} *" if member.is_original else row.outlet
        cells = (
            name,
            f"{moment_of(row.published):%Y-%m-%d %H:%M}",
            kept,
            own,
            source,
            f"{row.title}\n{row.url}",
        )
        table.add_row(*map(escape, cells))
    return table


def _sides(member: Carried) -> Table:
    table = Table(title=escape(f"original | {member.row.outlet}"), title_justify="left", show_lines=True)
    table.add_column("original", ratio=1)
    table.add_column(escape(member.row.outlet), ratio=1)
    for side in member.sides:
        style = "dim" if side.is_same else ""
        table.add_row(escape(side.original), "=" if side.is_same else escape(side.copy), style=style)
    return table


def _as_data(story: Story) -> dict[str, Any]:
    first = next(member.row for member in story.members if member.is_original)
    return {
        "cluster": first.cluster,
        "original": first.latest,
        "members": [
            _row_data(member.row)
            | {"duplicate_of": member.row.duplicate_of}
            | {"kept": _rounded(member.changes, "kept"), "own": _rounded(member.changes, "own")}
            | ({"sides": [side._asdict() for side in member.sides]} if member.sides else {})
            for member in story.members
        ],
        "same_story": [_row_data(row) for row in story.same_story],
    }


def _rounded(changed: Changes | None, name: str) -> float | None:
    return round(getattr(changed, name), 3) if changed else None


def _row_data(row: Any) -> dict[str, Any]:
    names = ("outlet", "url", "title", "lang", "agency", "original_url")
    return {
        "id": row.latest,
        "published": rfc3339(moment_of(row.published)),
        **{name: getattr(row, name) for name in names},
    }


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
