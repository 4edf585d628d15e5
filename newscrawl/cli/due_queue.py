"""The outlets that are due, in the order in which they are crawled; it follows state and the outlet files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from newscrawl import settings as defaults
from newscrawl.cli import ui
from newscrawl.cli.outlets import check_contact, configured_folders, read_outlets, select_own
from newscrawl.discovery.sources import list_sources
from newscrawl.errors import NewscrawlError, OutletError
from newscrawl.outlet import Outlet, read_outlet
from newscrawl.spiders.crawl_options import read_source_config
from newscrawl.spiders.lease_holder import has_ended
from newscrawl.state.database import Database
from newscrawl.state.due_outlets import (
    Agenda,
    Rotation,
    is_due,
    read_due,
    read_next_due,
    record_failure,
    refresh_due_times,
)

READ_SECONDS = 30.0
"The age at which it is read again which outlets are due; that of the next outlet is read each time."
IDLE_READ_SECONDS = 5.0
"The same while nothing is due and crawls are running."
LONGEST_SLEEP_SECONDS = 60.0
"The same while nothing is due and the queue has no end: other processes may make an outlet due earlier."
FILES_SECONDS = 10.0
"Between two looks at the outlet files of a queue without an end."
REFRESH_SECONDS = 600.0
"Between two looks for due times that must be found again, and for outlets that others crawled first."
PAUSED_SECONDS = 60.0
"Without a crawl after one that did not begin because of its machine, as when its spool is full."
RETRY_SECONDS = 1.0
"Between two looks for an outlet that may begin, where none could."
FileVersion = tuple[int, int, int]
"Of an outlet file: time of its change in nanoseconds, bytes, inode."


class OutletFiles:
    """Outlet files, of which only those that have changed are read again."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._files: dict[Path, tuple[FileVersion, Outlet | OutletError]] = {}

    def read(self) -> tuple[list[Outlet], list[OutletError]]:
        """The outlets that may be crawled, and the files that cannot be read; NewscrawlError for a folder."""
        if missing := [str(folder) for folder in self._folders if not folder.is_dir()]:
            raise NewscrawlError(f"no such folder of outlet files: {', '.join(missing)}")
        before, self._files = self._files, {}

        def read_changed(path: Path) -> Outlet:
            version = _file_version(path)
            read = before.get(path)
            if read is None or version is None or read[0] != version:
                read = version or (0, 0, 0), _read_or_fail(path)
            self._files[path] = read
            if isinstance(read[1], OutletError):
                raise read[1]
            return read[1]

        outlets, broken = read_outlets(self._folders, read_changed)
        own = select_own(outlets, self._folders)
        return [outlet for outlet in own if outlet.status != "blocked"], broken


def _file_version(path: Path) -> FileVersion | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_or_fail(path: Path) -> Outlet | OutletError:
    try:
        return read_outlet(path)
    except OutletError as error:
        return error


