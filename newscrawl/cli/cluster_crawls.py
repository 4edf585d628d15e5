"""Crawls on the workers of a cluster: `newscrawl run --on`.

A worker forks a crawl as `newscrawl run` does, from a process that lives as long as the worker, and answers
with its exit code. The crawl itself is that of any other machine: its lease keeps others away, its log and
its files go into the archives, which the workers share. Of archives in a bucket each machine has a spool of
its own, and whoever asked gets the end of the log and the report. So a crawl ends well even if the worker,
the scheduler or whoever asked for it is killed, and none of these faults counts against the outlet.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple
from uuid import uuid4

from newscrawl.archive.report import find_report_file, list_reported_runs
from newscrawl.cli import ui
from newscrawl.cli.crawl_places import CrawlPlace, require_same_place
from newscrawl.cli.processes import (
    SCRAPY,
    Child,
    Launch,
    last_line,
    launching,
    read_log_tail,
    rotate_log,
)
from newscrawl.engine import ClusterLost, Result
from newscrawl.engine.cluster import ClusterEngine, connect
from newscrawl.errors import NOT_ITS_FAULT, MachineFault, NewscrawlError, archive_errors
from newscrawl.outlet import outlet_files

logger = logging.getLogger(__name__)

OUTLETS = "NEWSCRAWL_OUTLETS="


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlOrder:
    """A crawl for a worker."""

    key: str
    "Names it when it is to be stopped."
    arguments: tuple[str, ...]
    "Of `scrapy`."
    log: Path
    "Of the command, which the worker writes where it shares the archives."
    place: CrawlPlace
    outlet: str
    outlet_file: bytes
    "The worker needs no outlet files of its own."


class CrawlEnd(NamedTuple):
    """How a crawl on a worker ended."""

    pid: int
    code: int | None
    log: bytes = b""
    "The end of its log, where that is not the command's."
    report: str = ""
    "Name of its report there; empty if it left none."


class ClusterCrawl:
    """A crawl on a worker, with the methods of a process of one's own."""

    def __init__(self, engine: ClusterEngine, order: CrawlOrder, output: IO[bytes]) -> None:
        self.pid = 0
        self._engine = engine
        self._order = order
        self._output = output
        self._start = os.fstat(output.fileno()).st_size
        self._result: Result[CrawlOrder, CrawlEnd] | None = None
        self._lost: ClusterLost | None = None
        self._has_ended = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            (self._result,) = self._engine.results(run_crawl_order, [self._order], slot="crawl")
            if self._result.value:
                self._take_over(self._result.value)
        except ClusterLost as error:
            self._lost = error
        finally:
            self._has_ended.set()

    def _take_over(self, end: CrawlEnd) -> None:
        """Write the end of the crawl's log to that of the command, and bring its report from the bucket.

        The crawl has ended as it has, whatever goes wrong here.
        """
        with _only_warn(f"{self._order.outlet}: the worker's log is not in {self._order.log}"):
            # A worker of this machine may have the same spool, and has written to the same log.
            if end.log and os.fstat(self._output.fileno()).st_size == self._start:
                # What a buffer could not write would fail again when whoever opened the log closes it.
                os.write(self._output.fileno(), end.log)
        with _only_warn(f"{self._order.outlet}: the report of the crawl is not here"):
            if end.report:
                self._order.place.archives.bring_report(self._order.log.parent / end.report)

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code; ClusterLost if the cluster is to blame that there is none."""
        if not self._has_ended.wait(timeout):
            raise subprocess.TimeoutExpired("crawl", timeout or 0)
        if self._result is None:
            raise self._lost or ClusterLost(f"{self._order.outlet}: the cluster gave no answer")
        end = self._result.get()
        self.pid = end.pid
        return end.code

    def terminate(self) -> None:
        self._stop(False)

    def kill(self) -> None:
        self._stop(True)

    def _stop(self, at_once: bool) -> None:
        # Without a cluster the crawl ends by itself, under its lease.
        with suppress(ClusterLost):
            self._engine.broadcast(stop_crawl_order, self._order.key, at_once)


@contextmanager
def _only_warn(text: str) -> Iterator[None]:
    try:
        yield
    except (OSError, NewscrawlError) as error:
        logger.warning("%s: %s", text, error)


@contextmanager
def crawling_on(address: str, archives: Path, settings: Mapping[str, object]) -> Iterator[Launch]:
    """Starts commands of Scrapy with these settings on the workers of the cluster at this address.

    ClusterLost if a worker has other archives or another state.
    """
    place = CrawlPlace.find(archives, settings)
    with connect(address) as engine:
        if not engine.count_slots("crawl"):
            raise ClusterLost(f"no worker of {address} takes crawls: start them with --crawls")
        require_same_place(engine, place)

        def launch(command: Sequence[str], output: IO[bytes]) -> Child:
            name, outlet, *options = command[len(SCRAPY) :]
            # A later -s wins.
            arguments = (name, outlet, *_shared_folder_options(place), *options)
            order = CrawlOrder(
                key=uuid4().hex,
                arguments=arguments,
                log=Path(output.name).resolve(),
                place=place,
                outlet=outlet,
                outlet_file=_read_outlet_file(outlet, arguments),
            )
            return ClusterCrawl(engine, order, output)

        yield launch


def _shared_folder_options(place: CrawlPlace) -> Sequence[str]:
    """The index is an SQLite file, whose locks and shared memory are not safe between machines."""
    return () if place.archives.bucket else ("-s", "NEWSCRAWL_INDEX=0")


def _read_outlet_file(outlet: str, arguments: Sequence[str]) -> bytes:
    """The file of the outlet, in the folders that the crawl would look in; empty if there is none."""
    chosen = [text.removeprefix(OUTLETS) for text in arguments if text.startswith(OUTLETS)]
    folders = [Path(name) for name in chosen[-1].split(",")] if chosen else ui.outlet_folders()
    path = outlet_files(folders).get(outlet)
    return path.read_bytes() if path else b""


class RunningCrawls:
    """The crawls of this worker, and those that are to be stopped before they begin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: dict[str, Child] = {}
        self._stopped: set[str] = set()

    def add(self, key: str, child: Child) -> None:
        with self._lock:
            self._children[key] = child
            if key in self._stopped:
                child.terminate()

    def remove(self, key: str) -> None:
        with self._lock:
            self._children.pop(key, None)
            self._stopped.discard(key)

    def stop(self, key: str, at_once: bool) -> None:
        with self._lock:
            child = self._children.get(key)
            if child is None:
                # Another worker has it, or it has not begun.
                self._stopped.add(key)
            elif at_once:
                child.kill()
            else:
                child.terminate()


