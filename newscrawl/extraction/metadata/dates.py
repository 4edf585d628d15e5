"""When a story was published and modified: the sources in their order, and which one is believed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import RawBlock
from newscrawl.extraction.head import Head
from newscrawl.extraction.jsonld import strings, types_of
from newscrawl.extraction.landmarks import BELOW, Near, Signs, names_of, near_title, short_text
from newscrawl.extraction.metadata.date_parser import (
    MAX_CHARS,
    MAX_LINE_CHARS,
    Moment,
    ago,
    find_moment,
    is_date_line,
    letters_beside,
    moments_in,
    read_moment,
)
from newscrawl.extraction.view import select
from newscrawl.items import DateSource, Link

MAX_TIMES = 60
MAX_LABEL_LETTERS = 12
_URL = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)(?:[/_-]?)(?P<m>0[1-9]|1[0-2])(?:[/_-]?)(?P<d>0[1-9]|[12]\d|3[01])(?!\d)"
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?:(?!\d)|(?=\d\d?:))")
_DATED_NAME = re.compile(r"date|time|publi|posted|auth?or|auteur|byline|meta|heure|stamp|info", re.IGNORECASE)
_BYLINE = re.compile(r"^(?:par|by|von|por)\b", re.IGNORECASE)
_LABELLED = re.compile(
    r"\b(?:publi[eé]e?s?|published|posted|first published|veröffentlicht|publicado)\b"
    r"(?:\sle|\son|\sam|\sel)?\s?[:\-–|]?\s?"
    r"[\w.,]{0,12}\s?\d",
    re.IGNORECASE,
)
"A word for publication right before what may be a date."
_PLACED = re.compile(r"^[A-ZÀ-Ý][^\W\d]{1,20}(?:[ '’-][^\W\d]{1,20}){0,3},\s(?:le|den|on|am)\s\d")
"The head of a press release: a place, then the day."
_PUBLISHING_NAME = re.compile(r"publi|posted|created|entry-date", re.IGNORECASE)
_CHANGED = re.compile(
    r"updat|modifi|mis(?:e)? à jour|maj\b|actuali[sz]|aktualisi|atualiz|editiert|edited|revis|reviewed|"
    r"\bstand\b|aggiornat|last checked",
    re.IGNORECASE,
)
_ATTRIBUTES = (
    "datetime", "content", "data-date", "data-datetime", "data-time", "data-timestamp", "data-published",
    "data-publish-date", "data-utc", "title",
)  # fmt: skip
"Where elements hold a date for machines."
_STATE = re.compile(
    r'\\?"(?:datePublished|publishedAt|published_at|publishDate|firstPublished|publishedDate|'
    r'publicationDate|first_published_at|postedAt)\\?"\s*:\s*\\?"([^"\\]{8,40})'
)
"A date in the state that scripts of a page carry."
MAX_SCRIPTS, MAX_SCRIPT_CHARS = 40, 1_000_000
_DIGITS = re.compile(r"(?:19|20)\d\d|\d{9}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dated:
    moment: Moment
    source: DateSource
    vague: bool = False
    "Its name says of a date, and not of which."
    printed: bool = False
    "Read from words that readers see."


def dated(raw: str, source: DateSource, zone: ZoneInfo | None, *, vague: bool = False) -> Dated | None:
    moment = read_moment(raw, zone)
    return Dated(moment=moment, source=source, vague=vague) if moment else None


def ruled(text: str, zone: ZoneInfo | None) -> Dated | None:
    """Of an element that may print several dates, the one of publication."""
    return shown(text, zone, changed=False) or dated(text, "dom", zone)


def shown(text: str, zone: ZoneInfo | None, *, changed: bool) -> Dated | None:
    """The date of a line whose label says published, or updated; a label counts up to the next date."""
    at = 0
    for moment in moments_in(text, zone):
        start = text.find(moment.raw, at)
        label, at = text[at:start], start + len(moment.raw)
        if bool(_CHANGED.search(label)) == changed:
            return Dated(moment=moment.in_zone(zone), source="dom", printed=True)
    return None


def lines_with_dates(near: Near) -> Iterator[str]:
    """The lines that date the story, in their order."""
    for at, line in enumerate(near.lines):
        if _is_dated(line, near, close=at < BELOW):
            yield line.text


def _is_dated(line: RawBlock, near: Near, *, close: bool) -> bool:
    """A line that is a date, or a byline or an element named for dates with one in it."""
    if not has_year(line) or (not close and near.elsewhere(line.element)):
        return False
    if is_date_line(line.text):
        return True
    if not moments_in(line.text):
        return False
    around = [line.element, *islice(line.element.iterancestors(), 2)]
    named = _BYLINE.match(line.text) or any(_DATED_NAME.search(names_of(element)) for element in around)
    if named or _LABELLED.search(line.text):
        return True
    return close and (_PLACED.match(line.text) is not None or _is_stamp(line.text))


def _is_stamp(text: str) -> bool:
    """A day with its hour, and a label in whatever language."""
    timed = any(one.time is not None for one in moments_in(text))
    return timed and len(text) <= MAX_LINE_CHARS and letters_beside(text) <= MAX_LABEL_LETTERS


def days_ago(near: Near, fetched: dt.datetime | None, zone: ZoneInfo | None) -> Iterator[Dated]:
    """Lines near the headline that count from the page's capture."""
    for line in near.lines[:BELOW] if fetched else ():
        moment = ago(line.text, fetched, zone) if fetched and not near.elsewhere(line.element) else None
        if moment:
            yield Dated(moment=moment, source="dom", printed=True)


