"""Crawls in processes of their own: a `scrapy crawl` for each outlet, several at a time.

Where the system can, they are forked by a process that is ready for them instead of started from nothing.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from newscrawl.archive.report import Report, find_report, list_reported_runs
from newscrawl.cli.forked_crawls import CrawlForker, ServerLost
from newscrawl.engine import ClusterLost
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.spiders.worker_parent import can_fork
from newscrawl.warc.writer import OPEN_SUFFIX

logger = logging.getLogger(__name__)

LOG_NAME = "crawl.log"
LARGE_BYTES = 10_000_000
OLD_LOGS = 5
"Old logs of an outlet that are not deleted: the newest is not packed, since its crawl may still be running."
_LOG_TAIL_BYTES = 4000
GRACE_SECONDS = 60.0
"What a crawl has to end its downloads and close its files."
PAUSE_SECONDS = 1.0
"Between two looks at a queue in which no outlet can be crawled at the moment."
_END = ""
_USAGE_ERROR = re.compile(r"^\S{1,40}: error: ")
SCRAPY = [sys.executable, "-m", "scrapy"]


def crawl_command(
    outlet: str,
    archives: Path,
    settings: Mapping[str, object],
    arguments: Mapping[str, object] | None = None,
) -> list[str]:
    """`scrapy crawl` with these settings and spider arguments."""
    values = {"NEWSCRAWL_ARCHIVES": archives.resolve(), **settings}
    options = [word for name, value in values.items() for word in ("-s", f"{name}={value}")]
    options += [word for name, value in (arguments or {}).items() for word in ("-a", f"{name}={value}")]
    return [*SCRAPY, "crawl", outlet, *options]


def crawl_environment() -> dict[str, str]:
    """Works outside a checkout too, where no scrapy.cfg names the settings."""
    return {**os.environ, "SCRAPY_SETTINGS_MODULE": "newscrawl.settings"}


def run_crawl(command: Sequence[str]) -> str:
    """Run a crawl that nobody watches; the last line of its output, empty if it printed nothing."""
    process = subprocess.run(  # noqa: S603 # our own command, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=crawl_environment(),
        check=False,
    )
    return last_line(process.stdout.decode("utf-8", "replace"))


def last_line(output: str) -> str:
    """Without the words that Scrapy's usage errors begin with, which name a module."""
    return _USAGE_ERROR.sub("", (output.strip().splitlines() or [""])[-1])


@dataclass(frozen=True, kw_only=True)
class CrawlResult:
    """How a crawl ended."""

    outlet: str
    code: int
    "Exit code of `scrapy crawl`: 0 fine, 1 failed, 2 never began; negative: the signal that killed it."
    report: Report | None
    "None when the crawl left none."
    log: Path
    output: str
    "The end of what it printed."

    @property
    def last_line(self) -> str:
        return last_line(self.output) or "no output"


class Child(Protocol):
    """A process that was started: a `Popen`, or a fork."""

    pid: int

    def wait(self, timeout: float | None = None) -> int | None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


Launch = Callable[[Sequence[str], IO[bytes]], Child]
"Starts a command whose output goes to a file."


