"""`newscrawl extract`: archives to JSON lines without a crawl, and what a newer extractor changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from pebble import ProcessPool
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from newscrawl import __version__, settings
from newscrawl.archive.compare import Comparison, compared_files
from newscrawl.archive.memory_files import newest_memory
from newscrawl.archive.pages import ArchiveFile, Place, archive_files
from newscrawl.archive.reextract import Item, Part, extracted, skip_done, write_lines
from newscrawl.archive.site_memory import Learnt, learnt_from
from newscrawl.cli.status import Archives, AsJson, counted
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.metadata.rights import decided
from newscrawl.items import Article, RightsPolicy, rejection_of
from newscrawl.outlet import Outlet, find_outlet, outlet_files, policy_named
from newscrawl.pipelines.extract import QUEUED_PER_PROCESS, default_processes, extraction_pool
from newscrawl.pipelines.filters import DedupePipeline, fault

SCHEMA = "newscrawl.archive.reextract/1"
_READERS = ("trafilatura", "lxml", "langdetect", "warcio")
"Libraries whose version may change a line: a half-done file made with another is begun anew."
Rules = dict[Path, Outlet | None]
Memories = dict[Path, str] | None
"Names of memories by folder; None where each run's own is used."


class MemoryChoice(StrEnum):
    """Which memory of an outlet is used."""

    RUN = "run"
    NEWEST = "newest"
    NONE = "none"


@dataclass
class Judging:
    """What a crawl does with an article before it is written, for each run by itself."""

    shortest: int
    policies: Mapping[str, RightsPolicy] = field(default_factory=dict)
    "By outlet."
    seen: dict[str, DedupePipeline] = field(default_factory=dict)

    def remember(self, run: str, article_id: str) -> None:
        self._of(run).seen.add(article_id)

    def __call__(self, run: str, item: Item) -> Item:
        if isinstance(item, Article) and (reason := fault(item, self.shortest)):
            return rejection_of(item, "validate", reason)
        if isinstance(item, Article):
            item = decided(item, self.policies.get(item.source or "", default_policy()))
        return self._of(run).process_item(item)

    def _of(self, run: str) -> DedupePipeline:
        return self.seen.setdefault(run, DedupePipeline())


def extract(  # noqa: PLR0917 # typer hands them in by name
    archives: Annotated[list[Path], typer.Argument(help="WARC files, or folders of them.")],
    outlet: Annotated[
        str | None, typer.Option(help="Outlet whose rules hold; else the one a folder is named for.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="JSONL file; standard output if none.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one fewer than cores.")] = 0,
    against: Annotated[
        Path | None, typer.Option(help="Compare with this JSONL file.", exists=True, dir_okay=False)
    ] = None,
    memory: Annotated[
        MemoryChoice,
        typer.Option(help="What was learned of an outlet: as its run had it, as it is now, or not used."),
    ] = MemoryChoice.RUN,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Make articles from archives again. Killed and called once more, it goes on where it was."""
    files = archive_files(archives)
    rules = rules_of(files, outlet)
    with tempfile.TemporaryDirectory() as folder:
        target = out or Path(folder) / "out.jsonl"
        part = extract_to(target, files, rules, jobs or default_processes(), memory)
        comparison = compared_files(against, target) if against else None
        if not out and not against:
            with target.open("rb") as lines:
                shutil.copyfileobj(lines, sys.stdout.buffer)
    summary = summary_of(part, files, out, comparison)
    if as_json:
        print(json.dumps(summary, sort_keys=True), file=sys.stdout if out or against else sys.stderr)
    else:
        show(summary, comparison, Console(stderr=not (out or against)))
    for name in summary["torn"]:
        Console(stderr=True).print(
            f"{name}: its end is no whole record and was left out", style="yellow", markup=False
        )


def rules_of(files: Sequence[ArchiveFile], outlet: str | None) -> Rules:
    """The outlet of each folder: the one named, or the one whose name the folder has."""
    places = [Path(folder) for folder in settings.NEWSCRAWL_OUTLETS]
    folders = {file.path.parent for file in files}
    if outlet:
        return dict.fromkeys(folders, find_outlet(outlet, places))
    known = outlet_files(places)
    return {folder: find_outlet(folder.name, places) if folder.name in known else None for folder in folders}


def extract_to(
    target: Path, files: Sequence[ArchiveFile], rules: Rules, processes: int, memory: MemoryChoice
) -> Part:
    """Write the lines of all files to `target`, going on from a half-done one."""
    memories = memories_of(rules, memory)
    part = Part(out=target, task=task_digest(files, rules, memories))
    judging = Judging(settings.NEWSCRAWL_BODY_MIN_CHARS, policies_of(rules))
    places = (
        (with_memory(place, memories), rules[file.path.parent]) for file in files for place in file.places()
    )
    with pool_of(processes) as pool, reading(files) as bar:
        part.open()
        try:
            skip_done(places, part, judging.remember)
            results = extracted(
                places,
                pool=pool,
                seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
                ahead=processes * QUEUED_PER_PROCESS,
            )
            write_lines(results, part, judge=judging, advanced=lambda: bar(part))
            if not part.pages:
                raise NewscrawlError(f"no page found in {', '.join(str(file.path) for file in files[:5])}")
            part.finish()
        finally:
            part.close()
    return part


