"""`newscrawl bench text --witnesses`: the classifier compared with the feeds and APIs of an archive."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from newscrawl import __version__, settings
from newscrawl.archive.linked_records import iter_pages
from newscrawl.archive.pages import ArchiveFile, find_archive_files
from newscrawl.archive.witnessed_pages import (
    BlockDifference,
    ComparedPage,
    compare_at,
    work_on_pages,
)
from newscrawl.cli import ui
from newscrawl.cli.bench_tables import format_score
from newscrawl.cli.extraction_run import extraction_pool, join_counts
from newscrawl.cli.target import find_outlets
from newscrawl.errors import NewscrawlError
from newscrawl.monitoring.agreement import KIND_LABELS, Agreement, read_agreement, sum_agreements
from newscrawl.workers import QUEUED_PER_PROCESS

WITNESS_SCHEMA = "newscrawl.witness-benchmark/1"
ALL_OUTLETS = "all outlets"
SHOWN_PLACES = 12
"Places at which they differ most that the table shows; JSON has them all, up to MAX_PLACES."
MAX_PLACES = 1000
_SIDES = {"classifier": "too much", "witness": "missed"}


class DifferencePlace(NamedTuple):
    """Where blocks stand that only one of the two has: what a rule of the outlet's file could name."""

    outlet: str
    only: str
    kind: str
    selector: str


@dataclass(kw_only=True, slots=True)
class PlaceFigures:
    """How much the two differ at a place."""

    pages: int = 0
    blocks: int = 0
    chars: int = 0
    sample: str = ""
    "The first characters of the first block."


@dataclass(kw_only=True, slots=True)
class WitnessMeasurement:
    """What came of the pages of an archive."""

    agreements: dict[str, list[Agreement]] = field(default_factory=lambda: defaultdict(list))
    "Of the pages with a witness, by outlet."
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    "Pages by outlet and outcome."
    places: dict[DifferencePlace, PlaceFigures] = field(default_factory=lambda: defaultdict(PlaceFigures))
    unmeasured: list[str] = field(default_factory=list)
    "Why pages could not be read, each with its place."

    def add(self, outlet: str, page: ComparedPage) -> None:
        self.outcomes[outlet][page.outcome] += 1
        if page.article and (agreement := read_agreement(page.article.quality)):
            self.agreements[outlet].append(agreement)
        counted: set[DifferencePlace] = set()
        for difference in page.differences:
            place = _place(outlet, difference)
            if place in self.places or len(self.places) < MAX_PLACES:
                figures = self.places[place]
                figures.pages += place not in counted
                figures.blocks, figures.chars = figures.blocks + 1, figures.chars + difference.chars
                figures.sample = figures.sample or difference.sample
                counted.add(place)

    def rows(self) -> dict[str, Agreement]:
        """The agreement of each outlet, and of all together where there are several."""
        rows = {name: sum_agreements(self.agreements.get(name, ())) for name in sorted(self.outcomes)}
        return rows if len(rows) == 1 else {ALL_OUTLETS: sum_agreements(rows.values()), **rows}

    def worst_places(self) -> list[tuple[DifferencePlace, PlaceFigures]]:
        return sorted(self.places.items(), key=lambda item: (-item[1].chars, item[0]))


def _place(outlet: str, difference: BlockDifference) -> DifferencePlace:
    return DifferencePlace(outlet, difference.only, difference.kind, difference.place)


def compare_archives(
    archives: Sequence[Path], model: Path | None, processes: int, limit: int | None
) -> WitnessMeasurement:
    """Compare the classifier with the witnesses of archived pages, in worker processes.

    NewscrawlError when no page has a witness.
    """
    files = find_archive_files(archives)
    rules = find_outlets({file.path.parent for file in files}, None)
    measured = WitnessMeasurement()
    tasks = ((place, rules[place.folder]) for place in islice(iter_pages(files), limit))
    with (
        extraction_pool(processes) as pool,
        ui.progress_bar("comparing", sum(file.size for file in files), witnesses=0) as (update, _),
    ):
        for place, result in work_on_pages(
            tasks,
            partial(compare_at, model=model),
            pool=pool,
            seconds=settings.NEWSCRAWL_EXTRACT_SECONDS,
            ahead=processes * QUEUED_PER_PROCESS,
        ):
            if isinstance(result, ComparedPage):
                measured.add(place.folder.name, result)
            else:
                measured.unmeasured.append(str(result))
            update(
                completed=sum(file.end for file in files),
                witnesses=sum(map(len, measured.agreements.values())),
            )
    measured.unmeasured += describe_lost_records(files)
    if not measured.agreements and not measured.unmeasured:
        counts = sum(measured.outcomes.values(), Counter[str]())
        reasons = join_counts(counts) or "there is no page"
        raise NewscrawlError(f"no page in {', '.join(map(str, archives))} has a witness: {reasons}")
    return measured


