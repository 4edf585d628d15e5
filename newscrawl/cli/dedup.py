"""`newscrawl dedup`: finds near-duplicates among outlets, and shows which of them published a story."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from newscrawl.archive.finished_runs import read_run_lines
from newscrawl.archive.lines import ARTICLES_SUFFIX, iter_lines
from newscrawl.archive.report import is_replay
from newscrawl.cli import ui
from newscrawl.cli.outlets import read_outlets
from newscrawl.cli.rebuild_workers import running_tasks
from newscrawl.cli.stored_files import bring_files
from newscrawl.cli.worker_archives import WorkerArchives
from newscrawl.dedup.bulk import rebuild_clusters
from newscrawl.dedup.documents import make_document
from newscrawl.dedup.fingerprints import Document
from newscrawl.dedup.incremental import DAY, WINDOW_DAYS, cluster_documents
from newscrawl.dedup.similarity import ChangeShares, SentencePair, align_sentences, measure_changes
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Article, rfc3339
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import from_epoch
from newscrawl.state.reconcile import list_run_ids
from newscrawl.urls import normalize_url
from newscrawl.warc.filenames import parse_filename
from newscrawl.workers import default_process_count

MAX_SHARDS = 10_000
SOURCE_BYTES = 64_000_000
"Lines that a process reads in one step."


class FindByDefault(TyperGroup):
    """`newscrawl dedup` without the name of a command below it is `newscrawl dedup find`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_named = args[:1] == ["--help"] or bool(set(args[:1]) & set(self.commands))
        return super().parse_args(ctx, args if is_named else ["find", *args])


app = typer.Typer(
    cls=FindByDefault,
    help="Find near-duplicate articles among outlets, or show who published a story.\n\n"
    "Crawls look for duplicates when they end. Use this for what they did not see, such as runs with "
    "NEWSCRAWL_DEDUP=0 and copied archives. Without a command it does what `find` does.",
)
ui.app.add_typer(app, name="dedup")


@app.command("find")
def find_duplicates(  # noqa: PLR0917 # typer hands them in by name
    outlets: ui.OutletIds = None,
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    days: Annotated[
        int, typer.Option(min=1, max=366, help="Compare with articles of this many days.")
    ] = WINDOW_DAYS,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Forget all clusters and read the lines of all outlets again.")
    ] = False,
    jobs: ui.ProcessCount = 0,
    shards: Annotated[
        int,
        typer.Option(
            min=0, max=MAX_SHARDS, help="Parts that --rebuild divides its work into; 0: as many as fit."
        ),
    ] = 0,
    on: ui.Cluster = ui.CLUSTER,
    scratch: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the files of --rebuild. Default: that of the system (TMPDIR), and with --on "
            "the archives: the workers share it.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    as_json: ui.AsJson = False,
) -> None:
    """Find near-duplicates among the articles that no run has compared yet (the default command).

    With --on the workers of a cluster do the work of --rebuild. Exit code 1: lines could not be read.
    """
    if rebuild and outlets:
        raise NewscrawlError("--rebuild looks at all outlets: name none")
    here = WorkerArchives.find(archives)
    if rebuild and on and not scratch:
        if here.bucket:
            raise NewscrawlError("--on, of archives in a bucket: --scratch names a folder that workers share")
        scratch = here.folder
    ui.require_archives(archives)
    with ui.open_database(archives, state_url) as database:
        table = DocumentTable(database)
        now = int(time.time())
        bring_files(archives, outlets)
        sources = list_sources(ui.outlet_archives(archives, outlets), None if rebuild else now - days * DAY)
        if rebuild:
            if on:
                sources = (replace(source, shared=here) for source in sources)
            with running_tasks(
                jobs or default_process_count(), on=on, scratch=scratch and scratch.absolute()
            ) as (run, folder):
                compared, broken = rebuild_clusters(
                    table, sources, now, days=days, shards=shards, scratch=folder, run=run
                )
            # What runs stored that ended meanwhile has been replaced.
            late = list_sources(ui.outlet_archives(archives, outlets), now, with_all_texts=True)
            compared = compared.plus(cluster_documents(table, read_documents(late, broken), now, days=days))
        else:
            broken = []
            compared = cluster_documents(table, read_documents(sources, broken), now, days=days)
        counts = table.counts()
    broken = list(dict.fromkeys(broken))
    for error in broken:
        ui.error(error)
    if as_json:
        ui.print_json({"looked_at": compared.documents, "broken": len(broken), **counts}, sort_keys=False)
    else:
        ui.print_line(f"{compared.documents} new articles compared; of {counts['texts']} articles in state")
        ui.print_line(f"{counts['duplicates']} are duplicates, in {counts['clusters']} clusters;")
        ui.print_line(f"{counts['same_story']} pairs tell the same story in two languages")
    if broken:
        raise typer.Exit(ui.FAILED)


