"""Which of its sources a run asks: all there are, or those that are due."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from scrapy import Request

from newscrawl.archive.captures import Recorded, key_of
from newscrawl.archive.run import Run
from newscrawl.discovery.reading import Kind
from newscrawl.discovery.sources import DEEPEST, sources_of
from newscrawl.outlet import Outlet
from newscrawl.spiders.given import digest_of
from newscrawl.spiders.remembering import asked_only_due, now
from newscrawl.state.feeds import FeedTable
from newscrawl.state.rows import seconds_of
from newscrawl.state.sources import File, Rows, due_sources, must_look
from newscrawl.state.state import State

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

ONLY_DUE = "NEWSCRAWL_ONLY_DUE"
SOURCES_MAX = "NEWSCRAWL_SOURCES_MAX"
Asked = tuple[Kind, str, int]
"Kind and URL of a source, and its steps from one that is named."


class Asking(Protocol):
    """What a spider asks about its sources."""

    def first(self) -> list[Asked] | None:
        """The sources to begin with; None: they are to be looked for."""

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:
        """What to ask after a source of this kind that names `more`."""


class All:
    """Every source, and every one that these name."""

    def __init__(self, outlet: Outlet) -> None:
        self._named = sources_of(outlet)

    def first(self) -> list[Asked] | None:
        return [(kind, url, 0) for kind, url in self._named] or None

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:
        return [(kind, url, depth + 1) for url in more]


class Due:
    """Those that are due, as state knows them at the moment."""

    def __init__(self, file: File, feeds: FeedTable, now: Callable[[], int]) -> None:
        self._file = file
        self._feeds = feeds
        self._now = now

    def first(self) -> list[Asked] | None:
        rows = self._feeds.rows()
        if must_look(self._file, rows, self._now()):
            return None
        return self._due(rows)

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:  # noqa: ARG002
        # What it names is in state by now, and counts from the first of all sources.
        return self._due(self._feeds.rows())

    def _due(self, rows: Rows) -> list[Asked]:
        due = due_sources(self._file, rows, self._now())
        return [(cast("Kind", one.kind), one.url, one.depth) for one in due]


class WereAsked(All):
    """Those that a recorded run asked."""

    def __init__(self, outlet: Outlet, recorded: Recorded) -> None:
        super().__init__(outlet)
        self._home = outlet.home
        self._recorded = recorded

    def first(self) -> list[Asked] | None:
        named = super().first()
        if named is None:
            return None if self._was_asked(self._home) else []
        return [asked for asked in named if self._was_asked(asked[1])]

    def further(self, kind: Kind, more: tuple[str, ...], depth: int) -> list[Asked]:
        return [asked for asked in super().further(kind, more, depth) if self._was_asked(asked[1])]

    def _was_asked(self, url: str) -> bool:
        return bool(self._recorded.captures(key_of("GET", Request(url).url)))


def asking_of(outlet: Outlet, state: State | None, run: Run, settings: BaseSettings) -> Asking:
    """By the settings; of a replay, as the run that is replayed did."""
    if state and settings.getbool(ONLY_DUE):
        file = file_of(outlet, settings.getint(SOURCES_MAX))
        return Due(file, state.feeds, lambda: seconds_of(now()))
    if run.playback and asked_only_due(run):
        return WereAsked(outlet, run.playback.recorded)
    return All(outlet)


def file_of(outlet: Outlet, sources_max: int) -> File:
    """What state has to know of an outlet's file."""
    return File(
        named=sources_of(outlet),
        digest=digest_of(outlet.model_dump(mode="json")),
        most=sources_max,
        deepest=DEEPEST,
    )
