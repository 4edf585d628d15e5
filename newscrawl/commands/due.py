"""Outlets that are due by state: what `newscrawl run --due` crawls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from newscrawl import settings as defaults
from newscrawl.commands.outlets import read_all
from newscrawl.discovery.sources import sources_of
from newscrawl.errors import NewscrawlError, OutletError
from newscrawl.outlet import Outlet
from newscrawl.spiders.asking import file_of
from newscrawl.state.backoff import note_failure
from newscrawl.state.database import Database, database_url
from newscrawl.state.due import Turns, due_moments, is_due
from newscrawl.state.rows import seconds_of
from newscrawl.state.sources import AT_ONCE

LOOKED_SECONDS = 30.0
"How old what is known of all outlets may be; the outlet whose turn it is is looked at once more."
QUIET_SECONDS = 5.0
"The same while nothing is due and crawls are at work."


class Agenda:
    """What is due when, of the outlets that have a file and may be crawled; for several threads."""

    def __init__(
        self, database: Database, outlets: list[Outlet], broken: list[OutletError], sources_max: int
    ) -> None:
        self._database = database
        self._files = {outlet.id: file_of(outlet, sources_max) for outlet in outlets}
        self.broken = broken
        "Files that cannot be read; they cost no other outlet its turn."
        self._turns = Turns({outlet.id: hosts_of(outlet) for outlet in outlets}, self._moments)
        self._known: dict[str, int] = {}
        self._fresh_until = 0.0
        self._lock = threading.Lock()

    def count(self) -> int:
        """Outlets that are due now."""
        now, moments = _now(), due_moments(self._database, self._files)
        return sum(moments.get(name, AT_ONCE) <= now for name in self._files)

    def turns(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[str | None]:
        """The outlets to crawl, each when its turn has come; None: ask again in a moment.

        It ends when nothing is due and nobody at work, or with `is_over`.
        """
        while not is_over():
            with self._lock:
                turn, is_busy = self._turns.next(_now()), self._turns.is_any_at_work
            if turn is None and not is_busy:
                return
            # Another process may have crawled it since it was listed.
            if turn and not is_due(self._database, turn, self._files[turn], _now()):
                self.ended(turn)
            else:
                yield turn

    def ended(self, outlet: str) -> None:
        with self._lock:
            self._turns.ended(outlet)

    def failed(self, outlet: str, why: str) -> None:
        """Its crawl failed: it has to wait."""
        note_failure(self._database, outlet, why, _now())

    def seconds_left(self) -> int | None:
        """Until the next outlet is due; None when there is no outlet."""
        moments = due_moments(self._database, self._files)
        first = min((moments.get(name, AT_ONCE) for name in self._files), default=None)
        return None if first is None else max(0, first - _now())

    def _moments(self, now: int) -> dict[str, int]:
        if time.monotonic() > self._fresh_until:
            self._known = due_moments(self._database, self._files)
            is_any_due = any(self._known.get(name, AT_ONCE) <= now for name in self._files)
            self._fresh_until = time.monotonic() + (LOOKED_SECONDS if is_any_due else QUIET_SECONDS)
        return self._known


def hosts_of(outlet: Outlet) -> frozenset[str]:
    """Hosts that a crawl of the outlet asks for sure."""
    return frozenset(
        urlsplit(url).netloc for url in (outlet.home, *(source.url for source in sources_of(outlet)))
    )


@contextmanager
def agenda(archives: Path, settings: Mapping[str, object]) -> Iterator[Agenda]:
    """The agenda by the settings that the crawls are given; NewscrawlError for a missing folder."""
    folders = _folders(settings)
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder of outlet files: {', '.join(missing)}")
    found, broken = read_all(folders)
    url = str(settings.get("NEWSCRAWL_STATE_URL", defaults.NEWSCRAWL_STATE_URL))
    with closing(Database.open(database_url(url, archives.resolve()))) as database:
        open_ones = [outlet for outlet in found if outlet.status != "blocked"]
        most = int(str(settings.get("NEWSCRAWL_SOURCES_MAX", defaults.NEWSCRAWL_SOURCES_MAX)))
        yield Agenda(database, open_ones, broken, most)


def _folders(settings: Mapping[str, object]) -> list[Path]:
    given = settings.get("NEWSCRAWL_OUTLETS")
    # As Scrapy reads a list that is given with -s.
    names = defaults.NEWSCRAWL_OUTLETS if given is None else str(given).split(",")
    return [Path(name) for name in names]


def _now() -> int:
    return seconds_of(datetime.now(UTC))
