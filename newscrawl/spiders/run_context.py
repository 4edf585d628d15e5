"""What surrounds a spider: its run with its settings and warcinfo, its state, and the run that it replays."""

from __future__ import annotations

import logging
import os
import platform
import re
import socket
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, overridden_settings

from newscrawl import __version__
from newscrawl.archive.bucket import OutletCopy, Spool, locate_archives
from newscrawl.archive.finished_runs import read_run_lines
from newscrawl.archive.memory_files import find_memory, newest_memory
from newscrawl.archive.reextract import read_page_records
from newscrawl.archive.replay import ReplayIndex, RunFiles, read_captures, select_runs
from newscrawl.archive.report import Report, find_report
from newscrawl.archive.run_files import Run, new_run
from newscrawl.digests import SHORT_DIGITS, json_digest
from newscrawl.downloader.capture import utc_now
from newscrawl.errors import MACHINE_FAULT, ArchiveError, MachineFault, NewscrawlError, StorageError
from newscrawl.items import Article, Page, Rejection, rfc3339
from newscrawl.spiders.lease_holder import has_ended, this_process
from newscrawl.state.database import database_url
from newscrawl.state.database_frontier import DatabaseFrontier
from newscrawl.state.encoding import epoch_seconds, from_epoch
from newscrawl.state.frontier import Frontier, MemoryFrontier, PlannedFrontier
from newscrawl.state.reconcile import link_from_line
from newscrawl.state.refetch_policy import CRASHES_PROCESS, REVISIT_AGES
from newscrawl.state.runs import State

logger = logging.getLogger(__name__)

WARC_11 = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
KNOWN = "known"
"Reason of a page whose article was archived from another page in an earlier run."
_STATE_COUNTS = ("known", "resumed", "pending")
"A frontier with these counts had links from other runs, or left out some of its own."
PAGES_AT_ONCE = 8
"""Pages that a crawl takes from its frontier together, and whose outcomes it stores together, often in the
transaction in which it takes the next."""
REPLAY_SETTINGS = {
    "DOWNLOAD_HANDLERS": {
        "http": "newscrawl.downloader.replay.ReplayHandler",
        "https": "newscrawl.downloader.replay.ReplayHandler",
        "file": None,
        "data": None,
        "ftp": None,
        "s3": None,
    },
    "TWISTED_DNS_RESOLVER": "newscrawl.downloader.replay.RefusingResolver",
    # There is no host to spare.
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "HTTPCACHE_ENABLED": False,
}
"Settings of every replay; they override all others."
RENAMED = {
    "NEWSCRAWL_CLUSTER": "NEWSCRAWL_DEDUP",
    "NEWSCRAWL_LEARN": "NEWSCRAWL_SITE_MEMORY",
    "NEWSCRAWL_RIGHTS_FILES": "NEWSCRAWL_FETCH_RIGHTS_FILES",
    "NEWSCRAWL_WRAPPED_HANDLER": "NEWSCRAWL_CAPTURE_ADAPTER",
}
"Old name to new name. None of these was ever read from the environment."
_OWN_PREFIX = "NEWSCRAWL_"
STATE_URL, NO_STATE_URL = "NEWSCRAWL_STATE_URL", "sqlite://"
"The setting, and its value for a database that ends with its run."
ARGUMENTS = "SPIDER_ARGUMENTS"
"Setting in which `scrapy crawl` stores the arguments given with -a."
_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|AUTH")
_IRRELEVANT_SETTINGS = {
    *REPLAY_SETTINGS,
    ARGUMENTS,
    "NEWSCRAWL_ARCHIVES",
    "NEWSCRAWL_SPOOL",
    "NEWSCRAWL_SPOOL_MAX_BYTES",
    "NEWSCRAWL_CONTACT",
    "NEWSCRAWL_ALARM_TEMPLATE",
    "NEWSCRAWL_INDEX",
    "NEWSCRAWL_MAIL",
    "NEWSCRAWL_MAIL_FROM",
    "NEWSCRAWL_MAIL_PASSWORD",
    "NEWSCRAWL_MAIL_SERVER",
    "NEWSCRAWL_MAIL_TLS",
    "NEWSCRAWL_MAIL_USER",
    "NEWSCRAWL_RUNS_DAYS",
    "NEWSCRAWL_SITE_MEMORY",
    "NEWSCRAWL_REPLAY",
    "NEWSCRAWL_REPLAY_AT",
    "NEWSCRAWL_REPLAY_RUN",
    "NEWSCRAWL_WEBHOOK",  # its path may be a secret
    STATE_URL,
    "USER_AGENT",
}
"Settings that no line depends on: paths, the contact, and what every replay changes."


