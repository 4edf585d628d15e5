"""Files of archives in a bucket: brought for the commands that read them, sent after those that change them.

For archives that are a folder, all of this does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from newscrawl import settings
from newscrawl.archive.bucket import (
    LINE_SUFFIXES,
    OutletCopy,
    Spool,
    bring_outlets,
    is_stored,
)
from newscrawl.archive.lines import has_closed_lines
from newscrawl.archive.report import REPORT_SUFFIX, find_report, may_hold_report, reports_name
from newscrawl.cli import ui
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.state.runs import State
from newscrawl.state.stored_runs import StoredRuns
from newscrawl.storage import read_bucket_url
from newscrawl.warc.filenames import parse_filename
from newscrawl.warc.packages import ARCHIVE_SUFFIXES

EVERY_SUFFIX = (*ARCHIVE_SUFFIXES, *LINE_SUFFIXES)
"Records, lines and reports."


def bring_files(
    archives: Path,
    outlets: Iterable[str] | None = None,
    suffixes: tuple[str, ...] = LINE_SUFFIXES,
    *,
    with_memories: bool = False,
) -> None:
    """Bring the files of these outlets, or of all, that have such suffixes; `with_memories`: those too."""
    if read_bucket_url(archives) is None:
        return
    with ui.progress_bar("fetching", None, files=0) as (update, _):
        count = 0

        def on_file(name: str) -> None:
            nonlocal count
            count += 1
            update(description=name, files=count)

        bring_outlets(
            archives,
            outlets,
            suffixes,
            max_bytes=settings.NEWSCRAWL_SPOOL_MAX_BYTES,
            with_memories=with_memories,
            on_file=on_file,
        )


def bring_paths(paths: Sequence[Path], suffixes: tuple[str, ...] = EVERY_SUFFIX) -> None:
    """The same for the paths of archives, of outlets in them, or of files of outlets."""
    for path in paths:
        if read_bucket_url(path) is not None:
            bring_files(path, suffixes=suffixes)
        elif read_bucket_url(path.parent) is not None:
            bring_files(path.parent, [path.name], suffixes)
        elif read_bucket_url(path.parent.parent) is not None and (copy := OutletCopy.find(path.parent)):
            copy.refresh()
            copy.bring(lambda name, wanted=path.name: name == wanted)  # type: ignore[misc]


def bring_run(archives: Path, run: str) -> None:
    """Bring all files of a run, and the memories of its outlet."""
    parsed = parse_filename(f"{run}{REPORT_SUFFIX}")
    copy = OutletCopy.find(archives / parsed.outlet) if parsed else None
    if copy is None or parsed is None:
        return
    copy.refresh()
    copy.bring_block_list()
    copy.bring(lambda name: name.startswith(f"{run}.") or may_hold_report(name, run))
    report = find_report(copy.folder, run)
    warcs = {Path(name).name for name in report.warcs} if report else set()
    names = warcs.union(map(reports_name, warcs))
    copy.bring(lambda name: name in names)


def list_unstored_runs(state: State, folder: Path) -> list[Any]:
    """Rows of runs that have ended with pages, and whose lines are neither in the bucket nor here."""
    copy = OutletCopy.find(folder)
    if copy is None:
        return []
    copy.refresh()
    return [
        run
        for run in StoredRuns(state.database).with_pages(folder.name)
        if not copy.has_lines(run.id) and not has_closed_lines(folder, run.id)
    ]


def warn_of_waiting_runs(state: State, folder: Path) -> None:
    """Name the runs whose lines a change of the bucket has not reached."""
    for run in list_unstored_runs(state, folder):
        ui.warn(f"{run.id} waits on {run.host} and may hold it too: repeat this when it is in the bucket")


def make_folders(archives: Path) -> None:
    """A folder for each outlet of the bucket, for what is made of the files there."""
    if spool := Spool.find(archives):
        for outlet in spool.list_outlets():
            (archives / outlet).mkdir(parents=True, exist_ok=True)


def send_files(archives: Path, outlets: Iterable[str]) -> None:
    """Send what a command has changed in these outlets, whose leases the caller holds.

    NewscrawlError if anything could not be sent; `newscrawl sync` tries again.
    """
    spool = Spool.find(archives)
    for outlet in outlets if spool else ():
        assert spool
        copy = OutletCopy(folder=archives / outlet, storage=spool.storage)
        results = copy.send()
        if not is_stored(results):
            detail = "; ".join(result.detail for result in results if result.detail)
            raise ArchiveError(f"{outlet}: changed here and not yet in the bucket: {detail}")
        spool.unmark(outlet)


def require_bucket(archives: Path) -> Spool:
    """The spool of the archives; NewscrawlError where they are in no bucket."""
    if spool := Spool.find(archives):
        return spool
    raise NewscrawlError(f"{archives} is no spool of a bucket: name where to copy the files to")
