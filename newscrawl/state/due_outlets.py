"""Which outlets are due: an outlet is due when its first source or page is, or when it has never run.

Each outlet's row keeps that time, found by the outlet file of then, so that one index says what is due.
A failing outlet waits first, and no two outlets on the same host run at the same time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Text,
    bindparam,
    case,
    func,
    select,
    true,
    update,
)

from newscrawl.state.database import Database
from newscrawl.state.refetch_policy import is_plausible, longest_page_wait
from newscrawl.state.runs import LONGEST_BACKOFF_SECONDS, HasEnded, State, is_lease_current, read_holder
from newscrawl.state.schema import leases, outlets, runs, sources, urls
from newscrawl.state.sources import (
    AT_ONCE,
    LONGEST_SOURCE_WAIT,
    SHORTEST_SECONDS,
    SourceConfig,
    first_source_due,
)
from newscrawl.state.urls import batches

FIRST_BACKOFF_SECONDS = 15 * 60
MAX_BACKOFF_DOUBLINGS = 7
_REASON_CHARS = 300
REVISIT_SLACK = 30 * 60
"Revisits are done along with other work; they start a run of their own after so long."
FIRST_RUNS_SHARE = 4
"Every so many turns a first run has precedence; outlets that have run have it in all other turns."
_MAX_NAMED = 500
"Outlets that a statement names; of more of them it reads all rows there are."
_NEXT_ROWS = 1000
"Outlets that are due next and read at once: most of them have files here."


class Backoff(NamedTuple):
    """How the crawls of an outlet have failed."""

    failures: int
    "In a row."
    not_before: int
    reason: str


def record_failure(database: Database, outlet: str, reason: str, now: int) -> int:
    """Count a failed crawl of the outlet; gives the second before which no timer starts the next."""
    with database.writing() as connection:
        row = connection.execute(select(outlets).where(outlets.c.outlet == outlet)).first()
        failures: int = row.failures if row else 0
        doublings = min(failures, MAX_BACKOFF_DOUBLINGS)
        not_before: int = now + min(FIRST_BACKOFF_SECONDS * 2**doublings, LONGEST_BACKOFF_SECONDS)
        values = {
            "failures": failures + 1,
            "not_before": not_before,
            "reason": reason[:_REASON_CHARS],
            "next_due": max(not_before, (row.next_due if row else None) or AT_ONCE),
        }
        statement = database.insert(outlets).values(outlet=outlet, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["outlet"], set_=values))
    return not_before


def read_backoff(database: Database, outlet: str) -> Backoff | None:
    """That of an outlet; None if its last crawl went well."""
    with database.reading() as connection:
        row = connection.execute(select(outlets).where(outlets.c.outlet == outlet)).first()
    return Backoff(row.failures, row.not_before or 0, row.reason or "") if row and row.failures else None


def find_next_due(state: State, config: SourceConfig, now: int) -> int:
    """When the first source or page of an outlet is due, which its row keeps once a run has ended."""
    outlet = state.urls.outlet
    pages = state.database.repeat_while_away(lambda: _read_pages(state.database, {outlet: config}))
    first = _first_due(config, state.sources.rows(), pages.get(outlet), now)
    return AT_ONCE if first is None else first


def due_times(database: Database, configs: Mapping[str, SourceConfig], now: int) -> dict[str, int]:
    """Outlet to the second it is due, for those of these outlets that have rows; found from all these rows.

    No outlet counts as due since before its last run began: an outlet with much to fetch must take turns.
    Times that only a wrong clock can have written count as due.
    """
    pages = _read_pages(database, configs)
    source_rows: dict[str, dict[str, Row[Any]]] = defaultdict(dict)
    with database.reading() as connection:
        for row in connection.execute(_select_sources(database, configs)):
            source_rows[row.outlet][row.url] = row
        held = connection.execute(_select_held(database, configs)).all()
        last_begun = connection.execute(_select_last_begun(database, configs))
        begun = {row.outlet: row.last_begun for row in last_begun}
    times: dict[str, int] = {}
    for name in (source_rows.keys() | pages.keys()) & configs.keys():
        first = _first_due(configs[name], source_rows[name], pages.get(name), now)
        times[name] = max(AT_ONCE if first is None else first, min(begun.get(name) or AT_ONCE, now))
    for row in held:
        if row.outlet in configs and is_plausible(row.not_before, now, LONGEST_BACKOFF_SECONDS):
            times[row.outlet] = max(times.get(row.outlet, AT_ONCE), row.not_before)
    return times


class _PageTimes(NamedTuple):
    """When pages of an outlet are due."""

    first: int
    last: int


def _first_due(
    config: SourceConfig, source_rows: Mapping[str, Row[Any]], pages: _PageTimes | None, now: int
) -> int | None:
    times = [first_source_due(config, source_rows, now)]
    if pages:
        is_possible = is_plausible(pages.last, now, longest_page_wait(config.revisit_ages))
        times.append(pages.first if is_possible else AT_ONCE)
    return min((time for time in times if time is not None), default=None)


def _read_pages(database: Database, names: Collection[str]) -> dict[str, _PageTimes]:
    page_due = case((urls.c.status == "done", urls.c.next_due + REVISIT_SLACK), else_=urls.c.next_due)
    statement = (
        select(urls.c.outlet, func.min(page_due), func.max(urls.c.next_due))
        .where(urls.c.next_due.is_not(None), urls.c.via > "", _is_named(database, urls.c.outlet, names))
        .group_by(urls.c.outlet)
    )
    with database.reading() as connection:
        return {row[0]: _PageTimes(int(row[1]), int(row[2])) for row in connection.execute(statement)}


def _select_sources(database: Database, names: Collection[str]) -> Select[Any]:
    return select(
        sources.c.outlet,
        sources.c.url,
        sources.c.kind,
        sources.c.child_sources,
        sources.c.outlet_digest,
        sources.c.next_due,
        sources.c.retired_at,
    ).where(_is_named(database, sources.c.outlet, names))


def _select_held(database: Database, names: Collection[str]) -> Select[Any]:
    return select(outlets.c.outlet, outlets.c.not_before).where(
        outlets.c.not_before.is_not(None), _is_named(database, outlets.c.outlet, names)
    )


def _select_last_begun(database: Database, names: Collection[str]) -> Select[Any]:
    # The subquery costs a single index lookup per outlet.
    last = select(func.max(runs.c.started)).where(runs.c.outlet == outlets.c.outlet).scalar_subquery()
    return select(outlets.c.outlet, last.label("last_begun")).where(
        _is_named(database, outlets.c.outlet, names)
    )


def _is_named(database: Database, column: Any, names: Collection[str]) -> ColumnElement[bool]:
    return database.is_among(column, sorted(names)) if len(names) <= _MAX_NAMED else true()


def is_due(
    database: Database,
    outlet: str,
    config: SourceConfig,
    now: int,
    has_ended: HasEnded = lambda *_: False,
) -> bool:
    """Whether a crawl of the outlet would have something to do, and may begin."""
    with database.reading() as connection:
        lease = connection.execute(select(leases).where(leases.c.outlet == outlet)).first()
        row = connection.execute(select(outlets).where(outlets.c.outlet == outlet)).first()
    if lease and _is_held(lease, now, has_ended):
        return False
    if row and not _is_stale(row, config, now):
        return bool(row.next_due <= now)
    return due_times(database, {outlet: config}, now).get(outlet, AT_ONCE) <= now


def _is_held(lease: Any, now: int, has_ended: HasEnded) -> bool:
    """Whether a process crawls the outlet of this lease; asking for its end may take a system call."""
    return is_lease_current(lease.expires_at, now) and not has_ended(read_holder(lease), lease.acquired_at)


def _is_stale(row: Any, config: SourceConfig, now: int) -> bool:
    """Whether the due time in an outlet's row must be found again."""
    longest = max(LONGEST_SOURCE_WAIT, LONGEST_BACKOFF_SECONDS)
    if not config.configured:
        # There may be no source, and then its pages alone decide.
        longest = max(longest, longest_page_wait(config.revisit_ages))
    return (
        row.outlet_digest != config.digest
        or row.next_due is None
        or not is_plausible(row.next_due, now, longest)
    )


