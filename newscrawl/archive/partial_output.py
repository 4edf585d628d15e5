"""The output of `newscrawl extract` while it is made: after a kill the same command goes on with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from newscrawl.archive.lines import iter_lines
from newscrawl.archive.reextract import PageResult, PageTask
from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.items import Rejection
from newscrawl.storage import atomic_write, durable_rename

SCHEMA = "newscrawl.extracting/1"
SAVE_INTERVAL = 50
"Pages between two saved states: after a kill, at most so many pages are extracted again."


@dataclass(kw_only=True)
class PartialOutput:
    """An unfinished `out`: its lines so far in `<out>.part`, and how far they go in `<out>.state`."""

    out: Path
    task: str
    "Digest of everything that decides the lines; the state of another task is not continued."
    pages: int = 0
    "Pages done, in order."
    articles: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    _stream: BinaryIO | None = None
    _size: int = 0
    "Bytes of whole lines."

    @property
    def path(self) -> Path:
        return Path(f"{self.out}.part")

    @property
    def state(self) -> Path:
        return Path(f"{self.out}.state")

    def open(self) -> None:
        """Continue from a state of the same task, else begin anew; ArchiveError if it cannot be written."""
        self._size = self._restore()
        with archive_errors(f"write {self.path}"):
            self._stream = self.path.open("r+b" if self._size else "wb")
            self._stream.truncate(self._size)
            self._stream.seek(self._size)

    def add(self, line: bytes) -> None:
        assert self._stream
        with archive_errors(f"write {self.path}"):
            self._stream.write(line)
        self._size += len(line)
        self.articles += 1
        self.pages += 1

    def add_rejection(self, reason: str) -> None:
        self.rejected[reason] += 1
        self.pages += 1

    def save(self) -> None:
        """Save how far the lines go; the operating system has all lines before."""
        assert self._stream
        state = {
            "schema": SCHEMA,
            "task": self.task,
            "bytes": self._size,
            "pages": self.pages,
            "articles": self.articles,
            "rejected": self.rejected,
        }
        with archive_errors(f"write {self.path}"):
            self._stream.flush()
        with atomic_write(self.state) as out:
            out.write(json.dumps(state).encode())

    def finish(self) -> None:
        """Give the lines their final name, then delete the state."""
        assert self._stream
        with archive_errors(f"close {self.out}"):
            self._stream.close()
            durable_rename(self.path, self.out)
            self.state.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the lines and the state for a later run, or no file if there are no pages."""
        if not self._stream or self._stream.closed:
            return
        # The caller reports what ended the work; if even this fails, an older state is continued.
        with suppress(ArchiveError):
            self.save()
        with suppress(OSError):
            self._stream.close()
            if not self.pages:
                self.path.unlink()
                self.state.unlink()

    def _restore(self) -> int:
        """Adopt the counts of a state of the same task and return the bytes it vouches for; 0: begin anew."""
        try:
            state = json.loads(self.state.read_bytes())
            size, pages, articles = (int(state[key]) for key in ("bytes", "pages", "articles"))
            rejected = Counter({str(name): int(count) for name, count in state["rejected"].items()})
            fits = state["schema"] == SCHEMA and state["task"] == self.task and min(size, pages) >= 0
            fits = fits and pages == articles + rejected.total()
            if not fits or self.path.stat().st_size < size:
                return 0
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return 0
        self.pages, self.articles, self.rejected = pages, articles, rejected
        return size


def skip_finished_pages(
    pages: Iterator[PageTask], part: PartialOutput, on_article: Callable[[str, str], object]
) -> None:
    """Skip the pages that `part` has; `on_article` gets the run and the id of each article among them."""
    runs = {page.pointer.file: page.run for page, _ in islice(pages, part.pages)}
    for line in iter_lines(part.path) if part.articles else ():
        try:
            data = json.loads(line.raw)
            file, article_id = data["warc"]["file"], data["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"{part.path} is damaged: remove it to begin anew") from error
        on_article(runs.get(file, ""), article_id)


def write_lines(
    results: Iterable[PageResult],
    part: PartialOutput,
    *,
    is_new: Callable[[str, str], bool],
    on_page: Callable[[], None] = lambda: None,
) -> None:
    """Add the lines of all results to `part`; `on_page` is called after each.

    `is_new` says for the id of a run and of an article whether that is the run's first with this id.
    """
    for page, result in results:
        if isinstance(result, Rejection):
            part.add_rejection(result.reason)
        elif is_new(page.run, result.id):
            part.add(result.line)
        else:
            part.add_rejection("duplicate")
        if part.pages % SAVE_INTERVAL == 0:
            part.save()
        on_page()
