"""Extraction from the archive: archived pages to articles, the same way in a crawl and long after it."""

from __future__ import annotations

import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.lines import iter_lines, json_line
from newscrawl.archive.memory_files import find_memory, read_memory
from newscrawl.archive.pages import PageLocation, read_any_page
from newscrawl.errors import ArchiveError, NewscrawlError, archive_errors
from newscrawl.extraction.boilerplate import PageRecord, SiteMemory, build_memory, load_records, record_page
from newscrawl.extraction.classifier.model import THRESHOLD, BlockClassifier
from newscrawl.extraction.extract import ExtractionTrace, trace_extraction
from newscrawl.items import Article, Link, Rejection, WarcPointer, make_discovery, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.state.database_frontier import assign_version
from newscrawl.storage import atomic_write, durable_rename
from newscrawl.warc.http import ContentError, Message
from newscrawl.warc.reader import ArchivedPage

logger = logging.getLogger(__name__)

SCHEMA = "newscrawl.extracting/1"
SAVE_INTERVAL = 50
"Pages between two saved states: after a kill, at most so many pages are extracted again."
_LINK_FIELDS = {field.name for field in fields(Link)}

Task = TypeVar("Task")
Result = TypeVar("Result")
Item = Article | Rejection
PageTask = tuple[PageLocation, Outlet | None]
"A page, and the outlet whose rules apply to it."
ItemFilter = Callable[[str, Item], Item]
"Takes a run id and an item; returns the item, or a rejection of it by the rules that follow extraction."


class ExtractedPage(NamedTuple):
    """The item made from a page, and what a site memory can learn from the page."""

    item: Item
    record: PageRecord | None
    "None if the page holds no story."


def extract_at(
    folder: Path, pointer: WarcPointer, outlet: Outlet | None, memory: Path | None = None
) -> Article | Rejection:
    """Extract the archived response at `pointer`; ArchiveError when there is no whole record.

    `memory` is the file of a site memory.
    """
    return extract_page(read_any_page(folder, pointer), outlet, load_memory(memory) if memory else None)


def extract_with_record(
    folder: Path, pointer: WarcPointer, outlet: Outlet | None, memory: Path | None = None
) -> ExtractedPage:
    """Like `extract_at`, with the page's record for a site memory."""
    page = read_any_page(folder, pointer)
    trace = explain_page(page, outlet, load_memory(memory) if memory else None)
    return ExtractedPage(_locate(page, trace), _make_record(trace))


def extract_page(
    page: ArchivedPage, outlet: Outlet | None, memory: SiteMemory | None = None
) -> Article | Rejection:
    """The article in an archived response, or the reason why there is none; `warc` is filled."""
    return _locate(page, explain_page(page, outlet, memory))


def _locate(page: ArchivedPage, trace: ExtractionTrace) -> Item:
    """The item with its pointer, and with its version if the page was fetched before."""
    item = trace.result.model_copy(update={"warc": page.pointer})
    return assign_version(item, read_link(page)) if isinstance(item, Article) else item


@lru_cache(maxsize=8)
def load_memory(path: Path) -> SiteMemory:
    """Load a site memory, cached since its name changes with its content; ArchiveError if unreadable."""
    return build_memory(read_page_records(path), path.name)


def read_page_records(path: Path) -> list[PageRecord]:
    """The page records in the file of a site memory."""
    try:
        return load_records(read_memory(path))
    except ValueError as error:
        raise ArchiveError(f"{path}: {error}") from error


def explain_page(
    page: ArchivedPage,
    outlet: Outlet | None,
    memory: SiteMemory | None = None,
    classifier: BlockClassifier | None = None,
) -> ExtractionTrace:
    """Extract an archived response and trace the decision on each block; `warc` is not filled."""
    message, link = page.message, read_link(page)
    try:
        content = message.content
    except ContentError as error:
        rejection = Rejection(
            url=page.response.url,
            url_requested=link.url,
            source=outlet.id if outlet else None,
            step="extract",
            reason="bad_encoding",
            detail=str(error),
            fetched=rfc3339(page.response.date),
            discovery=make_discovery(link),
        )
        return ExtractionTrace(result=rejection)
    trace = trace_extraction(
        content,
        page.response.url,
        headers=_headers(message),
        fetched=page.response.date,
        outlet=outlet,
        memory=memory,
        link=link,
        status=message.status,
        classifier=classifier,
    )
    flags = [
        *(["coding_mended"] if message.decoded.is_mended else []),
        *(["cut_short"] if page.response.headers.get("warc-truncated") == "disconnect" else []),
    ]
    if not flags or not isinstance(trace.result, Article):
        return trace
    quality = trace.result.quality
    quality = quality.model_copy(update={"flags": [*quality.flags, *flags]})
    return replace(trace, result=trace.result.model_copy(update={"quality": quality}))


