"""Feeds, sitemaps and other sources of one outlet: what they gave last time, and how often they change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from newscrawl.parts import WarcPointer
from newscrawl.state.database import Database
from newscrawl.state.fates import HOST_PAUSED
from newscrawl.state.hosts import HostTable, origin_of_url
from newscrawl.state.rows import Seen, seen_of, warc_text
from newscrawl.state.tables import feeds

FIRST_SECONDS = 30 * 60
SHORTEST_SECONDS, LONGEST_SECONDS = 15 * 60, 24 * 3600
CHANGED, UNCHANGED = 0.5, 1.25
"What an interval is multiplied with, so that one answer in four has news: most of it is then an hour old."
MAX_DOUBLINGS = 6
RETIRED_FAILURES, RETIRED_AFTER = 8, 7 * 24 * 3600
"A source that has failed so often in a row, and for so long, is retired …"
RETIRED_SECONDS = 7 * 24 * 3600
"… and asked once in so long, until an answer brings it back."
NOT_MODIFIED = "not_modified"


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One answer of a source."""

    url: str
    "As it was asked for."
    outcome: str
    "`ok`, `not_modified`, or what went wrong."
    kind: str | None = None
    "feed, sitemap, wp_api or section."
    least: int | None = None
    "Seconds its publisher asks to be left alone between two looks."
    etag: str | None = None
    last_modified: str | None = None
    more: tuple[str, ...] = ()
    answered: str = ""
    "URL that answered, after redirects."
    warc: WarcPointer | None = None
    date: str = ""
    "RFC 3339 time of the exchange."
    outlet_hash: str = ""


class FeedTable:
    """Rows of `feeds`, an outlet's own."""

    def __init__(self, database: Database, outlet: str) -> None:
        self._database = database
        self._outlet = outlet

    def seen(self, url: str, outlet_hash: str) -> tuple[Seen | None, tuple[str, ...]]:
        """What a source gave last and what it named; nothing when it was read by other rules."""
        row = self._row(url)
        if row is None or row.outlet_hash != outlet_hash:
            return None, ()
        return seen_of(row.etag, row.last_modified, row.warc), tuple(json.loads(row.more or "[]"))

    def told(self, told: Told, now: int) -> bool:
        """Note an answer; whether the source is retired by it.

        Call it once its links are in state: what is noted here is not listed again.
        """
        row = self._row(told.url)
        if _failed(told.outcome):
            paused = HostTable(self._database).paused(origin_of_url(told.url), now)
            values = _after_failure(row, told, now, paused or now)
        else:
            values = _after_answer(row, told, now)
        key = {"outlet": self._outlet, "url": told.url}
        values |= {"kind": told.kind} if told.kind else {}
        statement = self._database.insert(feeds).values(**key, **values)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["outlet", "url"], set_=values))
        return values["retired"] is not None and not (row and row.retired)

    def rows(self) -> dict[str, Row[Any]]:
        """All that is known of this outlet's sources, by URL."""
        with self._database.reading() as connection:
            rows = connection.execute(select(feeds).where(feeds.c.outlet == self._outlet)).all()
        return {row.url: row for row in rows}

    def next_due(self) -> int | None:
        """When the first of the sources is due."""
        with self._database.reading() as connection:
            statement = select(func.min(feeds.c.next_due)).where(feeds.c.outlet == self._outlet)
            return connection.execute(statement).scalar()

    def _row(self, url: str) -> Row[Any] | None:
        with self._database.reading() as connection:
            statement = select(feeds).where(feeds.c.outlet == self._outlet, feeds.c.url == url)
            return connection.execute(statement).first()


def _failed(outcome: str) -> bool:
    return outcome not in ("ok", "empty", NOT_MODIFIED)


def _after_answer(row: Row[Any] | None, told: Told, now: int) -> dict[str, Any]:
    digest = told.warc.payload_digest if told.warc else None
    is_same = row is not None and (told.outcome == NOT_MODIFIED or digest == row.payload_digest is not None)
    interval = FIRST_SECONDS if row is None else row.interval * (UNCHANGED if is_same else CHANGED)
    kept = _within_bounds(interval)
    # What stands in a feed is not told again by a 304.
    least = told.least or (row.least if row and told.outcome == NOT_MODIFIED else None)
    least = _within_bounds(least) if least else None
    values: dict[str, Any] = {
        "outcome": told.outcome,
        "looked": now,
        "failures": 0,
        "failing": None,
        "retired": None,
        "interval": kept,
        "least": least,
        "next_due": now + max(kept, least or 0),
    }
    if told.outcome != NOT_MODIFIED:
        values |= {
            "etag": told.etag,
            "last_modified": told.last_modified,
            "payload_digest": digest,
            "more": json.dumps(told.more),
            "warc": warc_text(told.warc, told.answered, told.date) if told.warc else None,
            "outlet_hash": told.outlet_hash,
        }
    return values if is_same else {**values, "changed": now}


def _after_failure(row: Row[Any] | None, told: Told, now: int, paused: int) -> dict[str, Any]:
    """Longer between attempts with every failure in a row; what it gave before stays known.

    `paused`: until when its host wants to be left alone.
    """
    # Of a host that is left alone nobody was asked.
    is_failure = told.outcome != HOST_PAUSED
    failures = (row.failures if row else 0) + is_failure
    failing = (row.failing if row else None) or (now if is_failure else None)
    interval = row.interval if row else FIRST_SECONDS
    wait = min(interval * 2 ** min(failures, MAX_DOUBLINGS), LONGEST_SECONDS)
    retired = row.retired if row else None
    if not retired and failing and failures >= RETIRED_FAILURES and now - failing >= RETIRED_AFTER:
        retired = now
    return {
        "outcome": told.outcome,
        "looked": now,
        "failures": failures,
        "failing": failing,
        "retired": retired,
        "interval": interval,
        "next_due": now + RETIRED_SECONDS if retired else max(now + wait, paused),
    }


def _within_bounds(seconds: float) -> int:
    return int(min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS))