def has_year(line: RawBlock) -> bool:
    """Whether it is short and may hold a date."""
    return len(line.text) <= MAX_CHARS and _YEAR.search(line.text) is not None


def element_text(element: HtmlElement) -> str:
    """What an element says of a date: its attribute for machines, else its text."""
    told = (element.get(name) for name in _ATTRIBUTES)
    return next((text for text in told if text and _DIGITS.search(text)), None) or short_text(
        element, MAX_CHARS
    )


def times_of(signs: Signs, near: Near) -> list[HtmlElement]:
    """Elements that may date the story: those of publication first, then those below the headline."""
    marked = [one for one in signs.named["date"] if one.tag != "time" and _is_machine_read(one)]
    ordered = sorted({*signs.times, *marked}, key=lambda one: signs.place[one])
    found = sorted(ordered, key=lambda one: signs.place[one] < near.place)
    fit = [one for one in found if not near.elsewhere(one)][:MAX_TIMES]
    return sorted(fit, key=lambda one: (_is_change(one), not _is_publication(one)))


def _is_machine_read(element: HtmlElement) -> bool:
    """Whether an element that is named for dates holds one in an attribute."""
    told = (element.get(name) for name in _ATTRIBUTES)
    return any(text and len(text) <= MAX_CHARS and _DIGITS.search(text) for text in told)


def in_state(tree: HtmlElement) -> Iterator[str]:
    for script in islice(tree.iter("script"), MAX_SCRIPTS):
        if found := _STATE.search((script.text or "")[:MAX_SCRIPT_CHARS]):
            yield found.group(1)


def _is_publication(element: HtmlElement) -> bool:
    return element.get("pubdate") is not None or bool(_PUBLISHING_NAME.search(names_of(element)))


def _is_change(element: HtmlElement) -> bool:
    parent = element.getparent()
    beside = parent.text if parent is not None else None
    return bool(_CHANGED.search(names_of(element)) or _CHANGED.search(beside or ""))


def from_url(url: str) -> Dated | None:
    found = _URL.search(url)
    return dated("-".join(found.group("y", "m", "d")), "url", None) if found else None


