"""Parse WARC-Date: the forms of WARC 1.0 and 1.1, and those that other writers use in their place."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_STANDARD = re.compile(
    r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?Z)?)?)?",
    re.ASCII,
)
"The profile of ISO 8601 in WARC 1.1, section 5.4: any precision from the year on, always UTC."
_LENIENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,20}))?)? ?"
    r"([Zz]|[+-]\d\d:?\d\d|UTC|GMT)?)?)?)?",
    re.ASCII,
)
_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)[Tt]?(\d\d)(\d\d)(\d\d)()([Zz])?", re.ASCII)
"As in ARC files and CDX lines."
_LEAP_SECOND = "60"
_LAST_HOUR, _LAST_MINUTE = 23, 59
_Parts = tuple[str | None, ...]


def parse_warc_date(text: str) -> datetime | None:
    """Parse a WARC-Date of any precision as UTC; None if it names no moment of the calendar.

    A part that is missing is the first of its kind. A leap second is read as the second before it, so that
    the day stays right. ClueWeb's writer put the day of the year in the place of the day of the month
    (`2009-03-65`): where the month agrees with it, the day is certain.
    """
    text = text.strip()
    match = _LENIENT.fullmatch(text) or _DIGITS.fullmatch(text)
    if not match:
        return None
    try:
        return _make_moment(match.groups())
    except (ValueError, OverflowError):
        return None  # near the years 1 and 9999, the time zone may lead out of the calendar


def is_standard_date(text: str) -> bool:
    """Whether a WARC-Date has the form that WARC 1.1 requires, and names a moment of the calendar."""
    match = _STANDARD.fullmatch(text) and _LENIENT.fullmatch(text)
    if not match:
        return False
    try:
        date(*(int(part or 1) for part in match.groups()[:3]))
    except ValueError:
        return False
    return parse_warc_date(text) is not None


def _make_moment(parts: _Parts) -> datetime:
    year, month, day, hour, minute, second, fraction, zone = parts
    moment = datetime(
        int(year or 1),
        int(month or 1),
        1,
        int(hour or 0),
        int(minute or 0),
        int(second or 0) - (second == _LEAP_SECOND),
        int((fraction or "")[:6].ljust(6, "0")),
        tzinfo=UTC,
    )
    return _set_day(moment, int(day or 1)) - _read_offset(zone)


def _set_day(first: datetime, day: int) -> datetime:
    """The moment with this day of its month, or else with this day of its year."""
    try:
        return first.replace(day=day)
    except ValueError:
        moment = first.replace(month=1, day=1) + timedelta(days=day - 1)
        if moment.month != first.month or day < 1:
            raise
        return moment


def _read_offset(zone: str | None) -> timedelta:
    if not zone or zone[0] not in "+-":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > _LAST_HOUR or minutes > _LAST_MINUTE:
        raise ValueError(f"no time zone: {zone}")
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset
