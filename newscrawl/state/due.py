"""Which outlets are due: the first of their sources or pages is, or they have never run.

Not before a failing outlet has waited, and no two at a time of one host.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select, true

from newscrawl.state.backoff import backoff_of, backoffs
from newscrawl.state.database import Database
from newscrawl.state.feeds import SHORTEST_SECONDS
from newscrawl.state.sources import AT_ONCE, File, first_due
from newscrawl.state.tables import feeds, runs, urls

Moments = Callable[[int], Mapping[str, int]]
LOOKS_WAIT = 30 * 60
"Looks at known pages are done along with other work; they begin a run of their own after so long."
FIRST_RUNS_SHARE = 4
"One of so many turns is a first run's, where outlets that have run take all the others."


def due_moments(database: Database, files: Mapping[str, File]) -> dict[str, int]:
    """Outlet to the second it is due, of those files that state knows anything of.

    None since before its last run began: who has much to fetch has its turn like all the others.
    """
    found = _moments(database, files, None)
    for outlet, backoff in backoffs(database).items():
        if outlet in files:
            found[outlet] = max(found.get(outlet, AT_ONCE), backoff.not_before)
    return found


def is_due(database: Database, outlet: str, file: File, now: int) -> bool:
    """Whether a crawl of the outlet would have something to do, and may begin."""
    backoff = backoff_of(database, outlet)
    if backoff and backoff.not_before > now:
        return False
    return _moments(database, {outlet: file}, outlet).get(outlet, AT_ONCE) <= now


class Turns:
    """Whose turn it is, for those who crawl several outlets at a time until nothing is due."""

    def __init__(self, hosts: Mapping[str, Collection[str]], moments: Moments) -> None:
        """`hosts`: those each outlet is asked on; `moments`: when those are due that have run."""
        self._hosts = hosts
        self._moments = moments
        self._at_work: dict[str, Collection[str]] = {}
        self._begun: dict[str, int] = {}
        self._given = 0

    @property
    def is_any_at_work(self) -> bool:
        return bool(self._at_work)

    def next(self, now: int) -> str | None:
        """The outlet whose turn it is: the one that has waited longest, those that have never run last.

        A first run may be long, and what it finds has waited for years. None while all that is due has a
        host at work, or was begun within the quarter of an hour in which no source is asked twice.
        """
        moments = self._moments(now)
        known = sorted((moment, name) for name, moment in moments.items() if moment <= now)
        due = [name for _, name in known if name in self._hosts]
        new = [name for name in self._hosts if name not in moments]
        self._given += 1
        ready = due + new if self._given % FIRST_RUNS_SHARE else new + due
        busy = {host for hosts in self._at_work.values() for host in hosts}
        turn = next((name for name in ready if self._may_begin(name, busy, now)), None)
        if turn is not None:
            self._at_work[turn] = self._hosts[turn]
            self._begun[turn] = now
        return turn

    def ended(self, outlet: str) -> None:
        """Its hosts may be asked by others."""
        self._at_work.pop(outlet, None)

    def _may_begin(self, name: str, busy: Collection[str], now: int) -> bool:
        begun = self._begun.get(name)
        if name in self._at_work or (begun is not None and begun + SHORTEST_SECONDS > now):
            return False
        return not any(host in busy for host in self._hosts[name])


def _moments(database: Database, files: Mapping[str, File], outlet: str | None) -> dict[str, int]:
    of_sources = select(
        feeds.c.outlet,
        feeds.c.url,
        feeds.c.kind,
        feeds.c.more,
        feeds.c.outlet_hash,
        feeds.c.next_due,
        feeds.c.retired,
    ).where(_of(feeds.c.outlet, outlet))
    moment = case((urls.c.status == "done", urls.c.next_due + LOOKS_WAIT), else_=urls.c.next_due)
    of_pages = (
        select(urls.c.outlet, func.min(moment))
        .where(urls.c.next_due.is_not(None), urls.c.via > "", _of(urls.c.outlet, outlet))
        .group_by(urls.c.outlet)
    )
    # One look into the index for each outlet.
    began = select(func.max(runs.c.started)).where(runs.c.outlet == feeds.c.outlet).scalar_subquery()
    of_runs = select(feeds.c.outlet, began).where(_of(feeds.c.outlet, outlet)).group_by(feeds.c.outlet)
    rows: dict[str, dict[str, Row[Any]]] = defaultdict(dict)
    with database.reading() as connection:
        known: Iterable[Any] = connection.execute(of_sources)
        for row in known:
            rows[row.outlet][row.url] = row
        pages = {row[0]: int(row[1]) for row in connection.execute(of_pages)}
        last = {row[0]: int(row[1] or AT_ONCE) for row in connection.execute(of_runs)}
    found: dict[str, int] = {}
    for name in (rows.keys() | pages.keys()) & files.keys():
        moments = (first_due(files[name], rows[name]), pages.get(name))
        first = min((moment for moment in moments if moment is not None), default=AT_ONCE)
        found[name] = max(first, last.get(name, AT_ONCE))
    return found


def _of(column: ColumnElement[str], outlet: str | None) -> ColumnElement[bool]:
    return true() if outlet is None else column == outlet
