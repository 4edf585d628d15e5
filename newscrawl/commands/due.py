"""Outlets that are due by state: what `newscrawl run --due` crawls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from newscrawl import settings as defaults
from newscrawl.commands.outlets import read_all
from newscrawl.errors import NewscrawlError, OutletError
from newscrawl.state.database import Database, database_url
from newscrawl.state.due import AT_ONCE, due_moments, is_due
from newscrawl.state.rows import seconds_of


class Agenda:
    """What is due when, of the outlets that have a file and may be crawled."""

    def __init__(self, database: Database, names: list[str], broken: list[OutletError]) -> None:
        self._database = database
        self._names = names
        self.broken = broken
        "Files that cannot be read; they cost no other outlet its turn."

    def outlets(self) -> list[str]:
        """Outlets that are due: those that wait longest first, those that have never run last.

        A first run may be long, and what it finds has waited for years.
        """
        now, moments = _now(), due_moments(self._database)
        known = sorted((moments[name], name) for name in self._names if name in moments)
        return [name for moment, name in known if moment <= now] + [
            name for name in self._names if name not in moments
        ]

    def is_due(self, outlet: str) -> bool:
        """Whether it still is: another process may have crawled it since it was listed."""
        return is_due(self._database, outlet, _now())

    def seconds_left(self) -> int | None:
        """Until the next outlet is due; None when there is no outlet."""
        moments = due_moments(self._database)
        first = min((moments.get(name, AT_ONCE) for name in self._names), default=None)
        return None if first is None else max(0, first - _now())


@contextmanager
def agenda(archives: Path, settings: Mapping[str, object]) -> Iterator[Agenda]:
    """The agenda by the settings that the crawls are given; NewscrawlError for a missing folder."""
    folders = _folders(settings)
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise NewscrawlError(f"no such folder of outlet files: {', '.join(missing)}")
    found, broken = read_all(folders)
    url = str(settings.get("NEWSCRAWL_STATE_URL", defaults.NEWSCRAWL_STATE_URL))
    database = Database.open(database_url(url, archives.resolve()))
    try:
        yield Agenda(database, [outlet.id for outlet in found if outlet.status != "blocked"], broken)
    finally:
        database.close()


def _folders(settings: Mapping[str, object]) -> list[Path]:
    given = settings.get("NEWSCRAWL_OUTLETS")
    # As Scrapy reads a list that is given with -s.
    names = defaults.NEWSCRAWL_OUTLETS if given is None else str(given).split(",")
    return [Path(name) for name in names]


def _now() -> int:
    return seconds_of(datetime.now(UTC))