_RUNNING = RunningCrawls()


def run_crawl_order(order: CrawlOrder) -> CrawlEnd:
    """Crawl, and wait for the end. For a worker.

    MachineFault if its machine is to blame that there was no crawl: others may do better.
    """
    # A worker that has come since the command connected.
    if difference := order.place.find_difference():
        raise MachineFault(f"{platform.node()}: {difference}")
    archives = order.place.archives
    log = archives.locate(order.log)
    with archive_errors(f"write {log}", MachineFault):
        if archives.bucket:
            log.parent.mkdir(parents=True, exist_ok=True)
            rotate_log(log)
        elif not log.is_file():
            raise MachineFault(f"{log} is not there on {platform.node()}: workers share the archives")
        older = list_reported_runs(log.parent)
        output = log.open("ab")
    options = ("-s", f"NEWSCRAWL_ARCHIVES={archives.locate(archives.folder)}") if archives.bucket else ()
    with output:
        start = output.tell()
        end = _crawl(order, output, *options)
    with archive_errors(f"read {log}", MachineFault):
        tail = read_log_tail(log, start)
    if end.code == NOT_ITS_FAULT:
        reason = last_line(tail.decode("utf-8", "replace"))
        raise MachineFault(reason or f"{order.outlet}: exit code {NOT_ITS_FAULT}")
    if not archives.bucket:
        return end
    newer = (run for run in list_reported_runs(log.parent) - older if run.endswith(f"-{end.pid}"))
    run = max(newer, default="")
    path = find_report_file(log.parent, run) if run else None
    report = path.name if path else ""
    return end._replace(log=f"{platform.node()}: {log}\n".encode() + tail, report=report)


def _crawl(order: CrawlOrder, output: IO[bytes], *more: str) -> CrawlEnd:
    child = _start_crawl(order, output, *more)
    _RUNNING.add(order.key, child)
    try:
        return CrawlEnd(child.pid, child.wait())
    finally:
        _RUNNING.remove(order.key)


def _start_crawl(order: CrawlOrder, output: IO[bytes], *more: str) -> Child:
    """MachineFault if there is no room for a file or a process."""
    arguments = [*order.arguments, *more]
    try:
        with archive_errors("start a crawl", MachineFault):
            if order.outlet_file:
                folder = _write_outlet_folder(order.outlet, order.outlet_file)
                arguments += ["-s", f"{OUTLETS}{folder}"]
            return _launch()([*SCRAPY, *arguments], output)
    except NewscrawlError as error:
        raise MachineFault(str(error)) from error


def stop_crawl_order(key: str, at_once: bool) -> None:
    """End a crawl if this worker runs it."""
    _RUNNING.stop(key, at_once)


_LIFETIME = ExitStack()
"What stays open as long as this worker lives."


@lru_cache(maxsize=1)
def _launch() -> Launch:
    """What starts crawls on this worker."""
    return _LIFETIME.enter_context(launching())


@lru_cache(maxsize=1)
def _outlets_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="newscrawl-outlets-"))


def _write_outlet_folder(name: str, content: bytes) -> Path:
    """A folder with the file of this outlet alone; each content has a folder of its own."""
    folder = _outlets_folder() / hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    if not path.is_file():
        draft = path.with_suffix(f".{threading.get_ident()}.tmp")
        draft.write_bytes(content)
        draft.rename(path)
    return folder