def settings_digest(settings: BaseSettings) -> str:
    """Digest of the settings that lines may depend on: those of newscrawl, and changed settings of Scrapy."""
    names = {name for name, _ in overridden_settings(settings)} | {"ITEM_PIPELINES"}
    names |= {name for name in settings if name.startswith(_OWN_PREFIX)}
    data = {name: _setting_text(settings[name]) for name in names - _IRRELEVANT_SETTINGS}
    return json_digest(data, SHORT_DIGITS)


def recorded_settings(settings: BaseSettings) -> dict[str, str]:
    """Settings for the report: those of the command line, and newscrawl's own.

    A state URL is there only if it stands for no state: others may hold a password.
    """
    has_no_state = settings.get(STATE_URL) == NO_STATE_URL
    return ({STATE_URL: NO_STATE_URL} if has_no_state else {}) | {
        name: _setting_text(value)
        for name, value in sorted(settings.items())
        if (
            name.startswith(_OWN_PREFIX)
            or (settings.getpriority(name) or 0) >= SETTINGS_PRIORITIES["cmdline"]
        )
        and name not in _IRRELEVANT_SETTINGS
        and not _SECRET.search(name)
    }


def _setting_text(value: object) -> str:
    if isinstance(value, BaseSettings):
        value = value.copy_to_dict()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def create_run(name: str, settings: BaseSettings) -> Run:
    """A run of the spider `name`, starting now in this process; nothing is written yet."""
    archives = find_archives(settings)
    copy = None if settings.get("NEWSCRAWL_REPLAY") else prepare_copy(archives / name)
    memory = choose_memory(name, settings, archives / name)
    run = new_run(
        outlet=name,
        archives=archives,
        started=utc_now(),
        pid=os.getpid(),
        host=socket.gethostname(),
        info=warcinfo(name, settings, memory),
        now=utc_now,
        new_id=lambda: f"<urn:uuid:{uuid4()}>",
        max_bytes=settings.getint("NEWSCRAWL_WARC_MAX_BYTES"),
        max_age=timedelta(hours=settings.getfloat("NEWSCRAWL_WARC_MAX_HOURS")),
        replay_index=open_replay_index(name, settings),
    )
    run.memory = memory
    run.copy = copy
    return run


def find_archives(settings: BaseSettings) -> Path:
    """The folder in which runs write: that of the archives, or the spool of a bucket."""
    return locate_archives(settings["NEWSCRAWL_ARCHIVES"], settings["NEWSCRAWL_SPOOL"])


def prepare_copy(folder: Path) -> OutletCopy | None:
    """Bring what a run needs from the bucket; None where the archives are in none.

    While the bucket is away, the run does with what is here.
    """
    spool = Spool.find(folder.parent)
    if spool is None:
        return None
    copy, now = OutletCopy(folder=folder, storage=spool.storage), epoch_seconds(utc_now())
    # Before any file: if this process is killed, its files are looked for.
    spool.mark(folder.name, now)
    if spool.is_away(now):
        return copy
    try:
        copy.refresh()
        copy.bring_memory()
    except StorageError as error:
        logger.warning("%s: crawled without the bucket, where the files will wait: %s", folder.name, error)
        spool.note_away(now)
    return copy