@dataclass(frozen=True, kw_only=True)
class RunLines:
    """Articles of some runs as documents, in the order of their lines; messages for what is unreadable."""

    folder: Path
    runs: tuple[str, ...]
    is_wire: bool
    since: int | None
    "Documents fetched before are left out."
    shared: WorkerArchives | None = None
    "For a worker, which finds the folder by it."

    def __iter__(self) -> Iterator[Document | str]:
        if self.shared is None:
            yield from self._iter_documents(self.folder)
            return
        outlet = self.shared.folder / self.folder.name
        yield from self._iter_documents(self.shared.bring_lines(outlet, self.runs))
        # A crawl that ended meanwhile may have removed copies of what the bucket has, which reads as nothing.
        self.shared.require_lines(outlet, self.runs)

    def _iter_documents(self, folder: Path) -> Iterator[Document | str]:
        for run in self.runs:
            try:
                for line in read_run_lines(folder, run):
                    document = (
                        make_document(line, is_wire=self.is_wire) if isinstance(line, Article) else None
                    )
                    if document and (self.since is None or document.fetched_at >= self.since):
                        yield document
            except ArchiveError as error:
                yield str(error).replace(str(folder), str(self.folder))


def list_sources(
    folders: Iterable[Path], since: int | None, *, with_all_texts: bool = False
) -> Iterator[RunLines]:
    """The runs of outlets that ended since then and are no replays, in parts of about one size.

    Texts that were fetched before are left out, unless all are wanted.
    """
    outlets, _ = read_outlets(ui.outlet_folders())
    wires = {outlet.id for outlet in outlets if outlet.kind == "wire"}
    for folder in folders:
        for runs in _group_runs(folder, since or 0):
            earliest = None if with_all_texts else since
            yield RunLines(folder=folder, runs=runs, is_wire=folder.name in wires, since=earliest)


def _group_runs(folder: Path, since: int) -> Iterator[tuple[str, ...]]:
    """Runs in the order of their ids; a group ends with the one that fills it."""
    stats = {path.name: path.stat() for path in folder.glob("*.jsonl") if parse_filename(path.name)}
    group, size = list[str](), 0
    for run in list_run_ids(name for name, stat in stats.items() if stat.st_mtime >= since):
        if is_replay(folder, run):
            continue
        group.append(run)
        lines = stats.get(f"{run}{ARTICLES_SUFFIX}")
        size += lines.st_size if lines else 0
        if size >= SOURCE_BYTES:
            yield tuple(group)
            group, size = [], 0
    if group:
        yield tuple(group)


def read_documents(sources: Iterable[RunLines], broken: list[str]) -> list[Document]:
    """The last text of each page, in the order in which they were fetched; `broken` takes the messages."""
    latest: dict[bytes, Document] = {}
    for document in chain.from_iterable(sources):
        if isinstance(document, str):
            broken.append(document)
            continue
        before = latest.get(document.key)
        if before is None or before.fetched_at <= document.fetched_at:
            latest[document.key] = document
    return sorted(latest.values(), key=lambda document: (document.fetched_at, document.article_id))


@app.command("show")
def show_story(
    article: Annotated[str, typer.Argument(help="Id or URL of an article, or the name of a cluster.")],
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    diff: Annotated[bool, typer.Option("--diff", help="Also show the texts side by side.")] = False,
    as_json: ui.AsJson = False,
) -> None:
    """Show which outlets published a story, which of them was first, and what the others changed."""
    with ui.open_known_database(archives, state_url) as database:
        story = story_versions(DocumentTable(database), archives, article, with_texts=diff)
    if as_json:
        ui.print_json(_story_data(story), sort_keys=False)
        return
    ui.print_table(versions_table(story))
    for row in story.same_story:
        ui.print_line(f"same event ({row.lang}): {row.outlet}: {row.title} {row.url}")
    for version in story.versions:
        if version.sides:
            ui.print_table(sides_table(version))


