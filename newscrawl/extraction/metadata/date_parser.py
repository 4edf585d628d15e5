"""Parse dates: ISO, RFC 822, French, English and other prose, and ambiguous time zones."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from newscrawl.extraction.normalize import normalize_spaces, truncate
from newscrawl.items import Precision
from newscrawl.package_data import read_package_toml

MAX_CHARS = 200
FIRST_YEAR = 1990
DATE_WORDS = read_package_toml("newscrawl.extraction", "dates.toml")
_MONTHS: dict[str, int] = {
    name: number for number, names in enumerate(DATE_WORDS["months"], start=1) for name in names.split()
}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=lambda name: (-len(name), name))) + r")\.?"
_TIME = (
    r"(?:\s{0,3}(?:,|-|–|—|\||à|a|at|@|T)?\s{0,3}(?P<hour>[01]?\d|"
    r"2[0-3])\s?(?:(?:h|:|\.|H)\s?(?P<minute>[0-5]\d)(?:[:m]\s?(?P<second>[0-5]\d))?"
    r"(?:\s?min)?|h\b|H\b|(?=\s?[ap]\.?m\b))\s?(?P<half>[ap]\.?m\b\.?)?"
    r"(?:\s?\(?(?P<zone>Z\b|UTC|GMT|IST|WAT|CAT|EAT|CET|CEST|BST|EST|EDT|CST|CDT|PST|PDT|"
    r"ET|HNE|HAE|HE|[+-]\d{2}:?\d{2})\)?)?)?"
)
_END = r"(?=\D|$|\d\d?\s?[:h]\s?\d\d)"
"A year ends before a non-digit, or before a time that only markup separates from it."
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
_LABELS = re.compile(rf"\b(?:{'|'.join(DATE_WORDS['labels'])})\b", re.IGNORECASE)
MAX_LINE_CHARS, MAX_LETTERS = 120, 3
_RELATIVE = re.compile(
    r"\bil y a (?P<n>\d{1,2}|une?) (?P<unit>minute|min|heure|h|jour|j|semaine)s?\b|"
    r"\b(?P<number>\d{1,2}|an?|one) (?P<span>minute|min|hour|hr|h|day|d|week)s? ago\b",
    re.IGNORECASE,
)
_UNIT_SPANS = (
    ("min", dt.timedelta(minutes=1)), ("h", dt.timedelta(hours=1)), ("j", dt.timedelta(days=1)),
    ("d", dt.timedelta(days=1)), ("sem", dt.timedelta(weeks=1)), ("week", dt.timedelta(weeks=1)),
)  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]")
_ZONE_MINUTES: dict[str, int] = DATE_WORDS["zones"]
_IST_ZONES = frozenset({"Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"})
_CHINESE_ZONES = frozenset({"Asia/Shanghai", "Asia/Taipei", "Asia/Hong_Kong", "Asia/Macau"})
_INDIAN_TIME = dt.timezone(dt.timedelta(hours=5, minutes=30))


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedDate:
    """A date as parsed: a day, with a time and a zone where the text has them."""

    day: dt.date
    time: dt.time | None = None
    "Wall-clock time in `zone`, naive."
    seconds: bool = False
    "Whether the text has seconds."
    zone: dt.tzinfo | None = None
    "None if unknown."
    raw: str
    is_indian_time: bool = False
    "Whether the text says IST, and the outlet is not in another country that has an IST."

    def wall_clock(self) -> dt.datetime | None:
        """Its naive wall-clock time, to compare two spellings of the same moment."""
        return dt.datetime.combine(self.day, self.time) if self.time else None

    @property
    def precision(self) -> Precision:
        if self.time is None or self.zone is None:
            return "day"
        return "second" if self.seconds else "minute"

    def isoformat(self) -> str:
        """RFC 3339 with an offset, or only the day if time or zone is unknown."""
        if self.time is None or self.zone is None:
            return self.day.isoformat()
        return dt.datetime.combine(self.day, self.time, self.zone).isoformat(timespec="seconds")

    def with_default_zone(self, zone: dt.tzinfo | None) -> ParsedDate:
        """The date in `zone`, unless it has a zone of its own."""
        if self.zone is not None or zone is None:
            return self
        return replace(self, zone=zone)

    def converted_to(self, zone: dt.tzinfo) -> ParsedDate:
        """The same moment in another zone."""
        clock = self.wall_clock()
        if clock is None or self.zone is None:
            return self
        moved = clock.replace(tzinfo=self.zone).astimezone(zone)
        return replace(self, day=moved.date(), time=moved.time(), zone=zone)


def parse_date(raw: str, zone: ZoneInfo | None = None) -> ParsedDate | None:
    """Parse the first date in a string; `zone` is the default, and decides which IST is meant."""
    text = normalize_spaces(truncate(raw, 4 * MAX_CHARS))[:MAX_CHARS]
    if iso := _ISO.match(text):
        date = _date_from_match(iso, text, zone)
    elif _RFC822.match(text):
        date = _parse_rfc822(text)
    elif compact := _COMPACT.match(text):
        date = _date_from_match(compact, text, zone)
    elif _UNIX.match(text):
        date = _date_from_datetime(dt.datetime.fromtimestamp(int(text[:10]), dt.UTC), text)
    else:
        date = find_date(text, zone)
    return date.with_default_zone(zone) if date else None


def find_date(text: str, zone: ZoneInfo | None = None) -> ParsedDate | None:
    """The first date in running text."""
    return next(iter(find_dates(text, zone)), None)


def find_dates(text: str, zone: ZoneInfo | None = None) -> list[ParsedDate]:
    """All dates in a line, in order; of overlapping matches the first counts."""
    matches = [match for pattern in _PATTERNS for match in pattern.finditer(text[:MAX_CHARS])]
    disjoint: list[re.Match[str]] = []
    for match in sorted(matches, key=lambda match: match.start()):
        if not disjoint or match.start() >= disjoint[-1].end():
            disjoint.append(match)
    return [date for match in disjoint if (date := _date_from_match(match, match.group(), zone))]


def _date_from_match(match: re.Match[str], raw: str, zone: ZoneInfo | None) -> ParsedDate | None:
    parts = match.groupdict()
    day = _build_day(parts["year"], parts["month"], parts["day"])
    if day is None:
        return None
    time = _parse_time(parts.get("hour"), parts.get("minute"), parts.get("second"), parts.get("half"))
    name = (parts.get("zone") or "").upper()
    offset = _parse_zone(name, zone) if name else zone
    if name and offset is None:
        time = None  # an ambiguous abbreviation: the hour would be a guess
    return ParsedDate(
        day=day,
        time=time,
        seconds=parts.get("second") is not None,
        zone=offset if time else None,
        raw=raw,
        is_indian_time=name == "IST" and (zone is None or zone.key not in _IST_ZONES - {"Asia/Kolkata"}),
    )


def _build_day(year: str, month: str, day: str) -> dt.date | None:
    number = _MONTHS.get(month.lower()) or (int(month) if month.isdigit() else 0)
    first, second = int(day), number
    if second > 12 >= first and not month.isalpha():
        first, second = second, first  # month first, as in the United States, only if nothing else fits
    try:
        date = dt.date(int(year), second, first)
    except ValueError:
        return None
    return date if date.year >= FIRST_YEAR else None


def _parse_time(hour: str | None, minute: str | None, second: str | None, half: str | None) -> dt.time | None:
    if hour is None:
        return None
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half.lower().startswith("p") else 0)
    try:
        return dt.time(hours, int(minute or 0), int(second or 0))
    except ValueError:
        return None


def _parse_zone(name: str, outlet: ZoneInfo | None) -> dt.tzinfo | None:
    if name == "IST":
        return outlet if outlet is not None and outlet.key in _IST_ZONES else _INDIAN_TIME
    if name in _ZONE_MINUTES:
        return dt.timezone(dt.timedelta(minutes=_ZONE_MINUTES[name])) if _ZONE_MINUTES[name] else dt.UTC
    if name[:1] in {"+", "-"}:
        minutes = int(name[1:3]) * 60 + int(name[3:].lstrip(":") or 0)
        offset = dt.timedelta(minutes=-minutes if name[0] == "-" else minutes)
        return dt.timezone(offset) if minutes < 1440 else None
    if outlet is None:
        return None
    if name == "CST" and outlet.key in _CHINESE_ZONES:
        return outlet
    return outlet if outlet.key.startswith("America/") else None


def _parse_rfc822(text: str) -> ParsedDate | None:
    try:
        return _date_from_datetime(parsedate_to_datetime(text), text)
    except (ValueError, TypeError, IndexError):
        return None


def _date_from_datetime(instant: dt.datetime, raw: str) -> ParsedDate | None:
    if instant.year < FIRST_YEAR:
        return None
    time = instant.time().replace(microsecond=0)
    return ParsedDate(day=instant.date(), time=time, seconds=True, zone=instant.tzinfo, raw=raw)


def is_date_line(text: str) -> bool:
    """Whether a line has nothing but dates and their labels."""
    return len(text) <= MAX_LINE_CHARS and bool(find_dates(text)) and count_other_letters(text) <= MAX_LETTERS


def count_other_letters(text: str) -> int:
    """Count the letters of a line beside its dates and their labels."""
    rest = text
    for pattern in _PATTERNS:
        rest = pattern.sub(" ", rest)
    return len(_LETTERS.findall(_LABELS.sub(" ", rest)))


def parse_relative_date(text: str, fetched: dt.datetime, zone: ZoneInfo | None) -> ParsedDate | None:
    """The day that a phrase like `il y a 2 heures` meant at the capture; it is too rough for a time."""
    match = _RELATIVE.search(text) if len(text) <= MAX_LINE_CHARS else None
    if match is None:
        return None
    number = (match.group("n") or match.group("number")).lower()
    count = int(number) if number.isdigit() else 1
    unit = (match.group("unit") or match.group("span")).lower()
    span = next(span for stem, span in _UNIT_SPANS if unit.startswith(stem)) * count
    return ParsedDate(day=(fetched.astimezone(zone or dt.UTC) - span).date(), raw=match.group())
