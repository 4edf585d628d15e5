"""State against the lines of a run: what the lines say holds, for they are what was written last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import update

from newscrawl.items import TAKEN_DOWN, Article, Link, Rejection
from newscrawl.state.database import Database
from newscrawl.state.database_frontier import OF_ARTICLES, TWICE, ended_values, new_row
from newscrawl.state.retry_policy import UNCHANGED
from newscrawl.state.rows import key_of, link_text
from newscrawl.state.runs import RunTable
from newscrawl.state.schema import feeds
from newscrawl.state.urls import PageTable
from newscrawl.urls import normal_url

KILLED = "killed"
"How a run ended that left no report."


class Mended(NamedTuple):
    """What had to be changed in state."""

    ended: int = 0
    "Pages that have a line and were still waiting."
    waiting: int = 0
    "Pages that were ended and have no line."


def take_over(
    pages: PageTable, runs: RunTable, run: Any, items: Iterable[Article | Rejection], now: int
) -> Mended:
    """Bring the rows of a killed run into step with its lines; then it counts as ended."""
    lines = _last_of_each(pages.outlet, items)
    rows = {row.key: row for row in pages.ended_in(run.id, run.started)}
    ended = [key for key, item in lines.items() if key not in rows or not _says(rows[key], item)]
    lost = [row.key for key, row in rows.items() if key not in lines]
    end_pages(pages, {key: lines[key] for key in ended}, run.id, now)
    if run.reason is None:
        pages.mourn(run.id)
    # As if they had been in flight, so that they come first.
    pages.change({"at": key, "status": "pending", "next_due": now, "taken": run.id} for key in lost)
    articles = sum(isinstance(item, Article) for item in lines.values())
    runs.end(run.id, now, reason=run.reason or KILLED, pages=len(lines), articles=articles)
    return Mended(ended=len(ended), waiting=len(lost))


def end_pages(pages: PageTable, items: dict[bytes, Article | Rejection], run: str, now: int) -> None:
    """Write into state how pages ended that have lines, those it has never heard of too."""
    known = pages.known(items)
    pages.add(
        new_row(pages.outlet, key, normal_url(item.url_requested), link_of(item), now)
        for key, item in items.items()
        if key not in known
    )
    changes: dict[bool, list[dict[str, Any]]] = defaultdict(list)
    for key, item in items.items():
        row = pages.row(key)
        article = item if isinstance(item, Article) else None
        if row:
            ended = ended_values(row, outcome_of(item), article, run, now, looks=pages.looks)
            changes[article is not None].append(ended)
    for alike in changes.values():
        pages.change(alike)


def outcome_of(item: Article | Rejection) -> str:
    return "article" if isinstance(item, Article) else item.reason


def link_of(item: Article | Rejection) -> Link:
    """How a line's page was found."""
    found = item.discovery
    if found is None:
        return Link(url=item.url_requested, via="list")
    return Link(
        url=item.url_requested,
        via=found.via,
        from_url=found.from_url,
        guid=found.guid,
        title=found.feed_title,
        published=found.feed_published,
        depth=found.depth,
    )


def _last_of_each(outlet: str, items: Iterable[Article | Rejection]) -> dict[bytes, Article | Rejection]:
    """One item a page; an article before a rejection, which a withdrawn line leaves beside it."""
    found: dict[bytes, Article | Rejection] = {}
    for item in items:
        key = key_of(outlet, item.url_requested)
        if not isinstance(found.get(key), Article) or isinstance(item, Article):
            found[key] = item
    return found


def _says(row: Any, item: Article | Rejection) -> bool:
    if isinstance(item, Article):
        return bool(row.article == item.id and row.version == item.version)
    return bool(row.reason == item.reason) or (item.reason in UNCHANGED and row.reason in UNCHANGED)


class Written(NamedTuple):
    """A line on disk."""

    run: str
    item: Article | Rejection
    is_archived: bool
    "Whether its record is where it says."


class Disagreement(NamedTuple):
    """One thing that state and files do not say alike."""

    kind: str
    "Such as `line_missing`, `page_unknown`, `text_differs`."
    detail: str


@dataclass(slots=True)
class _Pages:
    """What the lines of all runs say of each page, in their order."""

    texts: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    "Id and version of its last article."
    others: dict[bytes, str] = field(default_factory=dict)
    "Reason of the last rejection after that."
    urls: dict[bytes, str] = field(default_factory=dict)

    def add(self, key: bytes, item: Article | Rejection) -> None:
        self.urls[key] = item.url_requested
        if isinstance(item, Article):
            self.texts[key] = item.id, item.version
            self.others.pop(key, None)
        else:
            self.others[key] = item.reason


