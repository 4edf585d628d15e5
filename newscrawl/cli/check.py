"""`newscrawl check`: compares the state database with lines and archives, and fixes what differs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from newscrawl.archive.bucket import OutletCopy
from newscrawl.archive.finished_runs import read_run_lines
from newscrawl.archive.form_records import find_form_records
from newscrawl.archive.lines import has_open_files
from newscrawl.archive.manifest import MANIFEST
from newscrawl.archive.mended_lines import drop_repeated_lines, restore_line, set_aside_broken_lines
from newscrawl.archive.reextract import extract_at
from newscrawl.archive.repair import find_unlisted, repair_folder
from newscrawl.archive.report import find_report, iter_reports
from newscrawl.archive.takedown import read_blocked_urls
from newscrawl.cli import ui
from newscrawl.cli.compiled_forms import find_uncompiled
from newscrawl.cli.extraction_task import default_rights_policy
from newscrawl.cli.held_lease import holding_lease
from newscrawl.cli.outlets import read_outlets
from newscrawl.cli.stored_files import bring_files, list_unstored_runs, send_files
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extraction.metadata.rights import apply_rights_policy
from newscrawl.items import Article, WarcPointer, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.settings import NEWSCRAWL_SOURCES_MAX
from newscrawl.spiders.crawl_options import read_source_config
from newscrawl.spiders.lease_holder import has_ended, this_process
from newscrawl.spiders.run_context import NO_STATE_URL, STATE_URL
from newscrawl.state.database import Database
from newscrawl.state.due_outlets import find_late_due_time
from newscrawl.state.encoding import from_epoch, page_key
from newscrawl.state.future_times import find_future_times, reset_future_times
from newscrawl.state.outlet_status import list_outlets
from newscrawl.state.reconcile import (
    Inconsistency,
    WrittenLine,
    adopt_killed_run,
    find_inconsistencies,
    list_run_ids,
    mark_taken_down,
    repair_state,
)
from newscrawl.state.refetch_policy import DAY, REVISIT_AGES
from newscrawl.state.runs import State, is_lease_current
from newscrawl.state.urls import UrlTable
from newscrawl.storage import list_stored_sizes
from newscrawl.warc.filenames import parse_filename

MAX_SHOWN = 20
"Inconsistencies of an outlet that are printed; the others are counted."


@ui.app.command("check")
def check_state(
    outlets: ui.OutletIds = None,
    archives: ui.Archives = ui.ARCHIVES,
    state_url: ui.StateUrl = ui.STATE_URL,
    fix: Annotated[
        bool, typer.Option("--fix", help="Repair files, then change state to agree with them.")
    ] = False,
    as_json: ui.AsJson = False,
) -> None:
    """Compare the state database with lines and archives, and fix what differs.

    Use it after a crash, and with --fix after a backup was restored or the database was lost: it is rebuilt
    from the lines. Exit code 0 only when everything agrees. It also says whether extraction runs compiled.
    """
    fixes: dict[str, FixCounts] = {}
    ui.require_archives(archives)
    bring_files(archives, outlets)
    open_database = ui.open_database if fix else ui.open_known_database
    with open_database(archives, state_url) as database:
        names = outlets or sorted({*list_outlets(database), *_outlets_with_lines(archives)})
        files = {outlet.id: outlet for outlet in read_outlets(ui.outlet_folders())[0]}
        states = {name: _open_state(database, name, files.get(name)) for name in names}
        if fix:
            fixes = {name: _fix(state, archives / name, files.get(name)) for name, state in states.items()}
        inconsistencies = {
            name: [
                *_find_unfinished(state, archives / name),
                *_find_unstored(state, archives / name),
                *_find_future_times(state),
                *_find_late_due_time(state, files.get(name)),
                *_find_differences(state, archives / name),
            ]
            for name, state in states.items()
        }
    if as_json:
        data: dict[str, object] = {
            "disagreements": {
                name: [inconsistency._asdict() for inconsistency in differences]
                for name, differences in inconsistencies.items()
            }
        }
        if fixes:
            data["mended"] = {name: counts._asdict() for name, counts in fixes.items()}
        data["uncompiled"] = find_uncompiled()
        ui.print_json(data, sort_keys=False)
    else:
        _show_fixes(fixes)
        _show_inconsistencies(inconsistencies)
        _show_uncompiled()
    if any(inconsistencies.values()):
        raise typer.Exit(ui.FAILED)


def _open_state(database: Database, name: str, outlet: Outlet | None) -> State:
    ages = outlet.revisit_seconds if outlet else None
    return State.on(database, name, this_process(), REVISIT_AGES if ages is None else ages)


class FixCounts(NamedTuple):
    """What was fixed in the files of an outlet."""

    files: int = 0
    "Files that had been left open and are closed now, or that the manifest lacked."
    set_aside: int = 0
    "Broken lines that are in `….jsonl.broken` now."
    repeated: int = 0
    "Lines of a version that another line already had."
    extracted: int = 0
    "Lost lines made again from the archive; those of other pages return when their page is fetched again."


def _fix(state: State, folder: Path, outlet: Outlet | None) -> FixCounts:
    """Fix files and state under the outlet's lease, so that nobody crawls it meanwhile."""
    now = int(time.time())
    with holding_lease(state) as require_lease:
        bring_files(folder.parent, [folder.name])
        if away := list_unstored_runs(state, folder):
            raise NewscrawlError(
                f"{folder.name}: run {away[0].id} is neither in the bucket nor here: let {away[0].host} send "
                f"it, or if that machine is lost, call `newscrawl repair --lost {away[0].host}` first"
            )
        require_lease()
        closed = repair_folder(folder, host=socket.gethostname())
        runs = list(_iter_runs(folder))
        require_lease()
        counts = FixCounts(
            files=len(closed.files),
            set_aside=set_aside_broken_lines(folder, runs),
            repeated=drop_repeated_lines(folder, runs),
            extracted=_restore_lines(state.urls, folder, runs, outlet, require_lease),
        )
        require_lease()
        for run in state.runs.unfinished():
            if has_open_files(folder, run.id):
                continue
            adopt_killed_run(state.urls, state.runs, run, read_run_lines(folder, run.id), now)
        mark_taken_down(state.database, folder.name, read_blocked_urls(folder), now)
        repair_state(state.urls, _iter_written(folder), now)
        # Now, for the lease has been renewed since this began.
        reset_future_times(state, int(time.time()))
        require_lease()
        send_files(folder.parent, [folder.name])
    return counts


