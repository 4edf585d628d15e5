"""Dates as a page prints them: in time elements, lines near the headline, its address, its scripts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.parts import DateSource
from newscrawl.text.blocks import RawBlock
from newscrawl.text.moments import (
    MAX_CHARS,
    MAX_LINE_CHARS,
    Moment,
    ago,
    is_date_line,
    letters_beside,
    moments_in,
    read_moment,
)
from newscrawl.text.nearness import BELOW, Near
from newscrawl.text.signs import Signs, names_of, short_text

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