class DueQueue:
    """The outlets in the order in which they are due, of those that may be crawled; for several threads."""

    def __init__(
        self,
        database: Database,
        files: OutletFiles,
        max_sources: int,
        outlets: Sequence[Outlet],
        broken: Sequence[OutletError],
    ) -> None:
        """`outlets` and `broken` are what was read of the files."""
        self._database = database
        self._files = files
        self._max_sources = max_sources
        self.broken = list(broken)
        "Files that cannot be read; the other outlets are crawled nevertheless."
        self._outlets = {outlet.id: outlet for outlet in outlets}
        self._sources = {outlet.id: read_source_config(outlet, max_sources) for outlet in outlets}
        self._rotation = Rotation({outlet.id: crawled_hosts(outlet) for outlet in outlets}, self._read_agenda)
        self._agenda = Agenda({}, ())
        self._begun: set[str] = set()
        self._read_again = self._look_again = self._refresh_again = 0.0
        self._paused_until = 0.0
        self._files_read_again = time.monotonic() + FILES_SECONDS
        self._is_endless = False
        self._lock = threading.Lock()

    def count_due(self) -> int:
        """Outlets that are due now."""
        agenda = self._load_agenda(int(time.time()))
        return sum(name in agenda.due or name not in agenda.begun for name in self._sources)

    def outlets(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[str | None]:
        """The outlets to crawl, each when it is due and its hosts are free; None: ask again in a moment.

        It ends when nothing is due and no crawl is running, or with `is_over`.
        """
        while not is_over():
            with self._lock:
                outlet, is_busy = self._next(), self._rotation.is_any_running
            if outlet is None and not is_busy and not self._is_endless:
                return
            # Another process may have crawled it since the due times were read.
            if outlet and not self._is_due(outlet):
                self.release(outlet)
            else:
                yield outlet

    def outlets_forever(
        self, is_over: Callable[[], bool], on_broken: Callable[[OutletError], None]
    ) -> Iterator[str | None]:
        """The same without an end but `is_over`; outlet files that change while it runs are read again."""
        self._is_endless = True
        for error in self.broken:
            on_broken(error)
        for outlet in self.outlets(is_over):
            yield outlet
            if time.monotonic() > self._files_read_again:
                self._read_files(on_broken)

    def release(self, outlet: str) -> None:
        """Its crawl has ended: its hosts are free for other outlets."""
        with self._lock:
            self._look_again = 0.0
            self._rotation.release(outlet)

    def record_failure(self, outlet: str, reason: str) -> None:
        """Its crawl has failed: it has to wait, the longer the more often it does."""
        now = int(time.time())
        self._database.repeat_while_away(lambda: record_failure(self._database, outlet, reason, now))

    def pause(self) -> None:
        """This machine can take no more: no crawl begins for a while, and none of a queue with an end."""
        with self._lock:
            self._paused_until = time.monotonic() + PAUSED_SECONDS

    def seconds_until_due(self) -> int | None:
        """Seconds until the next outlet is due; None when there is no outlet."""
        first = self._first_due(self._load_agenda(now := int(time.time())), now)
        return None if first is None else first - now

    def _next(self) -> str | None:
        """The next outlet; where none may begin, it is not looked for again by every thread at once."""
        if time.monotonic() < max(self._look_again, self._paused_until):
            return None
        outlet = self._rotation.next(int(time.time()))
        if outlet is None:
            self._look_again = time.monotonic() + RETRY_SECONDS
        return outlet

    def _read_files(self, on_broken: Callable[[OutletError], None]) -> None:
        try:
            outlets, broken = self._files.read()
        except NewscrawlError as error:
            # A folder that is being replaced: the outlets stay as they are until it is there again.
            ui.warn(str(error))
            outlets, broken = list(self._outlets.values()), self.broken
        reported = set(map(str, self.broken))
        for problem in broken:
            if str(problem) not in reported:
                on_broken(problem)
        after = {outlet.id: outlet for outlet in outlets}
        with self._lock:
            self.broken = broken
            self._files_read_again = time.monotonic() + FILES_SECONDS
            if after == self._outlets:
                return
            self._outlets = after
            self._sources = {
                name: read_source_config(outlet, self._max_sources) for name, outlet in after.items()
            }
            self._rotation.replace_hosts({name: crawled_hosts(outlet) for name, outlet in after.items()})
            self._read_again = self._look_again = self._refresh_again = 0.0

    def _is_due(self, outlet: str) -> bool:
        config, now = self._sources.get(outlet), int(time.time())
        if config is None:
            return False  # its file has gone
        return self._database.repeat_while_away(
            lambda: is_due(self._database, outlet, config, now, has_ended)
        )

    def _read_agenda(self, now: int) -> Agenda:
        if time.monotonic() > self._read_again:
            self._agenda = self._load_agenda(now)
            self._read_again = time.monotonic() + self._seconds_to_rest(now)
        return self._agenda

    def _load_agenda(self, now: int) -> Agenda:
        """What is due now, of which outlets that others crawl are no part."""
        if time.monotonic() > self._refresh_again:
            configs = dict(self._sources)
            self._begun = self._database.repeat_while_away(
                lambda: refresh_due_times(self._database, configs, now)
            )
            self._refresh_again = time.monotonic() + REFRESH_SECONDS
        due = self._database.repeat_while_away(lambda: read_due(self._database, now, has_ended))
        return Agenda({name: time for name, time in due.items() if name in self._sources}, self._begun)

    def _seconds_to_rest(self, now: int) -> float:
        """How long what is due may be used."""
        first = self._first_due(self._agenda, now)
        if first is not None and first <= now:
            return READ_SECONDS
        if not self._is_endless:
            return IDLE_READ_SECONDS
        return LONGEST_SLEEP_SECONDS if first is None else min(first - now, LONGEST_SLEEP_SECONDS)

    def _first_due(self, agenda: Agenda, now: int) -> int | None:
        """When the next outlet is due; None where that is far away, or there is no outlet."""
        if agenda.due or any(name not in agenda.begun for name in self._sources):
            return now
        names = self._sources
        return self._database.repeat_while_away(lambda: read_next_due(self._database, names, now))


def crawled_hosts(outlet: Outlet) -> frozenset[str]:
    """Hosts that every crawl of the outlet sends requests to."""
    return frozenset(
        urlsplit(url).netloc for url in (outlet.home, *(source.url for source in list_sources(outlet)))
    )


@contextmanager
def due_queue(archives: Path, settings: Mapping[str, object]) -> Iterator[DueQueue]:
    """The queue by the settings of the crawls; NewscrawlError for a folder or a contact that is missing."""
    files = OutletFiles(configured_folders(settings))
    outlets, broken = files.read()
    check_contact(outlets, settings)
    max_sources = int(str(settings.get("NEWSCRAWL_SOURCES_MAX", defaults.NEWSCRAWL_SOURCES_MAX)))
    with ui.open_database(archives, str(settings.get("NEWSCRAWL_STATE_URL", ui.STATE_URL))) as database:
        yield DueQueue(database, files, max_sources, outlets, broken)