def describe_lost_records(files: Iterable[ArchiveFile]) -> list[str]:
    """The archive files that records were lost from, with the reasons."""
    return [
        f"{file.path.parent / file.name}: records were lost: {join_counts(file.lost)}"
        for file in files
        if file.lost
    ]


def summarize_witnesses(measured: WitnessMeasurement, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """All figures for programs."""
    return {
        "schema": WITNESS_SCHEMA,
        **inputs,
        "version": __version__,
        "outlets": {
            name: {"outcomes": _outcomes(measured, name), **agreement.as_dict()}
            for name, agreement in measured.rows().items()
        },
        "places": [
            {
                **place._asdict(),
                "pages": figures.pages,
                "blocks": figures.blocks,
                "chars": figures.chars,
                "sample": figures.sample,
            }
            for place, figures in measured.worst_places()
        ],
        "unmeasured": measured.unmeasured,
    }


def _outcomes(measured: WitnessMeasurement, name: str) -> dict[str, int]:
    counters = measured.outcomes.values() if name not in measured.outcomes else [measured.outcomes[name]]
    return dict(sorted(sum(counters, Counter[str]()).items()))


def witness_tables(measured: WitnessMeasurement) -> Iterator[Table]:
    """The figures for people."""
    rows = measured.rows()
    yield ui.fill_table(
        "The classifier's choice against whole witnesses, by characters",
        rows.items(),
        (ui.line_column(""), lambda row: escape(row[0])),
        (ui.number_column("whole"), lambda row: str(row[1].whole)),
        (ui.number_column("partial"), lambda row: str(row[1].partial)),
        (ui.number_column("others"), lambda row: str(_count_others(measured, row[0], row[1]))),
        (ui.number_column("precision"), lambda row: _format_share(row[1].precision)),
        (ui.number_column("recall"), lambda row: _format_share(row[1].recall)),
        (ui.number_column("F1"), lambda row: _format_share(row[1].f1)),
        (ui.number_column("agree"), lambda row: str(row[1].close)),
    )
    if kinds := _kind_rows(rows.values()):
        yield ui.fill_table(
            "Kinds of block on which they differ, in characters",
            kinds,
            (ui.line_column(""), lambda row: escape(row[0])),
            (ui.number_column("too much"), lambda row: f"{row[1]:,}"),
            (ui.number_column("missed"), lambda row: f"{row[2]:,}"),
        )
    if places := measured.worst_places()[:SHOWN_PLACES]:
        yield ui.fill_table(
            "Places at which they differ most",
            places,
            (ui.folded_column("outlet"), lambda row: escape(row[0].outlet)),
            (ui.line_column("side"), lambda row: _SIDES[row[0].only]),
            (ui.folded_column("place"), lambda row: escape(row[0].selector)),
            (ui.number_column("pages"), lambda row: str(row[1].pages)),
            (ui.number_column("chars"), lambda row: f"{row[1].chars:,}"),
            ("such as", lambda row: escape(row[1].sample)),
        )


def _count_others(measured: WitnessMeasurement, name: str, agreement: Agreement) -> int:
    return sum(_outcomes(measured, name).values()) - agreement.whole - agreement.partial


def _kind_rows(agreements: Iterable[Agreement]) -> list[tuple[str, int, int]]:
    """Each kind of block with its characters that are too much and that were missed."""
    total = next(iter(agreements))
    kinds = sorted({*total.extra, *total.missed})
    return [
        (KIND_LABELS.get(kind, kind), total.extra.get(kind, 0), total.missed.get(kind, 0)) for kind in kinds
    ]


def _format_share(share: float | None) -> str:
    return "–" if share is None else format_score(share)