def policies_of(rules: Rules) -> dict[str, RightsPolicy]:
    """What becomes of reserved pages, by outlet."""
    found = {outlet.id: outlet.rights or default_policy() for outlet in rules.values() if outlet}
    return dict(sorted(found.items()))


def default_policy() -> RightsPolicy:
    return policy_named(settings.NEWSCRAWL_RIGHTS)


def memories_of(folders: Iterable[Path], choice: MemoryChoice) -> Memories:
    """The names of the memories to use in place of those the runs used; None: use theirs."""
    if choice is MemoryChoice.RUN:
        return None
    if choice is MemoryChoice.NONE:
        return dict.fromkeys(folders, "")
    newest = {folder: newest_memory(folder) for folder in folders}
    return {folder: path.name if path else "" for folder, path in newest.items()}


def with_memory(place: Place, memories: Memories) -> Place:
    return place if memories is None else replace(place, memory=memories[place.folder])


def task_digest(files: Sequence[ArchiveFile], rules: Rules, memories: Memories) -> str:
    """What decides the lines: the archives, the rules, the settings and the programs that read them."""
    told: dict[str, Any] = {
        "files": [(str(file.path), file.size, file.path.stat().st_mtime_ns) for file in files],
        "rules": {
            str(folder): outlet.model_dump(mode="json") if outlet else None
            for folder, outlet in sorted(rules.items())
        },
        "memories": {str(folder): name for folder, name in sorted((memories or {}).items())},
        "rights": [policies_of(rules), default_policy()],
        "shortest": settings.NEWSCRAWL_BODY_MIN_CHARS,
        "versions": [__version__, *(version(name) for name in _READERS)],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@contextmanager
def pool_of(processes: int) -> Iterator[ProcessPool]:
    """Worker processes, stopped at the end whatever happens."""
    pool = extraction_pool(processes)
    try:
        yield pool
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


@contextmanager
def reading(files: Sequence[ArchiveFile]) -> Iterator[Any]:
    """A bar on stderr that tells bytes read and articles written; gives the step that moves it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[articles]} articles"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("extracting", total=sum(file.size for file in files), articles=0)
        yield lambda part: progress.update(
            task, completed=sum(file.read for file in files), articles=part.articles
        )


def summary_of(
    part: Part, files: Sequence[ArchiveFile], out: Path | None, comparison: Comparison | None
) -> dict[str, Any]:
    """The counts for programs."""
    return {
        "schema": SCHEMA,
        "out": str(out) if out else None,
        "files": len(files),
        "torn": [str(file.path) for file in files if file.torn],
        "pages": part.pages,
        "articles": part.articles,
        "rejected": dict(sorted(part.rejected.items())),
        "against": asdict(comparison) if comparison else None,
    }


def show(summary: dict[str, Any], comparison: Comparison | None, console: Console) -> None:
    """The counts for people, and the comparison if there is one."""
    table = Table(title="Extracted", title_justify="left")
    for name in ("files", "pages", "articles"):
        table.add_column(name, justify="right")
    table.add_column("rejected")
    table.add_row(
        *(str(summary[name]) for name in ("files", "pages", "articles")), counted(summary["rejected"])
    )
    console.print(table)
    if comparison:
        for found in comparison_tables(comparison):
            console.print(found)


def comparison_tables(found: Comparison) -> Iterator[Table]:
    """Counts, then the articles that changed most, then those that are in one file alone."""
    counts = Table(title="Against the older file", title_justify="left")
    for name in ("same", "changed", "new", "gone"):
        counts.add_column(name, justify="right")
    counts.add_column("changed by field")
    counts.add_row(
        *(str(n) for n in (found.same, found.changed, found.new, found.gone)), counted(found.fields)
    )
    yield counts
    if found.worst:
        worst = Table(title="Least alike", title_justify="left")
        for name in ("words in common", "before", "now", "article", "fields"):
            worst.add_column(name, overflow="fold")
        for row in found.worst:
            words = (f"{row.ratio:.1%}", str(row.words_old), str(row.words_new))
            worst.add_row(*words, escape(row.url), escape(" ".join(row.fields)))
        yield worst
    for title, urls in (("New", found.new_urls), ("Gone", found.gone_urls)):
        if urls:
            alone = Table(title=title, title_justify="left")
            alone.add_column("article", overflow="fold")
            for url in urls:
                alone.add_row(escape(url))
            yield alone


SCHEMA_OF_LEARN = "newscrawl.learn/1"


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
            print(json.dumps({"schema": SCHEMA_OF_LEARN, "outlet": outlet, **asdict(learnt)}, sort_keys=True))
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
