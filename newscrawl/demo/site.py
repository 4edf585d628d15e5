"""What a demo outlet is to the newsroom: a Site, and the plain answers most sites give."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime
from html import escape
from itertools import groupby, zip_longest
from pathlib import Path
from string import Template
from typing import Protocol

from newscrawl.demo.http import Request, Response
from newscrawl.demo.stories import Part
from newscrawl.errors import NewscrawlError
from newscrawl.items import BlockKind

Route = Callable[[Request], Response]


class Site(Protocol):
    """One outlet: answers requests, keeps nothing between them."""

    @property
    def id(self) -> str:
        """Outlet id."""

    def respond(self, request: Request) -> Response:
        """The answer; 404 where there is nothing."""


def routed(routes: Mapping[str, Route], request: Request) -> Response:
    """The answer of the route for the whole target, else for its path, else 404."""
    route = routes.get(request.target) or routes.get(request.path)
    return route(request) if route else missing(request)


def missing(_: Request) -> Response:
    """404 for what never was."""
    return _notice_page(404, "404", "There is no such page.")


def gone(_: Request) -> Response:
    """410 for what was taken down."""
    return _notice_page(410, "410", "This page was withdrawn.")


def moved(to: str, status: int = 301) -> Route:
    """A redirect to a path of the same outlet."""
    return lambda request: Response(
        status=status,
        headers=(("Location", f"{request.base}{to}"),),
        body=b"<html><body>Moved.</body></html>",
    )


def busy_first(route: Route, retry_after: int = 0) -> Route:
    """503 to the first request of a target, the page afterwards."""

    def answer(request: Request) -> Response:
        if request.earlier:
            return route(request)
        return Response(
            status=503,
            headers=(("Retry-After", str(retry_after)),),
            body=b"<html><body><h1>Busy</h1><p>Please come back in a moment.</p></body></html>",
        )

    return answer


def robots(*disallowed: str, sitemaps: Iterable[str] = (), delay: float | None = None) -> Route:
    """robots.txt: what nobody may fetch, and where the sitemaps are (paths)."""

    def answer(request: Request) -> Response:
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in disallowed)]
        lines += [f"Crawl-delay: {delay:g}"] if delay else []
        lines += ["", *(f"Sitemap: {request.base}{path}" for path in sitemaps)]
        return Response(body="\n".join(lines).encode() + b"\n", content_type="text/plain; charset=utf-8")

    return answer


def _notice_page(status: int, title: str, text: str) -> Response:
    html = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><p>{text}</p></body></html>"
    return Response(status=status, body=html.encode())


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


_BOLD = re.compile(r"\*\*([^*]{1,200})\*\*")
_LINK = re.compile(r"\[([^\]]{1,200})\]\(([^()\s]{1,300})\)")
_TAGS: dict[BlockKind, str] = {"p": "p", "li": "li"}


def plain(text: str) -> str:
    """The words a reader sees."""
    return _LINK.sub(r"\1", _BOLD.sub(r"\1", text))


def inline(text: str) -> str:
    """The words as HTML."""
    return _LINK.sub(r'<a href="\2">\1</a>', _BOLD.sub(r"<strong>\1</strong>", escape(text, quote=False)))


def html_of(parts: Sequence[Part], heading: str = "h2") -> list[str]:
    """The blocks as HTML, list items gathered in one list; `heading` is the tag of a sub-heading."""
    found: list[str] = []
    for kind, run in groupby(parts, key=lambda part: part.kind):
        items = [_element(part, heading) for part in run]
        found += [f"<ul>{''.join(items)}</ul>"] if kind == "li" else items
    return found


def _element(part: Part, heading: str) -> str:
    if part.kind == "quote":
        return f"<blockquote><p>{inline(part.text)}</p></blockquote>"
    tag = heading if part.kind == "h" else _TAGS[part.kind]
    return f"<{tag}>{inline(part.text)}</{tag}>"


TEMPLATES = Path(__file__).parent / "templates"


def read_template(name: str) -> Template:
    """The template of a kind of page, as `wordpress_story`."""
    path = TEMPLATES / f"{name}.html"
    try:
        return Template(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NewscrawlError(f"{path}: {error}") from error


def link_list(links: list[tuple[str, str]], tag: str = "li") -> str:
    """(URL, words) pairs as links, each in a tag of its own."""
    return "\n".join(f'<{tag}><a href="{escape(url)}">{escape(words)}</a></{tag}>' for url, words in links)


_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_SPRING = ("janvier", "février", "mars", "avril", "mai", "juin")
_AUTUMN = ("juillet", "août", "septembre", "octobre", "novembre", "décembre")
_MONTHS = _SPRING + _AUTUMN
_BEFORE = re.compile(r" ([:;!?»])")
_AFTER = re.compile(r"« ")


def day_in_words(day: date) -> str:
    """As `3 mars 2026`."""
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def weekday(day: date) -> str:
    """As `mardi`."""
    return _DAYS[day.weekday()]


def spaced(html: str) -> str:
    """HTML with the no-break spaces a careful publishing system puts in."""
    return _AFTER.sub("«&nbsp;", _BEFORE.sub(r"&nbsp;\1", html))
