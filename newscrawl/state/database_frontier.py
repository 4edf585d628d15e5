"""The frontier in the database: a link is a row before it is requested, and done once its line is written."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from sqlalchemy import Row

from newscrawl.items import Article, Link, WitnessPointer, rfc3339
from newscrawl.state.encoding import (
    PreviousFetch,
    count_pages,
    decode_link,
    decode_page_count,
    decode_previous_fetch,
    decode_witness,
    encode_link,
    encode_warc,
    encode_witness,
    epoch_seconds,
    field_digests,
    from_epoch,
    page_key,
    page_key_from_normal,
    payload_digest,
    published_desc,
    text_digest,
)
from newscrawl.state.frontier import MAX_WAITING
from newscrawl.state.refetch_policy import (
    CRASHES_PROCESS,
    HOST_PAUSED,
    MAX_CRASHES,
    has_waited_for_pages,
    next_fetch,
)
from newscrawl.state.urls import UrlTable, batches
from newscrawl.urls import normalize_url

DUPLICATE_REASONS = frozenset({"duplicate", "known"})
"Reasons of a page whose story is that of another page."
ARTICLE_COLUMNS = (
    "article_id",
    "article_run",
    "etag",
    "last_modified",
    "payload_digest",
    "text_digest",
    "field_digests",
    "warc",
)
_FETCH_COLUMNS = ("last_fetched_at", "reason", "run")
_TEXT_COLUMNS = (*ARTICLE_COLUMNS, "version", "first_archived_at", "last_written_at")
READ_AHEAD = 200
"Rows read at once. New links make rows that were read ahead stale."
REREAD_SECONDS = 60
"After so long it is looked again for pages that have become due since nothing was left."


class DatabaseFrontier:
    """The frontier of an outlet in a run, on the tables of the state database."""

    def __init__(
        self,
        urls: UrlTable,
        run: str,
        now: Callable[[], datetime],
        max_waiting: int = MAX_WAITING,
        *,
        outcomes_at_once: int = 1,
        may_store: Callable[[], bool] = lambda: True,
    ) -> None:
        """`outcomes_at_once`: outcomes are stored so many together, at the latest by `store_outcomes`.

        The lines of the others must be written: where the process dies, the next run reads these.
        `may_store`: whether the run has not failed; once it has, or has lost its lease, no outcome is stored.
        """
        self._urls = urls
        self._run = run
        self._now = now
        self._max_waiting = max_waiting
        self._outcomes_at_once = outcomes_at_once
        self._may_store = may_store
        self._fetching: dict[bytes, Row[Any]] = {}
        self._witnesses: dict[bytes, WitnessPointer] = {}
        "Of pages that are being fetched, and newer ones of rows that are still to be handed out."
        self._unstored_outcomes: list[dict[str, Any]] = []
        "Values of pages whose lines are written, still to be stored."
        self._ahead: deque[Row[Any]] = deque()
        self._new: set[bytes] = set()
        self._relisted: set[bytes] = set()
        "Pages of earlier runs that a source lists again and that need no fetch; only counted."
        self._outcomes: Counter[str] = Counter()
        self._resumed = 0
        self._waiting: int | None = None
        "Links that wait; None until a source brings new ones, as the sources of most runs do not."
        self._found_none_at: int | None = None
        "When no link waited that was not read ahead; None: others may wait since."
        self._quarantined: set[str] = set()
        self.is_full = False

    @cached_property
    def _left(self) -> deque[Row[Any]]:
        """Pages that earlier runs had requested when they ended; they come first."""
        return deque(self._urls.left_in_flight(self._seconds()))

    @property
    def is_careful(self) -> bool:
        return bool(self._left) and self._left[0].crash_count > 0

    def add(self, links: Iterable[Link]) -> int:
        return sum(self._add_batch(batch) for batch in batches(links))

    def _add_batch(self, links: list[Link]) -> int:
        by_key: dict[bytes, tuple[str, Link]] = {}
        for link in links:
            normal = normalize_url(link.url)
            by_key.setdefault(page_key_from_normal(self._urls.outlet, normal), (normal, link))
        self.store_outcomes()
        rows = self._urls.find(by_key)
        listed = [(row, by_key[key][1]) for key, row in rows.items()]
        changed = self._update_listings(listed)
        self._adopt_witnesses(listed, changed)
        unseen = [(key, *values) for key, values in by_key.items() if key not in rows]
        room = self._count_room() if unseen else 0
        self.is_full = self.is_full or len(unseen) > room
        new = unseen[:room]
        now = self._seconds()
        self._urls.add(new_url_row(self._urls.outlet, key, normal, link, now) for key, normal, link in new)
        self._new.update(key for key, _, _ in new)
        if new:
            self._read_again()
        self._count_waiting(len(new))
        return len(new)

    def _count_room(self) -> int:
        """Links that may still be added."""
        if self._waiting is None:
            due = self._urls.count_due(self._seconds(), self._max_waiting + len(self._fetching) + 1)
            self._waiting = due - len(self._fetching)
        return max(0, self._max_waiting - self._waiting)

    def _count_waiting(self, more: int) -> None:
        if self._waiting is not None:
            self._waiting += more

    def _read_again(self) -> None:
        """Rows that were read ahead are no longer the next."""
        self._ahead.clear()
        self._found_none_at = None

    def _update_listings(self, listed: list[tuple[Row[Any], Link]]) -> set[bytes]:
        """Pages are due now if the source that listed them first describes them in another way; those."""
        now, changed = self._seconds(), []
        for row, link in listed:
            if row.key in self._new:
                continue
            digest = text_digest(link.title, link.published, link.content)
            if row.source_digest == text_digest(link.from_url) and digest != row.listing_digest:
                changed.append(
                    {
                        "at": row.key,
                        "listing_digest": digest,
                        "link": encode_link(link),
                        "published_desc": published_desc(link, now),
                        "next_due": now,
                    }
                )
            # A sitemap may list everything that was ever published, so the set is bounded.
            elif (
                row.status != "pending"
                and not self._urls.is_due(row.next_due, now)
                and len(self._relisted) < self._max_waiting
            ):
                self._relisted.add(row.key)
        self._urls.change(changed)
        self._relisted.difference_update(row["at"] for row in changed)
        self._count_waiting(len(changed))
        if changed:
            self._read_again()
        return {row["at"] for row in changed}

    def _adopt_witnesses(self, listed: list[tuple[Row[Any], Link]], changed: set[bytes]) -> None:
        """Pages that wait for a fetch take the witness of any source that has it, and the newest of all.

        The same story in a newer answer is taken by those that this run may fetch, so that its files have it.
        """
        now = self._seconds()
        adopted = {
            row.key: link.witness
            for row, link in listed
            if link.witness
            and (row.next_due is not None or row.key in changed)
            and _replaces(
                link.witness,
                decode_witness(row.witness),
                is_due=row.key in changed or self._urls.is_due(row.next_due, now),
            )
        }
        self._urls.change({"at": key, "witness": encode_witness(value)} for key, value in adopted.items())
        read = self._fetching.keys() | {row.key for row in self._left}
        self._witnesses |= {key: value for key, value in adopted.items() if key in read}
        if any(row.key in adopted for row in self._ahead):
            self._read_again()

    def take(self, limit: int) -> list[Link]:
        rows: list[Row[Any]] = []
        while len(rows) < limit and not (rows and self.is_careful) and (row := self._next()):
            self._fetching[row.key] = row
            if witness := decode_witness(row.witness):
                self._witnesses.setdefault(row.key, witness)
            self._count_waiting(-1)
            self._resumed += row.key not in self._new
            rows.append(row)
            if row.crash_count:
                break
        if rows:
            # Stored before the requests: if the process dies, the next run sees which pages were in flight.
            self.store_outcomes({"at": row.key, "in_flight_run": self._run} for row in rows)
        self._quarantined.update(row.url for row in rows if row.crash_count >= MAX_CRASHES)
        return [_link_from_row(row) for row in rows]

    def _next(self) -> Row[Any] | None:
        if self._left:
            return self._left.popleft()
        if not self._ahead and not self._is_exhausted():
            now = self._seconds()
            self.store_outcomes()
            self._ahead.extend(self._urls.waiting(now, READ_AHEAD, self._fetching.keys()))
            self._found_none_at = now if len(self._ahead) < READ_AHEAD else None
        return self._ahead.popleft() if self._ahead else None

    def _is_exhausted(self) -> bool:
        """Whether there was nothing more to read a moment ago; pages become due while the run goes on too."""
        return self._found_none_at is not None and self._seconds() < self._found_none_at + REREAD_SECONDS

    def skip_reason(self, url: str) -> str | None:
        return CRASHES_PROCESS if normalize_url(url) in self._quarantined else None

    def previous_fetch(self, url: str) -> PreviousFetch | None:
        """The last fetch of a page that is being fetched, if the page is an article."""
        row = self._fetching.get(page_key(self._urls.outlet, url))
        return (
            decode_previous_fetch(row.etag, row.last_modified, row.warc) if row and row.article_id else None
        )

    def find_witness(self, url: str) -> WitnessPointer | None:
        return self._witnesses.get(page_key(self._urls.outlet, url))

    def find_duplicate(self, article: Article) -> str | None:
        key = page_key(self._urls.outlet, article.url_requested)
        find = partial(self._urls.find_duplicate, article.id, except_key=key, except_run=self._run)
        duplicate = find()
        if duplicate and self._unstored_outcomes:
            # This run may have replaced that page's text.
            self.store_outcomes()
            duplicate = find()
        return duplicate

    def finish(self, url: str, outcome: str, article: Article | None = None) -> None:
        key = page_key(self._urls.outlet, url)
        row = self._fetching.pop(key, None)
        self._witnesses.pop(key, None)
        if row is None:
            self.store_outcomes()
            row = self._urls.row(key)
            self._left = deque(left for left in self._left if left.key != key)
        self._outcomes[outcome] += 1
        if row:
            now = self._seconds()
            paused = self._urls.paused_until(url, now) if outcome == HOST_PAUSED else None
            policy = {"paused_until": paused, "revisit_ages": self._urls.revisit_ages}
            self._unstored_outcomes.append(outcome_values(row, outcome, article, self._run, now, **policy))
        if len(self._unstored_outcomes) >= self._outcomes_at_once:
            self.store_outcomes()

    def store_outcomes(self, others: Iterable[dict[str, Any]] = ()) -> None:
        """Store the outcomes that wait, and with them other values.

        A run that has lost its lease would store them over those of the run that has it now.
        """
        if self._may_store():
            self._urls.change([*self._unstored_outcomes, *others])
            self._unstored_outcomes.clear()

    def withdraw(self, url: str, reason: str) -> None:
        self._outcomes["article"] -= 1
        self.finish(url, reason)

    def counts(self) -> dict[str, int]:
        now = self._seconds()
        # In the tables both still wait.
        taken = self._fetching.keys() | {values["at"] for values in self._unstored_outcomes}
        taken_due = sum(self._urls.is_due(row.next_due, now) for row in self._urls.find(taken).values())
        return {
            "pending": self._urls.count_due(now) - taken_due,
            "fetching": len(self._fetching),
            **({"known": len(self._relisted)} if self._relisted else {}),
            **({"resumed": self._resumed} if self._resumed else {}),
            **dict(sorted(self._outcomes.items())),
        }

    def _seconds(self) -> int:
        return epoch_seconds(self._now())


def new_url_row(outlet: str, key: bytes, normal: str, link: Link, now: int) -> dict[str, Any]:
    """The row of a new link, for `UrlTable.add`."""
    return {
        "key": key,
        "outlet": outlet,
        "url": normal,
        "link": encode_link(link),
        "witness": encode_witness(link.witness),
        "via": link.via,
        "published_desc": published_desc(link, now),
        "source_digest": text_digest(link.from_url),
        "listing_digest": text_digest(link.title, link.published, link.content),
        "discovered_at": now,
        "status": "pending",
        "next_due": now,
    }


def _replaces(new: WitnessPointer, old: WitnessPointer | None, *, is_due: bool) -> bool:
    """Whether a page takes a witness instead of the one it has: a newer, or in the same file an API's."""
    if old is None:
        return True
    if new.file != old.file:
        is_same = (new.source, new.entry, new.content_sha256) == (old.source, old.entry, old.content_sha256)
        return is_due or not is_same
    if new.source != old.source:
        return new.source == "api"
    return new.content_sha256 != old.content_sha256


