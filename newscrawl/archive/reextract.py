"""Extraction from the archive: archived pages to articles, the same way in a crawl and long after it."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.deferred import defer_rejection
from newscrawl.archive.lines import json_line
from newscrawl.archive.memory_files import find_memory, read_memory
from newscrawl.archive.pages import PageLocation
from newscrawl.archive.story_records import StoryRecords, read_headers, read_story
from newscrawl.errors import (
    ArchiveError,
    MachineFault,
    NewscrawlError,
    PageTooLarge,
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
from newscrawl.warc.http import ContentError
from newscrawl.warc.reader import ArchivedPage, read_page
from newscrawl.warc.story_parts import read_story_part

logger = logging.getLogger(__name__)


Task = TypeVar("Task")
Result = TypeVar("Result")
Item = Article | Rejection
PageTask = tuple[PageLocation, Outlet | None]
"A page, and the outlet whose rules apply to it."
Judge = Callable[[Item], Item]
"Returns an item, or a rejection of it by the rules that follow extraction. For workers, so it is pickled."


class ExtractedLine(NamedTuple):
    """An article as its worker has written it down: who asked has no other use for it."""

    id: str
    line: bytes


PageResult = tuple[PageLocation, ExtractedLine | Rejection]


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


def extract_pages(
    pages: Iterable[PageTask],
    *,
    pool: ProcessPool,
    seconds: float,
    ahead: int,
    judge: Callable[[Outlet | None], Judge],
) -> Iterator[PageResult]:
    """The lines of pages, in their order; the pool has at most `ahead` pages at once.

    `judge` gives the rules for the pages of an outlet.

    MachineFault when the machine, rather than a page, is to blame: the pages that are left were not read.
    """

    def schedule(task: PageTask) -> Future[ExtractedLine | Rejection]:
        page, outlet = task
        memory = find_memory(page.folder, page.memory) if page.memory else None
        extract = partial(extract_at, page.folder, page.pointer, outlet, memory, page.parts)
        make_line = partial(run_or_blame_machine, partial(_extract_line, extract, judge(outlet)))
        future = pool.schedule(make_line, timeout=_time_limit(page, seconds))
        return cast("Future[ExtractedLine | Rejection]", future)

    for (page, outlet), future in run_ahead(pages, schedule, ahead):
        yield page, _await_line(page, outlet, future, _time_limit(page, seconds))


def _extract_line(extract: Callable[[], Item], judge: Judge) -> ExtractedLine | Rejection:
    item = judge(extract())
    return ExtractedLine(item.id, json_line(item)) if isinstance(item, Article) else item


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


def _await_line(
    page: PageLocation, outlet: Outlet | None, future: Future[ExtractedLine | Rejection], seconds: float
) -> ExtractedLine | Rejection:
    """The worker's answer, or a rejection that names what happened to the worker; else MachineFault."""
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
