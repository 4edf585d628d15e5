"""What the demo sites share: the site of an outlet, its plain responses, feeds, sitemaps and markup."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime
from html import escape
from itertools import groupby, zip_longest
from pathlib import Path
from string import Template
from typing import ClassVar, Protocol

from newscrawl.demo.http import Request, Response
from newscrawl.demo.stories import Desk, Story, StoryBlock, Stray
from newscrawl.errors import NewscrawlError
from newscrawl.items import BlockKind

Route = Callable[[Request], Response]


class Site(Protocol):
    """The site of an outlet; it holds no state between requests."""

    @property
    def id(self) -> str:
        """Outlet id."""

    def respond(self, request: Request) -> Response:
        """The response to a request; 404 for unknown paths."""


class NewsSite(ABC):
    """A site of stories; subclasses add the pages and the quirks of a publishing system."""

    template: ClassVar[str]
    "Name of its templates, `<template>_story.html` and `<template>_list.html`."
    retry_after: ClassVar[int] = 0
    "Seconds to wait after the 503 of a busy story."

    def __init__(self, outlet_id: str, desk: Desk) -> None:
        self.id = outlet_id
        self.desk = desk
        self.story_template = read_template(f"{self.template}_story")
        self.list_template = read_template(f"{self.template}_list")

    @abstractmethod
    def story_path(self, story: Story) -> str:
        """Path and query of a story."""

    @abstractmethod
    def old_paths(self, story: Story) -> list[str]:
        """Other paths of a story, which redirect to it."""

    @abstractmethod
    def other_routes(self) -> dict[str, Route]:
        """Routes of everything but stories and strays."""

    @abstractmethod
    def home(self, request: Request) -> Response:
        """The front page."""

    @abstractmethod
    def story_page(self, story: Story) -> Route:
        """The page of a story."""

    @abstractmethod
    def short_page(self, stray: Stray) -> Route:
        """A page with next to no words."""

    def respond(self, request: Request) -> Response:
        return dispatch(self.all_routes(), request)

    def all_routes(self) -> dict[str, Route]:
        """Routes by target or path."""
        routes = self.other_routes()
        for story in self.desk.story:
            path, route = self.story_path(story), self.story_page(story)
            routes[path] = busy_first(route, self.retry_after) if story.busy else route
            routes |= {old: redirect(path) for old in self.old_paths(story)}
        return routes | {stray.path: self._stray_route(stray) for stray in self.desk.stray}

    def _stray_route(self, stray: Stray) -> Route:
        if stray.kind == "moved":
            return redirect(self.story_path(self.desk.find(stray.to)), stray.status)
        if stray.kind in {"photo", "private"}:
            return self.short_page(stray)
        return {"missing": not_found, "gone": gone, "listing": self.home}[stray.kind]

    def sections(self) -> list[str]:
        return sorted({story.section for story in self.desk.story})

    def stories_in(self, section: str) -> list[Story]:
        """Stories that the page of a section lists."""
        return [story for story in self.desk.listed if story.section == section]

    def links(self, pages: Iterable[Story | Stray], base: str = "") -> list[tuple[str, str]]:
        """URL and title of each page."""
        paths = ((page.path if isinstance(page, Stray) else self.story_path(page), page) for page in pages)
        return [(base + path, page.title) for path, page in paths]

    def stray_entries(self, base: str, published: datetime | None) -> list[ListEntry]:
        """The strays that feeds list, all with the same date."""
        return [
            ListEntry(title=stray.title, link=base + stray.path, guid=stray.path, published=published)
            for stray in self.desk.stray
            if stray.in_feed
        ]


def dispatch(routes: Mapping[str, Route], request: Request) -> Response:
    """The response of the route for the whole target, else for the path, else 404."""
    route = routes.get(request.target) or routes.get(request.path)
    return route(request) if route else not_found(request)


def not_found(_: Request) -> Response:
    """404 for a path that never existed."""
    return _notice_page(404, "404", "There is no such page.")


def gone(_: Request) -> Response:
    """410 for a page that was taken down."""
    return _notice_page(410, "410", "This page was withdrawn.")


def redirect(to: str, status: int = 301) -> Route:
    """A redirect to a path of the same outlet."""
    return lambda request: Response(
        status=status,
        headers=(("Location", f"{request.base}{to}"),),
        body=b"<html><body>Moved.</body></html>",
    )


def busy_first(route: Route, retry_after: int = 0) -> Route:
    """503 for the first request of a target, the page for later requests."""

    def answer(request: Request) -> Response:
        if request.earlier:
            return route(request)
        return Response(
            status=503,
            headers=(("Retry-After", str(retry_after)),),
            body=b"<html><body><h1>Busy</h1><p>Please come back in a moment.</p></body></html>",
        )

    return answer


def robots_txt(*disallowed: str, sitemaps: Iterable[str] = (), delay: float | None = None) -> Route:
    """robots.txt with disallowed paths and the paths of sitemaps."""

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
class ListEntry:
    """A story or stray in a feed or sitemap."""

    title: str
    link: str
    guid: str
    published: datetime | None = None
    summary: str = ""
    content: str | None = None
    "The full story as HTML, in feeds that contain it."
    lang: str = "fr"


def interleaved(entries: Sequence[ListEntry], strays: Sequence[ListEntry]) -> list[ListEntry]:
    """Put a stray after every second entry, so that the first entries contain both."""
    mixed: list[ListEntry] = []
    for number, entry in enumerate(entries):
        mixed.append(entry)
        if number % 2 and number // 2 < len(strays):
            mixed.append(strays[number // 2])
    return mixed + list(strays[len(entries) // 2 :])


def rss(title: str, link: str, entries: Iterable[ListEntry], *, lang: str, encoding: str = "utf-8") -> bytes:
    """An RSS 2.0 document; characters that the encoding lacks become references."""
    items = "".join(_rss_item(entry) for entry in entries)
    text = (
        f'<?xml version="1.0" encoding="{encoding.upper()}"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">\n<channel>'
        f"<title>{_escape_text(title)}</title><link>{_escape_text(link)}</link><description>{_escape_text(title)}</description>"
        f"<language>{lang}</language>\n{items}</channel>\n</rss>\n"
    )
    return text.encode(encoding, "xmlcharrefreplace")


def _rss_item(entry: ListEntry) -> str:
    date = f"<pubDate>{format_datetime(entry.published)}</pubDate>" if entry.published else ""
    content = f"<content:encoded>{_escape_text(entry.content)}</content:encoded>" if entry.content else ""
    return (
        f"<item><title>{_escape_text(entry.title)}</title><link>{_escape_text(entry.link)}</link>"
        f'<guid isPermaLink="false">{_escape_text(entry.guid)}</guid>'
        f"{date}<description>{_escape_text(entry.summary)}</description>{content}</item>\n"
    )


def sitemap(entries: Iterable[ListEntry]) -> bytes:
    """A sitemap of pages."""
    return _xml_document(f"{_URLSET}>", (_sitemap_url(entry, "") for entry in entries), "urlset")


def news_sitemap(publication: str, entries: Iterable[ListEntry]) -> bytes:
    """A sitemap with the fields that Google News requires of each story."""
    return _xml_document(
        f"{_URLSET}{_NEWS}>", (_sitemap_url(e, _news_fields(publication, e)) for e in entries), "urlset"
    )


def _sitemap_url(entry: ListEntry, more: str) -> str:
    changed = f"<lastmod>{entry.published.isoformat()}</lastmod>" if entry.published else ""
    return f"<url><loc>{_escape_text(entry.link)}</loc>{changed}{more}</url>\n"


def _news_fields(publication: str, entry: ListEntry) -> str:
    date = entry.published.isoformat() if entry.published else ""
    return (
        f"<news:news><news:publication><news:name>{_escape_text(publication)}</news:name>"
        f"<news:language>{entry.lang}</news:language></news:publication>"
        f"<news:publication_date>{date}</news:publication_date>"
        f"<news:title>{_escape_text(entry.title)}</news:title></news:news>"
    )


def sitemap_index(urls: Iterable[str], changed: Iterable[datetime] = ()) -> bytes:
    """An index of sitemaps; `changed` are the dates of the first sitemaps."""
    opening = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    rows = (
        f"<sitemap><loc>{_escape_text(url or '')}</loc>"
        + (f"<lastmod>{moment.isoformat()}</lastmod>" if moment else "")
        + "</sitemap>\n"
        for url, moment in zip_longest(urls, changed)
    )
    return _xml_document(opening, rows, "sitemapindex")


def _xml_document(opening: str, rows: Iterable[str], name: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}\n{"".join(rows)}</{name}>\n'.encode()


def _escape_text(text: str) -> str:
    return escape(text, quote=False)


_BOLD = re.compile(r"\*\*([^*]{1,200})\*\*")
_LINK = re.compile(r"\[([^\]]{1,200})\]\(([^()\s]{1,300})\)")
_TAGS: dict[BlockKind, str] = {"p": "p", "li": "li"}


def plain_text(text: str) -> str:
    """The words that a reader sees."""
    return _LINK.sub(r"\1", _BOLD.sub(r"\1", text))


def inline_html(text: str) -> str:
    """The words as HTML."""
    return _LINK.sub(r'<a href="\2">\1</a>', _BOLD.sub(r"<strong>\1</strong>", escape(text, quote=False)))


def blocks_html(parts: Sequence[StoryBlock], heading: str = "h2") -> list[str]:
    """The blocks as HTML, with list items in a common list; `heading` is the tag of a sub-heading."""
    elements: list[str] = []
    for kind, run in groupby(parts, key=lambda part: part.kind):
        items = [_block_html(part, heading) for part in run]
        elements += [f"<ul>{''.join(items)}</ul>"] if kind == "li" else items
    return elements


def _block_html(part: StoryBlock, heading: str) -> str:
    if part.kind == "quote":
        return f"<blockquote><p>{inline_html(part.text)}</p></blockquote>"
    tag = heading if part.kind == "h" else _TAGS[part.kind]
    return f"<{tag}>{inline_html(part.text)}</{tag}>"


TEMPLATES = Path(__file__).parent / "templates"


def read_template(name: str) -> Template:
    """The template of a kind of page, such as `wordpress_story`."""
    path = TEMPLATES / f"{name}.html"
    try:
        return Template(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NewscrawlError(f"{path}: {error}") from error


def figure(story: Story, source: str, css_class: str, *, alt: str = "", caption_class: str = "") -> str:
    """The picture of a story with its caption; empty if it has none."""
    if not story.caption:
        return ""
    attribute = f' class="{caption_class}"' if caption_class else ""
    caption = f"<figcaption{attribute}>{escape(story.caption)}</figcaption>"
    return f'<figure class="{css_class}"><img src="{source}" alt="{escape(alt)}">{caption}</figure>'


def link_list(links: list[tuple[str, str]], tag: str = "li") -> str:
    """Pairs of URL and words as links, each in its own tag."""
    return "\n".join(f'<{tag}><a href="{escape(url)}">{escape(words)}</a></{tag}>' for url, words in links)


_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_SPRING = ("janvier", "février", "mars", "avril", "mai", "juin")
_AUTUMN = ("juillet", "août", "septembre", "octobre", "novembre", "décembre")
_MONTHS = _SPRING + _AUTUMN
_BEFORE = re.compile(r" ([:;!?»])")
_AFTER = re.compile(r"« ")


def french_date(day: date) -> str:
    """A date such as `3 mars 2026`."""
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def french_weekday(day: date) -> str:
    """A day such as `mardi`."""
    return _DAYS[day.weekday()]


def add_no_break_spaces(html: str) -> str:
    """Insert the no-break spaces that French typography demands."""
    return _AFTER.sub("«&nbsp;", _BEFORE.sub(r"&nbsp;\1", html))
