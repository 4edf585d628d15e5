"""From a place in the archive to an Article: the one way a page is read, live and ever after."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.lines import json_line
from newscrawl.archive.memory_files import memory_named, read_memory
from newscrawl.archive.pages import Place
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extraction.boilerplate import Memory, PageNote, memory_of, note_of, notes_of_json
from newscrawl.extraction.classifier.model import LIKELY
from newscrawl.extraction.classifier.model import Judge as Judge_extraction
from newscrawl.extraction.extract import Explained, explained
from newscrawl.items import Article, Link, Rejection, WarcPointer, discovery_of, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.state.database_frontier import against_known
from newscrawl.warc.http import ContentError, Message
from newscrawl.warc.reader import ArchivedPage, read_page
from newscrawl.warc.writer import sync_folder

_LINK_FIELDS = {field.name for field in fields(Link)}


class Noted(NamedTuple):
    """A page's line, and what a memory of its site may learn from it."""

    item: Article | Rejection
    note: PageNote | None
    "None of a page that holds no story."


def extract_at(
    folder: Path, pointer: WarcPointer, outlet: Outlet | None, memory: Path | None = None
) -> Article | Rejection:
    """What the archived response at `pointer` says; ArchiveError when nothing whole stands there.

    `memory` is the file of what was learned of the site.
    """
    return extract_page(read_page(folder, pointer), outlet, memory_at(memory) if memory else None)


def noted_at(folder: Path, pointer: WarcPointer, outlet: Outlet | None, memory: Path | None = None) -> Noted:
    """As `extract_at`, with the page's note for the memory."""
    page = read_page(folder, pointer)
    found = explained_page(page, outlet, memory_at(memory) if memory else None)
    return Noted(_placed(page, found), _note(found))


def extract_page(
    page: ArchivedPage, outlet: Outlet | None, memory: Memory | None = None
) -> Article | Rejection:
    """An archived response as an Article, or why it is none; `warc` is filled."""
    return _placed(page, explained_page(page, outlet, memory))


def _placed(page: ArchivedPage, found: Explained) -> Article | Rejection:
    """The line with its place; of a page that was looked at again, its version."""
    item = found.result.model_copy(update={"warc": page.pointer})
    return against_known(item, link_of(page)) if isinstance(item, Article) else item


@lru_cache(maxsize=8)
def memory_at(path: Path) -> Memory:
    """A memory by its file, whose name changes with its content; ArchiveError when it cannot be read."""
    return memory_of(notes_at(path), path.name)


def notes_at(path: Path) -> list[PageNote]:
    """The pages that a memory's file remembers."""
    try:
        return notes_of_json(read_memory(path))
    except ValueError as error:
        raise ArchiveError(f"{path}: {error}") from error


def explained_page(
    page: ArchivedPage,
    outlet: Outlet | None,
    memory: Memory | None = None,
    judge: Judge_extraction | None = None,
) -> Explained:
    """An archived response with what was thought of each of its blocks; `warc` is not filled."""
    message, link = page.message, link_of(page)
    try:
        content = message.content
    except ContentError as error:
        return Explained(result=_undecodable(page, link, outlet, str(error)))
    return explained(
        content,
        page.response.url,
        headers=_headers(message),
        fetched=page.response.date,
        outlet=outlet,
        memory=memory,
        link=link,
        status=message.status,
        judge=judge,
    )


def _headers(message: Message) -> dict[str, str]:
    """Headers by name. Of X-Robots-Tag each stands for itself: it may begin with whom it is for."""
    tags = [value for name, value in message.headers if name.lower() == "x-robots-tag"]
    return {**message.by_name, **({"x-robots-tag": "\n".join(tags)} if tags else {})}


def _note(found: Explained) -> PageNote | None:
    article = found.result
    if not isinstance(article, Article) or found.view is None or found.body is None:
        return None
    return note_of(
        found.view,
        _inside(found),
        url=article.url_norm,
        day=(article.fetched or "")[:10],
        title=article.title or "",
    )


