"""Machine-readable lists of stories: RSS 2.0, sitemaps, a sitemap index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape
from itertools import zip_longest

_URLSET = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_NEWS = ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One story or stray in a list."""

    title: str
    link: str
    guid: str
    published: datetime | None = None
    summary: str = ""
    content: str | None = None
    "Whole story as HTML, where a feed gives it away."
    lang: str = "fr"


def interleaved(entries: Sequence[Entry], strays: Sequence[Entry]) -> list[Entry]:
    """A stray after every second entry, so that a reader meets both early."""
    found: list[Entry] = []
    for number, entry in enumerate(entries):
        found.append(entry)
        if number % 2 and number // 2 < len(strays):
            found.append(strays[number // 2])
    return found + list(strays[len(entries) // 2 :])


def rss(title: str, link: str, entries: Iterable[Entry], *, lang: str, encoding: str = "utf-8") -> bytes:
    """An RSS 2.0 document; what the encoding lacks becomes a character reference."""
    items = "".join(_item(entry) for entry in entries)
    text = (
        f'<?xml version="1.0" encoding="{encoding.upper()}"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">\n<channel>'
        f"<title>{_text(title)}</title><link>{_text(link)}</link><description>{_text(title)}</description>"
        f"<language>{lang}</language>\n{items}</channel>\n</rss>\n"
    )
    return text.encode(encoding, "xmlcharrefreplace")


def _item(entry: Entry) -> str:
    date = f"<pubDate>{format_datetime(entry.published)}</pubDate>" if entry.published else ""
    content = f"<content:encoded>{_text(entry.content)}</content:encoded>" if entry.content else ""
    return (
        f"<item><title>{_text(entry.title)}</title><link>{_text(entry.link)}</link>"
        f'<guid isPermaLink="false">{_text(entry.guid)}</guid>'
        f"{date}<description>{_text(entry.summary)}</description>{content}</item>\n"
    )


def sitemap(entries: Iterable[Entry]) -> bytes:
    """A urlset of pages."""
    return _document(f"{_URLSET}>", (_url(entry, "") for entry in entries), "urlset")


def news_sitemap(publication: str, entries: Iterable[Entry]) -> bytes:
    """A urlset with what Google News wants to know of each story."""
    return _document(f"{_URLSET}{_NEWS}>", (_url(e, _news(publication, e)) for e in entries), "urlset")


def _url(entry: Entry, more: str) -> str:
    changed = f"<lastmod>{entry.published.isoformat()}</lastmod>" if entry.published else ""
    return f"<url><loc>{_text(entry.link)}</loc>{changed}{more}</url>\n"


def _news(publication: str, entry: Entry) -> str:
    date = entry.published.isoformat() if entry.published else ""
    return (
        f"<news:news><news:publication><news:name>{_text(publication)}</news:name>"
        f"<news:language>{entry.lang}</news:language></news:publication>"
        f"<news:publication_date>{date}</news:publication_date>"
        f"<news:title>{_text(entry.title)}</news:title></news:news>"
    )


def sitemap_index(urls: Iterable[str], changed: Iterable[datetime] = ()) -> bytes:
    """An index of sitemaps; `changed` goes with the first of them."""
    opening = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    rows = (
        f"<sitemap><loc>{_text(url or '')}</loc>"
        + (f"<lastmod>{moment.isoformat()}</lastmod>" if moment else "")
        + "</sitemap>\n"
        for url, moment in zip_longest(urls, changed)
    )
    return _document(opening, rows, "sitemapindex")


def _document(opening: str, rows: Iterable[str], name: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}\n{"".join(rows)}</{name}>\n'.encode()


def _text(text: str) -> str:
    return escape(text, quote=False)
