"""Crawls in processes of their own: each outlet is one `scrapy crawl`, several at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from newscrawl.archive.report import Report, newest_reports, read_report
from newscrawl.archive.writer import OPEN
from newscrawl.errors import ArchiveError

LOG_NAME = "crawl.log"
_LOG_TAIL_CHARS = 4000


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


def crawl_outlets(
    outlets: Sequence[str],
    archives: Path,
    *,
    jobs: int = 2,
    settings: Mapping[str, object] | None = None,
    ended: Callable[[Crawled], None] = lambda _: None,
) -> list[Crawled]:
    """Crawl each outlet once, `jobs` at a time; results in the order of `outlets`."""

    def crawl(outlet: str) -> Crawled:
        done = crawl_outlet(outlet, archives, settings or {})
        ended(done)
        return done

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        return list(pool.map(crawl, outlets))


def crawl_outlet(outlet: str, archives: Path, settings: Mapping[str, object]) -> Crawled:
    """One crawl, waited for; its log is added to `<archives>/<outlet>/crawl.log`."""
    folder = archives / outlet
    log = folder / LOG_NAME
    before = set(newest_reports(archives, [outlet]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            start = out.tell()
            code = subprocess.run(  # noqa: S603 # our own command, no shell
                crawl_command(outlet, archives, settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Works outside a checkout too, where no scrapy.cfg names the settings.
                env={**os.environ, "SCRAPY_SETTINGS_MODULE": "newscrawl.settings"},
                check=False,
            ).returncode
        said = log.read_bytes()[start:].decode("utf-8", "replace")[-_LOG_TAIL_CHARS:]
    except OSError as error:
        raise ArchiveError(f"cannot write {log}: {error.strerror}") from error
    new = [path for path in newest_reports(archives, [outlet]) if path not in before]
    return Crawled(outlet=outlet, code=code, report=read_report(new[0]) if new else None, log=log, said=said)


def crawl_command(outlet: str, archives: Path, settings: Mapping[str, object]) -> list[str]:
    given = {"NEWSCRAWL_ARCHIVES": archives.resolve(), **settings}
    options = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
    return [sys.executable, "-m", "scrapy", "crawl", outlet, *options]


def lines_so_far(archives: Path, outlet: str) -> int:
    """Articles that a run in progress has written."""
    count = 0
    for path in (archives / outlet).glob(f"*.jsonl{OPEN}"):
        if ".rejected." not in path.name:
            count += path.read_bytes().count(b"\n")
    return count
