"""Dates as they are written: ISO, RFC 822, French and English, with the traps of zones."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from newscrawl.extraction.normalize import cut, tidy
from newscrawl.items import Precision

MAX_CHARS = 200
FIRST_YEAR = 1990
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv januar jänner enero janeiro gennaio",
            "february feb février fevrier févr fevr fév fev februar febrero fevereiro febbraio",
            "march mar mars märz marzo março",
            "april apr avril avr abril aprile",
            "may mai mayo maio maggio",
            "june jun juin juni junio junho giugno",
            "july jul juillet juil juli julio julho luglio",
            "august aug août aout aoû agosto ago",
            "september sep sept septembre septiembre setembro settembre",
            "october oct octobre oktober okt octubre outubro ottobre",
            "november nov novembre noviembre novembro",
            "december dec décembre decembre déc dezember dez diciembre dezembro dicembre",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=lambda name: (-len(name), name))) + r")\.?"
_TIME = (
    r"(?:\s{0,3}(?:,|-|–|—|\||à|a|at|@|T)?\s{0,3}(?P<hour>[01]?\d|"
    r"2[0-3])\s?(?:(?:h|:|\.|H)\s?(?P<minute>[0-5]\d)(?:[:m]\s?(?P<second>[0-5]\d))?"
    r"(?:\s?min)?|h\b|H\b|(?=\s?[ap]\.?m\b))\s?(?P<half>[ap]\.?m\b\.?)?"
    r"(?:\s?\(?(?P<zone>Z\b|UTC|GMT|IST|WAT|CAT|EAT|CET|CEST|BST|EST|EDT|CST|CDT|PST|PDT|"
    r"ET|HNE|HAE|HE|[+-]\d{2}:?\d{2})\)?)?)?"
)
_END = r"(?=\D|$|\d\d?\s?[:h]\s?\d\d)"
"After a year: no digit, or the hour that markup alone keeps apart."
_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?:(?:T|t|"
    r"\s{1,3})(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?\s{0,2}(?P<zone>Z|z|UTC|GMT|"
    r"IST|[+-]\d{2}:?\d{2}|[+-]\d{2}(?!\d))?)?"
)
_PATTERNS = (
    re.compile(
        r"(?<![\d/.-])(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)" + _TIME,
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![\d/.-])(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>(?:19|20)\d\d)" + _END + _TIME,
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<!\d)(?P<day>\d{1,2})(?:er|st|nd|rd|th|º|\.)?(?:\s|-|,|of|de){1,4}"
        + _MONTH
        + r"(?:\s|-|,|de\b){1,4}(?P<year>(?:19|20)\d\d)"
        + _END
        + _TIME,
        re.IGNORECASE,
    ),
    re.compile(
        r"\b"
        + _MONTH
        + r"\s{1,3}(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s{1,3}(?P<year>(?:19|20)\d\d)"
        + _END
        + _TIME,
        re.IGNORECASE,
    ),
)
_COMPACT = re.compile(
    r"^(?P<year>(?:19|"
    r"20)\d\d)(?P<month>\d\d)(?P<day>\d\d)(?:T?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?Z?)?$"
)
_UNIX = re.compile(r"^1\d{9}(?:\d{3})?$")
_RFC822 = re.compile(r"^(?:[a-z]{3},?\s{1,3})?\d{1,2}\s[a-z]{3}\s\d{4}\s\d{2}:\d{2}", re.IGNORECASE)
_LABELS = re.compile(
    r"\b(?:publi[eé]e?s?|publicado|actualizado|veröffentlicht|aktualisiert|am|um|den|vom|el|"
    r"published|posted|post[eé]e?|updated|update|last|latest|created|modified|modifi[eé]e?|mis(?:e)?|jour|on|le|la|à|a|at|du|"
    r"article|date|written|r[eé]dig[eé]|[eé]crit|cr[eé][eé]|first|de|and|et|heure|heures|h|"
    r"lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday|minutes?|mins?|reading|mon|tue|wed|thu|fri|sat|sun|lun|mer|jeu|ven|sam|dim|"
    r"ist|gmt|utc|am|pm|uhr|read|lecture|temps)\b",
    re.IGNORECASE,
)
MAX_LINE_CHARS, MAX_LETTERS = 120, 3
_AGO = re.compile(
    r"\bil y a (?P<n>\d{1,2}|une?) (?P<unit>minute|min|heure|h|jour|j|semaine)s?\b|"
    r"\b(?P<number>\d{1,2}|an?|one) (?P<span>minute|min|hour|hr|h|day|d|week)s? ago\b",
    re.IGNORECASE,
)
_SPANS = (
    ("min", dt.timedelta(minutes=1)), ("h", dt.timedelta(hours=1)), ("j", dt.timedelta(days=1)),
    ("d", dt.timedelta(days=1)), ("sem", dt.timedelta(weeks=1)), ("week", dt.timedelta(weeks=1)),
)  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]")
_FIXED = {
    "Z": 0, "UTC": 0, "GMT": 0, "WAT": 60, "CAT": 120, "EAT": 180, "CET": 60, "CEST": 120, "BST": 60,
    "EST": -300,
    "EDT": -240, "CDT": -300, "PST": -480, "PDT": -420,
}  # fmt: skip
_IST_ZONES = frozenset({"Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"})
_CHINA = frozenset({"Asia/Shanghai", "Asia/Taipei", "Asia/Hong_Kong", "Asia/Macau"})
_INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A date that was read; without a time it is a day, without a zone its zone is not known."""

    day: dt.date
    time: dt.time | None = None
    "Without zone: wall clock at `zone`."
    seconds: bool = False
    zone: dt.tzinfo | None = None
    raw: str
    says_india: bool = False
    "The text says IST and nothing says that another IST than India's is meant."

    def wall(self) -> dt.datetime | None:
        """Its wall clock, to compare two spellings of one moment; it is never shown."""
        return dt.datetime.combine(self.day, self.time) if self.time else None

    @property
    def precision(self) -> Precision:
        if self.time is None or self.zone is None:
            return "day"
        return "second" if self.seconds else "minute"

    def text(self) -> str:
        """RFC 3339: with an offset, or the day alone where time or zone is not known."""
        if self.time is None or self.zone is None:
            return self.day.isoformat()
        return dt.datetime.combine(self.day, self.time, self.zone).isoformat(timespec="seconds")

    def in_zone(self, zone: dt.tzinfo | None) -> Moment:
        """Itself, with `zone` where it names none."""
        if self.zone is not None or zone is None:
            return self
        return replace(self, zone=zone)

    def at(self, zone: dt.tzinfo) -> Moment:
        """The same moment by the wall clock of another zone."""
        wall = self.wall()
        if wall is None or self.zone is None:
            return self
        moved = wall.replace(tzinfo=self.zone).astimezone(zone)
        return replace(self, day=moved.date(), time=moved.time(), zone=zone)


