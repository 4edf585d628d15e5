"""Extraction from the archive: archived pages to articles, the same way in a crawl and long after it."""

from __future__ import annotations

import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.deferred import defer_rejection
from newscrawl.archive.lines import iter_lines, json_line
from newscrawl.archive.memory_files import find_memory, read_memory
from newscrawl.archive.pages import PageLocation
from newscrawl.archive.story_records import StoryRecords, read_headers, read_story
from newscrawl.errors import (
    ArchiveError,
    MachineFault,
    NewscrawlError,
    PageTooLarge,
    archive_errors,
    find_machine_fault,
    run_or_blame_machine,
)
from newscrawl.extraction.amp import use_amp_page
from newscrawl.extraction.boilerplate import PageRecord, SiteMemory, build_memory, load_records
from newscrawl.extraction.classifier.model import BlockClassifier
from newscrawl.extraction.context import build_http
from newscrawl.extraction.extract import ExtractionTrace, find_page_links, record_trace, trace_extraction
from newscrawl.extraction.following_pages import PAGE_FLAGS, STORY_TYPES, PageLinks, StoryPlace
from newscrawl.extraction.joining import FollowingPage, join_story
from newscrawl.extraction.parse import MAX_BYTES
from newscrawl.extraction.story_forms import FormLink
from newscrawl.extraction.witness import Witness
from newscrawl.items import (
    STORED_LINK_FIELDS,
    Article,
    Link,
    Rejection,
    WarcPointer,
    make_discovery,
    reject_article,
    rfc3339,
)
from newscrawl.outlet import Outlet
from newscrawl.state.encoding import count_pages
from newscrawl.state.refetch_policy import GONE_STATUSES, STORY_INCOMPLETE
from newscrawl.state.versions import assign_version
from newscrawl.storage import atomic_write, durable_rename
from newscrawl.warc.http import ContentError
from newscrawl.warc.reader import ArchivedPage, read_page
from newscrawl.warc.story_parts import read_story_part

logger = logging.getLogger(__name__)

SCHEMA = "newscrawl.extracting/1"
SAVE_INTERVAL = 50
"Pages between two saved states: after a kill, at most so many pages are extracted again."

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
    links: PageLinks | None = None
    "The pages of its story, if it names others."
    form: FormLink | None = None
    "Another form of its story that is worth a request."
    form_outcome: str = ""
    "What came of the record of another form; empty without one."


def extract_at(
    folder: Path,
    pointer: WarcPointer,
    outlet: Outlet | None,
    memory: Path | None = None,
    parts: Sequence[WarcPointer] = (),
) -> Article | Rejection:
    """Extract the archived response at `pointer`; ArchiveError when there is no whole record.

    `memory` is the file of a site memory, `parts` are the records that complete the page.
    """
    story = read_story(folder, pointer, parts)
    return extract_page(story, outlet, load_memory(memory) if memory else None)


def extract_with_record(
    folder: Path,
    pointer: WarcPointer,
    outlet: Outlet | None,
    memory: Path | None = None,
    parts: Sequence[WarcPointer] = (),
) -> ExtractedPage:
    """Like `extract_at`, with the page's record for a site memory, and with the pages that it names."""
    story = read_story(folder, pointer, parts)
    trace = explain_page(story, outlet, load_memory(memory) if memory else None)
    item, record = _locate(story.page, trace), record_trace(trace)
    # The same page again, or the same text, needs no other form.
    form = trace.form if type(item) is type(trace.result) else None
    return ExtractedPage(item, record, _story_links(trace), form, story.form_outcome)


def _story_links(trace: ExtractionTrace) -> PageLinks | None:
    """The links to the other pages of a story, whether or not its text is in the archive already."""
    is_story = isinstance(trace.result, Article) and trace.result.page_type in STORY_TYPES
    return trace.links if is_story and trace.links and trace.links.urls else None


def read_links_at(
    folder: Path, pointer: WarcPointer, outlet: Outlet | None, place: StoryPlace
) -> PageLinks | None:
    """What an archived following page says of the other pages; None if it can be no page of a story."""
    page = read_page(folder, pointer)
    message = page.message
    try:
        content, _ = message.decode(MAX_BYTES + 1)
    except ContentError:
        return None
    return find_page_links(
        content,
        page.response.url,
        headers=read_headers(message),
        fetched=page.response.date,
        outlet=outlet,
        status=message.status,
        place=place,
    )


def extract_page(
    story: StoryRecords, outlet: Outlet | None, memory: SiteMemory | None = None
) -> Article | Rejection:
    """The article in an archived response, or the reason why there is none; `warc` is filled."""
    return _locate(story.page, explain_page(story, outlet, memory))