_AHEAD = dt.timedelta(hours=36)
"A story may be dated a little after its capture, by zones and by embargoes; not more."
_PUBLISHED = (
    "article:published_time", "og:article:published_time", "article:published", "datepublished",
    "parsely-pub-date", "publishdate", "publish-date",
    "publish_date", "pubdate", "publication_date", "publication-date", "published_time", "og:published_time",
    "sailthru.date", "dc.date.issued", "dc.date.published", "dcterms.issued", "citation_publication_date",
    "date.release", "originalpublicationdate", "cxenseparse:recs:publishtime", "cxenseparse:publishtime",
    "article_date_original", "published", "published-date", "date_published", "publisheddate",
    "rnews:datepublished", "bt:pubdate", "ob:date", "release_date",
    "article.published", "uploaddate", "video:release_date",
)  # fmt: skip
_VAGUE = (
    "dcterms.created", "dcterms.date", "dc.date", "dc.date.created", "date", "datecreated", "created",
    "last-modified",
)  # fmt: skip
"Names under which pages print other dates than that of publication, too."
_MODIFIED = (
    "article:modified_time", "og:article:modified_time", "datemodified", "og:updated_time",
    "article:updated_time", "dcterms.modified", "dc.date.modified", "lastmod", "last-modified",
    "article.updated", "modified_time", "modified-date", "updated",
)  # fmt: skip
_OF_PAGE = frozenset({"webpage", "videoobject", "podcastepisode", "mediaobject", "creativework", "event"})
"Nodes beside the story whose date is believed where the story has none."
MAX_SHOWN = 4
"Dates that readers see first: those after them are of other stories."
_HALF_HOUR = dt.timedelta(minutes=30)
_WIDEST = dt.timedelta(hours=14)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dates:
    published: Dated | None = None
    modified: Dated | None = None


def dates_of(
    head: Head,
    tree: HtmlElement,
    lines: Sequence[RawBlock],
    *,
    titles: set[str],
    selector: str | None,
    zone: ZoneInfo | None,
    fetched: dt.datetime | None,
    link: Link | None,
) -> Dates:
    """The first believable date of each kind."""
    near = near_title(lines, titles, head.signs)
    page = _Page(
        head=head,
        tree=tree,
        near=near,
        visible=[line.text for line in near.lines if has_year(line)],
        zone=zone,
        fetched=fetched,
    )
    published = _earliest(_first(page, _published(page, selector, link)), page)
    modified = _first(page, _modified(page))
    return Dates(published=_mended(published, page), modified=_mended(modified, page))


@dataclass(kw_only=True, slots=True)
class _Page:
    """A page, and how its dates are read."""

    head: Head
    tree: HtmlElement
    near: Near
    visible: list[str]
    "Lines that may hold dates, from the headline on."
    zone: ZoneInfo | None
    fetched: dt.datetime | None
    _shown: list[Moment] | None = None

    @property
    def shown(self) -> list[Moment]:
        """What readers see, in the order of `lines`."""
        if self._shown is None:
            self._shown = [one for text in self.visible for one in moments_in(text, self.zone)]
        return self._shown


def _first(page: _Page, found: Iterable[Dated | None]) -> Dated | None:
    return next((one for one in found if one and _believable(one, page)), None)


def _believable(told: Dated, page: _Page) -> bool:
    moment = told.moment
    if page.fetched is not None and moment.day > (page.fetched + _AHEAD).date():
        return False
    return not _is_silent(told) or any(moment.day == seen.day for seen in page.shown)


def _is_silent(told: Dated) -> bool:
    """A first of January at no hour: what programs make of a year alone."""
    moment = told.moment
    is_first = (moment.day.month, moment.day.day) == (1, 1) and told.source != "url"
    return is_first and not told.printed and moment.time in {None, dt.time(0)}


def _earliest(published: Dated | None, page: _Page) -> Dated | None:
    """A vague date gives way to one beside the headline that says of a change before it."""
    if published is None or not published.vague:
        return published
    lines = (line for line in page.near.lines[:BELOW] if has_year(line))
    changes = (shown(line.text, page.zone, changed=True) for line in lines)
    earlier = next((one for one in changes if one and one.moment.day < published.moment.day), None)
    return earlier or published


def _mended(told: Dated | None, page: _Page) -> Dated | None:
    """A date for machines, with the wall clock that readers see where both mean one moment."""
    if told is not None and told.printed and not _names_zone(told.moment):
        return _around(told, page) or told
    if told is None or told.moment.time is None or told.source not in {"jsonld", "meta"}:
        return told
    moment = _as_india(told.moment, page) or _as_shown(told.moment, page)
    return Dated(moment=moment, source=told.source) if moment else told


def _around(told: Dated, page: _Page) -> Dated | None:
    """What a time element says to machines in which readers see what was told."""
    for element in page.head.signs.times[:MAX_TIMES]:
        machine = dated(element.get("datetime") or "", "dom", page.zone)
        if machine is None or machine.moment.precision == "day" or machine.moment.day != told.moment.day:
            continue
        printed = moments_in(short_text(element, MAX_CHARS), page.zone)
        if any(one.day == told.moment.day and one.time in {None, told.moment.time} for one in printed):
            return machine
    return None


