"""Stored times that only a wrong clock can have written: nothing waits for them, and here they are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, select, update

from newscrawl.state.hosts import MAX_PAUSE_SECONDS, url_origin
from newscrawl.state.refetch_policy import CLOCK_TOLERANCE
from newscrawl.state.runs import LEASE_SECONDS, LONGEST_BACKOFF_SECONDS, State
from newscrawl.state.schema import hosts, leases, outlets, sources, urls
from newscrawl.state.sources import LONGEST_SOURCE_WAIT


class FutureTime(NamedTuple):
    """A time that is further away than the longest wait of its kind."""

    subject: str
    "Such as `source https://…`."
    seconds: int


def find_future_times(state: State, now: int) -> Iterator[FutureTime]:
    """Those of an outlet: of its sources, pages and hosts, its hold after failures, its lease."""
    conditions = _future_conditions(state, now)
    with state.database.reading() as connection:
        for row in connection.execute(select(sources.c.url, sources.c.next_due).where(conditions["sources"])):
            yield FutureTime(f"source {row.url}", row.next_due)
        for row in connection.execute(select(urls.c.url, urls.c.next_due).where(conditions["urls"])):
            yield FutureTime(f"page {row.url}", row.next_due)
        for row in connection.execute(
            select(hosts.c.origin, hosts.c.paused_until).where(conditions["hosts"])
        ):
            yield FutureTime(f"the pause of {row.origin}", row.paused_until)
        for row in connection.execute(select(outlets.c.not_before).where(conditions["outlets"])):
            yield FutureTime("the hold after failed crawls", row.not_before)
        for row in connection.execute(select(outlets.c.next_due).where(conditions["crawls"])):
            yield FutureTime("the next crawl", row.next_due)
        for row in connection.execute(select(leases.c.expires_at).where(conditions["leases"])):
            yield FutureTime("the lease", row.expires_at)


def reset_future_times(state: State, now: int) -> None:
    """Sources and pages are due now; pauses, holds and leases end."""
    conditions = _future_conditions(state, now)
    with state.database.writing() as connection:
        connection.execute(update(sources).where(conditions["sources"]).values(next_due=now))
        connection.execute(update(urls).where(conditions["urls"]).values(next_due=now))
        connection.execute(update(hosts).where(conditions["hosts"]).values(paused_until=None))
        connection.execute(update(outlets).where(conditions["outlets"]).values(not_before=None))
        connection.execute(update(outlets).where(conditions["crawls"]).values(next_due=now))
        # The time that its row keeps is found again from all of these.
        own = outlets.c.outlet == state.urls.outlet
        connection.execute(update(outlets).where(own).values(outlet_digest=None))
        connection.execute(delete(leases).where(conditions["leases"]))


def _future_conditions(state: State, now: int) -> dict[str, ColumnElement[bool]]:
    """By table, the rows of the outlet whose time is too far away."""
    outlet, latest = state.urls.outlet, now + CLOCK_TOLERANCE
    origins = {url_origin(url) for url in state.sources.rows()}
    return {
        "sources": and_(sources.c.outlet == outlet, sources.c.next_due > latest + LONGEST_SOURCE_WAIT),
        "urls": and_(urls.c.outlet == outlet, urls.c.next_due > latest + state.urls.longest_wait),
        "hosts": and_(hosts.c.origin.in_(origins), hosts.c.paused_until > latest + MAX_PAUSE_SECONDS),
        "outlets": and_(outlets.c.outlet == outlet, outlets.c.not_before > latest + LONGEST_BACKOFF_SECONDS),
        "crawls": and_(
            outlets.c.outlet == outlet,
            outlets.c.next_due > latest + max(LONGEST_SOURCE_WAIT, state.urls.longest_wait),
        ),
        "leases": and_(leases.c.outlet == outlet, leases.c.expires_at > latest + LEASE_SECONDS),
    }