def _headers(message: Message) -> dict[str, str]:
    """Headers by name. Repeated X-Robots-Tag headers stay apart, since each may name the robot it is for."""
    tags = [value for name, value in message.headers if name.lower() == "x-robots-tag"]
    return {**message.by_name, **({"x-robots-tag": "\n".join(tags)} if tags else {})}


def _make_record(trace: ExtractionTrace) -> PageRecord | None:
    article = trace.result
    if not isinstance(article, Article) or trace.view is None or trace.body is None:
        return None
    return record_page(
        trace.view,
        _story_mask(trace),
        url=article.url_norm,
        day=(article.fetched or "")[:10],
        title=article.title or "",
    )


def _story_mask(trace: ExtractionTrace) -> Sequence[bool]:
    """Which blocks look like the story without a site memory, so that a memory never learns from itself."""
    assert trace.view
    assert trace.body
    view, likely = trace.view, trace.body.selection.probabilities
    if not likely:
        mask = [block.frame.index in view.body_frames for block in view.blocks]
    else:
        mask = [probability > THRESHOLD for probability in likely]
    return [
        is_story and block.frame.index not in view.chrome
        for is_story, block in zip(mask, view.blocks, strict=True)
    ]


def read_link(page: ArchivedPage) -> Link:
    """How the page was discovered, according to its metadata; a page without it counts as listed.

    ArchiveError when the metadata cannot be read: the item would claim a discovery that never happened.
    """
    if "discovery" not in page.metadata:
        return Link(url=page.response.url, via="list")
    try:
        link: Any = json.loads(page.metadata["discovery"])
    except ValueError:
        link = None
    if not isinstance(link, dict) or "url" not in link or "via" not in link:
        raise ArchiveError(f"{page.response.record_id}: how {page.response.url} was found cannot be read")
    return Link(**{name: value for name, value in link.items() if name in _LINK_FIELDS})


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
    pages: Iterator[PageTask], part: PartialOutput, on_article: Callable[[str, str], None]
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


def write_items(
    results: Iterable[tuple[PageLocation, Item]],
    part: PartialOutput,
    *,
    item_filter: ItemFilter,
    on_page: Callable[[], None] = lambda: None,
) -> None:
    """Add the lines of all results to `part`; `on_page` is called after each."""
    for page, extracted in results:
        item = item_filter(page.run, extracted)
        if isinstance(item, Article):
            part.add(json_line(item))
        else:
            part.add_rejection(item.reason)
        if part.pages % SAVE_INTERVAL == 0:
            part.save()
        on_page()


def extract_pages(
    pages: Iterable[PageTask], *, pool: ProcessPool, seconds: float, ahead: int
) -> Iterator[tuple[PageLocation, Item]]:
    """The items of pages, in their order; the pool has at most `ahead` pages at once."""

    def schedule(task: PageTask) -> Future[Item]:
        page, outlet = task
        memory = find_memory(page.folder, page.memory) if page.memory else None
        extract = partial(extract_at, page.folder, page.pointer, outlet, memory)
        return cast("Future[Item]", pool.schedule(extract, timeout=seconds))

    for (page, outlet), future in run_ahead(pages, schedule, ahead):
        yield page, _await_item(page, outlet, future, seconds)


def run_ahead(
    tasks: Iterable[Task], schedule: Callable[[Task], Future[Result]], ahead: int
) -> Iterator[tuple[Task, Future[Result]]]:
    """Schedule tasks and yield them in their order with their futures, at most `ahead` at once.

    NewscrawlError when the worker processes cannot run.
    """
    waiting: deque[tuple[Task, Future[Result]]] = deque()
    for task in tasks:
        try:
            waiting.append((task, schedule(task)))
        except RuntimeError as error:
            raise NewscrawlError(f"the worker processes cannot run: {error}") from error
        if len(waiting) >= ahead:
            yield waiting.popleft()
    yield from waiting


def _await_item(page: PageLocation, outlet: Outlet | None, future: Future[Item], seconds: float) -> Item:
    """The worker's item, or a rejection that names what happened to the worker."""
    reject = partial(_reject_page, page, outlet)
    try:
        return future.result()
    except (TimeoutError, FutureTimeout):
        return reject("extract_timeout", f"took longer than {seconds:g} s")
    except ProcessExpired as error:
        return reject("extractor_crash", str(error))
    except ArchiveError as error:
        return reject("archive_unreadable", str(error))
    except BrokenExecutor as error:
        # Not the fault of the page: going on would reject all pages that are left.
        raise NewscrawlError(f"the worker processes cannot run: {error}") from error
    except Exception as error:
        logger.exception("%s: extraction failed", page.url)
        return reject("extractor_error", f"{type(error).__name__}: {error}")


def _reject_page(page: PageLocation, outlet: Outlet | None, reason: str, detail: str) -> Rejection:
    return Rejection(
        url=page.url,
        url_requested=page.url,
        source=outlet.id if outlet else None,
        step="extract",
        reason=reason,
        detail=detail[:300],
        warc=page.pointer,
    )