@dataclass(frozen=True, kw_only=True)
class StoryVersion:
    """The text of a story as an outlet published it."""

    row: Any
    is_original: bool
    changes: ChangeShares | None
    "Against the original; None unless both texts are on disk."
    sides: list[SentencePair]
    "Empty unless asked for."


@dataclass(frozen=True, kw_only=True)
class StoryVersions:
    original: Any
    "Row of the first version."
    versions: list[StoryVersion]
    "In the order in which they were published."
    same_story: list[Any]
    "Rows that tell the same event in other languages."


def story_versions(table: DocumentTable, archives: Path, name: str, *, with_texts: bool) -> StoryVersions:
    """The story of an article, named by its id, its cluster or its URL; NewscrawlError if there is none."""
    rows = table.find(name, normalize_url(name))
    if not rows:
        raise NewscrawlError(f"no article {name} in state: `newscrawl dedup` reads the lines that are new")
    members, others = table.story(rows[0])
    original = next((row for row in members if row.duplicate_of is None), members[0])
    text = _find_text(archives, original)
    versions = [_compare_version(archives, row, original, text, with_texts) for row in members]
    versions.sort(key=lambda version: version.row.published)
    return StoryVersions(original=original, versions=versions, same_story=others)


def _compare_version(
    archives: Path, row: Any, original: Any, original_text: str | None, with_texts: bool
) -> StoryVersion:
    is_original = row.id == original.id
    text = None if is_original else _find_text(archives, row)
    changes, sides = None, []
    if original_text is not None and text is not None:
        changes = measure_changes(original_text, text)
        sides = list(align_sentences(original_text, text)) if with_texts else []
    return StoryVersion(row=row, is_original=is_original, changes=changes, sides=sides)


def _find_text(archives: Path, row: Any) -> str | None:
    """The text of a row, from the lines of its outlet, the newest run first."""
    needle = f'"id":"{row.latest_article_id}"'.encode()
    for path in sorted((archives / row.outlet).glob("*.jsonl"), reverse=True):
        for line in iter_lines(path):
            if needle in line.raw and (data := line.fields) and data.get("id") == row.latest_article_id:
                return str(data.get("text") or "")
    return None


def versions_table(story: StoryVersions) -> Table:
    title = escape(f"{story.original.title}\n{story.original.cluster or 'no duplicate'}")
    names = ("outlet", "published", "kept", "own", "from", "headline and address")
    table = ui.make_table(title, *map(ui.folded_column, names))
    for version in story.versions:
        row, changes = version.row, version.changes
        cells = (
            f"{row.outlet} *" if version.is_original else row.outlet,
            f"{from_epoch(row.published):%Y-%m-%d %H:%M}",
            f"{changes.retained:.0%}" if changes else "–",
            f"{changes.added:.0%}" if changes else "–",
            " ".join(part for part in (row.agency, row.original_url) if part),
            f"{row.title}\n{row.url}",
        )
        table.add_row(*map(escape, cells))
    return table


def sides_table(version: StoryVersion) -> Table:
    """The texts side by side, a sentence a row."""
    outlet = escape(version.row.outlet)
    columns = (Column("original", ratio=1), Column(outlet, ratio=1))
    table = ui.make_table(f"original | {outlet}", *columns, show_lines=True)
    for side in version.sides:
        copy = "=" if side.is_same else escape(side.copy)
        table.add_row(escape(side.original), copy, style="dim" if side.is_same else "")
    return table


def _story_data(story: StoryVersions) -> dict[str, Any]:
    return {
        "cluster": story.original.cluster,
        "original": story.original.latest_article_id,
        "members": [
            {
                **_row_data(version.row),
                "duplicate_of": version.row.duplicate_of,
                "kept": round(version.changes.retained, 3) if version.changes else None,
                "own": round(version.changes.added, 3) if version.changes else None,
                **({"sides": [side._asdict() for side in version.sides]} if version.sides else {}),
            }
            for version in story.versions
        ],
        "same_story": [_row_data(row) for row in story.same_story],
    }


def _row_data(row: Any) -> dict[str, Any]:
    names = ("outlet", "url", "title", "lang", "agency", "original_url")
    return {
        "id": row.latest_article_id,
        "published": rfc3339(from_epoch(row.published)),
        **{name: getattr(row, name) for name in names},
    }
