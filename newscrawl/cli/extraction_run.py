"""What `newscrawl extract` does: archives to JSON lines, and what a newer extractor changed."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import typer
from pebble import ProcessPool
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newscrawl import settings
from newscrawl.archive.compare import Comparison, compare_articles
from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import ArchiveFile, PageLocation, find_archive_files
from newscrawl.archive.partial_output import PartialOutput, skip_finished_pages, write_lines
from newscrawl.archive.reextract import PageResult, extract_pages
from newscrawl.cli import ui
from newscrawl.cli.extract_units import LineCounts, NoPage, extract_on_cluster
from newscrawl.cli.extraction_task import (
    Rules,
    choose_memories,
    make_filters,
    task_digest,
    with_memory,
)
from newscrawl.cli.stored_files import bring_paths
from newscrawl.cli.target import find_outlets
from newscrawl.engine.cluster import connect
from newscrawl.errors import NewscrawlError
from newscrawl.logs import escape_data
from newscrawl.spiders.worker_parent import share_worker_parent
from newscrawl.workers import QUEUED_PER_PROCESS, default_process_count, start_extraction_pool

SCHEMA = "newscrawl.extraction/1"
FAILURES = ("archive_unreadable", "extractor_crash", "extractor_error")
"Reasons of rejections that are no judgement on a page: the page is lost."
Counts = PartialOutput | LineCounts


def extract_and_report(
    archives: Sequence[Path],
    outlet: str | None,
    *,
    out: Path | None,
    jobs: int,
    compare: Path | None,
    memory: ui.MemoryChoice,
    on: str,
    as_json: bool,
) -> None:
    """Extract all pages of the archives, print the lines or write them to `out`, and print the counts."""
    bring_paths(archives)
    files = find_archive_files(archives)
    rules = find_outlets({file.path.parent for file in files}, outlet)
    with tempfile.TemporaryDirectory() as folder:
        target = out or Path(folder) / "out.jsonl"
        processes = jobs or default_process_count()
        if on:
            output: Counts = extract_at_workers(
                on, target, files, rules=rules, processes=processes, memory=memory
            )
        else:
            output = extract_to(target, files, rules, processes, memory)
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
            ui.warn(f"{file.path.parent / file.name}: records were lost: {join_counts(file.lost)}")
    if failed := {reason: output.rejected[reason] for reason in FAILURES if output.rejected[reason]}:
        ui.warn(f"pages were lost: {join_counts(failed)}")
    if failed or any(file.lost for file in files):
        raise typer.Exit(ui.FAILED)


def join_counts(counts: Mapping[str, int]) -> str:
    """`2 damaged, 1 date_missing`."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))


def extract_to(
    target: Path, files: Sequence[ArchiveFile], rules: Rules, processes: int, memory: ui.MemoryChoice
) -> PartialOutput:
    """Write the lines of all files to `target`, going on from an unfinished file."""
    memories = choose_memories(rules, memory)
    output = PartialOutput(out=target, task=task_digest(files, rules, memories))
    filters = make_filters(rules)
    pages = ((with_memory(page, memories), rules[page.folder]) for page in iter_pages(files))
    total = sum(file.size for file in files)
    with extraction_pool(processes) as pool, ui.progress_bar("extracting", total, articles=0) as (update, _):

        def advance() -> None:
            update(completed=sum(file.end for file in files), articles=output.articles)

        output.open()
        try:
            skip_finished_pages(pages, output, filters.is_new)
            results = extract_pages(
                pages,
                pool=pool,
                seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
                ahead=processes * QUEUED_PER_PROCESS,
                judge=filters.make_judge,
            )
            write_lines(results, output, is_new=filters.is_new, on_page=advance)
            if not output.pages:
                raise _no_page_error(files)
            output.finish()
        finally:
            output.close()
    return output


def extract_at_workers(
    address: str,
    target: Path,
    files: Sequence[ArchiveFile],
    *,
    rules: Rules,
    processes: int,
    memory: ui.MemoryChoice,
) -> LineCounts:
    """The same on the workers of a cluster; here only the pages that several records make up."""
    memories = choose_memories(rules, memory)
    filters = make_filters(rules)

    def extract_here(
        pages: Iterator[PageLocation],
    ) -> Iterator[PageResult]:
        for first in pages:
            with extraction_pool(processes) as pool:
                yield from extract_pages(
                    ((with_memory(page, memories), rules[page.folder]) for page in chain([first], pages)),
                    pool=pool,
                    seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
                    ahead=processes * QUEUED_PER_PROCESS,
                    judge=filters.make_judge,
                )

    with connect(address) as engine:
        try:
            return extract_on_cluster(
                engine,
                target,
                files,
                task=task_digest(files, rules, memories),
                rules=rules,
                memories=memories,
                filters=filters,
                seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
                extract_here=extract_here,
            )
        except NoPage:
            raise _no_page_error(files) from None


def _no_page_error(files: Sequence[ArchiveFile]) -> NewscrawlError:
    names = ", ".join(str(file.path.parent / file.name) for file in files[:5])
    skipped = join_counts(sum_skipped(files)) or "no records"
    return NewscrawlError(f"no page found in {names}: {skipped}; `newscrawl verify` says what is wrong there")


@contextmanager
def extraction_pool(processes: int) -> Iterator[ProcessPool]:
    """Worker processes, stopped at the end whatever happens."""
    share_worker_parent()
    pool = start_extraction_pool(processes)
    try:
        yield pool
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def summarize(
    output: Counts, files: Sequence[ArchiveFile], out: Path | None, comparison: Comparison | None
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
