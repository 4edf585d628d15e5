"""The run a spider writes: its id, its folder, and what its warcinfo records say."""

from __future__ import annotations

import logging
import os
import platform
import socket
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from newscrawl import __version__
from newscrawl.archive.captures import RunFiles, chosen_runs, recorded
from newscrawl.archive.playback import Playback
from newscrawl.archive.run import Run, new_run
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extraction import notes_at
from newscrawl.spiders.given import settings_digest
from newscrawl.state.memories import memory_named, newest_memory

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

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
