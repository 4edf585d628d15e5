"""French as pages print it: dates in words, no-break spaces before and within punctuation."""

from __future__ import annotations

import re
from datetime import date

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