def refresh_due_times(database: Database, configs: Mapping[str, SourceConfig], now: int) -> set[str]:
    """Find the stored due times again that are no longer right; gives the outlets that have run.

    Those are not right whose outlet file has changed since, that a repair has set back, and that lie further
    ahead than a clock that was right can have put them.
    """
    columns = (outlets.c.outlet, outlets.c.next_due, outlets.c.outlet_digest)
    with database.reading() as connection:
        rows = connection.execute(select(*columns)).all()
    stale = [row for row in rows if row.outlet in configs and _is_stale(row, configs[row.outlet], now)]
    if stale:
        files = {row.outlet: configs[row.outlet] for row in stale}
        times = due_times(database, files, now)
        for batch in batches(stale):
            found = [
                {
                    "at": row.outlet,
                    "old_due": row.next_due,
                    "old_digest": row.outlet_digest,
                    "due": times.get(row.outlet, AT_ONCE),
                    "digest": files[row.outlet].digest,
                }
                for row in batch
            ]
            with database.writing() as connection:
                connection.execute(_STORE_DUE_TIME, found)
    return {row.outlet for row in rows}


# A run that has ended since the old values were read knows better.
_STORE_DUE_TIME = (
    update(outlets)
    .where(outlets.c.outlet == bindparam("at"))
    .where(outlets.c.next_due.is_not_distinct_from(bindparam("old_due", type_=BigInteger)))
    .where(outlets.c.outlet_digest.is_not_distinct_from(bindparam("old_digest", type_=Text)))
    .values(next_due=bindparam("due"), outlet_digest=bindparam("digest"))
)


