"""Pages taken down: a row stays, so that the page is never fetched again, and nothing of what it said."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import update

from newscrawl.items import TAKEN_DOWN, Link
from newscrawl.state.database import Database
from newscrawl.state.kept import OF_ARTICLES, new_row
from newscrawl.state.pages import PageTable
from newscrawl.state.rows import key_of, link_text
from newscrawl.state.tables import feeds
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


def forget_sources(database: Database, outlet: str) -> None:
    """What sources gave last: their records are gone, so they are asked for everything once more."""
    nothing = dict.fromkeys(("etag", "last_modified", "payload_digest", "warc"))
    with database.writing() as connection:
        connection.execute(update(feeds).where(feeds.c.outlet == outlet).values(nothing))