def disagreements(pages: PageTable, lines: Iterable[Written]) -> Iterator[Disagreement]:
    """Everything in which the rows of an outlet and its lines, in the order of runs, differ."""
    told, seen = _Pages(), set[tuple[str, int]]()
    for line in lines:
        item = line.item
        told.add(key_of(pages.outlet, item.url_requested), item)
        if not line.is_archived:
            yield Disagreement("record_missing", f"{item.url_requested}: no record where its line says")
        if isinstance(item, Article):
            if (item.id, item.version) in seen:
                yield Disagreement("line_twice", f"{item.url}: version {item.version} has two lines")
            seen.add((item.id, item.version))
    yield from _of_rows(pages, told)
    for key in told.urls:
        yield Disagreement("page_unknown", f"{told.urls[key]} has a line, and state does not know it")


def _of_rows(pages: PageTable, told: _Pages) -> Iterator[Disagreement]:
    """What is wrong with rows; the pages that have one are taken out of `told`."""
    for row in pages.all():
        line, url = told.urls.pop(row.key, None), row.url
        text, reason = told.texts.get(row.key), told.others.get(row.key)
        if line is None and row.looked is not None and row.reason != TAKEN_DOWN:
            yield Disagreement("line_missing", f"{url} ended as {row.reason} and has no line")
        elif line is not None and row.looked is None:
            yield Disagreement("page_not_ended", f"{url} has a line and still waits for its first fetch")
        elif text and reason not in TWICE and (row.article, row.version) != text:
            yield Disagreement(
                "text_differs", f"{url}: its line is version {text[1]}, state has {row.version}"
            )
        elif row.article and not text:
            yield Disagreement("line_missing", f"{url}: state knows a text that no line holds")


def mend(pages: PageTable, lines: Iterable[Written], now: int) -> None:
    """Make the rows say what the lines say; pages that have none wait to be fetched again."""
    told = _Pages()
    wrong: dict[bytes, tuple[str, Article | Rejection]] = {}
    for line in lines:
        key = key_of(pages.outlet, line.item.url_requested)
        told.add(key, line.item)
        if isinstance(line.item, Article) or not isinstance(wrong.get(key, ("", None))[1], Article):
            wrong[key] = line.run, line.item
    lost = []
    for row in pages.all():
        text = told.texts.get(row.key)
        agrees = row.looked is not None and (not text or (row.article, row.version) == text)
        if row.key not in told.urls:
            lost += [row.key] * (row.looked is not None and row.reason != TAKEN_DOWN)
        elif agrees or (told.others.get(row.key) in TWICE and row.looked is not None):
            del wrong[row.key]
    by_run: dict[str, dict[bytes, Article | Rejection]] = defaultdict(dict)
    for key, (run, item) in wrong.items():
        by_run[run][key] = item
    for run, items in by_run.items():
        end_pages(pages, items, run, now)
    forgotten = dict.fromkeys(OF_ARTICLES) | {"version": 0, "looked": None, "reason": None}
    pages.change({"at": key, "status": "pending", "next_due": now, **forgotten} for key in lost)
    pages.forgive(now)


def runs_in(names: Iterable[str]) -> list[str]:
    """Run ids of these files, the oldest first."""
    return sorted({name.partition(".")[0] for name in names})


def take_down(database: Database, outlet: str, urls: Iterable[str], now: int) -> None:
    """Mark these pages, those that state has never heard of too."""
    pages = PageTable(database, outlet)
    links = {key_of(pages.outlet, url): Link(url=url, via="list") for url in urls}
    pages.add(new_row(pages.outlet, key, normal_url(link.url), link, now) for key, link in links.items())
    # No source is its own any more, so none can call it new.
    unlisted = {"next_due": None, "lister": b"", "listed": b""}
    nothing = dict.fromkeys(OF_ARTICLES) | {"version": 0, "tries": 0} | unlisted
    pages.change(
        {
            "at": key,
            "status": "rejected",
            "reason": TAKEN_DOWN,
            "looked": now,
            "link": link_text(link),
            **nothing,
        }
        for key, link in links.items()
    )


def forget_sources(database: Database, outlet: str) -> None:
    """What sources gave last: their records are gone, so they are asked for everything once more."""
    nothing = dict.fromkeys(("etag", "last_modified", "payload_digest", "warc"))
    with database.writing() as connection:
        connection.execute(update(feeds).where(feeds.c.outlet == outlet).values(nothing))