def outcome_values(
    row: Row[Any], outcome: str, article: Article | None, run: str, now: int, **policy: Any
) -> dict[str, Any]:
    """New values of a row whose page is finished, for `UrlTable.change`; `policy`: as of `next_fetch`."""
    # Times after now were written by a wrong clock; the ages of a page are counted from now then.
    discovered = min(row.discovered_at, now)
    archived = min(row.first_archived_at or now, now) if article or row.first_archived_at else None
    first = archived or discovered
    following = next_fetch(outcome, now=now, first=first, failures=row.failures, **policy)
    values: dict[str, Any] = {
        "at": row.key,
        "status": following.status,
        "next_due": following.next_due,
        "failures": following.failures,
        "in_flight_run": None,
        "crash_count": 0,
        "discovered_at": discovered,
        "first_archived_at": archived,
        "last_fetched_at": now,
        "reason": outcome,
        "run": run,
        # Early versions stored the content of the link, which decoding leaves out.
        "link": encode_link(decode_link(row.link)),
        "previous_values": _encode_previous_values(
            row, run, is_text_replaced=article is not None or outcome in DUPLICATE_REASONS
        ),
    }
    if article:
        return values | {"article_run": run, "last_written_at": now} | _article_values(article, first)
    return values | dict.fromkeys(ARTICLE_COLUMNS) if outcome in DUPLICATE_REASONS else values


