"""When a story was published and modified: the sources in their order, and which one is believed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.items import Link
from newscrawl.parts import DateSource
from newscrawl.text.blocks import RawBlock, text_of
from newscrawl.text.folding import key
from newscrawl.text.head import Head
from newscrawl.text.jsonld import strings
from newscrawl.text.moments import MAX_CHARS, Moment, is_date_line, moments_in, read_moment
from newscrawl.text.prune import select

MAX_TIMES = 60
MAX_LINES = 400
ABOVE, BELOW = 6, 15
"Lines around the headline; a date in those below it is the story's, whatever its element is named."
_AHEAD = dt.timedelta(hours=36)
"A story may be dated a little after its capture, by zones and by embargoes; not more."
_PUBLISHED = (
    "article:published_time", "og:article:published_time", "article:published", "datepublished",
    "parsely-pub-date", "publishdate", "publish-date",
    "publish_date", "pubdate", "publication_date", "published_time", "og:published_time", "sailthru.date",
    "dc.date.issued", "dcterms.issued",
    "dcterms.created", "dcterms.date", "dc.date", "date", "date.release", "originalpublicationdate",
    "cxenseparse:recs:publishtime",
    "article_date_original", "rnews:datepublished", "bt:pubdate", "datecreated", "dc.date.created",
    "release_date", "article.published",
)  # fmt: skip
_MODIFIED = (
    "article:modified_time", "datemodified", "og:updated_time", "article:updated_time", "dcterms.modified",
    "dc.date.modified", "lastmod",
    "last-modified", "article.updated", "modified_time",
)  # fmt: skip
_URL = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)(?:[/_-]?)(?P<m>0[1-9]|1[0-2])(?:[/_-]?)(?P<d>0[1-9]|[12]\d|3[01])(?!\d)"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_DATED_NAME = re.compile(r"date|time|publi|posted|byline|meta|heure|stamp|info", re.IGNORECASE)
_BYLINE = re.compile(r"^(?:par|by|von|por)\s", re.IGNORECASE)
_PUBLISHING_NAME = re.compile(r"publi|posted|created", re.IGNORECASE)
_CHANGED = re.compile(r"updat|modifi|mis(?:e)? à jour|maj\b|actualis", re.IGNORECASE)
_ASIDE = frozenset({"aside", "footer", "nav"})
_OTHERS = re.compile(
    r"relat|recommend|sidebar|widget|teaser|card|most|popular|latest|comment|ticker|footer", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dated:
    moment: Moment
    source: DateSource


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
    lines = near_title(lines, titles)
    visible = [line.text for line in lines if len(line.text) <= MAX_CHARS and _YEAR.search(line.text)]
    latest = fetched + _AHEAD if fetched else None
    published = _first(
        _published(head, tree, lines, visible=visible, selector=selector, zone=zone, link=link), latest
    )
    modified = _first(_modified(head, visible, zone), latest)
    india = [moment.wall() for text in visible for moment in moments_in(text, zone) if moment.says_india]
    return Dates(published=_mended(published, india, zone), modified=_mended(modified, india, zone))


def near_title(lines: Sequence[RawBlock], titles: set[str]) -> list[RawBlock]:
    """Lines from the headline down, then those right above it, then all others: its date stands near."""
    at = next((at for at, line in enumerate(lines) if line.kind == "h" and key(line.text) in titles), 0)
    above = max(0, at - ABOVE)
    return [*lines[at : at + BELOW], *lines[above:at], *lines[at + BELOW :], *lines[:above]][:MAX_LINES]


def _first(found: Iterable[Dated | None], latest: dt.datetime | None) -> Dated | None:
    return next((dated for dated in found if dated and _believable(dated.moment, latest)), None)


def _believable(moment: Moment, latest: dt.datetime | None) -> bool:
    return latest is None or moment.day <= latest.date()


def _mended(dated: Dated | None, india: list[dt.datetime | None], zone: ZoneInfo | None) -> Dated | None:
    """Indian wall time to which the machine-readable date gives another offset: what readers see is right."""
    if dated is None or dated.moment.time is None or dated.source not in {"jsonld", "meta"}:
        return dated
    moment = dated.moment
    to_minute = moment.wall()
    if to_minute is None or to_minute.replace(second=0) not in india:
        return dated
    shown = read_moment(f"{moment.day.isoformat()} {moment.time:%H:%M} IST", zone)
    return Dated(moment=shown, source=dated.source) if shown else dated


def _published(
    head: Head,
    tree: HtmlElement,
    lines: Sequence[RawBlock],
    *,
    visible: list[str],
    selector: str | None,
    zone: ZoneInfo | None,
    link: Link | None,
) -> Iterator[Dated | None]:
    yield from (_ruled(element_text(found), zone) for found in select(tree, selector))
    yield from (_dated(text, "jsonld", zone) for text in strings(head.story.get("datePublished")))
    yield from (_dated(text, "meta", zone) for name in _PUBLISHED for text in head.metas.get(name, ()))
    yield from (_dated(text, "jsonld", zone) for text in strings(head.story.get("dateCreated")))
    yield from (_dated(element_text(found), "dom", zone) for found in times_of(tree, lines[:1]))
    yield from (
        _shown(line.text, zone, changed=False)
        for at, line in enumerate(lines)
        if _is_dated(line, near=at < BELOW)
    )
    yield _from_url(head.url)
    yield from (_shown(text, zone, changed=True) for text in visible if is_date_line(text))
    if link is not None and link.published:
        yield _dated(link.published, "feed", zone)


def _modified(head: Head, visible: list[str], zone: ZoneInfo | None) -> Iterator[Dated | None]:
    yield from (_dated(text, "jsonld", zone) for text in strings(head.story.get("dateModified")))
    yield from (_dated(text, "meta", zone) for name in _MODIFIED for text in head.metas.get(name, ()))
    yield from (_shown(text, zone, changed=True) for text in visible if is_date_line(text))


def _dated(raw: str, source: DateSource, zone: ZoneInfo | None) -> Dated | None:
    moment = read_moment(raw, zone)
    return Dated(moment=moment, source=source) if moment else None


def _ruled(text: str, zone: ZoneInfo | None) -> Dated | None:
    """Of an element that may print several dates, the one of publication."""
    return _shown(text, zone, changed=False) or _dated(text, "dom", zone)


def _shown(text: str, zone: ZoneInfo | None, *, changed: bool) -> Dated | None:
    """The date of a line whose label says published, or updated; a label counts up to the next date."""
    at = 0
    for moment in moments_in(text, zone):
        start = text.find(moment.raw, at)
        label, at = text[at:start], start + len(moment.raw)
        if bool(_CHANGED.search(label)) == changed:
            return Dated(moment=moment.in_zone(zone), source="dom")
    return None


def element_text(element: HtmlElement) -> str:
    """What an element says of a date: its attribute for machines, else its text."""
    return element.get("datetime") or element.get("content") or element.get("data-date") or text_of(element)


def times_of(tree: HtmlElement, top: Sequence[RawBlock]) -> list[HtmlElement]:
    """Time elements that may date the story: marked as publication first, then below `top`, in page order."""
    marks = [line.element for line in top]
    ordered = [element for element in tree.iter() if element.tag == "time" or element in marks]
    start = max((at for at, element in enumerate(ordered) if element in marks), default=0)
    found = [
        one for one in (*ordered[start:], *ordered[:start]) if one.tag == "time" and not _elsewhere(one)
    ][:MAX_TIMES]
    return sorted(found, key=lambda element: (_is_change(element), not _is_publication(element)))


def _names(element: HtmlElement) -> str:
    return " ".join(element.get(name) or "" for name in ("itemprop", "class", "id"))


def _is_publication(element: HtmlElement) -> bool:
    return element.get("pubdate") is not None or bool(_PUBLISHING_NAME.search(_names(element)))


def _is_change(element: HtmlElement) -> bool:
    return bool(_CHANGED.search(_names(element)) or _CHANGED.search(element.getparent().text or ""))


def _elsewhere(element: HtmlElement) -> bool:
    """Whether it stands in a part of the page about other stories."""
    above = islice(element.iterancestors(), 8)
    return any(
        one.tag in _ASIDE or (one.tag not in {"body", "html"} and _OTHERS.search(_names(one)))
        for one in above
    )


def _is_dated(line: RawBlock, *, near: bool) -> bool:
    """A line that is a date, or a byline or an element named for dates with one in it."""
    if len(line.text) > MAX_CHARS or not _YEAR.search(line.text) or (not near and _elsewhere(line.element)):
        return False
    around = [line.element, *islice(line.element.iterancestors(), 2)]
    named = _BYLINE.match(line.text) or any(_DATED_NAME.search(_names(element)) for element in around)
    return is_date_line(line.text) or bool(named and moments_in(line.text))


def _from_url(url: str) -> Dated | None:
    found = _URL.search(url)
    return _dated("-".join(found.group("y", "m", "d")), "url", None) if found else None