def _locate(page: ArchivedPage, trace: ExtractionTrace) -> Item:
    """The item, with its version if the page was fetched before, or why there is none after all."""
    item = trace.result
    if isinstance(item, Article):
        link = read_link(page)
        versioned = assign_version(item, link)
        has_fewer = trace.lacks_pages and count_pages(item) < link.known_pages
        if has_fewer and isinstance(versioned, Article):
            # A page that fails for a moment must not shorten the text: the story is fetched again later.
            detail = f"{count_pages(item)} of the {link.known_pages} pages of version {link.known_version}"
            return reject_article(item, "dedupe", STORY_INCOMPLETE, detail)
        return versioned
    return defer_rejection(item, page.metadata, lacks_pages=trace.lacks_pages)


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
    story: StoryRecords,
    outlet: Outlet | None,
    memory: SiteMemory | None = None,
    classifier: BlockClassifier | None = None,
) -> ExtractionTrace:
    """Extract an archived response, trace the decision on each block, and join the following pages to it."""
    page, link = story.page, read_link(story.page)
    explain = partial(_explain_record, outlet=outlet, memory=memory, classifier=classifier)
    trace = explain(page, link, witness=story.witness, flags=story.flags)
    if story.amp:
        amp = explain(story.amp, link, witness=story.witness, flags=story.flags)
        http = build_http(read_headers(page.message), page.message.status, None)
        trace = use_amp_page(trace, amp, url=page.response.url, http=http)
    if story.form_outcome:
        # The other form came, of use or not: another look would get the same.
        trace = replace(trace, lacks_pages=False)
    if not isinstance(trace.result, Article) or not trace.links or not trace.links.urls:
        return trace
    by_number = {part.number: other for other in story.following if (part := read_story_part(other.metadata))}
    gone = {number for number, other in by_number.items() if other.message.status in GONE_STATUSES}
    base = trace.links.place.base

    def read(number: int, _url: str) -> FollowingPage | None:
        if (other := by_number.get(number)) is None or number in gone:
            return None
        following = explain(other, None, place=StoryPlace(number=number, base=base))
        return FollowingPage(item=following.result, links=following.links) if following.links else None

    vote = trace.body.selection.witness if trace.body else None
    witness_only = [unit.text for unit in vote.missing] if vote else []
    joined = join_story(trace.result, trace.links, read, witness_only)
    is_whole = not set(PAGE_FLAGS) & set(joined.article.quality.flags)
    is_final = bool(joined.missing) and set(joined.missing) <= gone
    return replace(trace, result=joined.article, lacks_pages=trace.lacks_pages or not (is_whole or is_final))


def _explain_record(
    page: ArchivedPage,
    link: Link | None,
    *,
    outlet: Outlet | None,
    memory: SiteMemory | None,
    classifier: BlockClassifier | None,
    witness: Witness | None = None,
    flags: Sequence[str] = (),
    place: StoryPlace | None = None,
) -> ExtractionTrace:
    """Extract one record; a following page has a place and no link of its own."""
    message = page.message
    try:
        # Larger content is rejected for its size alone: it need not be decoded to its end.
        content, is_mended = message.decode(MAX_BYTES + 1)
    except ContentError as error:
        rejection = Rejection(
            url=page.response.url,
            url_requested=link.url if link else page.response.url,
            source=outlet.id if outlet else None,
            step="extract",
            reason="bad_encoding",
            detail=str(error),
            fetched=rfc3339(page.response.date),
            discovery=make_discovery(link) if link else None,
            warc=page.pointer,
        )
        return ExtractionTrace(result=rejection)
    trace = trace_extraction(
        content,
        page.response.url,
        headers=read_headers(message),
        fetched=page.response.date,
        outlet=outlet,
        memory=memory,
        link=link,
        status=message.status,
        classifier=classifier,
        witness=witness,
        place=place,
    )
    result = trace.result.model_copy(update={"warc": page.pointer})
    found = [
        *flags,
        *(["coding_mended"] if is_mended else []),
        *(["cut_short"] if page.response.headers.get("warc-truncated") == "disconnect" else []),
    ]
    if found and isinstance(result, Article):
        quality = result.quality.model_copy(update={"flags": [*result.quality.flags, *found]})
        result = result.model_copy(update={"quality": quality})
    return replace(trace, result=result)


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
    return Link(**{name: value for name, value in link.items() if name in STORED_LINK_FIELDS})


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
    """The items of pages, in their order; the pool has at most `ahead` pages at once.

    MachineFault when the machine, rather than a page, is to blame: the pages that are left were not read.
    """

    def schedule(task: PageTask) -> Future[Item]:
        page, outlet = task
        memory = find_memory(page.folder, page.memory) if page.memory else None
        extract = partial(extract_at, page.folder, page.pointer, outlet, memory, page.parts)
        limit = _time_limit(page, seconds)
        return cast("Future[Item]", pool.schedule(partial(run_or_blame_machine, extract), timeout=limit))

    for (page, outlet), future in run_ahead(pages, schedule, ahead):
        yield page, _await_item(page, outlet, future, _time_limit(page, seconds))


def _time_limit(page: PageLocation, seconds: float) -> float:
    """The seconds that a page may take with all pages of its story."""
    return seconds * (1 + len(page.parts))


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
        except (OSError, RuntimeError) as error:
            cause = find_machine_fault(error)
            raise cause or NewscrawlError(f"the worker processes cannot run: {error}") from error
        if len(waiting) >= ahead:
            yield waiting.popleft()
    yield from waiting


def _await_item(page: PageLocation, outlet: Outlet | None, future: Future[Item], seconds: float) -> Item:
    """The worker's item, or a rejection that names what happened to the worker; else MachineFault."""
    reject = partial(_reject_page, page, outlet)
    try:
        return future.result()
    except (TimeoutError, FutureTimeout):
        return reject("extract_timeout", f"took longer than {seconds:g} s")
    except ProcessExpired as error:
        return reject("extractor_crash", str(error))
    except MachineFault:
        raise
    except PageTooLarge as error:
        return reject("too_large", str(error))
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
