"""Compares state with the lines of runs. The lines are right, because they are written last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import update

from newscrawl.items import Article, Link, Rejection
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import (
    ARTICLE_COLUMNS,
    DUPLICATE_REASONS,
    new_url_row,
    outcome_values,
    values_before,
)
from newscrawl.state.encoding import encode_link, page_key
from newscrawl.state.refetch_policy import TAKEN_DOWN, UNCHANGED_OUTCOMES
from newscrawl.state.runs import RunTable
from newscrawl.state.schema import sources
from newscrawl.state.urls import UrlTable
from newscrawl.urls import normalize_url

KILLED = "killed"
"How a run ended that left no report."
Line = Article | Rejection
_NO_TEXT = dict.fromkeys((*ARTICLE_COLUMNS, "previous_values", "first_archived_at", "last_written_at")) | {
    "version": 0
}
"Values of a page of which no text is archived."


class Corrections(NamedTuple):
    """Rows that had to be corrected."""

    ended: int = 0
    "Pages that have a line and were still waiting."
    waiting: int = 0
    "Pages that were finished and have no line."


def adopt_killed_run(
    urls: UrlTable, runs: RunTable, run: Any, lines: Iterable[Line], now: int
) -> Corrections:
    """Make the rows of a killed run agree with its lines; after that the run counts as ended."""
    by_key = _last_lines(urls.outlet, lines)
    rows = {row.key: row for row in urls.finished_in(run.id, run.started)}
    ended = [
        key
        for key, line in by_key.items()
        if not (_agrees(rows[key], line) if key in rows else _is_fetched_since(urls.row(key), run, now))
    ]
    lost = [key for key in rows if key not in by_key]
    apply_lines(urls, {key: by_key[key] for key in ended}, run.id, now)
    if run.reason is None:
        urls.record_crash(run.id)
    # They come first in the next run, as if they had been in flight.
    waiting = {"status": "pending", "next_due": now, "in_flight_run": run.id}
    urls.change({"at": key, **waiting, **values_before(rows[key])} for key in lost)
    # Where a later run found the lost text unchanged, it must be written as well.
    texts = [
        row.key for row in urls.texts_found_again(run.id) if not isinstance(by_key.get(row.key), Article)
    ]
    urls.change({"at": key, "status": "pending", "next_due": now, **_NO_TEXT} for key in texts)
    articles = sum(isinstance(line, Article) for line in by_key.values())
    runs.end(run.id, now, reason=run.reason or KILLED, pages=len(by_key), articles=articles)
    return Corrections(ended=len(ended), waiting=len(lost) + len(texts))


def _is_fetched_since(row: Any, run: Any, now: int) -> bool:
    """Whether another run has fetched a page since this one began: the row is newer than the line then.

    That happens where the files of a killed run stay open until somebody repairs them.
    """
    return bool(
        row
        and row.run not in (None, run.id)
        and row.last_fetched_at is not None
        and run.started <= row.last_fetched_at <= now
    )


def apply_lines(urls: UrlTable, lines: dict[bytes, Line], run: str, now: int) -> None:
    """Store the outcomes of pages that have lines, with new rows for pages that have none."""
    present = urls.find(lines)
    urls.add(
        new_url_row(urls.outlet, key, normalize_url(line.url_requested), link_from_line(line), now)
        for key, line in lines.items()
        if key not in present
    )
    changes = []
    for key, line in lines.items():
        row = urls.row(key)
        article = line if isinstance(line, Article) else None
        if row:
            outcome = "article" if isinstance(line, Article) else line.reason
            changes.append(outcome_values(row, outcome, article, run, now, revisit_ages=urls.revisit_ages))
    # An article has more columns than a rejection: those of a kind together need fewer statements.
    urls.change(sorted(changes, key=len))


def link_from_line(line: Line) -> Link:
    """The link that led to a line's page."""
    discovery = line.discovery
    if discovery is None:
        return Link(url=line.url_requested, via="list")
    return Link(
        url=line.url_requested,
        via=discovery.via,
        from_url=discovery.from_url,
        guid=discovery.guid,
        title=discovery.feed_title,
        published=discovery.feed_published,
        depth=discovery.depth,
    )


def _last_lines(outlet: str, lines: Iterable[Line]) -> dict[bytes, Line]:
    """A single line per page. An article wins over the rejection that its withdrawal leaves beside it."""
    last: dict[bytes, Line] = {}
    for line in lines:
        key = page_key(outlet, line.url_requested)
        if isinstance(line, Article) or not isinstance(last.get(key), Article):
            last[key] = line
    return last


def _agrees(row: Any, line: Line) -> bool:
    if isinstance(line, Article):
        return bool(row.article_id == line.id and row.version == line.version)
    return bool(row.reason == line.reason) or (
        line.reason in UNCHANGED_OUTCOMES and row.reason in UNCHANGED_OUTCOMES
    )


class WrittenLine(NamedTuple):
    """A line on disk."""

    run: str
    item: Line
    is_archived: bool
    "Whether its WARC record is where the line points."


class Inconsistency(NamedTuple):
    """A point on which state and files differ."""

    kind: str
    "Such as `line_missing`, `page_unknown`, `text_differs`."
    detail: str


