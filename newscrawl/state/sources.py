"""Feeds, sitemaps and other sources of one outlet: what they gave last time, and how often they change."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select

from newscrawl.items import WarcPointer
from newscrawl.state.database import Database
from newscrawl.state.hosts import HostTable, origin_of_url
from newscrawl.state.retry_policy import HOST_PAUSED
from newscrawl.state.rows import Seen, seen_of, warc_text
from newscrawl.state.schema import feeds

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


AT_ONCE = 0
"When a source is due of which nothing is known."
Rows = Mapping[str, Row[Any]]
"Rows of `feeds` of one outlet, by URL."
Named = tuple[str, str]
"Kind and URL of a source."


MOST = 200
"Sources of one outlet that are heard, as a rule."


class File(NamedTuple):
    """What an outlet's file says of its sources."""

    named: Sequence[Named]
    digest: str
    "Of the whole file: sources that were read by another are read anew."
    most: int = MOST
    "Sources that are asked, counted as they stand."
    deepest: Mapping[str, int] = MappingProxyType({})
    "By kind, steps from a source that is named."


class Known(NamedTuple):
    """A source as state knows it."""

    kind: str
    url: str
    depth: int
    "Steps from a source that is named."
    due: int


def known_sources(file: File, rows: Rows) -> Iterator[Known]:
    """Each source, the file's own first, then those they name, and when it is due.

    Where the file names none, those that were found last time, as long as they live.
    """
    waiting = deque((kind, url, 0) for kind, url in file.named or _found(file, rows))
    seen = {url for _, url, _ in waiting}
    while waiting:
        kind, url, depth = waiting.popleft()
        row = rows.get(url)
        is_read = row is not None and row.outlet_hash in (None, file.digest)
        yield Known(kind, url, depth, row.next_due if row and is_read else AT_ONCE)
        if not row or not is_read or depth >= file.deepest.get(kind, depth + 1):
            continue
        for more in json.loads(row.more or "[]"):
            if more not in seen and len(seen) < file.most:
                seen.add(more)
                waiting.append((kind, more, depth + 1))


def due_sources(file: File, rows: Rows, now: int) -> list[Known]:
    """The sources a run asks that asks no others."""
    return [source for source in known_sources(file, rows) if source.due <= now]


def first_due(file: File, rows: Rows) -> int | None:
    """When the first source is due; where none is known that lives, when one is to be looked for."""
    moments = [source.due for source in known_sources(file, rows)]
    return min(moments or [row.next_due for row in rows.values()], default=None)


def must_look(file: File, rows: Rows, now: int) -> bool:
    """Whether sources are to be looked for: the file names none, and of those that were found none lives."""
    return not file.named and not _found(file, rows) and (first_due(file, rows) or AT_ONCE) <= now


def _found(file: File, rows: Rows) -> list[Named]:
    return [
        (row.kind, url)
        for url, row in rows.items()
        if row.outlet_hash == file.digest and row.kind and row.retired is None
    ]


def retired_sources(database: Database, outlet: str, named: Collection[str]) -> list[str]:
    """Those of the sources that its file names; where it names none, of those that ever answered."""
    statement = select(feeds.c.url, feeds.c.changed).where(
        feeds.c.outlet == outlet, feeds.c.retired.is_not(None)
    )
    with database.reading() as connection:
        rows = connection.execute(statement.order_by(feeds.c.url)).all()
    return [row.url for row in rows if (row.url in named if named else row.changed is not None)]
