"""One run of one outlet on disk: its WARC files, its lines, and what was counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from newscrawl.archive.lines import LinesFile, json_line
from newscrawl.archive.manifest import note_finished
from newscrawl.archive.replay import Playback
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Rejection, WarcPointer
from newscrawl.warc.records import Exchange
from newscrawl.warc.writer import MAX_AGE, MAX_BYTES, WarcNames, WarcWriter, WrittenWarc

T = TypeVar("T")


def run_id(outlet: str, started: datetime, pid: int) -> str:
    """Unique on one machine; sorts by time within an outlet."""
    return f"{outlet}-{started.astimezone(UTC):%Y%m%d%H%M%S%f}"[: len(outlet) + 18] + f"-{pid}"


@dataclass(kw_only=True)
class Run:
    """Everything one run writes goes through here; ArchiveError when it cannot be written."""

    id: str
    outlet: str
    folder: Path
    "archives/<outlet>"
    started: datetime
    warc: WarcWriter | None
    "None in a replay: what is read is recorded already."
    articles: LinesFile
    rejections: LinesFile
    failure: ArchiveError | None = None
    "The first error of writing; the run must not go on after it."
    languages: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    exchanges: int = 0
    playback: Playback | None = None
    "What a replay is answered from."
    memory: Path | None = None
    "What was learned of the outlet before; the same for all pages of the run."
    learned: Path | None = None
    "The memory that the run left."

    @property
    def source(self) -> Path:
        """Where the records are that pointers point at."""
        return self.playback.recorded.folder if self.playback else self.folder

    def open(self) -> None:
        """Begin the files, so that a folder that cannot be written is known before the first request."""
        if self.warc:
            self._guarded(self.warc.open)
        self._guarded(self.articles.open)
        self._guarded(self.rejections.open)

    def write_exchange(self, exchange: Exchange) -> WarcPointer:
        warc = self.warc
        assert warc, "a replay writes no exchange"
        pointer = self._guarded(lambda: warc.write(exchange))
        self.exchanges += bool(exchange.sent)
        return pointer

    def write_article(self, article: Article) -> None:
        self._guarded(lambda: self.articles.add(json_line(article), article.warc))
        self.languages[article.lang or "und"] += 1

    def write_rejection(self, rejection: Rejection) -> None:
        self._guarded(lambda: self.rejections.add(json_line(rejection), rejection.warc))
        self.reasons[rejection.reason] += 1

    def withdraw_article(self, rejection: Rejection, lang: str | None) -> None:
        """An article turns out to be none: its line goes, and this one comes."""
        assert rejection.warc
        self.articles.withdraw(rejection.warc)
        self.languages[lang or "und"] -= 1
        self.write_rejection(rejection)

    def close(self) -> None:
        """Give all files their final names; each is tried even when another fails."""
        parts = (self.warc, self.articles, self.rejections)
        for close in (part.close for part in parts if part):
            try:
                close()
            except ArchiveError as error:
                self.failure = self.failure or error

    @property
    def warcs(self) -> list[WrittenWarc]:
        return self.warc.files if self.warc else []

    def _guarded(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except ArchiveError as error:
            self.failure = self.failure or error
            raise


class Archiving(Protocol):
    """What the capture handler and the pipelines need of a spider."""

    run: Run

    def archive_failed(self, error: ArchiveError) -> None:
        """Stop the crawl: nothing may be fetched that cannot be kept."""


def new_run(
    *,
    outlet: str,
    archives: Path,
    started: datetime,
    pid: int,
    info: tuple[tuple[str, str], ...],
    now: Callable[[], datetime],
    new_id: Callable[[], str],
    max_bytes: int = MAX_BYTES,
    max_age: timedelta = MAX_AGE,
    host: str,
    playback: Playback | None = None,
) -> Run:
    """A run whose files are named but not yet opened."""
    identity = run_id(outlet, started, pid)
    folder = archives / outlet
    writer = WarcWriter(
        folder=folder,
        names=WarcNames(prefix=outlet, host=host, pid=pid),
        info=(*info, ("run", identity)),
        now=now,
        new_id=new_id,
        max_bytes=max_bytes,
        max_age=max_age,
        finished=note_finished,
    )
    return Run(
        id=identity,
        outlet=outlet,
        folder=folder,
        started=started,
        warc=None if playback else writer,
        articles=LinesFile(folder / f"{identity}.jsonl", note_finished),
        rejections=LinesFile(folder / f"{identity}.rejected.jsonl", note_finished),
        playback=playback,
    )
