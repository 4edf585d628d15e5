"""Feeds, sitemaps and other sources of one outlet: what they gave last time, and how often they change."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Row, func, select

from newscrawl.parts import WarcPointer
from newscrawl.state.database import Database
from newscrawl.state.rows import Seen, seen_of, warc_text
from newscrawl.state.tables import feeds

FIRST_SECONDS = 30 * 60
SHORTEST_SECONDS, LONGEST_SECONDS = 15 * 60, 24 * 3600
CHANGED, UNCHANGED = 0.8, 1.5
"What an interval is multiplied with: sooner where there was news, later where there was none."
MAX_DOUBLINGS = 6
NOT_MODIFIED = "not_modified"


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One answer of a source."""

    url: str
    "As it was asked for."
    outcome: str
    "`ok`, `not_modified`, or what went wrong."
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

    def told(self, told: Told, now: int) -> None:
        """Note an answer. Call it once its links are in state: what is noted here is not listed again."""
        row = self._row(told.url)
        values = _after_failure(row, told, now) if _failed(told.outcome) else _after_answer(row, told, now)
        key = {"outlet": self._outlet, "url": told.url}
        statement = self._database.insert(feeds).values(**key, **values)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["outlet", "url"], set_=values))

    def next_due(self) -> int | None:
        """When the first of the sources is due."""
        with self._database.reading() as connection:
            statement = select(func.min(feeds.c.next_due)).where(feeds.c.outlet == self._outlet)
            return connection.execute(statement).scalar()

    def _row(self, url: str) -> Row[tuple[object, ...]] | None:
        with self._database.reading() as connection:
            statement = select(feeds).where(feeds.c.outlet == self._outlet, feeds.c.url == url)
            return connection.execute(statement).first()


def _failed(outcome: str) -> bool:
    return outcome not in ("ok", "empty", NOT_MODIFIED)


def _after_answer(row: Row[tuple[object, ...]] | None, told: Told, now: int) -> dict[str, object]:
    digest = told.warc.payload_digest if told.warc else None
    is_same = row is not None and (told.outcome == NOT_MODIFIED or digest == row.payload_digest is not None)
    interval = FIRST_SECONDS if row is None else row.interval * (UNCHANGED if is_same else CHANGED)
    kept = int(min(max(interval, SHORTEST_SECONDS), LONGEST_SECONDS))
    values: dict[str, object] = {
        "outcome": told.outcome,
        "looked": now,
        "failures": 0,
        "interval": kept,
        "next_due": now + kept,
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


def _after_failure(row: Row[tuple[object, ...]] | None, told: Told, now: int) -> dict[str, object]:
    """Longer between attempts with every failure in a row; what it gave before stays known."""
    failures = (row.failures if row else 0) + 1
    interval = row.interval if row else FIRST_SECONDS
    wait = min(interval * 2 ** min(failures, MAX_DOUBLINGS), LONGEST_SECONDS)
    return {
        "outcome": told.outcome,
        "looked": now,
        "failures": failures,
        "interval": interval,
        "next_due": now + wait,
    }