def read_moment(raw: str, zone: ZoneInfo | None = None) -> Moment | None:
    """The first date in a string; `zone` holds where the string names none, and tells which IST is meant."""
    text = tidy(cut(raw, 4 * MAX_CHARS))[:MAX_CHARS]
    if iso := _ISO.match(text):
        found = _moment(iso, text, zone)
    elif _RFC822.match(text):
        found = _from_rfc822(text)
    elif compact := _COMPACT.match(text):
        found = _moment(compact, text, zone)
    elif _UNIX.match(text):
        found = _from_instant(dt.datetime.fromtimestamp(int(text[:10]), dt.UTC), text)
    else:
        found = find_moment(text, zone)
    return found.in_zone(zone) if found else None


def find_moment(text: str, zone: ZoneInfo | None = None) -> Moment | None:
    """The date that stands first in running text."""
    moments = moments_in(text, zone)
    return moments[0] if moments else None


def moments_in(text: str, zone: ZoneInfo | None = None) -> list[Moment]:
    """All dates in a line, in order."""
    found = sorted(
        (hit for pattern in _PATTERNS for hit in pattern.finditer(text[:MAX_CHARS])),
        key=lambda hit: hit.start(),
    )
    kept: list[re.Match[str]] = []
    for hit in found:
        if not kept or hit.start() >= kept[-1].end():
            kept.append(hit)
    return [moment for hit in kept if (moment := _moment(hit, hit.group(), zone))]