def start_process(command: Sequence[str], output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """The command as a new process."""
    return subprocess.Popen(  # noqa: S603 # our own command, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=crawl_environment(),
        # Ctrl-C is for whoever started the crawls: it ends each of them once.
        process_group=0,
    )


def launching(*, fork: bool = True) -> AbstractContextManager[Launch]:
    """Starts commands of Scrapy as forks where they are wanted and the system can, else as processes."""
    return forking(is_early=True) if fork and can_fork() else nullcontext(start_process)


@contextmanager
def forking(*, is_early: bool = False) -> Iterator[Launch]:
    """Starts commands of Scrapy as forks of a process that ends with the block.

    `is_early`: that process is itself a fork of this one, if this one has no threads yet.
    """
    with CrawlForker(crawl_environment()) as forker:
        if is_early:
            forker.fork_early()

        def fork(command: Sequence[str], output: IO[bytes]) -> Child:
            try:
                return forker.start(command[len(SCRAPY) :], output)
            except ServerLost as error:
                logger.warning("%s: the crawl starts a Python of its own", error)
                return start_process(command, output)

        yield fork


class CrawlProcess:
    """The process of a crawl, which can be ended at any time, also before it has started.

    It may run for `seconds`; then it is asked to end, and is killed `grace` seconds later. None: no limit.
    """

    def __init__(self, seconds: float | None, grace: float | None, launch: Launch = start_process) -> None:
        self._grace = grace
        self._launch = launch
        self._timer = threading.Timer(seconds, self._end_overdue) if seconds is not None else None
        if self._timer:
            self._timer.daemon = True
        self._lock = threading.RLock()
        self._is_terminated = False
        self._process: Child | None = None
        self.is_overdue = False

    def start(self, command: Sequence[str], output: IO[bytes]) -> Child:
        process = self._launch(command, output)
        with self._lock:
            self._process = process
            if self._is_terminated:
                process.terminate()
        return process

    def wait(self) -> int | None:
        """Wait for the process that was started, at most as long as it may run; its exit code.

        None if nobody can say it, because the process that forked it has died.
        """
        assert self._process
        if self._timer:
            self._timer.start()
        try:
            return self._process.wait()
        finally:
            if self._timer:
                self._timer.cancel()

    def terminate(self) -> None:
        """Send SIGTERM once: a second signal would end the crawl with its files open."""
        with self._lock:
            if not self._is_terminated:
                self._is_terminated = True
                if self._process:
                    self._process.terminate()

    def stop(self) -> None:
        """Terminate the process, and kill it if it has not ended after the grace."""
        self.terminate()
        with self._lock:
            process = self._process
        if process:
            try:
                process.wait(self._grace)
            except subprocess.TimeoutExpired:
                process.kill()

    def _end_overdue(self) -> None:
        self.is_overdue = True
        self.stop()


def crawl_outlet(
    process: CrawlProcess, outlet: str, archives: Path, settings: Mapping[str, object]
) -> CrawlResult:
    """Crawl an outlet and wait for the end; its log goes to `<archives>/<outlet>/crawl.log`."""
    log = archives / outlet / LOG_NAME
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        rotate_log(log)
        with log.open("ab") as output:
            start = output.tell()
            older = list_reported_runs(log.parent)
            child = process.start(crawl_command(outlet, archives, settings), output)
            code = process.wait()
        tail = read_log_tail(log, start).decode("utf-8", "replace")
    except OSError as error:
        raise ArchiveError(f"cannot write {log}: {error.strerror}") from error
    # The id of a run ends with the id of its process.
    newer = (run for run in list_reported_runs(log.parent) - older if run.endswith(f"-{child.pid}"))
    run = max(newer, default=None)
    report = find_report(log.parent, run) if run else None
    if code is None:
        code = 0 if report and not report.error else 1
    return CrawlResult(outlet=outlet, code=code, report=report, log=log, output=tail)


def read_log_tail(log: Path, start: int) -> bytes:
    """The end of what a log has from `start` on; OSError."""
    with log.open("rb") as stream:
        stream.seek(max(start, log.stat().st_size - _LOG_TAIL_BYTES))
        return stream.read()


class WorkerPool:
    """Threads that crawl outlets, each taking the next outlet from a queue that they share."""

    def __init__(
        self,
        queue: Iterable[str | None],
        crawl: Callable[[str, CrawlProcess], CrawlResult],
        launch: Launch = start_process,
        *,
        is_endless: bool = False,
    ) -> None:
        """`queue`: the outlets in their order; None: no outlet can be crawled at the moment, ask again.

        Of an endless queue no results are collected.
        """
        self._is_endless = is_endless
        self._queue = iter(queue)
        self._crawl = crawl
        self._launch = launch
        self._queue_lock = threading.Lock()
        self._stopping = threading.Event()
        self._running: list[CrawlProcess] = []
        self._started = 0
        self._results: list[tuple[int, CrawlResult]] = []

    @property
    def results(self) -> list[CrawlResult]:
        """In the order in which the crawls were started."""
        return [result for _, result in sorted(self._results, key=lambda pair: pair[0])]

    def work(self, seconds: float | None, grace: float) -> None:
        """Crawl until the queue is at its end; for a thread."""
        while not self._stopping.is_set():
            process = CrawlProcess(seconds, grace if seconds is not None else None, self._launch)
            with self._queue_lock:
                outlet = next(self._queue, _END)
                self._started, place = self._started + 1, self._started
            if outlet == _END:
                return
            if outlet is None:
                self._stopping.wait(PAUSE_SECONDS)
                continue
            self._running.append(process)
            try:
                # The pool may have been stopped while the queue was asked.
                if not self._stopping.is_set():
                    result = self._crawl(outlet, process)
                    self._results += [] if self._is_endless else [(place, result)]
            except BaseException:
                # The queue may not have heard that this crawl has ended, and would wait for it for ever.
                self._stopping.set()
                raise
            finally:
                self._running.remove(process)

    def stop(self) -> None:
        """Start no more crawls, and end those that are running, all of them at the same time."""
        self._stopping.set()
        running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            process.stop()


def crawl_outlets(
    seconds: float | None,
    queue: Iterable[str | None],
    archives: Path,
    *,
    jobs: int = 2,
    settings: Mapping[str, object] | None = None,
    on_end: Callable[[CrawlResult], None] = lambda _: None,
    on_overdue: Callable[[str], None] = lambda _: None,
    grace: float = GRACE_SECONDS,
    launch: Launch = start_process,
    is_endless: bool = False,
) -> list[CrawlResult]:
    """Crawl the outlets of a queue, `jobs` at a time; None in it: wait and ask again.

    Each crawl may take `seconds`; without that limit none is ever killed. Of an endless queue no results are
    collected.
    """

    def crawl(outlet: str, process: CrawlProcess) -> CrawlResult:
        try:
            result = crawl_outlet(process, outlet, archives, settings or {})
        except ClusterLost:
            # No outlet is to blame, and none can be crawled.
            raise
        except NewscrawlError as error:
            log = archives / outlet / LOG_NAME
            result = CrawlResult(outlet=outlet, code=1, report=None, log=log, output=str(error))
        if process.is_overdue:
            on_overdue(outlet)
            was_killed = result.code < 0
            result = replace(result, output=f"killed after {seconds:g} s") if was_killed else result
        on_end(result)
        return result

    pool = WorkerPool(queue, crawl, launch, is_endless=is_endless)
    threads = max(1, jobs)
    with ThreadPoolExecutor(max_workers=threads) as executor, _stopped_by_sigterm(pool):
        futures = [executor.submit(pool.work, seconds, grace) for _ in range(threads)]
        try:
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            pool.stop()
            raise
    return pool.results


@contextmanager
def _stopped_by_sigterm(pool: WorkerPool) -> Iterator[None]:
    """SIGTERM ends the crawls first, then this process."""

    def handle(number: int, _: object) -> None:
        pool.stop()
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class LineCounter:
    """Counts the pages and articles that running crawls have written; reads each byte of their lines once."""

    def __init__(self, archives: Path) -> None:
        self._archives = archives
        self._began = time.time()
        self._offsets: dict[Path, int] = {}
        self._articles: Counter[str] = Counter()
        self._rejections: Counter[str] = Counter()

    def count(self, outlet: str) -> tuple[int, int]:
        """Pages and articles so far of the outlet's runs that began after this counter."""
        for path in (self._archives / outlet).glob(f"*.jsonl{OPEN_SUFFIX}"):
            counts = self._rejections if ".rejected." in path.name else self._articles
            counts[outlet] += self._count_new_lines(path)
        return self._articles[outlet] + self._rejections[outlet], self._articles[outlet]

    def _count_new_lines(self, path: Path) -> int:
        try:
            if path.stat().st_mtime < self._began:
                return 0
            with path.open("rb") as stream:
                stream.seek(self._offsets.get(path, 0))
                added = stream.read()
        except FileNotFoundError:
            return 0  # closed since it was listed
        self._offsets[path] = self._offsets.get(path, 0) + len(added)
        return added.count(b"\n")


def rotate_log(log: Path, max_bytes: int = LARGE_BYTES, old_logs: int = OLD_LOGS) -> None:
    """Make way for a new log if this log is large; OSError."""
    if not log.exists() or log.stat().st_size < max_bytes:
        return
    _old_log(log, old_logs).unlink(missing_ok=True)
    for number in range(old_logs - 1, 1, -1):
        if _old_log(log, number).exists():
            _old_log(log, number).rename(_old_log(log, number + 1))
    if _old_log(log, 1).exists():
        _compress_log(_old_log(log, 1), _old_log(log, 2))
    log.rename(_old_log(log, 1))


def _old_log(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}{'.gz' if number > 1 else ''}")


def _compress_log(plain: Path, packed: Path) -> None:
    draft = packed.with_name(f"{packed.name}.tmp")
    with plain.open("rb") as source, gzip.open(draft, "wb") as target:
        shutil.copyfileobj(source, target)
    draft.rename(packed)
    plain.unlink()
