"""Crawls in processes of their own: each outlet is one `scrapy crawl`, several at a time."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from newscrawl.archive.report import SUFFIX, Report, read_report
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.warc.writer import OPEN

LARGE_BYTES = 10_000_000
KEPT = 5
"Older logs of an outlet: the newest as it is, for its crawl may still be at work, the others packed."


def rotate(log: Path, large: int = LARGE_BYTES, kept: int = KEPT) -> None:
    """Make way for a new log once this one is large; OSError."""
    if not log.exists() or log.stat().st_size < large:
        return
    _numbered(log, kept).unlink(missing_ok=True)
    for number in range(kept - 1, 1, -1):
        if _numbered(log, number).exists():
            _numbered(log, number).rename(_numbered(log, number + 1))
    if _numbered(log, 1).exists():
        _pack(_numbered(log, 1), _numbered(log, 2))
    log.rename(_numbered(log, 1))


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}{'.gz' if number > 1 else ''}")


def _pack(plain: Path, packed: Path) -> None:
    draft = packed.with_name(f"{packed.name}.tmp")
    with plain.open("rb") as source, gzip.open(draft, "wb") as out:
        shutil.copyfileobj(source, out)
    draft.rename(packed)
    plain.unlink()


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


GRACE_SECONDS = 60.0
"What a crawl has to end its downloads and close its files."
PAUSE_SECONDS = 1.0
"Between two looks whose turn it is, where it is nobody's."
_NOBODY = ""


class Watched(set["subprocess.Popen[bytes]"]):
    """The process of one crawl, from when it is added until it is discarded.

    It may take `seconds`, and `grace` seconds more once asked to end; any time where they are None.
    """

    def __init__(self, seconds: float | None, grace: float | None) -> None:
        super().__init__()
        self._grace = grace
        self._timer = threading.Timer(seconds, self._out_of_time) if seconds is not None else None
        if self._timer:
            self._timer.daemon = True
        self._lock = threading.RLock()
        self._is_asked = False
        self.is_overdue = False

    def add(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            super().add(child)
            if self._is_asked:
                child.terminate()
        if self._timer:
            self._timer.start()

    def discard(self, child: object) -> None:
        if self._timer:
            self._timer.cancel()
        with self._lock:
            super().discard(child)

    def ask(self) -> None:
        """SIGTERM, once: a second one would end the crawl with its files open."""
        with self._lock:
            if not self._is_asked:
                self._is_asked = True
                for child in self:
                    child.terminate()

    def end(self) -> None:
        """Ask, and kill what has not ended after the grace."""
        self.ask()
        with self._lock:
            children = list(self)
        for child in children:
            try:
                child.wait(self._grace)
            except subprocess.TimeoutExpired:
                child.kill()

    def _out_of_time(self) -> None:
        self.is_overdue = True
        self.end()


class Slots:
    """Crawls at work, each of which takes the outlet whose turn it is when it begins."""

    def __init__(self, outlets: Iterable[str | None], crawl: Callable[[str, Watched], Crawled]) -> None:
        """`outlets`: whose turn it is, one after the other; None: nobody's at the moment."""
        self._turns = iter(outlets)
        self._crawl = crawl
        self._taking = threading.Lock()
        self._stopping = threading.Event()
        self._at_work: list[Watched] = []
        self._begun = 0
        self._done: list[tuple[int, Crawled]] = []

    @property
    def crawled(self) -> list[Crawled]:
        """In the order in which they were begun."""
        return [done for _, done in sorted(self._done, key=lambda one: one[0])]

    def work(self, seconds: float | None, grace: float) -> None:
        """Crawl one outlet after the other until there is none left; for a thread."""
        while not self._stopping.is_set():
            watched = Watched(seconds, grace if seconds is not None else None)
            with self._taking:
                turn = next(self._turns, _NOBODY)
                self._begun, place = self._begun + 1, self._begun
            if turn == _NOBODY:
                return
            if turn is None:
                self._stopping.wait(PAUSE_SECONDS)
                continue
            self._at_work.append(watched)
            try:
                # It may have been stopped while the turn was looked up.
                if not self._stopping.is_set():
                    self._done.append((place, self._crawl(turn, watched)))
            except BaseException:
                # That its crawl has ended may not have been told, and then its turn would never be over.
                self._stopping.set()
                raise
            finally:
                self._at_work.remove(watched)

    def end(self) -> None:
        """Begin no more, and end those at work, all of them at the same time."""
        self._stopping.set()
        asked = list(self._at_work)
        for watched in asked:
            watched.ask()
        for watched in asked:
            watched.end()


def crawl_within(
    seconds: float | None,
    outlets: Iterable[str | None],
    archives: Path,
    *,
    jobs: int = 2,
    settings: Mapping[str, object] | None = None,
    ended: Callable[[Crawled], None] = lambda _: None,
    overdue: Callable[[str], None] = lambda _: None,
    grace: float = GRACE_SECONDS,
) -> list[Crawled]:
    """Crawl each outlet, `jobs` at a time, in the order given; None among them: wait for the next.

    Each may take `seconds`; without that limit none is ever killed.
    """

    def crawl(outlet: str, watched: Watched) -> Crawled:
        try:
            done = crawl_outlet(outlet, archives, settings or {}, watched)
        except NewscrawlError as error:
            log = archives / outlet / LOG_NAME
            done = Crawled(outlet=outlet, code=1, report=None, log=log, said=str(error))
        if watched.is_overdue:
            overdue(outlet)
            done = replace(done, said=f"killed after {seconds:g} s") if done.code < 0 else done
        ended(done)
        return done

    slots = Slots(outlets, crawl)
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool, _ended_with_us(slots):
        for working in [pool.submit(slots.work, seconds, grace) for _ in range(max(1, jobs))]:
            working.result()
    return slots.crawled


@contextmanager
def _ended_with_us(slots: Slots) -> Iterator[None]:
    """SIGTERM ends the crawls too; then we go."""

    def end(number: int, _: object) -> None:
        slots.end()
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
