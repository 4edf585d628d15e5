"""`newscrawl extract`: archives to JSON lines without a crawl, and what a newer extractor changed."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pebble import ProcessPool
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl import __version__, settings
from newscrawl.archive.compare import Comparison, compare_articles
from newscrawl.archive.memory_files import newest_memory
from newscrawl.archive.pages import ArchiveFile, PageLocation, find_archive_files
from newscrawl.archive.reextract import Item, PartialOutput, extract_pages, skip_finished_pages, write_items
from newscrawl.cli import ui
from newscrawl.cli.target import find_outlets
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.metadata.rights import apply_rights_policy
from newscrawl.items import Article, RightsPolicy, json_digest, reject_article
from newscrawl.logs import escape_data
from newscrawl.outlet import Outlet, parse_rights_policy
from newscrawl.pipelines.extract import QUEUED_PER_PROCESS, default_process_count, start_extraction_pool
from newscrawl.pipelines.filters import DuplicatesPipeline, find_rejection_reason

SCHEMA = "newscrawl.extraction/1"
LIBRARIES = ("trafilatura", "lxml", "langdetect", "warcio")
"Their version may change a line: an unfinished file that was made with another version is started again."
FAILURES = ("archive_unreadable", "extractor_crash", "extractor_error")
"Reasons of rejections that are no judgement on a page: the page is lost."
Rules = Mapping[Path, Outlet | None]
Memories = dict[Path, str] | None
"Names of memories by folder; None where each run's own is used."
MemoryChoice = Literal["run", "newest", "none"]
"Which memory of an outlet is used."


@ui.app.command("extract")
def extract_archives(  # noqa: PLR0917 # typer hands them in by name
    archives: Annotated[list[Path], typer.Argument(help="WARC files, or folders that hold some.")],
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
        MemoryChoice,
        typer.Option(help="Memory of a site's boilerplate: that of the page's run, the newest, or none."),
    ] = "run",
    as_json: ui.CountsAsJson = False,
) -> None:
    """Extract the articles of archived pages again, without a crawl.

    Use it after an update of the extractor or of an outlet's rules, and for archives that other programs
    made: WARC, ARC and WACZ. With --compare it shows what has changed. A command that was killed goes on
    where it was when it is called again. Exit code 1: records or pages were lost.
    """
    files = find_archive_files(archives)
    rules = find_outlets({file.path.parent for file in files}, outlet)
    with tempfile.TemporaryDirectory() as folder:
        target = out or Path(folder) / "out.jsonl"
        output = extract_to(target, files, rules, jobs or default_process_count(), memory)
        comparison = compare_articles(compare, target) if compare else None
        if not out and not compare:
            with target.open("rb") as lines:
                for line in lines:
                    sys.stdout.buffer.write(escape_data(line.decode("utf-8")).encode())
    summary = summarize(output, files, out, comparison)
    is_stdout_free = bool(out or compare)
    if as_json:
        ui.print_json(summary, is_on_stderr=not is_stdout_free)
    else:
        show_summary(summary, comparison, ui.EscapingConsole(stderr=not is_stdout_free))
    for file in files:
        if file.lost:
            ui.warn(f"{file.path.parent / file.name}: records were lost: {_join_counts(file.lost)}")
    if failed := {reason: output.rejected[reason] for reason in FAILURES if output.rejected[reason]}:
        ui.warn(f"pages were lost: {_join_counts(failed)}")
    if failed or any(file.lost for file in files):
        raise typer.Exit(ui.FAILED)


def _join_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))


def extract_to(
    target: Path, files: Sequence[ArchiveFile], rules: Rules, processes: int, memory: MemoryChoice
) -> PartialOutput:
    """Write the lines of all files to `target`, going on from an unfinished file."""
    memories = choose_memories(rules, memory)
    output = PartialOutput(out=target, task=task_digest(files, rules, memories))
    filters = ArticleFilters(settings.NEWSCRAWL_BODY_MIN_CHARS, rights_policies(rules))
    pages = (
        (_with_memory(page, memories), rules[file.path.parent]) for file in files for page in file.pages()
    )
    total = sum(file.size for file in files)
    with extraction_pool(processes) as pool, ui.progress_bar("extracting", total, articles=0) as (update, _):

        def advance() -> None:
            update(completed=sum(file.end for file in files), articles=output.articles)

        output.open()
        try:
            skip_finished_pages(pages, output, filters.remember)
            results = extract_pages(
                pages,
                pool=pool,
                seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
                ahead=processes * QUEUED_PER_PROCESS,
            )
            write_items(results, output, item_filter=filters, on_page=advance)
            if not output.pages:
                names = ", ".join(str(file.path.parent / file.name) for file in files[:5])
                skipped = _join_counts(sum_skipped(files)) or "no records"
                raise NewscrawlError(f"no page found in {names}: {skipped}")
            output.finish()
        finally:
            output.close()
    return output


@dataclass
class ArticleFilters:
    """What a crawl's pipelines do with an article before it is written, for each run by itself."""

    min_chars: int
    policies: Mapping[str, RightsPolicy] = field(default_factory=dict)
    "By outlet."
    duplicates: dict[str, DuplicatesPipeline] = field(default_factory=dict)
    "By run."

    def remember(self, run: str, article_id: str) -> None:
        self._dedupe(run).ids.add(article_id)

    def __call__(self, run: str, item: Item) -> Item:
        if isinstance(item, Article) and (reason := find_rejection_reason(item, self.min_chars)):
            return reject_article(item, "validate", reason)
        if isinstance(item, Article):
            policy = self.policies.get(item.source or "", default_rights_policy())
            item = apply_rights_policy(item, policy)
        return self._dedupe(run).process_item(item)

    def _dedupe(self, run: str) -> DuplicatesPipeline:
        return self.duplicates.setdefault(run, DuplicatesPipeline())