def check_spool(settings: BaseSettings) -> None:
    """MachineFault if so much waits for a bucket that no run may add to it."""
    spool = None if settings.get("NEWSCRAWL_REPLAY") else Spool.find(find_archives(settings))
    waiting = spool.list_waiting() if spool else []
    size, limit = sum(mark.bytes for mark in waiting), settings.getint("NEWSCRAWL_SPOOL_MAX_BYTES")
    if spool and size >= limit:
        since = rfc3339(from_epoch(waiting[0].since))
        raise MachineFault(
            f"spool_full: {size} bytes of {len(waiting)} outlets wait for {spool.storage.url} since {since}, "
            f"and NEWSCRAWL_SPOOL_MAX_BYTES is {limit}: `newscrawl sync` sends them"
        )


def choose_memory(name: str, settings: BaseSettings, folder: Path) -> Path | None:
    """The site memory of all pages of a run: the newest one, or in a replay that of the replayed run."""
    if settings.get("NEWSCRAWL_REPLAY"):
        # In a replay by time, that of the last run that had begun then.
        runs, at = choose_replayed_runs(name, settings), replay_time(settings)
        run = ([run for run in runs if at is None or run.began <= at] or runs[:1])[-1]
        return find_memory(run.paths[0].parent, run.memory) if run.memory else None
    try:
        memory = newest_memory(folder)
        if memory:
            read_page_records(memory)
    except ArchiveError as error:
        logger.warning("%s: crawled without a memory: %s", name, error)
        return None
    return memory


def open_replay_index(name: str, settings: BaseSettings) -> ReplayIndex | None:
    """The captures that the NEWSCRAWL_REPLAY settings select; ArchiveError when there is no such run."""
    source = settings.get("NEWSCRAWL_REPLAY")
    if not source:
        return None
    at = replay_time(settings)
    run = settings.get("NEWSCRAWL_REPLAY_RUN")
    return ReplayIndex(read_captures(Path(source), name, run, by_time=at is not None), at)


def choose_replayed_runs(name: str, settings: BaseSettings) -> list[RunFiles]:
    """The runs that answer a replay, without reading them; the errors are those of `open_replay_index`."""
    source, run = Path(settings["NEWSCRAWL_REPLAY"]), settings.get("NEWSCRAWL_REPLAY_RUN")
    return select_runs(source, name, run, by_time=replay_time(settings) is not None)[0]


def replay_time(settings: BaseSettings) -> datetime | None:
    """NEWSCRAWL_REPLAY_AT as an aware datetime; None when it is not set."""
    text = settings.get("NEWSCRAWL_REPLAY_AT")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        problem = f"{text!r} is not a time with a zone, such as 2026-01-31T12:00:00Z"
        raise NewscrawlError(f"NEWSCRAWL_REPLAY_AT: {problem}")
    return moment


package_version = cache(version)


def versions() -> dict[str, str]:
    """Versions of the software, for report and warcinfo."""
    names = ("scrapy", "twisted", "trafilatura", "lxml", "langdetect", "warcio")
    return {
        "newscrawl": __version__,
        "python": platform.python_version(),
        **{name: package_version(name) for name in names},
    }


def warcinfo(name: str, settings: BaseSettings, memory: Path | None = None) -> tuple[tuple[str, str], ...]:
    """The fields of the run's warcinfo records."""
    used = versions()
    software = f"newscrawl/{used['newscrawl']} Scrapy/{used['scrapy']} Twisted/{used['twisted']}"
    contact = settings.get("NEWSCRAWL_CONTACT")
    return (
        ("software", software),
        ("format", "WARC File Format 1.1"),
        ("conformsTo", WARC_11),
        ("robots", "obey" if settings.getbool("ROBOTSTXT_OBEY") else "ignore"),
        ("http-header-user-agent", settings["USER_AGENT"]),
        *((("operator", contact),) if contact else ()),
        ("hostname", socket.gethostname()),
        ("spider", name),
        ("settingsHash", settings_digest(settings)),
        *((("memory", memory.name),) if memory else ()),
    )