def _names_zone(printed: Moment) -> bool:
    """Whether the words themselves tell a zone, and not the outlet's file alone."""
    found = find_moment(printed.raw)
    return found is not None and found.zone is not None


def _as_india(moment: Moment, page: _Page) -> Moment | None:
    """Indian wall time to which the machine-readable date gives another offset: what readers see is right."""
    india = [one.wall() for one in page.shown if one.says_india]
    wall = moment.wall()
    if wall is None or wall.replace(second=0) not in india:
        return None
    return read_moment(f"{wall:%Y-%m-%d %H:%M} IST", page.zone)


def _as_shown(moment: Moment, page: _Page) -> Moment | None:
    """The same moment at the offset by which the page prints it, where that is on another day than in UTC."""
    wall = moment.wall()
    if wall is None or moment.zone is None or moment.zone.utcoffset(wall):
        return None
    for seen in page.shown[:MAX_SHOWN]:
        other = seen.wall()
        offset = other - wall.replace(second=0) if other else dt.timedelta(0)
        if seen.day == moment.day:
            return None
        if offset and abs(offset) <= _WIDEST and not offset % _HALF_HOUR:
            return moment.at(dt.timezone(offset))
    return None


def _published(page: _Page, selector: str | None, link: Link | None) -> Iterator[Dated | None]:
    head, zone = page.head, page.zone
    yield from (ruled(element_text(found), zone) for found in select(page.tree, selector))
    yield from _declared(page)
    yield from (_of_element(found, zone) for found in times_of(head.signs, page.near))
    yield from (shown(text, zone, changed=False) for text in lines_with_dates(page.near))
    yield from _in_metas(page, _VAGUE, vague=True)
    yield from_url(head.url)
    yield from (shown(text, zone, changed=True) for text in page.visible if is_date_line(text))
    yield from (dated(text, "dom", zone) for text in in_state(page.tree))
    yield from days_ago(page.near, page.fetched, zone)
    if link is not None and link.published:
        yield dated(link.published, "feed", zone)


def _of_element(element: HtmlElement, zone: ZoneInfo | None) -> Dated | None:
    """What a time element says: where its attribute cannot be read, its text."""
    return dated(element_text(element), "dom", zone) or shown(
        short_text(element, MAX_CHARS), zone, changed=False
    )


def _in_metas(page: _Page, names: Sequence[str], *, vague: bool = False) -> Iterator[Dated | None]:
    metas = page.head.metas
    return (dated(text, "meta", page.zone, vague=vague) for name in names for text in metas.get(name, ()))


def _declared(page: _Page) -> Iterator[Dated | None]:
    """Dates for machines; JSON-LD first, unless readers see the day that meta tags tell instead."""
    head, zone = page.head, page.zone
    story = [dated(text, "jsonld", zone) for text in strings(head.story.get("datePublished"))]
    metas = list(_in_metas(page, _PUBLISHED))
    if story and metas and story[0] and metas[0]:
        days = {one.day for one in page.shown[:MAX_SHOWN]}
        if metas[0].moment.day in days and story[0].moment.day not in days:
            story, metas = metas[:1], [*story, *metas[1:]]
    yield from (*story, *metas)
    yield from (
        dated(text, "jsonld", zone)
        for text in (*strings(head.story.get("uploadDate")), *strings(head.story.get("dateCreated")))
    )
    beside = [node for node in head.nodes if types_of(node) & _OF_PAGE]
    yield from (
        dated(text, "jsonld", zone)
        for node in beside
        for text in (*strings(node.get("datePublished")), *strings(node.get("uploadDate")))
    )


def _modified(page: _Page) -> Iterator[Dated | None]:
    head, zone = page.head, page.zone
    yield from (dated(text, "jsonld", zone) for text in strings(head.story.get("dateModified")))
    yield from (dated(text, "meta", zone) for name in _MODIFIED for text in head.metas.get(name, ()))
    yield from (shown(text, zone, changed=True) for text in page.visible if is_date_line(text))
