"""The run a spider writes: its id, its folder, and what its warcinfo records say."""

from __future__ import annotations

import os
import platform
import socket
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from newscrawl import __version__
from newscrawl.archive.run import Run, new_run
from newscrawl.spiders.refuse import user_agent

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

WARC_11 = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


def run_of(name: str, settings: BaseSettings) -> Run:
    """A run of the spider `name`, starting now in this process; nothing is written yet."""
    return new_run(
        outlet=name,
        archives=Path(settings["NEWSCRAWL_ARCHIVES"]),
        started=datetime.now(UTC),
        pid=os.getpid(),
        host=socket.gethostname(),
        info=warcinfo(name, settings),
        now=lambda: datetime.now(UTC),
        new_id=lambda: f"<urn:uuid:{uuid4()}>",
        max_bytes=settings.getint("NEWSCRAWL_WARC_MAX_BYTES"),
        max_age=timedelta(hours=settings.getfloat("NEWSCRAWL_WARC_MAX_HOURS")),
    )


def versions() -> dict[str, str]:
    """What took part, for report and warcinfo."""
    names = ("scrapy", "twisted", "trafilatura", "lxml", "langdetect", "warcio")
    return {
        "newscrawl": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def warcinfo(name: str, settings: BaseSettings) -> tuple[tuple[str, str], ...]:
    known = versions()
    software = f"newscrawl/{known['newscrawl']} Scrapy/{known['scrapy']} Twisted/{known['twisted']}"
    contact = settings.get("NEWSCRAWL_CONTACT")
    return (
        ("software", software),
        ("format", "WARC File Format 1.1"),
        ("conformsTo", WARC_11),
        ("robots", "obey" if settings.getbool("ROBOTSTXT_OBEY") else "ignore"),
        ("http-header-user-agent", user_agent(__version__, contact)),
        *((("operator", contact),) if contact else ()),
        ("hostname", socket.gethostname()),
        ("spider", name),
    )
