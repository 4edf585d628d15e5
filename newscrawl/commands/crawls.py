"""Crawls in processes of their own: each outlet is one `scrapy crawl`, several at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from newscrawl.archive.report import SUFFIX, Report, read_report
from newscrawl.archive.writer import OPEN
from newscrawl.commands.rotation import rotate
from newscrawl.errors import ArchiveError

LOG_NAME = "crawl.log"
_LOG_TAIL_BYTES = 4000


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """How one crawl ended."""

    outlet: str
    code: int
    "Exit code of `scrapy crawl`: 0 fine, 1 failed, 2 never began."
    report: Report | None
    "None when the crawl left none."
    log: Path
    said: str
    "The end of what it printed."


def crawl_outlet(
    outlet: str, archives: Path, settings: Mapping[str, object], children: set[subprocess.Popen[bytes]]
) -> Crawled:
    """One crawl, waited for; its log is added to `<archives>/<outlet>/crawl.log`."""
    log = archives / outlet / LOG_NAME
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        rotate(log)
        with log.open("ab") as out:
            start = out.tell()
            before = set(log.parent.glob(f"*{SUFFIX}"))
            child = subprocess.Popen(  # noqa: S603 # our own command, no shell
                crawl_command(outlet, archives, settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Works outside a checkout too, where no scrapy.cfg names the settings.
                env={**os.environ, "SCRAPY_SETTINGS_MODULE": "newscrawl.settings"},
            )
            children.add(child)
            code = child.wait()
            children.discard(child)
        said = _tail(log, start)
    except OSError as error:
        raise ArchiveError(f"cannot write {log}: {error.strerror}") from error
    # A run's id ends with its process.
    path = max(set(log.parent.glob(f"*-{child.pid}{SUFFIX}")) - before, default=None)
    return Crawled(outlet=outlet, code=code, report=read_report(path) if path else None, log=log, said=said)


def _tail(log: Path, start: int) -> str:
    """The end of what was added to a log since `start`."""
    with log.open("rb") as stream:
        stream.seek(max(start, log.stat().st_size - _LOG_TAIL_BYTES))
        return stream.read().decode("utf-8", "replace")


def crawl_command(outlet: str, archives: Path, settings: Mapping[str, object]) -> list[str]:
    given = {"NEWSCRAWL_ARCHIVES": archives.resolve(), **settings}
    options = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
    return [sys.executable, "-m", "scrapy", "crawl", outlet, *options]


class Progress:
    """Articles that runs in progress have written, each byte counted once."""

    def __init__(self, archives: Path) -> None:
        self._archives = archives
        self._began = time.time()
        self._read: dict[Path, int] = {}
        self._lines: Counter[str] = Counter()

    def articles(self, outlet: str) -> int:
        """Lines so far of the runs of an outlet that began after this did."""
        for path in (self._archives / outlet).glob(f"*.jsonl{OPEN}"):
            if ".rejected." not in path.name:
                self._lines[outlet] += self._new_lines(path)
        return self._lines[outlet]

    def _new_lines(self, path: Path) -> int:
        try:
            if path.stat().st_mtime < self._began:
                return 0
            with path.open("rb") as stream:
                stream.seek(self._read.get(path, 0))
                added = stream.read()
        except FileNotFoundError:
            return 0  # closed since it was listed
        self._read[path] = self._read.get(path, 0) + len(added)
        return added.count(b"\n")
