"""`newscrawl train`: a corpus to fit a classifier, made of archived pages, feeds and APIs."""

from __future__ import annotations

import gzip
import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from newscrawl import settings
from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import ArchiveFile, PageLocation, find_archive_files
from newscrawl.archive.witnessed_pages import LabelledPage, label_at, work_on_pages
from newscrawl.cli import ui
from newscrawl.cli.bench_witnesses import describe_lost_records
from newscrawl.cli.extraction_run import extraction_pool, join_counts
from newscrawl.cli.extraction_task import Rules, default_rights_policy
from newscrawl.cli.target import find_outlets
from newscrawl.demo.saved_pages import MAX_PAGES, TRUTH
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.metadata.rights import apply_rights_policy
from newscrawl.items import Article
from newscrawl.storage import atomic_write
from newscrawl.workers import QUEUED_PER_PROCESS, default_process_count

CORPUS_SCHEMA = "newscrawl.corpus/1"
PAGES_FOLDER = "pages"
LABELLED, REPEATED, RESERVED, OTHER_TYPE = "labelled", "repeated", "reserved", "other_type"
"Outcomes of pages with a whole witness."


@dataclass(kw_only=True, slots=True)
class Corpus:
    """A folder of labelled pages while it is written; `truth.jsonl` comes last."""

    folder: Path
    rules: Rules
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    "Pages by outlet and outcome."
    unread: list[str] = field(default_factory=list)
    "Why pages could not be read, each with its place."
    _lines: list[bytes] = field(default_factory=list)
    _urls: set[str] = field(default_factory=set)

    @property
    def labelled(self) -> int:
        return len(self._lines)

    def add(self, place: PageLocation, result: LabelledPage | str) -> None:
        """Write a labelled page, unless it repeats another or must not be learnt from; count its outcome."""
        outlet = place.folder.name
        outcome = result if isinstance(result, str) else self._judge(place, result.article)
        self.outcomes.setdefault(outlet, Counter())[outcome] += 1
        if isinstance(result, LabelledPage) and outcome == LABELLED:
            self._urls.add(result.article.url_norm)
            self._lines.append(self._write_page(outlet, result))

    def finish(self) -> None:
        """Write `truth.jsonl`: without it the folder is no corpus."""
        with atomic_write(self.folder / TRUTH) as stream:
            stream.writelines(self._lines)

    def _judge(self, place: PageLocation, article: Article) -> str:
        outlet = self.rules[place.folder]
        policy = (outlet.rights if outlet else None) or default_rights_policy()
        item = apply_rights_policy(article, policy)
        if not isinstance(item, Article) or item.rights.is_reserved:
            return RESERVED
        if article.page_type != "article":
            return OTHER_TYPE
        return REPEATED if article.url_norm in self._urls else LABELLED

    def _write_page(self, outlet: str, page: LabelledPage) -> bytes:
        article = page.article
        name = f"{PAGES_FOLDER}/{article.id}.html.gz"
        with atomic_write(self.folder / name) as stream:
            stream.write(gzip.compress(page.html, mtime=0))
        line: dict[str, Any] = {
            "id": article.id,
            "url": article.url,
            "html": name,
            "charset": article.http.charset,
            "dataset": outlet,
            "page_type": article.page_type,
            "kind": "full",
            "paragraphs": page.paragraphs,
            "optional": page.optional,
            "witness": article.quality.witness,
            "fetched": article.fetched,
        }
        return f"{json.dumps(line, ensure_ascii=False)}\n".encode("utf-8", "replace")


@ui.app.command("train")
def write_corpus(
    *,
    archives: Annotated[
        list[Path],
        typer.Option("--from", help="WARC file, or a folder that holds some. Can be repeated."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the labelled pages.")],
    limit: Annotated[
        int, typer.Option(min=1, max=MAX_PAGES, help="Only so many labelled pages, the first ones.")
    ] = MAX_PAGES,
    jobs: ui.ProcessCount = 0,
    as_json: ui.CountsAsJson = False,
) -> None:
    """Label archived pages by their feeds and APIs, to fit a classifier to your own outlets.

    It writes a corpus: the pages whose feed or API has the whole story, and truth.jsonl with these stories.
    Then it prints the commands that measure the text on them and that fit a classifier, which needs the
    source of newscrawl. Pages that reserve use by machines are left out. Exit code 1: records or pages were
    lost.
    """
    if (out / TRUTH).exists():
        raise NewscrawlError(f"{out / TRUTH} exists: remove it, or choose another folder")
    files = find_archive_files(archives)
    rules = find_outlets({file.path.parent for file in files}, None)
    corpus = Corpus(folder=out, rules=rules)
    label_archives(files, corpus, jobs or default_process_count(), limit)
    corpus.unread += describe_lost_records(files)
    total = sum(corpus.outcomes.values(), Counter[str]())
    if not corpus.labelled:
        reasons = join_counts(total) or "there is no page"
        raise NewscrawlError(
            f"no page in {', '.join(map(str, archives))} can be labelled by a whole witness: {reasons}"
        )
    corpus.finish()
    steps = next_commands(out)
    if as_json:
        outlets = {name: dict(sorted(counts.items())) for name, counts in sorted(corpus.outcomes.items())}
        ui.print_json(
            {
                "schema": CORPUS_SCHEMA,
                "out": str(out),
                "pages": corpus.labelled,
                "outlets": outlets,
                "unread": corpus.unread,
                "next": steps,
            }
        )
    else:
        show_corpus(corpus)
        for step in steps:
            ui.print_line(step)
    for reason in corpus.unread:
        ui.warn(f"not read: {reason}")
    if corpus.unread:
        raise typer.Exit(ui.FAILED)


def label_archives(files: Sequence[ArchiveFile], corpus: Corpus, processes: int, limit: int) -> None:
    """Label the pages of archive files in worker processes until the corpus has enough of them."""
    tasks = ((place, corpus.rules[place.folder]) for place in iter_pages(files))
    with (
        extraction_pool(processes) as pool,
        ui.progress_bar("labelling", sum(file.size for file in files), labelled=0) as (update, _),
    ):
        for place, result in work_on_pages(
            tasks,
            label_at,
            pool=pool,
            seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
            ahead=processes * QUEUED_PER_PROCESS,
        ):
            if isinstance(result, NewscrawlError):
                corpus.unread.append(str(result))
            else:
                corpus.add(place, result)
            update(completed=sum(file.end for file in files), labelled=corpus.labelled)
            if corpus.labelled >= limit:
                return


def next_commands(folder: Path) -> list[str]:
    """What to do with a corpus."""
    name = shlex.quote(str(folder))
    return [
        f"newscrawl bench text {name}",
        f"python -m tools.training fit {name} --out {shlex.quote(str(folder / 'model.npz'))}",
    ]


def show_corpus(corpus: Corpus) -> None:
    ui.print_table(
        ui.fill_table(
            f"Labelled pages in {escape(str(corpus.folder))}",
            sorted(corpus.outcomes.items()),
            (ui.line_column("outlet"), lambda row: escape(row[0])),
            (ui.number_column("labelled"), lambda row: str(row[1][LABELLED])),
            ("left out", lambda row: ui.format_counts(row[1] - Counter({LABELLED: row[1][LABELLED]}))),
        )
    )
