"""Pages of archives to lines, in worker processes, in the order of the archive."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from itertools import islice
from typing import cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.lines import json_line
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.extracting.part import Part
from newscrawl.extracting.places import Place
from newscrawl.extraction import extract_at
from newscrawl.items import Article, Rejection
from newscrawl.outlet import Outlet
from newscrawl.state.memories import memory_named

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