def find_late_due_time(state: State, config: SourceConfig, now: int) -> tuple[int, int] | None:
    """The due time in an outlet's row and the earlier one that its rows have; None where all is right."""
    outlet = state.urls.outlet
    with state.database.reading() as connection:
        row = connection.execute(select(outlets).where(outlets.c.outlet == outlet)).first()
    if row is None or _is_stale(row, config, now):
        return None  # it is found again before it is used
    due = due_times(state.database, {outlet: config}, now).get(outlet, AT_ONCE)
    return (row.next_due, due) if max(due, now) < row.next_due else None


class Agenda(NamedTuple):
    """What there is to crawl."""

    due: Mapping[str, int]
    "Outlet to the second since when it has been due."
    begun: Collection[str]
    "Outlets that have run, or begun to."


def read_due(database: Database, now: int, has_ended: HasEnded = lambda *_: False) -> dict[str, int]:
    """Outlets that are due and that nobody crawls, those first that have waited longest."""
    joined = outlets.outerjoin(leases, leases.c.outlet == outlets.c.outlet)
    statement = select(outlets.c.outlet.label("name"), outlets.c.next_due, leases).select_from(joined)
    statement = statement.where(outlets.c.next_due <= now).order_by(outlets.c.next_due, outlets.c.outlet)
    with database.reading() as connection:
        rows = connection.execute(statement).all()
    return {row.name: row.next_due for row in rows if row.outlet is None or not _is_held(row, now, has_ended)}


def read_next_due(database: Database, names: Collection[str], now: int) -> int | None:
    """When the first of these outlets is due that is not due yet; None where that is far away."""
    statement = select(outlets.c.outlet, outlets.c.next_due).where(outlets.c.next_due > now)
    with database.reading() as connection:
        rows = connection.execute(statement.order_by(outlets.c.next_due).limit(_NEXT_ROWS)).all()
    return next((row.next_due for row in rows if row.outlet in names), None)


ReadAgenda = Callable[[int], Agenda]


class Rotation:
    """Decides which outlet is next while several are crawled at a time, until nothing is due."""

    def __init__(self, hosts: Mapping[str, Collection[str]], read_agenda: ReadAgenda) -> None:
        """`hosts`: those each outlet is fetched from."""
        self._hosts = hosts
        self._read_agenda = read_agenda
        self._running: dict[str, Collection[str]] = {}
        self._begun: dict[str, int] = {}
        self._turns = 0

    @property
    def is_any_running(self) -> bool:
        return bool(self._running)

    def replace_hosts(self, hosts: Mapping[str, Collection[str]]) -> None:
        """The outlets and their hosts from now on; crawls that are running keep the hosts they began with."""
        self._hosts = hosts
        self._begun = {name: begun for name, begun in self._begun.items() if name in hosts}

    def next(self, now: int) -> str | None:
        """The outlet that has waited longest; outlets that have never run come last.

        A first run may be long, and what it finds has waited for years. None while every due outlet shares
        a host with a running crawl, or began within the quarter of an hour in which no source is read twice.
        """
        agenda = self._read_agenda(now)
        waiting = sorted((time, name) for name, time in agenda.due.items() if time <= now)
        due = [name for _, name in waiting if name in self._hosts]
        new = [name for name in self._hosts if name not in agenda.begun and name not in self._begun]
        self._turns += 1
        candidates = due + new if self._turns % FIRST_RUNS_SHARE else new + due
        busy = {host for hosts in self._running.values() for host in hosts}
        chosen = next((name for name in candidates if self._may_begin(name, busy, now)), None)
        if chosen is not None:
            self._running[chosen] = self._hosts[chosen]
            self._begun[chosen] = now
        return chosen

    def release(self, outlet: str) -> None:
        """The crawl of the outlet has ended: others may use its hosts."""
        self._running.pop(outlet, None)

    def _may_begin(self, name: str, busy: Collection[str], now: int) -> bool:
        begun = self._begun.get(name)
        if name in self._running or (begun is not None and begun + SHORTEST_SECONDS > now):
            return False
        return not any(host in busy for host in self._hosts[name])
