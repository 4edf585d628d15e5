"""The feeds, sitemaps and other sources of an outlet: what they last sent, and how often they change."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select

from newscrawl.items import WarcPointer
from newscrawl.state.database import Database, reconnecting
from newscrawl.state.encoding import PreviousFetch, decode_previous_fetch, encode_warc
from newscrawl.state.hosts import MAX_PAUSE_SECONDS, HostTable, url_origin
from newscrawl.state.refetch_policy import DAY, HOST_PAUSED, REVISIT_AGES, WEEK, is_plausible, is_time_due
from newscrawl.state.schema import sources

FIRST_SECONDS = 30 * 60
SHORTEST_SECONDS, LONGEST_SECONDS = 15 * 60, DAY
CHANGED_FACTOR, UNCHANGED_FACTOR = 0.5, 1.25
"An interval is multiplied by these. So a quarter of the answers bring news, most of it under an hour old."
MAX_DOUBLINGS = 6
RETIRED_FAILURES, RETIRED_AFTER = 8, WEEK
"A source that failed so often in a row, and for so long, is retired …"
RETIRED_SECONDS = WEEK
"… and fetched once in so long, until an answer brings it back."
LONGEST_SOURCE_WAIT = max(LONGEST_SECONDS, RETIRED_SECONDS, MAX_PAUSE_SECONDS)
NOT_MODIFIED = "not_modified"
AT_ONCE = 0
"When a source is due of which nothing is stored."
MAX_SOURCES = 200
"Sources that are fetched of an outlet, unless a setting changes that."


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchResult:
    """One answer of a source."""

    url: str
    "As it was requested."
    outcome: str
    "`ok`, `not_modified`, or what went wrong."
    kind: str | None = None
    "feed, sitemap, wp_api or section."
    min_interval: int | None = None
    "Seconds its publisher wants between two requests."
    etag: str | None = None
    last_modified: str | None = None
    child_sources: tuple[str, ...] = ()
    answered: str = ""
    "URL that answered, after redirects."
    warc: WarcPointer | None = None
    date: str = ""
    "RFC 3339 time of the exchange."
    outlet_digest: str = ""


class SourceTable:
    """Rows of `sources` of one outlet."""

    def __init__(self, database: Database, outlet: str) -> None:
        self._database = database
        self._outlet = outlet
        self._is_ours = False
        self._kept: dict[str, Row[Any]] | None = None

    def keep_rows(self) -> None:
        """Read the rows only once: the caller has the outlet's lease, so nobody else writes them."""
        self._is_ours = True

    def previous_fetch(self, url: str, outlet_digest: str) -> tuple[PreviousFetch | None, tuple[str, ...]]:
        """The last answer of a source and its child sources; nothing if it was read by other rules."""
        row = self._row(url)
        if row is None or row.outlet_digest != outlet_digest:
            return None, ()
        previous = decode_previous_fetch(row.etag, row.last_modified, row.warc)
        return previous, tuple(json.loads(row.child_sources or "[]"))

    def record(self, result: FetchResult, now: int) -> bool:
        """Store an answer; gives whether it makes the source retire.

        Call this once the source's links are stored: an unchanged source does not list them again.
        """
        row = self._row(result.url)
        if result.outcome in ("ok", "mended", "empty", NOT_MODIFIED):
            values = _values_after_answer(row, result, now)
        else:
            paused_until = HostTable(self._database).paused_until(url_origin(result.url), now)
            values = _values_after_failure(row, result, now, paused_until or now)
        key = {"outlet": self._outlet, "url": result.url}
        values |= {"kind": result.kind} if result.kind else {}
        self._store(key, values)
        return values["retired_at"] is not None and not (row and row.retired_at)

    def rows(self) -> dict[str, Row[Any]]:
        """All rows of this outlet, by URL."""
        return dict(self._keep()) if self._is_ours else self._read_rows()

    def _keep(self) -> dict[str, Row[Any]]:
        if self._kept is None:
            self._kept = self._read_rows()
        return self._kept

    @reconnecting
    def _read_rows(self) -> dict[str, Row[Any]]:
        with self._database.reading() as connection:
            rows = connection.execute(select(sources).where(sources.c.outlet == self._outlet)).all()
        return {row.url: row for row in rows}

    @reconnecting
    def next_due(self) -> int | None:
        """When the first of the sources is due."""
        with self._database.reading() as connection:
            statement = select(func.min(sources.c.next_due)).where(sources.c.outlet == self._outlet)
            return connection.execute(statement).scalar()

    @reconnecting
    def _store(self, key: dict[str, str], values: dict[str, Any]) -> None:
        statement = self._database.insert(sources).values(**key, **values)
        statement = statement.on_conflict_do_update(index_elements=["outlet", "url"], set_=values)
        with self._database.committing() as connection:
            row = connection.execute(statement.returning(*sources.c)).one()
        if self._is_ours:
            self._keep()[row.url] = row

    def _row(self, url: str) -> Row[Any] | None:
        return self._keep().get(url) if self._is_ours else self._read_row(url)

    @reconnecting
    def _read_row(self, url: str) -> Row[Any] | None:
        with self._database.reading() as connection:
            statement = select(sources).where(sources.c.outlet == self._outlet, sources.c.url == url)
            return connection.execute(statement).first()