def open_state(outlet: str, settings: BaseSettings, ages: Sequence[int] = REVISIT_AGES) -> State | None:
    """The outlet's state under our lease, None in a replay; Busy when another process holds the lease."""
    if settings.get("NEWSCRAWL_REPLAY"):
        return None
    archives = find_archives(settings).resolve()
    url = database_url(settings.get("NEWSCRAWL_STATE_URL"), archives)
    state = State.open(url, outlet, this_process(), ages)
    try:
        state.lease.acquire(epoch_seconds(utc_now()), has_ended)
        state.sources.keep_rows()
    except BaseException:
        state.close()
        raise
    return state


def open_frontier(state: State | None, run: Run) -> Frontier:
    """The outlet's frontier; in a replay the pages of the recorded run, if its report and lines are there."""
    if state:
        return DatabaseFrontier(
            state.urls,
            run.id,
            utc_now,
            outcomes_at_once=PAGES_AT_ONCE,
            # The next run finds the outcomes of a failed run in its lines.
            may_store=lambda: run.failure is None,
        )
    return planned_frontier(run) or MemoryFrontier()


def planned_frontier(run: Run) -> PlannedFrontier | None:
    """The pages that the replayed run took, from its lines.

    None for a run that began without state: its sources name all of its pages, and a page that is missing
    in the archive should be an error. None as well if report or lines are not beside the archive.
    """
    report, index = recorded_report(run), run.replay_index
    if not report or not index:
        return None
    if not used_only_due_sources(run) and not any(report.frontier.get(name) for name in _STATE_COUNTS):
        return None
    try:
        lines = list(read_run_lines(index.table.folder, report.run))
    except ArchiveError:
        return None
    rejections = [line for line in lines if isinstance(line, Rejection)]
    duplicates = {
        line.warc.record_id: line.detail or "" for line in rejections if line.reason == KNOWN and line.warc
    }
    skipped = {line.url_requested: line.reason for line in rejections if line.reason == CRASHES_PROCESS}
    return PlannedFrontier(map(link_from_line, lines), duplicates, skipped)


def find_unread_pages(lines: Iterable[Article | Rejection]) -> dict[str, Page]:
    """Pages that a run archived and could not read, by the URL of their link, from the run's lines."""
    # In another step a line may point to the record of a redirect, or of an attempt that failed.
    unread = (
        line
        for line in lines
        if isinstance(line, Rejection) and (line.step, line.reason) == ("extract", MACHINE_FAULT)
    )
    return {line.url_requested: page for line in unread if (page := _archived_page(line))}


def find_replayed_pages(run: Run) -> dict[str, Page]:
    """Pages that the replayed run did not fetch, because it read them in the archive of an earlier run."""
    report, index = recorded_report(run), run.replay_index
    if not report or not index:
        return {}
    try:
        lines = list(read_run_lines(index.table.folder, report.run))
    except ArchiveError:
        return {}
    earlier = (line for line in lines if line.warc and not report.has_record(line.warc))
    return {line.url_requested: page for line in earlier if (page := _archived_page(line))}


def _archived_page(line: Article | Rejection) -> Page | None:
    if not line.warc:
        return None
    return Page(link=link_from_line(line), url=line.url, status=HTTPStatus.OK, warc=line.warc)


def used_only_due_sources(run: Run) -> bool:
    """Whether the replayed run fetched only the sources that were due."""
    report = recorded_report(run)
    return report is not None and report.settings.get("NEWSCRAWL_ONLY_DUE", "") in ("1", "True", "true")


def recorded_report(run: Run) -> Report | None:
    """The report of the replayed run; None if several runs are replayed, or it is not beside its archive."""
    table = run.replay_index.table if run.replay_index else None
    if table is None or not table.run:
        return None
    try:
        return find_report(table.folder, table.run)
    except ArchiveError:
        return None