def _inside(found: Explained) -> Sequence[bool]:
    """Which blocks look like the story's when no memory is asked, so that it never learns from itself."""
    assert found.view
    assert found.body
    view, likely = found.view, found.body.story.likely
    if not likely:
        looks = [block.frame.index in view.chosen for block in view.blocks]
    else:
        looks = [one > LIKELY for one in likely]
    return [
        one and block.frame.index not in view.chrome for one, block in zip(looks, view.blocks, strict=True)
    ]


def link_of(page: ArchivedPage) -> Link:
    """How the page was found, as the archive notes it; a page without a note counts as listed.

    ArchiveError when there is a note that cannot be read: it would be a page found in no way it was.
    """
    if "discovery" not in page.notes:
        return Link(url=page.response.url, via="list")
    try:
        noted: Any = json.loads(page.notes["discovery"])
    except ValueError:
        noted = None
    if not isinstance(noted, dict) or "url" not in noted or "via" not in noted:
        raise ArchiveError(f"{page.response.record_id}: how {page.response.url} was found cannot be read")
    return Link(**{name: value for name, value in noted.items() if name in _LINK_FIELDS})


def _undecodable(page: ArchivedPage, link: Link, outlet: Outlet | None, detail: str) -> Rejection:
    return Rejection(
        url=page.response.url,
        url_requested=link.url,
        source=outlet.id if outlet else None,
        step="extract",
        reason="bad_encoding",
        detail=detail,
        fetched=rfc3339(page.response.date),
        discovery=discovery_of(link),
    )


SCHEMA = "newscrawl.archive/1"


@dataclass(kw_only=True)
class Part:
    """The lines of `out` as far as they are made: `<out>.part`, and `<out>.state` that says how far."""

    out: Path
    task: str
    "Digest of all that decides the lines: a state of another task is not gone on from."
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
        """Go on from the state when it fits, else begin anew; ArchiveError when nothing can be written."""
        self._size = self._restored()
        try:
            self._stream = self.path.open("r+b" if self._size else "wb")
            self._stream.truncate(self._size)
            self._stream.seek(self._size)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}: {error.strerror}") from error

    def lines(self) -> Iterator[bytes]:
        """The lines already there."""
        with self.path.open("rb") as stream:
            yield from stream

    def add(self, line: bytes) -> None:
        assert self._stream
        try:
            self._stream.write(line)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.path}: {error.strerror}") from error
        self._size += len(line)
        self.articles += 1
        self.pages += 1

    def refuse(self, reason: str) -> None:
        self.rejected[reason] += 1
        self.pages += 1

    def save(self) -> None:
        """Note how far the lines go; everything before is with the operating system."""
        assert self._stream
        draft = Path(f"{self.state}.tmp")
        try:
            self._stream.flush()
            draft.write_text(json.dumps(self._noted()), encoding="utf-8")
            draft.rename(self.state)
        except OSError as error:
            raise ArchiveError(f"cannot write {self.state}: {error.strerror}") from error

    def finish(self) -> None:
        """Give the lines their final name; then the state goes."""
        assert self._stream
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            self.path.rename(self.out)
            self.state.unlink(missing_ok=True)
            sync_folder(self.out.parent)
        except OSError as error:
            raise ArchiveError(f"cannot close {self.out}: {error.strerror}") from error

    def close(self) -> None:
        """Leave what is there for a later run; nothing when there is nothing."""
        if not self._stream or self._stream.closed:
            return
        # What ended the work is told by others; where even this fails, an older state is gone on from.
        with suppress(ArchiveError):
            self.save()
        with suppress(OSError):
            self._stream.close()
            if not self.pages:
                self.path.unlink()
                self.state.unlink()

    def _noted(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "task": self.task,
            "bytes": self._size,
            "pages": self.pages,
            "articles": self.articles,
            "rejected": self.rejected,
        }

    def _restored(self) -> int:
        """Take over the counts of a state that fits, and tell the bytes it vouches for; 0: begin anew."""
        try:
            noted = json.loads(self.state.read_bytes())
            size, pages, articles = (int(noted[key]) for key in ("bytes", "pages", "articles"))
            rejected = Counter({str(name): int(count) for name, count in noted["rejected"].items()})
            fits = noted["schema"] == SCHEMA and noted["task"] == self.task and min(size, pages) >= 0
            fits = fits and pages == articles + rejected.total()
            if not fits or self.path.stat().st_size < size:
                return 0
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return 0
        self.pages, self.articles, self.rejected = pages, articles, rejected
        return size