def rights_policies(rules: Rules) -> dict[str, RightsPolicy]:
    """What happens to reserved pages, by outlet."""
    outlets = filter(None, rules.values())
    policies = {outlet.id: outlet.rights or default_rights_policy() for outlet in outlets}
    return dict(sorted(policies.items()))


def default_rights_policy() -> RightsPolicy:
    return parse_rights_policy(settings.NEWSCRAWL_RIGHTS)


def choose_memories(folders: Iterable[Path], choice: MemoryChoice) -> Memories:
    """The names of the memories to use in place of those of the runs; None: use those of the runs."""
    if choice == "run":
        return None
    if choice == "none":
        return dict.fromkeys(folders, "")
    newest = {folder: newest_memory(folder) for folder in folders}
    return {folder: path.name if path else "" for folder, path in newest.items()}


def _with_memory(page: PageLocation, memories: Memories) -> PageLocation:
    return page if memories is None else replace(page, memory=memories[page.folder])


def task_digest(files: Sequence[ArchiveFile], rules: Rules, memories: Memories) -> str:
    """What decides the lines: the archives, the rules, the settings and the programs that read them."""
    task: dict[str, Any] = {
        "files": [
            (str(file.path.parent / file.name), file.size, file.path.stat().st_mtime_ns) for file in files
        ],
        "rules": {
            str(folder): outlet.model_dump(mode="json") if outlet else None
            for folder, outlet in sorted(rules.items())
        },
        "memories": {str(folder): name for folder, name in sorted((memories or {}).items())},
        "rights": [rights_policies(rules), default_rights_policy()],
        "shortest": settings.NEWSCRAWL_BODY_MIN_CHARS,
        "versions": [__version__, *(version(name) for name in LIBRARIES)],
    }
    return json_digest(task)


@contextmanager
def extraction_pool(processes: int) -> Iterator[ProcessPool]:
    """Worker processes, stopped at the end whatever happens."""
    pool = start_extraction_pool(processes)
    try:
        yield pool
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def summarize(
    output: PartialOutput, files: Sequence[ArchiveFile], out: Path | None, comparison: Comparison | None
) -> dict[str, Any]:
    """The counts for programs."""
    return {
        "schema": SCHEMA,
        "out": str(out) if out else None,
        "files": len(files),
        "torn": [str(file.path) for file in files if file.is_torn],
        "skipped": sum_skipped(files),
        "pages": output.pages,
        "articles": output.articles,
        "rejected": dict(sorted(output.rejected.items())),
        "against": asdict(comparison) if comparison else None,
    }


def sum_skipped(files: Iterable[ArchiveFile]) -> dict[str, int]:
    """Records that are no page or were lost, by reason."""
    counts = sum((file.skipped for file in files), Counter[str]())
    return dict(sorted(counts.items()))


def show_summary(summary: dict[str, Any], comparison: Comparison | None, console: Console) -> None:
    """The counts for people, and the comparison, if any."""
    names = ("files", "pages", "articles")
    table = ui.make_table("Extracted", *map(ui.number_column, names), "rejected", "skipped records")
    counts = (ui.format_counts(summary[name]) for name in ("rejected", "skipped"))
    table.add_row(*(str(summary[name]) for name in names), *counts)
    console.print(table)
    for table in comparison_tables(comparison) if comparison else ():
        console.print(table)


def comparison_tables(comparison: Comparison) -> Iterator[Table]:
    """Counts, then the articles that changed most, then those that are new or gone."""
    names = ("same", "changed", "new", "gone")
    table = ui.make_table("Compared with the older file", *map(ui.number_column, names), "changed by field")
    counts = (comparison.same, comparison.changed, comparison.new, comparison.gone)
    table.add_row(*map(str, counts), ui.format_counts(comparison.fields))
    yield table
    if comparison.worst:
        columns = ("words in common", "before", "now", "article", "fields")
        table = ui.make_table("Changed most", *map(ui.folded_column, columns))
        for diff in comparison.worst:
            words = (f"{diff.ratio:.1%}", str(diff.words_old), str(diff.words_new))
            table.add_row(*words, escape(diff.url), escape(" ".join(diff.fields)))
        yield table
    for title, urls in (("New", comparison.new_urls), ("Gone", comparison.gone_urls)):
        if urls:
            table = ui.make_table(title, ui.folded_column("article"))
            for url in urls:
                table.add_row(escape(url))
            yield table
