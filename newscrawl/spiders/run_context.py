"""The run a spider writes: its id, its folder, and what its warcinfo records say."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TypeGuard
from uuid import uuid4

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings, overridden_settings

from newscrawl import __version__
from newscrawl.archive.finished_runs import ended_pages
from newscrawl.archive.memory_files import memory_named, newest_memory
from newscrawl.archive.reextract import notes_at
from newscrawl.archive.replay import Playback, RunFiles, chosen_runs, recorded
from newscrawl.archive.report import SUFFIX, Report, read_report
from newscrawl.archive.run import Run, new_run
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Article, Rejection
from newscrawl.state.database import database_url
from newscrawl.state.database_frontier import KeptFrontier
from newscrawl.state.frontier import Frontier, MemoryFrontier, PlannedFrontier
from newscrawl.state.reconcile import link_of
from newscrawl.state.retry_policy import KILLS, LOOKS
from newscrawl.state.rows import seconds_of
from newscrawl.state.runs import Holder, State
from newscrawl.warc.filenames import is_running

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
    # Nobody is waiting at the other end.
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "HTTPCACHE_ENABLED": False,
}
"What a replay sets whatever else is asked for."
_OWN = "NEWSCRAWL_"
STATE_URL, NOTHING = "NEWSCRAWL_STATE_URL", "sqlite://"
"A database that ends with its run."
ARGUMENTS = "SPIDER_ARGUMENTS"
"Where `scrapy crawl` leaves what was given with -a."
_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|AUTH")
_SILENT = {
    *REPLAY_SETTINGS,
    ARGUMENTS,
    "NEWSCRAWL_ARCHIVES",
    "NEWSCRAWL_CONTACT",
    "NEWSCRAWL_LEARN",
    "NEWSCRAWL_REPLAY",
    "NEWSCRAWL_REPLAY_AT",
    "NEWSCRAWL_REPLAY_RUN",
    "NEWSCRAWL_WEBHOOK",  # its path may be a secret
    STATE_URL,
    "USER_AGENT",
}
"Settings no line depends on: where things lie, who asks, and what every replay changes."


def settings_digest(settings: BaseSettings) -> str:
    """Digest of the settings that bear on what is written: newscrawl's, and Scrapy's that were changed."""
    names = {name for name, _ in overridden_settings(settings)} | {"ITEM_PIPELINES"}
    names |= {name for name in settings if name.startswith(_OWN)}
    return digest_of({name: _text(settings[name]) for name in sorted(names - _SILENT)})


def given_settings(settings: BaseSettings) -> dict[str, str]:
    """What was asked of this run: settings of the command line, and newscrawl's own."""
    return forgetful(settings) | {
        name: _text(value)
        for name, value in sorted(settings.items())
        if ((settings.getpriority(name) or 0) >= SETTINGS_PRIORITIES["cmdline"] or name.startswith(_OWN))
        and name not in _SILENT
        and not _SECRET.search(name)
    }


def forgetful(settings: BaseSettings) -> dict[str, str]:
    """Told of a run that remembers nothing; another place of state is not told: it may hold a password."""
    return {STATE_URL: NOTHING} if settings.get(STATE_URL) == NOTHING else {}


def _text(value: object) -> str:
    if isinstance(value, BaseSettings):
        value = value.copy_to_dict()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def digest_of(data: dict[str, object]) -> str:
    """Sixteen hex digits of a JSON object, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


logger = logging.getLogger(__name__)

WARC_11 = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


def run_of(name: str, settings: BaseSettings) -> Run:
    """A run of the spider `name`, starting now in this process; nothing is written yet."""
    archives = Path(settings["NEWSCRAWL_ARCHIVES"])
    memory = memory_of_run(name, settings, archives / name)
    run = new_run(
        outlet=name,
        archives=archives,
        started=datetime.now(UTC),
        pid=os.getpid(),
        host=socket.gethostname(),
        info=warcinfo(name, settings, memory),
        now=lambda: datetime.now(UTC),
        new_id=lambda: f"<urn:uuid:{uuid4()}>",
        max_bytes=settings.getint("NEWSCRAWL_WARC_MAX_BYTES"),
        max_age=timedelta(hours=settings.getfloat("NEWSCRAWL_WARC_MAX_HOURS")),
        playback=playback_of(name, settings),
    )
    run.memory = memory
    return run


def memory_of_run(name: str, settings: BaseSettings, folder: Path) -> Path | None:
    """The memory a run uses from first page to last: the newest there is, or the replayed run's own."""
    if settings.get("NEWSCRAWL_REPLAY"):
        return _replayed_memory(chosen_of(name, settings), replay_time(settings))
    try:
        memory = newest_memory(folder)
        if memory:
            notes_at(memory)
    except ArchiveError as error:
        logger.warning("%s: crawled without a memory: %s", name, error)
        return None
    return memory


