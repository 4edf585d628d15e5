"""The frontier that lasts: every link is a row before it is a request, and done once its line is written."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from newscrawl.items import Article, Link, Rejection, rejection_of, rfc3339
from newscrawl.state.frontier import MAX_WAITING
from newscrawl.state.retry_policy import DEATHS, HOST_PAUSED, KILLS, fate_of
from newscrawl.state.rows import (
    Seen,
    changed_fields,
    digest_of,
    field_digests,
    key_of,
    key_of_normal,
    link_from,
    link_text,
    moment_of,
    seconds_of,
    seen_of,
    staleness_of,
    warc_text,
)
from newscrawl.state.urls import PageTable, batches
from newscrawl.urls import normal_url

TWICE = frozenset({"duplicate", "known"})
"Reasons of a page whose story is another page's."
OF_ARTICLES = (
    "article",
    "article_run",
    "etag",
    "last_modified",
    "payload_digest",
    "text_digest",
    "fields",
    "warc",
)
READ_AHEAD = 200
"Rows read at once; new links that are found make what was read ahead old."


class KeptFrontier:
    """The frontier of one outlet in one run, on the tables of state."""

    def __init__(
        self, pages: PageTable, run: str, now: Callable[[], datetime], max_waiting: int = MAX_WAITING
    ) -> None:
        self._pages = pages
        self._run = run
        self._now = now
        self._max_waiting = max_waiting
        self._fetching: dict[bytes, Row[Any]] = {}
        self._ahead: deque[Row[Any]] = deque()
        self._new: set[bytes] = set()
        self._again: set[bytes] = set()
        "Pages known from earlier runs that this one found again and had no cause to fetch; counted so far."
        self._outcomes: Counter[str] = Counter()
        self._resumed = 0
        self._waiting = pages.count_due(self._second(), max_waiting + 1)
        self._left = deque(pages.left_in_flight(self._second()))
        "What earlier runs had asked for when they ended comes first."
        self._deadly: set[str] = set()
        self.is_full = False

    @property
    def is_careful(self) -> bool:
        return bool(self._left) and self._left[0].deaths > 0

    def found(self, links: Iterable[Link]) -> int:
        return sum(self._found(batch) for batch in batches(links))

    def _found(self, links: list[Link]) -> int:
        ordered: dict[bytes, tuple[str, Link]] = {}
        for link in links:
            normal = normal_url(link.url)
            ordered.setdefault(key_of_normal(self._pages.outlet, normal), (normal, link))
        known = self._pages.known(ordered)
        self._list_anew([(row, ordered[key][1]) for key, row in known.items()])
        room = max(0, self._max_waiting - self._waiting)
        new = [(key, *told) for key, told in ordered.items() if key not in known]
        self.is_full = self.is_full or len(new) > room
        now = self._second()
        self._pages.add(
            new_row(self._pages.outlet, key, normal, link, now) for key, normal, link in new[:room]
        )
        self._new.update(key for key, _, _ in new[:room])
        if new[:room]:
            self._ahead.clear()
        self._waiting += len(new[:room])
        return len(new[:room])

    def _list_anew(self, known: list[tuple[Row[Any], Link]]) -> None:
        """Pages of which their own source says something else than before are due now."""
        now, anew = self._second(), []
        for row, link in known:
            listed = digest_of(link.title, link.published, link.content)
            is_own = row.lister == digest_of(link.from_url)
            if is_own and listed != row.listed and row.key not in self._new:
                anew.append(
                    {
                        "at": row.key,
                        "listed": listed,
                        "link": link_text(link),
                        "staleness": staleness_of(link, now),
                        "next_due": now,
                    }
                )
            elif row.key not in self._new and row.status != "pending" and not _is_due(row, now):
                self._note_again(row.key)
        self._pages.change(anew)
        self._again.difference_update(row["at"] for row in anew)
        self._waiting += len(anew)
        if anew:
            self._ahead.clear()

    def _note_again(self, key: bytes) -> None:
        # Sitemaps may list all that there ever was.
        if len(self._again) < self._max_waiting:
            self._again.add(key)

    def take(self, limit: int) -> list[Link]:
        taken: list[Row[Any]] = []
        while len(taken) < limit and not (taken and self.is_careful) and (row := self._next()):
            self._fetching[row.key] = row
            self._waiting -= 1
            self._resumed += row.key not in self._new
            taken.append(row)
            if row.deaths:
                break
        # Before they are asked for: if the process dies, it is known what it was at.
        self._pages.change({"at": row.key, "taken": self._run} for row in taken)
        self._deadly.update(row.url for row in taken if row.deaths >= DEATHS)
        return [_link_of(row) for row in taken]

    def _next(self) -> Row[Any] | None:
        if self._left:
            return self._left.popleft()
        return self._ahead.popleft() if self._read_ahead() else None

    def _read_ahead(self) -> bool:
        """Whether there are rows read that wait."""
        if not self._ahead:
            without = self._fetching.keys() | {row.key for row in self._left}
            self._ahead.extend(self._pages.waiting(self._second(), READ_AHEAD, without))
        return bool(self._ahead)

    def refused(self, url: str) -> str | None:
        return KILLS if normal_url(url) in self._deadly else None

    def seen(self, url: str) -> Seen | None:
        """What is known of a page that is being fetched, when it was an article before."""
        row = self._fetching.get(key_of(self._pages.outlet, url))
        return seen_of(row.etag, row.last_modified, row.warc) if row and row.article else None

    def known_as(self, article: Article) -> str | None:
        key = key_of(self._pages.outlet, article.url_requested)
        return self._pages.with_article(article.id, besides=key, before=self._run)

    def done(self, url: str, outcome: str, article: Article | None = None) -> None:
        key = key_of(self._pages.outlet, url)
        row = self._fetching.pop(key, None)
        if row is None:
            row = self._pages.row(key)
            self._left = deque(left for left in self._left if left.key != key)
        self._outcomes[outcome] += 1
        if row:
            now = self._second()
            paused = self._pages.paused(url, now) if outcome == HOST_PAUSED else None
            told = {"paused": paused, "looks": self._pages.looks}
            self._pages.change([ended_values(row, outcome, article, self._run, now, **told)])

    def withdrawn(self, url: str, reason: str) -> None:
        self._outcomes["article"] -= 1
        self.done(url, reason)

    def counts(self) -> dict[str, int]:
        now = self._second()
        in_work = self._pages.known(self._fetching)
        due = sum(1 for row in in_work.values() if _is_due(row, now))
        waiting = self._pages.count_due(now) - due
        return {
            "pending": waiting,
            "fetching": len(self._fetching),
            **({"known": len(self._again)} if self._again else {}),
            **({"resumed": self._resumed} if self._resumed else {}),
            **dict(sorted(self._outcomes.items())),
        }

    def _second(self) -> int:
        return seconds_of(self._now())


def new_row(outlet: str, key: bytes, normal: str, link: Link, now: int) -> dict[str, Any]:
    """The row of a link that has just been found, as `PageTable.add` takes it."""
    return {
        "key": key,
        "outlet": outlet,
        "url": normal,
        "link": link_text(link),
        "via": link.via,
        "staleness": staleness_of(link, now),
        "lister": digest_of(link.from_url),
        "listed": digest_of(link.title, link.published, link.content),
        "found": now,
        "status": "pending",
        "next_due": now,
    }


def ended_values(
    row: Row[Any], outcome: str, article: Article | None, run: str, now: int, **told: Any
) -> dict[str, Any]:
    """New values of a row whose page has ended, as `PageTable.change` takes them; `told`: as `fate_of`."""
    first = row.archived or (now if article else row.found)
    fate = fate_of(outcome, now=now, first=first, tries=row.tries, **told)
    values: dict[str, Any] = {
        "at": row.key,
        "status": fate.status,
        "next_due": fate.next_due,
        "tries": fate.tries,
        "taken": None,
        "deaths": 0,
        "looked": now,
        "reason": outcome,
        "run": run,
        # The story that a feed carried is a witness for the extractor as long as the page is looked at.
        "link": link_text(link_from(row.link), whole=fate.next_due is not None),
    }
    if article:
        return values | {"article_run": run, "written": now} | _article_values(article, first)
    return values | dict.fromkeys(OF_ARTICLES) if outcome in TWICE else values


def _article_values(article: Article, first: int) -> dict[str, Any]:
    warc = article.warc
    return {
        "etag": article.http.etag,
        "last_modified": article.http.last_modified,
        "payload_digest": warc.payload_digest if warc else None,
        "text_digest": article.text_sha256,
        "fields": field_digests(article),
        "warc": warc_text(warc, article.url, article.fetched or rfc3339(moment_of(first))) if warc else None,
        "archived": first,
        "article": article.id,
        "version": article.version,
    }


def _link_of(row: Row[Any]) -> Link:
    if not row.article:
        return link_from(row.link)
    return link_from(
        row.link,
        known_id=row.article,
        known_version=row.version,
        known_fields=row.fields,
        known_payload=row.payload_digest,
    )


def _is_due(row: Row[Any], now: int) -> bool:
    return row.next_due is not None and row.next_due <= now


def against_known(article: Article, link: Link) -> Article | Rejection:
    """The article with its version, or a Rejection when its text is the one that is archived already.

    All that is known comes with the link, which the archive notes with the page: so a replay and a later
    extraction count the same versions.
    """
    if not link.known_id:
        return article
    payload = article.warc.payload_digest if article.warc else None
    # The same page is the same text, even where the extractor has learned to read it otherwise.
    if article.id == link.known_id or (payload and payload == link.known_payload):
        return rejection_of(article, "dedupe", "unchanged", f"the text of version {link.known_version}")
    changed = changed_fields(link.known_fields or "", field_digests(article))
    return article.model_copy(
        update={"version": link.known_version + 1, "previous_id": link.known_id, "changed": changed}
    )