def _encode_previous_values(row: Row[Any], run: str, *, is_text_replaced: bool) -> str | None:
    """What the outcome of a run replaces in a row, for `values_before`; None for a page's first fetch."""
    values: dict[str, Any] = {}
    if row.run == run:
        values = json.loads(row.previous_values or "{}")
    elif row.last_fetched_at is not None:
        values = {name: getattr(row, name) for name in _FETCH_COLUMNS}
    if is_text_replaced and row.article_run not in (None, run):
        values |= {name: getattr(row, name) for name in _TEXT_COLUMNS}
    return json.dumps(values) if values else None


def values_before(row: Row[Any]) -> dict[str, Any]:
    """The values of a row before the run that fetched its page last, for `UrlTable.change`.

    Whatever that run wrote is lost, so its text must not count as archived. Text of other runs stays known.
    """
    values = {name: getattr(row, name) for name in (*_FETCH_COLUMNS, *_TEXT_COLUMNS)}
    is_first = row.previous_values is None
    if is_first and (row.article_run not in (None, row.run) or row.version > 1):
        # Written before version 4 of the tables: what it replaced is not known.
        return values | {"previous_values": None}
    before: dict[str, Any] = json.loads(row.previous_values or "{}")
    is_text_replaced = "article_id" in before or row.article_run == row.run
    names = (*_FETCH_COLUMNS, *(_TEXT_COLUMNS if is_text_replaced else ()))
    restored = {name: before.get(name) for name in names}
    if is_text_replaced:
        restored["version"] = restored["version"] or 0
    return values | restored | {"previous_values": None}


def _article_values(article: Article, first: int) -> dict[str, Any]:
    warc, fetched = article.warc, article.fetched or rfc3339(from_epoch(first))
    return {
        # That the first page has not changed says nothing of those that follow it.
        "etag": None if article.pages else article.http.etag,
        "last_modified": None if article.pages else article.http.last_modified,
        "payload_digest": payload_digest(article),
        "text_digest": article.text_sha256,
        "field_digests": field_digests(article),
        "warc": encode_warc(warc, article.url, fetched, count_pages(article)) if warc else None,
        "article_id": article.id,
        "version": article.version,
    }


def _link_from_row(row: Row[Any]) -> Link:
    if not row.article_id:
        return decode_link(row.link)
    return decode_link(
        row.link,
        known_id=row.article_id,
        known_version=row.version,
        known_pages=0 if has_waited_for_pages(row.reason, row.failures) else decode_page_count(row.warc),
        known_fields=row.field_digests,
        known_payload=row.payload_digest,
    )