def _restore_lines(
    pages: UrlTable,
    folder: Path,
    runs: list[str],
    outlet: Outlet | None,
    require_lease: Callable[[], None],
) -> int:
    """Write the lines again that state has and no file, from the records they were made from."""
    if outlet is None:
        return 0  # without its file the line would not be what it was
    written = {
        (page_key(pages.outlet, item.url_requested), item.id, item.version)
        for run in runs
        for item in read_run_lines(folder, run)
        if isinstance(item, Article)
    }
    lost = [
        row for row in pages.all() if row.article_id and (row.key, row.article_id, row.version) not in written
    ]
    restored = 0
    for row in lost:
        if row.article_run in runs and (article := _extract_again(row, folder, outlet)):
            require_lease()
            restore_line(folder, row.article_run, article)
            restored += 1
    return restored


def _extract_again(row: Any, folder: Path, outlet: Outlet) -> Article | None:
    """The very article that state has; None where the archive, or today's rules, give another."""
    try:
        pointer = WarcPointer.model_validate(json.loads(row.warc)["pointer"])
        forms = find_form_records(folder, pointer) if outlet.story_forms else []
        for memory in _candidate_memories(folder, row.article_run):
            item = extract_at(folder, pointer, outlet, memory, forms)
            if isinstance(item, Article) and (item.id, item.version) == (row.article_id, row.version):
                article = apply_rights_policy(item, outlet.rights or default_rights_policy())
                return article if isinstance(article, Article) else None
    except (ArchiveError, TypeError, ValueError, LookupError):
        return None
    return None


def _candidate_memories(folder: Path, run: str) -> Iterator[Path | None]:
    """The memory that the run used, then none."""
    report = find_report(folder, run)
    if report and report.memory:
        yield folder / report.memory
    yield None


def _find_unfinished(state: State, folder: Path) -> Iterator[Inconsistency]:
    """Runs that have neither ended nor are running, and their files."""
    lease = state.lease.read()
    is_held = lease is not None and is_lease_current(lease.expires_at, int(time.time()))
    if lease and is_held and not has_ended(lease.holder, lease.acquired_at):
        return
    for run in state.runs.unfinished():
        yield Inconsistency("run_killed", f"run {run.id} has not ended and is not at work")
    for path in sorted(folder.glob("*.open")):
        yield Inconsistency("file_open", f"{path.name} was left open")
    for name in find_unlisted(folder):
        yield Inconsistency("file_unlisted", f"{name} is finished, but {MANIFEST} lacks it")


