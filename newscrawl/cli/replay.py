"""`newscrawl replay`: crawl a finished run's archive again and hold what comes out against what came then."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from newscrawl import settings
from newscrawl.archive.compare import MAX_TOLD, Differing
from newscrawl.archive.compare import differing_differing as differing
from newscrawl.archive.report import SUFFIX, Report, read_report
from newscrawl.cli.processes import crawl_command
from newscrawl.cli.status import Archives, AsJson
from newscrawl.errors import NewscrawlError

FAILED = 1
FILES = ("articles", ".jsonl"), ("rejected", ".rejected.jsonl")


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a replay gave, next to the run it repeats."""

    run: str
    report: Report
    "Of the replay."
    differing: dict[str, list[Differing]]
    "By file: articles, rejected."
    warnings: list[str]

    @property
    def identical(self) -> bool:
        return not any(self.differing.values()) and not self.report.replay_missed


def replay(
    run: Annotated[str, typer.Argument(help="Run id, or the path of its .report.json.")],
    archives: Archives = Path(settings.NEWSCRAWL_ARCHIVES),
    setting: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="NAME=VALUE in place of the run's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a finished run without the network and compare its lines to the byte. Exit code 1: not equal."""
    path = report_path(run, archives)
    pairs = [text.partition("=") for text in setting or ()]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise typer.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--set")
    replayed = replay_run(path, {name: value for name, _, value in pairs})
    show(replayed, as_json)
    if not replayed.identical:
        raise typer.Exit(FAILED)


def report_path(run: str, archives: Path) -> Path:
    """The report of a run that is named by its id or by this path; NewscrawlError when there is none."""
    if run.endswith(SUFFIX):
        return Path(run)
    found = [path for path in archives.glob(f"*/*{SUFFIX}") if path.name == f"{run}{SUFFIX}"]
    if not found:
        raise NewscrawlError(f"no run {run!r} under {archives}; runs are named in their .report.json files")
    return min(found)


def replay_run(path: Path, changed: Mapping[str, str]) -> Replayed:
    """Replay the run of this report into a folder that is thrown away, its settings but for `changed`."""
    recorded, folder = read_report(path), path.parent.resolve()
    if recorded.replay_of is not None:
        raise NewscrawlError(f"{recorded.run} is itself a replay, of {recorded.replay_of}")
    with TemporaryDirectory(prefix="newscrawl-replay-") as made:
        out = Path(made)
        again = _crawled(recorded, folder, out, changed)
        found = {
            name: differing(
                folder / f"{recorded.run}{suffix}", out / recorded.outlet / f"{again.run}{suffix}"
            )
            for name, suffix in FILES
        }
    return Replayed(
        run=recorded.run, report=again, differing=found, warnings=list(warnings_of(recorded, again))
    )


def _crawled(recorded: Report, folder: Path, out: Path, changed: Mapping[str, str]) -> Report:
    given = {
        **recorded.settings,
        **changed,
        "NEWSCRAWL_REPLAY": folder,
        "NEWSCRAWL_REPLAY_RUN": recorded.run,
        "NEWSCRAWL_REPLAY_AT": "",
    }
    command = crawl_command(recorded.outlet, out, given)
    for name, value in recorded.arguments.items():
        command += ["-a", f"{name}={value}"]
    done = subprocess.run(  # noqa: S603 # our own command, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "SCRAPY_SETTINGS_MODULE": "newscrawl.settings"},
        check=False,
    )
    reports = list((out / recorded.outlet).glob(f"*{SUFFIX}"))
    if not reports:
        last = done.stdout.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise NewscrawlError(f"the replay of {recorded.run} did not begin: {last[0]}")
    return read_report(reports[0])


def warnings_of(recorded: Report, again: Report) -> list[str]:
    """What has changed since the run, so that other lines may be right."""
    found = []
    if recorded.outlet_hash != again.outlet_hash:
        found.append(f"the file of {recorded.outlet} is not what it was in the run")
    if recorded.settings_hash != again.settings_hash:
        found.append("settings are not what they were in the run")
    if recorded.versions != again.versions:
        names = sorted(
            name
            for name in recorded.versions.keys() | again.versions.keys()
            if recorded.versions.get(name) != again.versions.get(name)
        )
        found.append(f"other versions than in the run: {', '.join(names)}")
    if recorded.reason != "finished":
        found.append(
            f"the run was cut off ({recorded.reason}): a replay goes on, and misses what it did not fetch"
        )
    if again.error:
        found.append(again.error)
    return found


def show(replayed: Replayed, as_json: bool) -> None:
    """`identical`, or what differs; warnings go to stderr."""
    if as_json:
        print(json.dumps(_as_data(replayed), sort_keys=True, ensure_ascii=False))
        return
    for warning in replayed.warnings:
        Console(stderr=True).print(warning, style="yellow", markup=False, highlight=False, soft_wrap=True)
    out = Console()
    if replayed.identical:
        out.print("identical", markup=False, highlight=False)
    for name, found in replayed.differing.items():
        if found:
            out.print(f"{name}: {len(found)} lines differ", markup=False, highlight=False)
        for page in found[:MAX_TOLD]:
            out.print(f"  {page.url}", markup=False, highlight=False, soft_wrap=True)
            for field, (before, after) in page.fields.items():
                for text in (f"    - {field}: {before}", f"    + {field}: {after}"):
                    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _as_data(replayed: Replayed) -> dict[str, object]:
    return {
        "run": replayed.run,
        "identical": replayed.identical,
        "missed": replayed.report.replay_missed,
        "warnings": replayed.warnings,
        "differing": {
            name: [
                {"url": page.url, "fields": {key: list(values) for key, values in page.fields.items()}}
                for page in found[:MAX_TOLD]
            ]
            for name, found in replayed.differing.items()
        },
    }
