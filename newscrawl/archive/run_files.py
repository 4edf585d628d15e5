"""A run of an outlet on disk: its WARC files, its lines, and counts of what it wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from newscrawl.archive.bucket import OutletCopy
from newscrawl.archive.continued_warc import continue_last_warc
from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX, LinesFile, PackedArticles, json_line
from newscrawl.archive.manifest import add_to_manifest, remove_from_manifest
from newscrawl.archive.replay import ReplayIndex
from newscrawl.errors import ArchiveError
from newscrawl.items import Article, Link, Rejection, WarcPointer, WitnessPointer
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.index import INDEX_NAME, index_new_files
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.renderings import RenderedPage
from newscrawl.warc.writer import MAX_AGE, MAX_BYTES, WarcFileStats, WarcWriter

T = TypeVar("T")


def make_run_id(outlet: str, started: datetime, pid: int) -> str:
    """Unique on one machine; sorts by time within an outlet."""
    return f"{outlet}-{started.astimezone(UTC):%Y%m%d%H%M%S%f}"[: len(outlet) + 18] + f"-{pid}"


@dataclass(kw_only=True)
class Run:
    """Writes everything a run leaves; ArchiveError when something cannot be written."""

    id: str
    outlet: str
    folder: Path
    "archives/<outlet>"
    started: datetime
    warc: WarcWriter | None
    "None in a replay, which reads what is recorded already."
    articles: LinesFile
    rejections: LinesFile
    failure: ArchiveError | None = None
    "The first error while writing; the run must not go on after it."
    languages: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    exchanges: int = 0
    replay_index: ReplayIndex | None = None
    "The captures that answer the requests of a replay."
    memory: Path | None = None
    "Site memory learned before the run; the same for all its pages."
    learned: Path | None = None
    "Site memory that the run leaves."
    packed: PackedArticles = field(default_factory=PackedArticles)
    "The lines that workers have made already."
    copy: OutletCopy | None = None
    "The folder as the working copy of a bucket; None where the archives are in none, and in a replay."

    @property
    def source(self) -> Path:
        """The folder of the records that the lines point to."""
        return self.replay_index.table.folder if self.replay_index else self.folder

    def open(self, *, is_only_writer: bool = False) -> None:
        """Create the files, so that a folder that cannot be written fails before the first request.

        `is_only_writer`: of the folder, so that the run may write behind the records of quiet runs.
        """
        if self.warc:
            if is_only_writer:
                self.warc.continued = continue_last_warc(self.warc)
            self._try_write(self.warc.open)
        self._try_write(self.articles.open)
        self._try_write(self.rejections.open)

    def write_exchange(self, exchange: HttpExchange) -> WarcPointer:
        warc = self.warc
        assert warc, "a replay writes no exchange"
        pointer = self._try_write(lambda: warc.write(exchange))
        self.exchanges += bool(exchange.sent)
        return pointer

    def write_rendering(self, page: RenderedPage) -> WarcPointer:
        warc = self.warc
        assert warc, "a replay writes no rendering"
        return self._try_write(lambda: warc.write_rendering(page))

    def write_article(self, article: Article) -> None:
        packed = self.packed.get(article)
        line = packed.line if packed else json_line(article)
        self._try_write(lambda: self.articles.add(line, article.warc))
        self.languages[article.lang or "und"] += 1

    def write_rejection(self, rejection: Rejection) -> None:
        self._try_write(lambda: self.rejections.add(json_line(rejection), rejection.warc))
        self.reasons[rejection.reason] += 1

    def withdraw_article(self, rejection: Rejection, lang: str | None) -> None:
        """Replace the line of an article that turns out to be a duplicate by this rejection."""
        assert rejection.warc
        self.articles.withdraw(rejection.warc)
        self.languages[lang or "und"] -= 1
        self.write_rejection(rejection)

    def close(self) -> None:
        """Give all files their final names; each is tried even if another fails.

        A run without articles leaves no file of them, and one without any line none of rejections either.
        The lines of a replay are compared with others.
        """
        has_articles = bool(self.articles.count or self.replay_index)
        has_lines = has_articles or self.rejections.count
        close_lines = (
            self.articles.close if has_articles else self.articles.discard,
            self.rejections.close if has_lines else self.rejections.discard,
        )
        for close in (*([self.warc.close] if self.warc else ()), *close_lines):
            try:
                close()
            except ArchiveError as error:
                self.failure = self.failure or error

    def index(self) -> bool:
        """Add the closed WARC files to the index of the folder; whether it has those of earlier runs too."""
        # What a bucket holds beside this working copy would have to be fetched first.
        if self.copy and not (self.folder / INDEX_NAME).is_file():
            return False
        return index_new_files(self.folder, {file.name for file in self.warcs})

    @property
    def warcs(self) -> list[WarcFileStats]:
        return self.warc.files if self.warc else []

    def _try_write(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except ArchiveError as error:
            self.failure = self.failure or error
            raise


class SpiderWithRun(Protocol):
    """What the capture handler and the pipelines require of a spider."""

    run: Run

    def find_witness(self, link: Link) -> WitnessPointer | None:
        """Where the archive has the story of a page that is being fetched, as far as a source gave it."""

    def is_closing(self) -> bool:
        """Whether the crawl is about to end and takes no more requests."""

    def stop_on_archive_error(self, error: ArchiveError) -> None:
        """Stop the crawl: nothing may be fetched that cannot be archived."""


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
    replay_index: ReplayIndex | None = None,
) -> Run:
    """A run whose files have names but are not open yet."""
    identity = make_run_id(outlet, started, pid)
    folder = archives / outlet
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix=outlet, host=host, pid=pid),
        info=(*info, ("run", identity)),
        now=now,
        new_id=new_id,
        max_bytes=max_bytes,
        max_age=max_age,
        before_replacing=remove_from_manifest,
        on_finished=add_to_manifest,
    )
    return Run(
        id=identity,
        outlet=outlet,
        folder=folder,
        started=started,
        warc=None if replay_index else writer,
        articles=LinesFile(folder / f"{identity}{ARTICLES_SUFFIX}", add_to_manifest),
        rejections=LinesFile(folder / f"{identity}{REJECTED_SUFFIX}", add_to_manifest),
        replay_index=replay_index,
    )
