"""`newscrawl replay`: repeats a finished run from its archive and compares the lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from newscrawl.archive.compare import MAX_LINE_DIFFS, LineDiff, compare_lines
from newscrawl.archive.finished_runs import FinishedRun, find_run
from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX
from newscrawl.archive.report import REPORT_SUFFIX, Report, read_report
from newscrawl.cli import ui
from newscrawl.cli.processes import crawl_command, run_crawl
from newscrawl.cli.stored_files import bring_run
from newscrawl.errors import NewscrawlError

FILES = ("articles", ARTICLES_SUFFIX), ("rejected", REJECTED_SUFFIX)


@ui.app.command("replay")
def replay_and_compare(
    run: Annotated[str, typer.Argument(help="Run id, or the path of its .report.json.")],
    archives: ui.Archives = ui.ARCHIVES,
    setting: ui.Settings = None,
    as_json: ui.AsJson = False,
) -> None:
    """Repeat a finished run from its archive and compare the lines byte by byte.

    It needs no network. Use it to see what a change of code, of an outlet's file or, with --setting, of a
    setting does to a real crawl. Exit code 1: the lines differ.
    """
    bring_run(archives, run)
    result = replay_run(find_run(run, archives), ui.parse_settings(setting))
    if as_json:
        differing = {
            name: [
                {"url": diff.url, "fields": {key: list(values) for key, values in diff.fields.items()}}
                for diff in diffs[:MAX_LINE_DIFFS]
            ]
            for name, diffs in result.differing.items()
        }
        data = {
            "run": result.run,
            "identical": result.identical,
            "missed": result.report.replay_missed,
            "warnings": result.warnings,
            "differing": differing,
        }
        ui.print_json(data, ensure_ascii=False)
    else:
        _show_result(result)
    if not result.identical:
        raise typer.Exit(ui.FAILED)


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """What a replay wrote, compared with the run that it repeats."""

    run: str
    report: Report
    "Of the replay."
    differing: dict[str, list[LineDiff]]
    "By file: articles, rejected."
    warnings: list[str]

    @property
    def identical(self) -> bool:
        return not any(self.differing.values()) and not self.report.replay_missed


def replay_run(finished: FinishedRun, changed: Mapping[str, str]) -> ReplayResult:
    """Replay a run into a temporary folder, with its own settings except for `changed`."""
    recorded, folder = finished.report, finished.folder.resolve()
    if recorded.replay_of is not None:
        raise NewscrawlError(f"{recorded.run} is itself a replay, of {recorded.replay_of}")
    with TemporaryDirectory(prefix="newscrawl-replay-") as temporary:
        out = Path(temporary)
        replayed = _crawl_again(recorded, folder, out, changed)
        new = out / recorded.outlet
        differing = {
            name: compare_lines(finished.find_lines(suffix), new / f"{replayed.run}{suffix}")
            for name, suffix in FILES
        }
    warnings = list_warnings(recorded, replayed)
    return ReplayResult(run=recorded.run, report=replayed, differing=differing, warnings=warnings)


def _crawl_again(recorded: Report, folder: Path, out: Path, changed: Mapping[str, str]) -> Report:
    settings = {
        **recorded.settings,
        **changed,
        "NEWSCRAWL_REPLAY": folder,
        "NEWSCRAWL_REPLAY_RUN": recorded.run,
        "NEWSCRAWL_REPLAY_AT": "",
    }
    output = run_crawl(crawl_command(recorded.outlet, out, settings, recorded.arguments))
    reports = list((out / recorded.outlet).glob(f"*{REPORT_SUFFIX}"))
    if not reports:
        raise NewscrawlError(f"the replay of {recorded.run} did not begin: {output or 'no output'}")
    return read_report(reports[0])


def list_warnings(recorded: Report, replayed: Report) -> list[str]:
    """What has changed since the run, so that different lines may be right."""
    warnings = []
    if recorded.outlet_hash != replayed.outlet_hash:
        warnings.append(f"the file of {recorded.outlet} is not what it was in the run")
    if recorded.settings_hash != replayed.settings_hash:
        warnings.append("settings are not what they were in the run")
    if recorded.versions != replayed.versions:
        names = sorted(
            name
            for name in recorded.versions.keys() | replayed.versions.keys()
            if recorded.versions.get(name) != replayed.versions.get(name)
        )
        warnings.append(f"other versions than in the run: {', '.join(names)}")
    if recorded.reason != "finished":
        warnings.append(
            f"the run was cut off ({recorded.reason}): a replay goes on, and misses what it did not fetch"
        )
    if replayed.error:
        warnings.append(replayed.error)
    return warnings


def _show_result(result: ReplayResult) -> None:
    """`identical`, or what differs; warnings go to stderr."""
    for warning in result.warnings:
        ui.warn(warning)
    if result.identical:
        ui.print_line("identical")
    for name, diffs in result.differing.items():
        if diffs:
            ui.print_line(f"{name}: {len(diffs)} lines differ")
        for diff in diffs[:MAX_LINE_DIFFS]:
            ui.print_line(f"  {diff.url}")
            for field, (before, after) in diff.fields.items():
                ui.print_line(f"    - {field}: {before}")
                ui.print_line(f"    + {field}: {after}")
