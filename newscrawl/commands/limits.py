"""Several crawls at a time; one that has a limit is asked to close its files, and killed if it does not."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from newscrawl.commands.crawls import LOG_NAME, Crawled, crawl_outlet
from newscrawl.errors import NewscrawlError

GRACE_SECONDS = 60.0
"What a crawl has to end its downloads and close its files."


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


def crawl_within(
    seconds: float | None,
    outlets: Sequence[str],
    archives: Path,
    *,
    jobs: int = 2,
    settings: Mapping[str, object] | None = None,
    ended: Callable[[Crawled], None] = lambda _: None,
    overdue: Callable[[str], None] = lambda _: None,
    is_wanted: Callable[[str], bool] = lambda _: True,
    grace: float = GRACE_SECONDS,
) -> list[Crawled]:
    """Crawl each outlet once, `jobs` at a time, in the order given; those no longer wanted are left out.

    Each may take `seconds`; without that limit none is ever killed.
    """

    def crawl(outlet: str) -> Crawled | None:
        watched = Watched(seconds, grace if seconds is not None else None)
        at_work.append(watched)
        try:
            if not is_wanted(outlet):
                return None
            done = crawl_outlet(outlet, archives, settings or {}, watched)
        except NewscrawlError as error:
            log = archives / outlet / LOG_NAME
            done = Crawled(outlet=outlet, code=1, report=None, log=log, said=str(error))
        finally:
            at_work.remove(watched)
        if watched.is_overdue:
            overdue(outlet)
            done = replace(done, said=f"killed after {seconds:g} s") if done.code < 0 else done
        ended(done)
        return done

    at_work: list[Watched] = []
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool, _ended_with_us(pool, at_work):
        return [done for done in pool.map(crawl, outlets) if done]


@contextmanager
def _ended_with_us(pool: ThreadPoolExecutor, at_work: list[Watched]) -> Iterator[None]:
    """SIGTERM ends the crawls too, all of them at the same time; then we go."""

    def end(number: int, _: object) -> None:
        pool.shutdown(wait=False, cancel_futures=True)
        asked = list(at_work)
        for watched in asked:
            watched.ask()
        for watched in asked:
            watched.end()
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
