"""Candidates for the dates of a story, and the order of day and month in them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newscrawl.extraction.blocks import TextBlock
from newscrawl.extraction.head import PageHead
from newscrawl.extraction.jsonld import Json, Node, string_values
from newscrawl.extraction.landmarks import HeadlineContext
from newscrawl.extraction.metadata.date_parser import (
    MAX_CHARS,
    ParsedDate,
    find_dates,
    is_date_line,
    parse_date,
)
from newscrawl.items import DateSource

_URL_DATE = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)(?:[/_-]?)(?P<m>0[1-9]|1[0-2])(?:[/_-]?)(?P<d>0[1-9]|[12]\d|3[01])(?!\d)"
)
_URL_MONTH = re.compile(r"/((?:19|20)\d\d)/([a-z]{3})/(0[1-9]|[12]\d|3[01])(?!\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?:(?!\d)|(?=\d\d?:))")
MODIFICATION = re.compile(
    r"updat|modifi|mis(?:e)? à jour|maj\b|actuali[sz]|aktualisi|atualiz|editiert|edited|revis|reviewed|"
    r"\bstand\b|aggiornat|last checked",
    re.IGNORECASE,
)
MAX_AHEAD = dt.timedelta(hours=36)
"Time zones and embargoes may date a story after its capture by this much at most."
_MAX_NUMBER = 1e15
_AMERICAN_CLOCK = re.compile(r"[ap]\.?m\b\.?,?\s?\(?(?-i:[ECMP][SD]?T)\b", re.IGNORECASE)
_MONTH_FIRST_REGIONS = frozenset({"US", "PH", "PR"})
_MONTH_FIRST_ZONES = frozenset({
    "America/New_York", "America/Detroit", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "Asia/Manila",
})  # fmt: skip
"Where English is written with the month first, when pages do not name their region."


@dataclass(frozen=True, kw_only=True, slots=True)
class DateCandidate:
    date: ParsedDate
    source: DateSource
    vague: bool = False
    "Whether its name leaves open which date of the story it is."
    visible: bool = False
    "Whether it was read from text that readers see."


Candidates = Iterator[DateCandidate | None]


@dataclass(kw_only=True, slots=True)
class DateContext:
    """A page, and how its dates are read."""

    head: PageHead
    tree: HtmlElement
    context: HeadlineContext
    date_lines: list[str]
    "Lines that may hold dates, from the headline on."
    zone: ZoneInfo | None
    fetched: dt.datetime | None
    _visible_dates: list[ParsedDate] | None = None

    @property
    def visible_dates(self) -> list[ParsedDate]:
        """The dates that readers see, in the order of `date_lines`."""
        if self._visible_dates is None:
            self._visible_dates = [date for text in self.date_lines for date in find_dates(text, self.zone)]
        return self._visible_dates

    def parse(self, texts: Iterable[str], source: DateSource, *, vague: bool = False) -> Candidates:
        return (parse_candidate(text, source, self.zone, vague=vague) for text in texts)

    def metas(self, names: Sequence[str], *, vague: bool = False) -> Candidates:
        texts = (text for name in names for text in self.head.metas.get(name, ()))
        return self.parse(texts, "meta", vague=vague)

    def node(self, node: Node, *names: str) -> Candidates:
        return self.parse((text for name in names for text in date_values(node.get(name))), "jsonld")

    def modified_lines(self) -> Candidates:
        lines = filter(is_date_line, self.date_lines)
        return (find_labelled_date(text, self.zone, modified=True) for text in lines)


def date_values(value: Json) -> list[str]:
    """The dates of a JSON value as text: some programs write seconds or milliseconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_NUMBER:
        return [str(int(value))]
    return string_values(value)


def parse_candidate(
    raw: str, source: DateSource, zone: ZoneInfo | None, *, vague: bool = False
) -> DateCandidate | None:
    date = parse_date(raw, zone)
    return DateCandidate(date=date, source=source, vague=vague) if date else None


def find_labelled_date(text: str, zone: ZoneInfo | None, *, modified: bool) -> DateCandidate | None:
    """The date in a line whose label says published, or modified; a label reaches to the next date."""
    at = 0
    for date in find_dates(text, zone):
        start = text.find(date.raw, at)
        label, at = text[at:start], start + len(date.raw)
        if bool(MODIFICATION.search(label)) == modified:
            return DateCandidate(date=date.with_default_zone(zone), source="dom", visible=True)
    return None


def has_year(line: TextBlock) -> bool:
    """Whether a line is short and may hold a date."""
    text = line.text
    # Most lines have no such figures, which a search for them shows faster than the pattern.
    return len(text) <= MAX_CHARS and ("20" in text or "19" in text) and _YEAR.search(text) is not None


def date_from_url(url: str) -> DateCandidate | None:
    """The day in the path of an address, with the month as a number or by its English name."""
    if match := _URL_DATE.search(url):
        return parse_candidate("-".join(match.group("y", "m", "d")), "url", None)
    named = _URL_MONTH.search(url)
    return parse_candidate(f"{named[3]} {named[2]} {named[1]}", "url", None) if named else None


def settle_order(candidate: DateCandidate, page: DateContext) -> DateCandidate:
    """Choose between the readings of a day in figures; where nothing decides, both remain."""
    date, other = candidate.date, candidate.date.swapped
    if other is None:
        return candidate
    is_month_first = _is_month_first(date, other, page)
    if is_month_first is None:
        return candidate
    date = replace(date, day=other if is_month_first else date.day, swapped=None)
    return replace(candidate, date=date)


def _is_month_first(date: ParsedDate, other: dt.date, page: DateContext) -> bool | None:
    """Whether a day in figures has its month first; None if the page does not show it."""
    day = date.day
    if page.fetched is not None:
        latest = (page.fetched + MAX_AHEAD).date()
        if (day > latest) != (other > latest):
            return day > latest
    sure = {date.day for date in page.visible_dates if date.swapped is None}
    if (in_url := date_from_url(page.head.url)) is not None:
        sure.add(in_url.date.day)
    if (day in sure) != (other in sure):
        return other in sure
    if _AMERICAN_CLOCK.search(date.raw):
        return True
    return _is_month_first_there(page)


def _is_month_first_there(page: DateContext) -> bool | None:
    """Whether the month comes first where the page is from; None if both orders are in use there."""
    language, _, region = (
        (page.head.lang or page.head.meta("og:locale") or "").replace("_", "-").partition("-")
    )
    if language and language.lower() != "en":
        return False
    if region and region.upper() != "CA":  # Canada writes both
        return region.upper() in _MONTH_FIRST_REGIONS
    if page.zone is None or (
        page.zone.key.startswith("America/") and page.zone.key not in _MONTH_FIRST_ZONES
    ):
        return None
    return page.zone.key in _MONTH_FIRST_ZONES