def _moment(found: re.Match[str], raw: str, zone: ZoneInfo | None) -> Moment | None:
    parts = found.groupdict()
    day = _day(parts["year"], parts["month"], parts["day"])
    if day is None:
        return None
    time = _time(parts.get("hour"), parts.get("minute"), parts.get("second"), parts.get("half"))
    named = (parts.get("zone") or "").upper()
    offset = _zone(named, zone) if named else zone
    if named and offset is None:
        time = None  # an abbreviation of several zones: the hour would be a guess
    return Moment(
        day=day,
        time=time,
        seconds=parts.get("second") is not None,
        zone=offset if time else None,
        raw=raw,
        says_india=named == "IST" and (zone is None or zone.key not in _IST_ZONES - {"Asia/Kolkata"}),
    )


def _day(year: str, month: str, day: str) -> dt.date | None:
    number = _MONTHS.get(month.lower()) or (int(month) if month.isdigit() else 0)
    first, second = int(day), number
    if second > 12 >= first and not month.isalpha():
        first, second = second, first  # month first, as in the United States: only where nothing else fits
    try:
        found = dt.date(int(year), second, first)
    except ValueError:
        return None
    return found if found.year >= FIRST_YEAR else None


def _time(hour: str | None, minute: str | None, second: str | None, half: str | None) -> dt.time | None:
    if hour is None:
        return None
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half.lower().startswith("p") else 0)
    try:
        return dt.time(hours, int(minute or 0), int(second or 0))
    except ValueError:
        return None


def _zone(named: str, outlet: ZoneInfo | None) -> dt.tzinfo | None:
    if named == "IST":
        return outlet if outlet is not None and outlet.key in _IST_ZONES else _INDIA
    if named in _FIXED:
        return dt.timezone(dt.timedelta(minutes=_FIXED[named])) if _FIXED[named] else dt.UTC
    if named[:1] in {"+", "-"}:
        minutes = int(named[1:3]) * 60 + int(named[3:].lstrip(":") or 0)
        return (
            dt.timezone(dt.timedelta(minutes=-minutes if named[0] == "-" else minutes))
            if minutes < 1440
            else None
        )
    if outlet is None:
        return None
    if named == "CST" and outlet.key in _CHINA:
        return outlet
    return outlet if outlet.key.startswith("America/") else None


def _from_rfc822(text: str) -> Moment | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return _from_instant(moment, text)


def _from_instant(moment: dt.datetime, raw: str) -> Moment | None:
    if moment.year < FIRST_YEAR:
        return None
    return Moment(
        day=moment.date(),
        time=moment.time().replace(microsecond=0),
        seconds=True,
        zone=moment.tzinfo,
        raw=raw,
    )


def is_date_line(text: str) -> bool:
    """Whether a line holds a date or two with their labels, and nothing else."""
    return len(text) <= MAX_LINE_CHARS and bool(moments_in(text)) and letters_beside(text) <= MAX_LETTERS


def letters_beside(text: str) -> int:
    """How many letters a line holds beside its dates and their labels."""
    rest = text
    for pattern in _PATTERNS:
        rest = pattern.sub(" ", rest)
    return len(_LETTERS.findall(_LABELS.sub(" ", rest)))


def ago(text: str, fetched: dt.datetime, zone: ZoneInfo | None) -> Moment | None:
    """The day that `il y a 2 heures` meant when the page was fetched; too rough for an hour."""
    found = _AGO.search(text) if len(text) <= MAX_LINE_CHARS else None
    if found is None:
        return None
    told = (found.group("n") or found.group("number")).lower()
    count = int(told) if told.isdigit() else 1
    unit = (found.group("unit") or found.group("span")).lower()
    span = next(span for stem, span in _SPANS if unit.startswith(stem)) * count
    return Moment(day=(fetched.astimezone(zone or dt.UTC) - span).date(), raw=found.group())