def _replayed_memory(runs: list[RunFiles], at: datetime | None) -> Path | None:
    """That of the run that is replayed; by time, of the last run that had begun."""
    began = [run for run in runs if at is None or run.began <= at] or runs[:1]
    memory = began[-1].memory
    return memory_named(began[-1].paths[0].parent, memory) if memory else None


def playback_of(name: str, settings: BaseSettings) -> Playback | None:
    """What NEWSCRAWL_REPLAY and its companions ask for; ArchiveError when the archive has no such run."""
    source = settings.get("NEWSCRAWL_REPLAY")
    if not source:
        return None
    at = replay_time(settings)
    run = settings.get("NEWSCRAWL_REPLAY_RUN")
    return Playback(recorded(Path(source), name, run, by_time=at is not None), at)


def chosen_of(name: str, settings: BaseSettings) -> list[RunFiles]:
    """The runs a replay will be answered from, without reading them; errors as of `playback_of`."""
    source, run = Path(settings["NEWSCRAWL_REPLAY"]), settings.get("NEWSCRAWL_REPLAY_RUN")
    return chosen_runs(source, name, run, by_time=replay_time(settings) is not None)[0]


def replay_time(settings: BaseSettings) -> datetime | None:
    """NEWSCRAWL_REPLAY_AT, aware; None when it is not set."""
    text = settings.get("NEWSCRAWL_REPLAY_AT")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NewscrawlError(f"NEWSCRAWL_REPLAY_AT: {text!r} is no time with a zone, as 2026-01-31T12:00:00Z")
    return moment


def versions() -> dict[str, str]:
    """What took part, for report and warcinfo."""
    names = ("scrapy", "twisted", "trafilatura", "lxml", "langdetect", "warcio")
    return {
        "newscrawl": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def warcinfo(name: str, settings: BaseSettings, memory: Path | None = None) -> tuple[tuple[str, str], ...]:
    known = versions()
    software = f"newscrawl/{known['newscrawl']} Scrapy/{known['scrapy']} Twisted/{known['twisted']}"
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


KNOWN = "known"
"Reason of a page whose article was archived from another page in an earlier run."
_OF_STATE = ("known", "resumed", "pending")
"Counts of a frontier that had more to choose from than the sources of its run, or chose among them."


def now() -> datetime:
    return datetime.now(UTC)


def holder() -> Holder:
    return Holder(host=socket.gethostname(), pid=os.getpid())


def held_state(outlet: str, settings: BaseSettings, looks: Sequence[int] = LOOKS) -> State | None:
    """The outlet's state under our lease, None in a replay; Busy when another process has the lease."""
    if settings.get("NEWSCRAWL_REPLAY"):
        return None
    archives = Path(settings["NEWSCRAWL_ARCHIVES"]).resolve()
    url = database_url(settings.get("NEWSCRAWL_STATE_URL"), archives)
    state = State.open(url, outlet, holder(), looks)
    try:
        state.lease.take(seconds_of(now()), is_gone)
    except BaseException:
        state.close()
        raise
    return state


def is_gone(other: Holder, taken: int) -> bool:
    """Whether a process has ended; of one on another host only its silence tells."""
    return other.host == socket.gethostname() and not is_running(other.pid, taken)


def frontier_of(state: State | None, run: Run) -> Frontier:
    """Of a live run the outlet's; of a replay what the recorded run took, where that is told."""
    if state:
        return KeptFrontier(state.pages, run.id, now)
    return planned(run) or MemoryFrontier()


def planned(run: Run) -> PlannedFrontier | None:
    """The plan of the run that is replayed, read off its lines.

    None for a run that began with nothing: there the sources say all, and a page that the archive lacks is
    worth an error. None as well when the run's report or lines are not beside its archive.
    """
    report = recorded_report(run)
    if (
        not report
        or not run.playback
        or not (asked_only_due(run) or any(report.frontier.get(name) for name in _OF_STATE))
    ):
        return None
    try:
        items = list(ended_pages(run.playback.recorded.folder, report.run))
    except ArchiveError:
        return None
    known = {
        item.warc.record_id: item.detail or ""
        for item in items
        if isinstance(item, Rejection) and item.reason == KNOWN and item.warc
    }
    unfetched = {item.url_requested: item.reason for item in items if _is_unfetched(item)}
    return PlannedFrontier(map(link_of, items), known, unfetched)


def _is_unfetched(item: Article | Rejection) -> TypeGuard[Rejection]:
    return isinstance(item, Rejection) and item.reason == KILLS


def asked_only_due(run: Run) -> bool:
    """Whether the run that is replayed asked those of its sources alone that were due."""
    report = recorded_report(run)
    return report is not None and report.settings.get("NEWSCRAWL_ONLY_DUE", "") in ("1", "True", "true")


def recorded_report(run: Run) -> Report | None:
    """That of the one run that is replayed; None when it is not beside its archive."""
    recorded = run.playback.recorded if run.playback else None
    if recorded is None or not recorded.run:
        return None
    try:
        return read_report(recorded.folder / f"{recorded.run}{SUFFIX}")
    except ArchiveError:
        return None
