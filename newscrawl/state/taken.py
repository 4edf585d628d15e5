"""Pages taken down: a row stays, so that the page is never fetched again, and nothing of what it said."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select, update

from newscrawl.items import TAKEN_DOWN, Link
from newscrawl.state.database import Database
from newscrawl.state.kept import OF_ARTICLES, new_row
from newscrawl.state.pages import PageTable, batches
from newscrawl.state.rows import key_of, link_text
from newscrawl.state.tables import copies, feeds, prints, same_story
from newscrawl.urls import normal_url


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
    _forget_copies(database, list(links))


def _forget_copies(database: Database, keys: list[bytes]) -> None:
    """What their texts and titles were compared by."""
    with database.writing() as connection:
        for batch in batches(keys):
            rows = list(connection.execute(select(copies.c.id).where(copies.c.key.in_(batch))).scalars())
            connection.execute(delete(prints).where(prints.c.copy.in_(rows)))
            pairs = same_story.c.one.in_(rows) | same_story.c.other.in_(rows)
            connection.execute(delete(same_story).where(pairs))
            connection.execute(delete(copies).where(copies.c.id.in_(rows)))


def forget_sources(database: Database, outlet: str) -> None:
    """What sources gave last: their records are gone, so they are asked for everything once more."""
    nothing = dict.fromkeys(("etag", "last_modified", "payload_digest", "warc"))
    with database.writing() as connection:
        connection.execute(update(feeds).where(feeds.c.outlet == outlet).values(nothing))