def _find_unstored(state: State, folder: Path) -> Iterator[Inconsistency]:
    """Runs that have ended and whose lines are neither in the bucket nor here, and files that wait here."""
    for run in list_unstored_runs(state, folder):
        detail = f"run {run.id} is neither in the bucket nor here: it waits on {run.host}, or is lost with it"
        yield Inconsistency("run_not_stored", detail)
    copy = OutletCopy.find(folder)
    waiting = copy.list_waiting() if copy else []
    if waiting and not is_lease_current(_lease_end(state), int(time.time())):
        names = ", ".join(file.path.name for file in waiting[:3])
        yield Inconsistency("file_waiting", f"{len(waiting)} files are not in the bucket yet: {names}")


def _lease_end(state: State) -> int:
    lease = state.lease.read()
    return lease.expires_at if lease else 0


def _find_future_times(state: State) -> Iterator[Inconsistency]:
    """Times that no clock that was right can have written."""
    now = int(time.time())
    for subject, seconds in find_future_times(state, now):
        days = (seconds - now) // DAY
        yield Inconsistency("time_in_future", f"{subject} would wait {days} days: a clock was wrong")


def _find_late_due_time(state: State, outlet: Outlet | None) -> Iterator[Inconsistency]:
    """An outlet that would be crawled later than its sources and pages are due."""
    now = int(time.time())
    config = read_source_config(outlet, NEWSCRAWL_SOURCES_MAX) if outlet else None
    if config and (late := find_late_due_time(state, config, now)):
        stored, due = (rfc3339(from_epoch(seconds)) for seconds in late)
        yield Inconsistency("due_late", f"the next crawl is due at {due}, and its row says {stored}")


def _find_differences(state: State, folder: Path) -> Iterator[Inconsistency]:
    try:
        yield from find_inconsistencies(state.urls, _iter_written(folder))
    except ArchiveError as error:
        yield Inconsistency("line_broken", str(error))


def _iter_written(folder: Path) -> Iterator[WrittenLine]:
    """Each line of the folder, with its run, in the order of runs; and whether its record is there."""
    sizes = list_stored_sizes(folder)
    for run in _iter_runs(folder):
        for item in read_run_lines(folder, run):
            warc = item.warc
            if warc and warc.file not in sizes:
                path = folder / Path(warc.file).name
                sizes[warc.file] = path.stat().st_size if path.is_file() else 0
            is_archived = not warc or warc.offset + warc.length <= sizes[warc.file]
            yield WrittenLine(run=run, item=item, is_archived=is_archived)


def _iter_runs(folder: Path) -> Iterator[str]:
    """Runs of a folder that state should have: no replays, none that ran without state."""
    runs = list_run_ids(path.name for path in folder.glob("*.jsonl") if parse_filename(path.name))
    for run, report in iter_reports(folder, runs):
        if report is None or (report.replay_of is None and report.settings.get(STATE_URL) != NO_STATE_URL):
            yield run


def _outlets_with_lines(archives: Path) -> set[str]:
    folders = {path.parent for path in archives.glob("[!.]*/*.jsonl")} - {archives / "urls"}
    return {folder.name for folder in folders if any(_iter_runs(folder))}


def _show_fixes(fixes: dict[str, FixCounts]) -> None:
    for name, counts in fixes.items():
        if any(counts):
            parts = [f"{key.replace('_', ' ')} {count}" for key, count in counts._asdict().items() if count]
            ui.print_line(f"{name}: fixed: {', '.join(parts)}")


def _show_inconsistencies(inconsistencies: dict[str, list[Inconsistency]]) -> None:
    for name, found in inconsistencies.items():
        for inconsistency in found[:MAX_SHOWN]:
            ui.print_line(f"{name}: {inconsistency.kind}: {inconsistency.detail}")
        if len(found) > MAX_SHOWN:
            ui.print_line(f"{name}: and {len(found) - MAX_SHOWN} more")
    if not any(inconsistencies.values()):
        ui.print_line(f"state and files agree: {len(inconsistencies)} outlets")


def _show_uncompiled() -> None:
    if reasons := find_uncompiled():
        missing = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        ui.print_line(f"extraction runs in Python here, which is slower and gives the same: {missing}")
