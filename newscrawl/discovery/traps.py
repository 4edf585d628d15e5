"""URLs that lead round in circles: made without end by a broken or hostile site, never by its editors."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote, urlsplit

Trap = Literal["userinfo", "deep_path", "repeating_path", "many_parameters", "calendar"]

MAX_STEPS = 20
MAX_PARAMETERS = 20
MAX_ALIKE = 4
"So often a step may stand in a path."
LONGEST_RUN = 6
YEARS_AHEAD = 100
"A calendar that is turned page by page meets these years first; numbers behind them are no years."
_OLDEST = 1900
_FIRST = 1990
"Calendars that were turned back; there is no web page of that day's news."
_DATED = re.compile(r"/(\d{4})[/-](?:0[1-9]|1[0-2])(?:[/-]\d{1,2})?(?=[/.?]|$)")
_CALENDAR = re.compile(
    r"(?:^|[/?&_.-])(?:calendar|calendrier|agenda|events?|evenements?|tribe-bar-date|eventdate)"
    r"(?=[/?&=_.-]|$)",
    re.IGNORECASE,
)
_MONTH = re.compile(r"(?<!\d)(\d{4})[-/](?:0?[1-9]|1[0-2])(?!\d)")
_YEAR_KEY = re.compile(r"[?&](?:year|annee|yr|y)=(\d{4})(?=&|$)", re.IGNORECASE)


def trap_of(url: str, year: int) -> Trap | None:
    """What makes `url` one of a set without end, or None; `year` is that in which it was found."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.username is not None:
        return "userinfo"
    steps = [step for step in parts.path.split("/") if step]
    if len(steps) > MAX_STEPS:
        return "deep_path"
    if _goes_round(steps):
        return "repeating_path"
    if parts.query.count("&") >= MAX_PARAMETERS:
        return "many_parameters"
    place = unquote(f"{parts.path}?{parts.query}")
    return "calendar" if _is_ahead(place, year) or _is_turned_back(place) else None


def _goes_round(steps: list[str]) -> bool:
    """Whether steps follow themselves, as relative links on pages of errors make them."""
    if any(steps.count(step) > MAX_ALIKE for step in set(steps)):
        return True
    return any(_follow_themselves(steps, size) for size in range(1, LONGEST_RUN + 1))


def _follow_themselves(steps: list[str], size: int) -> bool:
    # A section may well have a part of its own name, so short runs must come three times.
    times = 3 if size < 3 else 2
    span = size * times
    return any(steps[at : at + span] == steps[at : at + size] * times for at in range(len(steps) - span + 1))


def _is_ahead(place: str, year: int) -> bool:
    """Whether it names a month that is more than a year away."""
    named = [*_DATED.findall(place), *_calendar_years(place)]
    return any(year + 1 < int(found) <= year + YEARS_AHEAD for found in named)


def _is_turned_back(place: str) -> bool:
    # Of calendars alone: newspapers put their old issues under the days they were printed.
    return any(_OLDEST <= int(found) < _FIRST for found in _calendar_years(place))


def _calendar_years(place: str) -> list[str]:
    return _MONTH.findall(place) + _YEAR_KEY.findall(place) if _CALENDAR.search(place) else []