logger = logging.getLogger(__name__)

SAVED_EVERY = 50
"Pages between two notes of how far the lines go: at most so many are made twice after a kill."

Item = Article | Rejection
Work = tuple[Place, Outlet | None]
"A page, and the outlet whose rules hold for it."
Judge = Callable[[str, Item], Item]
"Run and item to the item, or to a Rejection of it: the rules that come after extraction."


def skip_done(places: Iterator[Work], part: Part, remember: Callable[[str, str], None]) -> None:
    """Pass by the pages that `part` has; `remember` hears run and id of each article among them."""
    runs = {place.pointer.file: place.run for place, _ in islice(places, part.pages)}
    for line in part.lines() if part.articles else ():
        try:
            known = json.loads(line)
            file, article_id = known["warc"]["file"], known["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"{part.path} is damaged: remove it to begin anew") from error
        remember(runs.get(file, ""), article_id)


def write_lines(
    results: Iterable[tuple[Place, Item]],
    part: Part,
    *,
    judge: Judge,
    advanced: Callable[[], None] = lambda: None,
) -> None:
    """Add the lines of all results to `part`; `advanced` is called after each."""
    for place, item in results:
        kept = judge(place.run, item)
        if isinstance(kept, Article):
            part.add(json_line(kept))
        else:
            part.refuse(kept.reason)
        if part.pages % SAVED_EVERY == 0:
            part.save()
        advanced()


def extracted(
    places: Iterable[Work], *, pool: ProcessPool, seconds: float, ahead: int
) -> Iterator[tuple[Place, Item]]:
    """What the pages hold, in their order; at most `ahead` are with the pool at once."""
    waiting: deque[tuple[Place, Outlet | None, Future[Item]]] = deque()
    for place, outlet in places:
        waiting.append((place, outlet, _handed_out(place, outlet, pool, seconds)))
        if len(waiting) >= ahead:
            yield _answer(*waiting.popleft(), seconds)
    while waiting:
        yield _answer(*waiting.popleft(), seconds)


def _handed_out(place: Place, outlet: Outlet | None, pool: ProcessPool, seconds: float) -> Future[Item]:
    memory = memory_named(place.folder, place.memory) if place.memory else None
    task = partial(extract_at, place.folder, place.pointer, outlet, memory)
    try:
        return cast("Future[Item]", pool.schedule(task, timeout=seconds))
    except RuntimeError as error:
        raise NewscrawlError(f"the worker processes cannot run: {error}") from error


def _answer(place: Place, outlet: Outlet | None, future: Future[Item], seconds: float) -> tuple[Place, Item]:
    """The worker's answer, or a Rejection that names what befell the worker."""
    reject = partial(_refused, place, outlet)
    try:
        return place, future.result()
    except (TimeoutError, FutureTimeout):
        return place, reject("extract_timeout", f"took longer than {seconds:g} s")
    except ProcessExpired as error:
        return place, reject("extractor_crash", str(error))
    except ArchiveError as error:
        return place, reject("archive_unreadable", str(error))
    except BrokenExecutor as error:
        # No fault of the page: going on would refuse all that are left.
        raise NewscrawlError(f"the worker processes cannot run: {error}") from error
    except Exception as error:
        logger.exception("%s: extraction failed", place.url)
        return place, reject("extractor_error", f"{type(error).__name__}: {error}")


def _refused(place: Place, outlet: Outlet | None, reason: str, detail: str) -> Rejection:
    return Rejection(
        url=place.url,
        url_requested=place.url,
        source=outlet.id if outlet else None,
        step="extract",
        reason=reason,
        detail=detail[:300],
        warc=place.pointer,
    )
