"""`newscrawl bench`: the extractor measured on annotated pages, side by side with trafilatura."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

import typer
from pebble import ProcessExpired, ProcessPool
from rich.progress import MofNCompleteColumn

from newscrawl import __version__, settings
from newscrawl.archive.reextract import run_ahead
from newscrawl.cli import ui
from newscrawl.cli.bench_report import render_worst_pages
from newscrawl.cli.bench_tables import score_tables
from newscrawl.cli.bench_witnesses import compare_archives, summarize_witnesses, witness_tables
from newscrawl.cli.explain import load_classifier
from newscrawl.cli.extraction_run import extraction_pool
from newscrawl.demo.saved_pages import SavedPage, TruthLine, read_truth
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.evaluation.figures import (
    RESAMPLES,
    SEED,
    Figures,
    compute_figures,
    group_results,
    is_wrongly_rejected,
    rank_by_f1,
)
from newscrawl.extraction.evaluation.measure import (
    ARTICLE,
    EMPTY_TEXT,
    PROGRAMS,
    Output,
    PageResult,
    drop_texts,
    measure_page,
)
from newscrawl.extraction.evaluation.scores import (
    Truth,
    parse_truth,
)
from newscrawl.workers import QUEUED_PER_PROCESS, default_process_count

SCHEMA = "newscrawl.text-benchmark/1"
NO_PREDICTION = Output("", "no_prediction")
MAX_WORST = 500

app = typer.Typer(no_args_is_help=True)
ui.app.add_typer(app, name="bench")


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotatedPage:
    """A page of a corpus, on disk, and its annotation."""

    page: SavedPage
    truth: Truth
    prediction: Output | None = None
    "Measured as newscrawl's text; None: the page is extracted."


class UnmeasuredPage(NamedTuple):
    """A page that no figure includes, and why."""

    id: str
    reason: str


@dataclass(kw_only=True, slots=True)
class Measurement:
    """What came of the pages, in their order."""

    results: list[PageResult] = field(default_factory=list)
    "Without texts: those of a large corpus would fill the memory."
    unmeasured: list[UnmeasuredPage] = field(default_factory=list)
    worst: list[PageResult] = field(default_factory=list)
    "Some of the results with their texts, the worst first."

    def add(self, result: PageResult, most_worst: int) -> None:
        self.results.append(drop_texts(result))
        self.worst = sorted([*self.worst, result], key=rank_by_f1)[:most_worst]

    @property
    def wrong_rejections(self) -> list[PageResult]:
        return list(filter(is_wrongly_rejected, self.results))


@app.command("text")
def bench_text(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Folders with annotated pages: truth.jsonl and the files it names. With --witnesses: WARC "
            "files, or folders that hold some."
        ),
    ],
    *,
    witnesses: Annotated[
        bool,
        typer.Option(
            "--witnesses",
            help="Compare the classifier with feeds and APIs that have the whole story, in archives.",
        ),
    ] = False,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="Only pages with this `dataset`. Can be repeated. Default: all pages."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many pages, the first ones. Default: all pages.")
    ] = None,
    model: ui.Model = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Measure these texts: JSON lines with `id` and `text`. Default: extract the pages.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML page with the worst pages to this file.")
    ] = None,
    worst: Annotated[
        int, typer.Option(min=1, max=MAX_WORST, help="Number of pages that the HTML page shows.")
    ] = 30,
    jobs: ui.ProcessCount = 0,
    as_json: ui.AsJson = False,
) -> None:
    """Measure the extracted text on annotated pages, against trafilatura on the same pages.

    It prints F1 with the paired difference to trafilatura and its 95 % interval, articles that were wrongly
    rejected, and CPU time. What a figure is worth depends on whether the pages had a part in making the model
    and the rules. With --witnesses the pages are those of archives, and the annotation is what the outlets'
    own feeds and APIs say. Exit code 1: pages could not be measured.
    """
    if model and predictions:
        raise typer.BadParameter("not together with --predictions", param_hint="--model")
    if model:
        load_classifier(model)
    processes = jobs or default_process_count()
    if witnesses:
        _refuse_options({"--dataset": dataset, "--predictions": predictions, "--report": report})
        _bench_witnesses(folders, model, processes, limit, as_json=as_json)
        return
    pages = list(islice(_select_pages(folders, set(dataset or ())), limit))
    if predictions:
        outputs = _read_predictions(predictions)
        pages = [replace(page, prediction=outputs.get(page.page.id, NO_PREDICTION)) for page in pages]
    if not pages:
        raise NewscrawlError(f"no page to measure in {', '.join(map(str, folders))}")
    if report and not report.parent.is_dir():
        raise NewscrawlError(f"cannot write {report}: there is no such folder")
    measured = measure_pages(pages, model, processes, worst if report else 0)
    groups = {name: compute_figures(group) for name, group in group_results(measured.results).items()}
    if report:
        truths = {page.page.id: page.truth for page in pages}
        shown = [(result, truths[result.id]) for result in measured.worst]
        with ui.open_output(report) as stream:
            stream.write(render_worst_pages(groups, shown).encode())
    if as_json:
        inputs = {"folders": list(map(str, folders)), "model": model and str(model)}
        inputs["predictions"] = predictions and str(predictions)
        ui.print_json(_summarize(groups, measured, inputs), sort_keys=False, indent=1)
    else:
        for table in score_tables(groups, measured.wrong_rejections):
            ui.print_table(table)
    for page in measured.unmeasured:
        ui.warn(f"{page.id}: not measured: {page.reason}")
    if measured.unmeasured:
        raise typer.Exit(ui.FAILED)


def _refuse_options(options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value:
            raise typer.BadParameter("not together with --witnesses", param_hint=name)


def _bench_witnesses(
    archives: Sequence[Path], model: Path | None, processes: int, limit: int | None, *, as_json: bool
) -> None:
    measured = compare_archives(archives, model, processes, limit)
    if as_json:
        inputs = {"archives": list(map(str, archives)), "model": model and str(model)}
        ui.print_json(summarize_witnesses(measured, inputs), sort_keys=False, indent=1)
    else:
        for table in witness_tables(measured):
            ui.print_table(table)
    for reason in measured.unmeasured:
        ui.warn(f"not measured: {reason}")
    if measured.unmeasured:
        raise typer.Exit(ui.FAILED)


def _select_pages(folders: Iterable[Path], datasets: set[str]) -> Iterator[AnnotatedPage]:
    """The pages of all folders; NewscrawlError names file, line and key of an invalid annotation."""
    ids: dict[str, Path] = {}
    for folder in folders:
        for line in read_truth(folder):
            if line.page.id in ids:
                raise NewscrawlError(f"{line.where}: id {line.page.id!r} is in {ids[line.page.id]} too")
            ids[line.page.id] = folder
            truth = _read_annotation(line)
            if not datasets or truth.dataset in datasets:
                yield AnnotatedPage(page=line.page, truth=truth)


def _read_annotation(line: TruthLine) -> Truth:
    try:
        return parse_truth(line.record)
    except ValueError as error:
        raise NewscrawlError(f"{line.where}: {error}") from error


def _read_predictions(path: Path) -> dict[str, Output]:
    """Texts by id; a line without a text may have a `reason`. NewscrawlError names the line that is wrong."""
    outputs: dict[str, Output] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            texts = [data["id"], data.get("text") or "", data.get("reason") or EMPTY_TEXT]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise NewscrawlError(f"{path}, line {number}: no JSON object with an `id`") from error
        if not all(isinstance(text, str) for text in texts):
            raise NewscrawlError(f"{path}, line {number}: `id`, `text` or `reason` is no string")
        page_id, text, reason = texts
        outputs[page_id] = Output(text, ARTICLE if text.strip() else reason)
    return outputs


def measure_pages(
    pages: Sequence[AnnotatedPage], model: Path | None, processes: int, most_worst: int
) -> Measurement:
    """Measure the pages in worker processes; a page that ends its worker costs no other."""
    measured = Measurement()
    counter = MofNCompleteColumn()
    with (
        extraction_pool(processes) as pool,
        ui.progress_bar("measuring", len(pages), amount=counter, unmeasured=0) as (update, _),
    ):
        for page, future in run_ahead(pages, partial(_schedule, pool, model), processes * QUEUED_PER_PROCESS):
            result = _await_result(page, future)
            if isinstance(result, PageResult):
                measured.add(result, most_worst)
            else:
                measured.unmeasured.append(result)
            update(advance=1, unmeasured=len(measured.unmeasured))
    return measured


def _schedule(pool: ProcessPool, model: Path | None, page: AnnotatedPage) -> Future[PageResult]:
    seconds = settings.NEWSCRAWL_EXTRACT_SECONDS * len(PROGRAMS)
    return cast("Future[PageResult]", pool.schedule(partial(_measure_saved, page, model), timeout=seconds))


def _measure_saved(page: AnnotatedPage, model: Path | None) -> PageResult:
    """Read and measure a page, in a worker process."""
    saved = page.page
    return measure_page(
        saved.read(),
        saved.url,
        page.truth,
        page_id=saved.id,
        charset=saved.charset,
        model=model,
        prediction=page.prediction,
    )


def _await_result(page: AnnotatedPage, future: Future[PageResult]) -> PageResult | UnmeasuredPage:
    try:
        return future.result()
    except (TimeoutError, FutureTimeout):
        return UnmeasuredPage(page.page.id, "took too long")
    except ProcessExpired as error:
        return UnmeasuredPage(page.page.id, f"its worker ended: {error}")
    except BrokenExecutor as error:
        raise NewscrawlError(f"the worker processes cannot run: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        return UnmeasuredPage(page.page.id, f"{page.page.file} cannot be read: {error}")


def _summarize(
    groups: Mapping[str, Figures], measured: Measurement, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """All figures for programs."""
    return {
        "schema": SCHEMA,
        **inputs,
        "versions": {"newscrawl": __version__, "trafilatura": version("trafilatura")},
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED},
        "groups": {name: asdict(figures) for name, figures in groups.items()},
        "wrong_rejections": [
            {"id": page.id, "url": page.url, "reason": page.outcome, "truth_chars": page.truth_chars}
            for page in measured.wrong_rejections
        ],
        "unmeasured": [page._asdict() for page in measured.unmeasured],
    }