def _values_after_answer(row: Row[Any] | None, result: FetchResult, now: int) -> dict[str, Any]:
    is_not_modified = result.outcome == NOT_MODIFIED
    digest = result.warc.payload_digest if result.warc else None
    is_same = row is not None and (is_not_modified or digest == row.payload_digest is not None)
    factor = UNCHANGED_FACTOR if is_same else CHANGED_FACTOR
    interval = _clamp_interval(FIRST_SECONDS if row is None else row.interval * factor)
    # A 304 has no body to repeat the interval that the feed itself named.
    min_interval = result.min_interval or (row.min_interval if row and is_not_modified else None)
    min_interval = _clamp_interval(min_interval) if min_interval else None
    values: dict[str, Any] = {
        "outcome": result.outcome,
        "last_fetched_at": now,
        "failures": 0,
        "failing_since": None,
        "retired_at": None,
        "interval": interval,
        "min_interval": min_interval,
        "next_due": now + max(interval, min_interval or 0),
    }
    if not is_not_modified:
        warc = encode_warc(result.warc, result.answered, result.date) if result.warc else None
        values |= {
            "etag": result.etag,
            "last_modified": result.last_modified,
            "payload_digest": digest,
            "child_sources": json.dumps(result.child_sources),
            "warc": warc,
            "outlet_digest": result.outlet_digest,
        }
    return values if is_same else {**values, "last_changed_at": now}


def _values_after_failure(
    row: Row[Any] | None, result: FetchResult, now: int, paused_until: int
) -> dict[str, Any]:
    """Attempts get rarer with every failure in a row; what the source sent before stays stored."""
    # A host that is left alone was not asked, so its source did not fail.
    is_failure = result.outcome != HOST_PAUSED
    failures = (row.failures if row else 0) + is_failure
    failing_since = (row.failing_since if row else None) or (now if is_failure else None)
    failing_since = min(failing_since, now) if failing_since else None
    interval = row.interval if row else FIRST_SECONDS
    wait = min(interval * 2 ** min(failures, MAX_DOUBLINGS), LONGEST_SECONDS)
    retired_at = row.retired_at if row else None
    is_dead = failing_since and failures >= RETIRED_FAILURES and now - failing_since >= RETIRED_AFTER
    if not retired_at and is_dead:
        retired_at = now
    return {
        "outcome": result.outcome,
        "last_fetched_at": now,
        "failures": failures,
        "failing_since": failing_since,
        "retired_at": retired_at,
        "interval": interval,
        "next_due": now + RETIRED_SECONDS if retired_at else max(now + wait, paused_until),
    }


def _clamp_interval(seconds: float) -> int:
    return int(min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS))


SourceRows = Mapping[str, Row[Any]]
"Rows of `sources` of one outlet, by URL."
SourceName = tuple[str, str]
"Kind and URL of a source."


class SourceConfig(NamedTuple):
    """What an outlet file says about sources."""

    configured: Sequence[SourceName]
    "Sources that the file names."
    digest: str
    "Of the whole file: a source that was read by another version of it is read again."
    max_sources: int = MAX_SOURCES
    "Further sources are not fetched."
    max_depths: Mapping[str, int] = MappingProxyType({})
    "By kind, the most steps from a configured source."
    revisit_ages: Sequence[int] = REVISIT_AGES
    "Ages at which its articles are fetched again, in seconds."


class ScheduledSource(NamedTuple):
    """A source and when it is due."""

    kind: str
    url: str
    depth: int
    "Steps from a configured source."
    due: int


def iter_sources(config: SourceConfig, rows: SourceRows) -> Iterator[ScheduledSource]:
    """Every source and when it is due: the configured sources first, then their child sources.

    If the file names no source, those that autodiscovery found and that are not retired take their place.
    """
    roots = config.configured or _discovered_sources(config, rows)
    waiting = deque((kind, url, 0) for kind, url in roots)
    urls = {url for _, url, _ in waiting}
    while waiting:
        kind, url, depth = waiting.popleft()
        row = rows.get(url)
        is_read = row is not None and row.outlet_digest in (None, config.digest)
        yield ScheduledSource(kind, url, depth, row.next_due if row and is_read else AT_ONCE)
        if not row or not is_read or depth >= config.max_depths.get(kind, depth + 1):
            continue
        for child in json.loads(row.child_sources or "[]"):
            if child not in urls and len(urls) < config.max_sources:
                urls.add(child)
                waiting.append((kind, child, depth + 1))


def find_due_sources(config: SourceConfig, rows: SourceRows, now: int) -> list[ScheduledSource]:
    """The sources that a run fetches if it fetches only what is due."""
    sources_due = iter_sources(config, rows)
    return [source for source in sources_due if is_time_due(source.due, now, LONGEST_SOURCE_WAIT)]


def first_source_due(config: SourceConfig, rows: SourceRows, now: int) -> int | None:
    """When the first source is due; if there is no live source, when autodiscovery is."""
    times = [source.due for source in iter_sources(config, rows)] or [row.next_due for row in rows.values()]
    plausible = (time if is_plausible(time, now, LONGEST_SOURCE_WAIT) else AT_ONCE for time in times)
    return min(plausible, default=None)


def must_discover(config: SourceConfig, rows: SourceRows, now: int) -> bool:
    """Whether autodiscovery is due: the file names no source, and no source that was found is alive."""
    has_sources = config.configured or _discovered_sources(config, rows)
    return not has_sources and (first_source_due(config, rows, now) or AT_ONCE) <= now


def _discovered_sources(config: SourceConfig, rows: SourceRows) -> list[SourceName]:
    return [
        (row.kind, url)
        for url, row in rows.items()
        if row.outlet_digest == config.digest and row.kind and row.retired_at is None
    ]


def find_retired_sources(rows: SourceRows, configured: Collection[str]) -> list[str]:
    """Retired sources that the outlet file names; if it names none, those that have ever answered."""
    return [
        url
        for url, row in sorted(rows.items())
        if row.retired_at is not None
        and (url in configured if configured else row.last_changed_at is not None)
    ]