@dataclass(slots=True)
class _LineHistory:
    """What the lines of all runs, in their order, say about each page."""

    texts: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    "Id and version of its last article."
    rejections: dict[bytes, str] = field(default_factory=dict)
    "Reason of the last rejection after that."
    urls: dict[bytes, str] = field(default_factory=dict)

    def add(self, key: bytes, line: Line) -> None:
        self.urls[key] = line.url_requested
        if isinstance(line, Article):
            self.texts[key] = line.id, line.version
            self.rejections.pop(key, None)
        else:
            self.rejections[key] = line.reason


def find_inconsistencies(urls: UrlTable, lines: Iterable[WrittenLine]) -> Iterator[Inconsistency]:
    """All differences between the rows of an outlet and its lines, which come in the order of runs."""
    history, versions = _LineHistory(), set[tuple[str, int]]()
    for written in lines:
        line = written.item
        history.add(page_key(urls.outlet, line.url_requested), line)
        if not written.is_archived:
            yield Inconsistency("record_missing", f"{line.url_requested}: no record where its line says")
        if isinstance(line, Article):
            if (line.id, line.version) in versions:
                yield Inconsistency("line_twice", f"{line.url}: version {line.version} has two lines")
            versions.add((line.id, line.version))
    yield from _compare_rows(urls, history)
    for url in history.urls.values():
        yield Inconsistency("page_unknown", f"{url} has a line but no row in state")


def _compare_rows(urls: UrlTable, history: _LineHistory) -> Iterator[Inconsistency]:
    """Differences of the rows; pages that have a row are removed from `history.urls`."""
    for row in urls.all():
        line, url = history.urls.pop(row.key, None), row.url
        text, reason = history.texts.get(row.key), history.rejections.get(row.key)
        is_finished = row.last_fetched_at is not None
        if line is None and is_finished and row.reason != TAKEN_DOWN:
            yield Inconsistency("line_missing", f"{url} ended as {row.reason} and has no line")
        elif line is not None and not is_finished:
            yield Inconsistency("page_not_ended", f"{url} has a line and still waits for its first fetch")
        elif text and reason not in DUPLICATE_REASONS and (row.article_id, row.version) != text:
            yield Inconsistency(
                "text_differs", f"{url}: its line is version {text[1]}, state has {row.version}"
            )
        elif row.article_id and not text:
            yield Inconsistency("line_missing", f"{url}: state has a text that no line holds")


def repair_state(urls: UrlTable, lines: Iterable[WrittenLine], now: int) -> None:
    """Make the rows agree with the lines; pages without a line wait to be fetched again."""
    history = _LineHistory()
    wrong: dict[bytes, tuple[str, Line]] = {}
    for written in lines:
        key = page_key(urls.outlet, written.item.url_requested)
        history.add(key, written.item)
        if isinstance(written.item, Article) or not isinstance(wrong.get(key, ("", None))[1], Article):
            wrong[key] = written.run, written.item
    lost, textless = [], []
    for row in urls.all():
        text, is_finished = history.texts.get(row.key), row.last_fetched_at is not None
        if row.key not in history.urls:
            lost += [row.key] * (is_finished and row.reason != TAKEN_DOWN)
        elif is_finished and row.article_id and not text:
            textless.append(row.key)
            del wrong[row.key]
        elif is_finished and (
            not text
            or (row.article_id, row.version) == text
            or history.rejections.get(row.key) in DUPLICATE_REASONS
        ):
            del wrong[row.key]
    by_run: dict[str, dict[bytes, Line]] = defaultdict(dict)
    for key, (run, line) in wrong.items():
        by_run[run][key] = line
    for run, run_lines in by_run.items():
        apply_lines(urls, run_lines, run, now)
    cleared = dict.fromkeys((*ARTICLE_COLUMNS, "previous_values", "last_fetched_at", "reason"))
    cleared |= {"version": 0}
    urls.change({"at": key, "status": "pending", "next_due": now, **cleared} for key in lost)
    urls.change({"at": key, "status": "pending", "next_due": now, **_NO_TEXT} for key in textless)
    urls.lift_quarantine(now)


def list_run_ids(names: Iterable[str]) -> list[str]:
    """Run ids of these files, the oldest first."""
    return sorted({name.partition(".")[0] for name in names})


def mark_taken_down(database: Database, outlet: str, page_urls: Iterable[str], now: int) -> None:
    """Mark these pages, also those that have no row yet."""
    urls = UrlTable(database, outlet)
    links = {page_key(outlet, url): Link(url=url, via="list") for url in page_urls}
    urls.add(new_url_row(outlet, key, normalize_url(link.url), link, now) for key, link in links.items())
    # Without the digest of a source, no source can make the page due again.
    unlisted = {"next_due": None, "source_digest": b"", "listing_digest": b""}
    cleared = dict.fromkeys((*ARTICLE_COLUMNS, "previous_values", "witness")) | unlisted
    cleared |= {"version": 0, "failures": 0}
    urls.change(
        {
            "at": key,
            "status": "rejected",
            "reason": TAKEN_DOWN,
            "last_fetched_at": now,
            "link": encode_link(link),
            **cleared,
        }
        for key, link in links.items()
    )


def forget_sources(database: Database, outlet: str) -> None:
    """Forget the last answers of sources: their records are erased, so they must be fetched whole again."""
    cleared = dict.fromkeys(("etag", "last_modified", "payload_digest", "warc"))
    with database.writing() as connection:
        connection.execute(update(sources).where(sources.c.outlet == outlet).values(cleared))
