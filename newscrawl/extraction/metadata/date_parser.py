"""Parse dates: ISO, RFC 822, French, English and other prose, and ambiguous time zones."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple
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
_MONTH = r"(?P<month>[^\W\d_]{2,14})\b\.?"
"Any word: looking it up afterwards is many times faster than an alternation of all names."
_PLACES: dict[str, str] = DATE_WORDS["places"]
_ZONE_MINUTES: dict[str, int] = DATE_WORDS["zones"]
_PLACE = re.compile(rf"\b(?:{'|'.join(_PLACES)})\b", re.IGNORECASE)
_ZONE_NAMES = "|".join([*_ZONE_MINUTES, *DATE_WORDS["regional_zones"]])
_ZONE = (
    r"(?P<zone>(?-i:Z\b)|(?-i:(?:UTC|GMT)\s?[+-]\s?\d{1,2}(?::?\d{2})?(?!\d))|[+-]\d{2}:?\d{2}(?!\d)|"
    # In capitals unless after `pm`, or `et`, `est` and `he` after a time would be zones.
    rf"(?-i:\b(?:{_ZONE_NAMES})\b)|(?<=[ap]m\s)(?:{_ZONE_NAMES})\b|"
    rf",?\s?heure\s(?:locale\s)?(?:de\s|du\s|des\s|d['’]\s?)?(?:l['’])?(?:{'|'.join(_PLACES)})\b|"
    rf"(?:{'|'.join(_PLACES)})\s(?:(?:standard|daylight)\s)?time\b|"
    # The time of a place we do not know is not the outlet's.
    r",?\s?heure\s(?:de\s|du\s|des\s|d['’]\s?)[^\W\d]+)"
)
_HALF = rf"(?:[ap]\.?\s?m\b\.?|(?:{'|'.join(DATE_WORDS['late_halves'])})(?!\w))"
_TIME = re.compile(
    r"(?:\s{0,3}(?:г\.?\s?)?(?:[(（][^()（）\d]{1,12}[)）])?"
    r"(?:,|-|–|—|\||à|às|a|a\slas|at|@|T|um|om|kl\.?|klo|в|о|alle|ore|,?\sgodz\.?|saat|الساعة|،)?\s{0,3}"
    rf"(?P<early>{'|'.join(DATE_WORDS['halves'])})?\s?"
    # `5 h de lecture` says how long the reading takes.
    r"(?!\d{1,2}\s?(?:h|heures?|std\.?|stunden?|hrs?|hours?|horas?|ore)\.?\s?(?:\d{1,2}\s?(?:min(?:utes?)?\.?)?\s?)?"
    r"(?:de\slecture|d['’]écoute|lesezeit|read(?:ing)?\b|de\slectura|de\sleitura|di\slettura|leestijd))"
    r"(?P<hour>[01]?\d|2[0-4])\s?"
    r"(?:(?:heures?|uhr|h|:|\.(?!\d\d\s?(?:\d|%|€|mill|mia|mrd|euro|fcfa|per\s?cent))|H|時|时|點|点|시)"
    r"\s?(?P<minute>[0-5]\d)(?:[:m]\s?(?P<second>[0-5]\d))?"
    r"(?:[.,]\d{1,9})?(?:\s?(?:min|分|분))?|(?:heures?|uhr|h|H)\b|(?=\s?[ap]\.?\s?m\b))"
    rf"\s?(?P<half>{_HALF})?(?:\s?\(?{_ZONE}\)?)?)?",
    re.IGNORECASE,
)
"The time behind a date, or nothing; it is long, so that it is compiled once for all patterns of dates."
_END = r"(?=\D|$|\d\d?\s?[:h]\s?\d\d)"
"A year ends before a non-digit, or before a time that only markup separates from it."
_ANY_YEAR = re.compile(r"(?:19|20)\d\d")
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?:(?:T|t|"
    r"\s{1,3})(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?(?:\s?(?P<half>[AaPp]\.?[Mm]\b\.?))?\s{0,2}(?P<zone>Z|z|"
    rf"(?:UTC|GMT)[+-]\d{{1,2}}(?::?\d{{2}})?|(?:{_ZONE_NAMES})\b|"
    r"[+-]\d{2}:?\d{2}|[+-]\d{2}(?!\d))?)?"
)
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\d/.-]){_YEAR}[-/.]\s?(?P<month>\d{{1,2}})[-/.]\s?(?P<day>\d{{1,2}})(?!\d)\.?",
        rf"(?<![\d/.-])(?P<day>\d{{1,2}})[-/.]\s?(?P<month>\d{{1,2}})[-/.]\s?{_YEAR}" + _END,
        r"(?<!\d)(?P<day>\d{1,2})(?:er|st|nd|rd|th|º|\.)?(?:\s|-|,|of\b|de\b|d['’]){1,4}"
        + _MONTH
        + r"(?:\s|-|,|،|de\b|del\b){1,4}"
        + _YEAR
        + _END,
        rf"\b{_MONTH}\s{{1,3}}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s{{1,3}}{_YEAR}" + _END,
        # Year first, as in Hungarian.
        rf"(?<!\d){_YEAR}(?:\.\s?|-|\s){_MONTH}(?:-|\s)\s?(?P<day>\d{{1,2}})(?!\d)\.?",
        # Chinese, Japanese and Korean.
        rf"(?<!\d){_YEAR}\s?[年년]\s?(?P<month>\d{{1,2}})\s?[月월]\s?(?P<day>\d{{1,2}})\s?[日일]",
        # The program date and C's asctime put the year last.
        rf"\b{_MONTH}\s{{1,2}}(?P<day>\d{{1,2}})\s(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):"
        rf"(?P<second>[0-5]\d)\s(?:{_ZONE}\s)?{_YEAR}(?!\d)",
    )
)
_COMPACT = re.compile(
    r"^(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:T?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:\.\d{1,9})?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?$"
)
_SHORT_YEAR = re.compile(r"(?<![\d./-])(?P<day>\d\d?)\.\s?(?P<month>\d\d?)\.\s?(?P<year>\d\d)(?![\d./-])")
_ASCII_SIGNS = {ord(digit): str(at % 10) for at, digit in enumerate("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹")} | {0x2212: "-"}
"Digits of Arabic and Persian, and the minus sign."
_UNIX = re.compile(r"^1\d{9}(?:\d{3})?(?:\.\d{1,9})?$")
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
_FIRST_SHORT_YEAR = 50
"A year of two digits lies in this century below it (RFC 5322, 4.3)."
_AFTERNOON = tuple(DATE_WORDS["afternoon"])
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")
_LETTERS = re.compile(r"[^\W\d_]")
_IST_ZONES = frozenset({"Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"})
_OWN_ZONES = {
    "CST": frozenset({"Asia/Shanghai", "Asia/Taipei", "Asia/Hong_Kong", "Asia/Macau"}),
    "AST": frozenset(
        {"Asia/Riyadh", "Asia/Baghdad", "Asia/Kuwait", "Asia/Qatar", "Asia/Bahrain", "Asia/Aden"}
    ),
    "PST": frozenset({"Asia/Manila"}),
    "BST": frozenset({"Asia/Dhaka"}),
    "EST": frozenset({"Australia/Sydney", "Australia/Melbourne", "Australia/Brisbane"}),
}
"Outlets that mean their own zone by an abbreviation that means another one elsewhere."
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
    swapped: dt.date | None = None
    "The other reading of a day in figures, of which either may be the month; None if there is none."
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


class WrittenDate(NamedTuple):
    """A date as a line has it: its place, and the groups of the patterns by name."""

    start: int
    end: int
    text: str
    parts: dict[str, Any]
    is_day_first: bool


@cache
def _short_year_mail() -> re.Pattern[str]:
    """Mail and news of old wrote years in two digits: RFC 822 and RFC 850."""
    return re.compile(
        rf"^(?:[^\W\d_]{{2,12}}\.?,?\s)?(?P<day>\d{{1,2}})[\s-]{_MONTH}[\s-](?P<year>\d\d)(?=\s\d{{1,2}}:\d\d)",
        re.IGNORECASE,
    )


def parse_date(raw: str, zone: ZoneInfo | None = None) -> ParsedDate | None:
    """Parse the first date in a string; `zone` is the default, and decides which IST is meant."""
    text = normalize_spaces(truncate(raw, 4 * MAX_CHARS))[:MAX_CHARS]
    ascii_text = text if text.isascii() else text.translate(_ASCII_SIGNS)
    if match := _ISO.match(ascii_text) or _COMPACT.match(ascii_text) or _short_year_mail().match(ascii_text):
        date = _build_date(_read_date(match), text, zone)
    elif _UNIX.match(text):
        date = _date_from_datetime(dt.datetime.fromtimestamp(int(text[:10]), dt.UTC), text)
    else:
        date = find_date(text, zone)
    return date.with_default_zone(zone) if date else None


def find_short_date(text: str) -> ParsedDate | None:
    """A day such as `03.03.26`, for elements that are named for dates; elsewhere it may be anything."""
    match = _SHORT_YEAR.search(text[:MAX_CHARS])
    return _build_date(_read_day(match), match.group(), None) if match else None


def find_date(text: str, zone: ZoneInfo | None = None) -> ParsedDate | None:
    """The first date in running text."""
    return next(iter(find_dates(text, zone)), None)


def find_dates(text: str, zone: ZoneInfo | None = None) -> list[ParsedDate]:
    """All dates in a line, in order; of overlapping matches the first counts."""
    line = text[:MAX_CHARS]
    ascii_line = line if line.isascii() else line.translate(_ASCII_SIGNS)
    if not _ANY_YEAR.search(ascii_line):
        return []
    found = [written for pattern in _PATTERNS for written in _search_dates(pattern, ascii_line)]
    disjoint: list[WrittenDate] = []
    for written in sorted(found, key=lambda written: written.start):
        if not disjoint or written.start >= disjoint[-1].end:
            disjoint.append(written)
    dates = (_build_date(written, line[written.start : written.end], zone) for written in disjoint)
    return [date for date in dates if date]


def _search_dates(pattern: re.Pattern[str], text: str) -> Iterator[WrittenDate]:
    """The dates of a pattern that name a month."""
    end = 0
    while match := pattern.search(text, end):
        written = _read_date(match)
        end = written.end
        if written.parts["month"].isdigit() or written.parts["month"].lower() in _MONTHS:
            yield written


def _read_day(match: re.Match[str]) -> WrittenDate:
    is_day_first = match.start("day") < match.start("year")
    return WrittenDate(match.start(), match.end(), match.group(), match.groupdict(), is_day_first)


def _read_date(match: re.Match[str]) -> WrittenDate:
    """The date that a pattern has found, with the time behind it if the pattern has none."""
    date = _read_day(match)
    time = _TIME.match(match.string, date.end) if "hour" not in date.parts else None
    if time is None:
        return date
    return date._replace(end=time.end(), text=date.text + time.group(), parts=date.parts | time.groupdict())


def _build_date(written: WrittenDate, raw: str, zone: ZoneInfo | None) -> ParsedDate | None:
    parts = written.parts
    day = _build_day(parts["year"], parts["month"], parts["day"])
    if day is None:
        return None
    half = parts.get("half") or parts.get("early")
    time = _parse_time(parts.get("hour"), parts.get("minute"), parts.get("second"), half)
    name = " ".join((parts.get("zone") or "").split())
    offset = _parse_zone(name, zone) if name else zone
    if name and offset is None:
        time = None  # an ambiguous abbreviation: the hour would be a guess
    is_figure = parts["month"].isdigit() and written.is_day_first
    return ParsedDate(
        day=day,
        time=time,
        seconds=parts.get("second") is not None,
        zone=offset if time else None,
        raw=raw,
        swapped=_swap_day(day) if is_figure and "." not in written.text else None,
        is_indian_time=name.upper() == "IST"
        and (zone is None or zone.key not in _IST_ZONES - {"Asia/Kolkata"}),
    )


def _build_day(year: str, month: str, day: str) -> dt.date | None:
    number = _MONTHS.get(month.lower()) or (int(month) if month.isdigit() else 0)
    first, second = int(day), number
    if second > 12 >= first and not month.isalpha():
        first, second = second, first  # month first, as in the United States, only if nothing else fits
    century = (2000 if int(year) < _FIRST_SHORT_YEAR else 1900) if len(year) == 2 else 0
    try:
        date = dt.date(century + int(year), second, first)
    except ValueError:
        return None
    return date if date.year >= FIRST_YEAR else None


def _swap_day(day: dt.date) -> dt.date | None:
    """The day with its figures swapped; None if they are the same, or one is no month."""
    return day.replace(month=day.day, day=day.month) if day.day <= 12 and day.day != day.month else None


def _parse_time(hour: str | None, minute: str | None, second: str | None, half: str | None) -> dt.time | None:
    if hour is None:
        return None
    hours = int(hour)
    if half:
        hours = hours % 12 + (
            12 if half.lower().startswith("p") or half.lower().startswith(_AFTERNOON) else 0
        )
    try:
        return dt.time(hours, int(minute or 0), int(second or 0))
    except ValueError:
        return None


def _parse_zone(name: str, outlet: ZoneInfo | None) -> dt.tzinfo | None:
    """The zone of a name or an offset; None for a name of several zones if the outlet is in none of them."""
    upper = name.upper().replace(" ", "")
    if upper == "IST":
        return outlet if outlet is not None and outlet.key in _IST_ZONES else _INDIAN_TIME
    if outlet is not None and outlet.key in _OWN_ZONES.get(upper, ()):
        return outlet
    if upper in _ZONE_MINUTES:
        return _fixed_zone(_ZONE_MINUTES[upper])
    if match := _OFFSET.fullmatch(upper):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        return _fixed_zone(-minutes if match[1] == "-" else minutes) if minutes < 1440 else None
    if place := _PLACE.search(name):
        return ZoneInfo(_PLACES[place.group().lower()])
    return outlet if outlet is not None and outlet.key.startswith("America/") else None


def _fixed_zone(minutes: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(minutes=minutes)) if minutes else dt.UTC


def _date_from_datetime(instant: dt.datetime, raw: str) -> ParsedDate | None:
    if instant.year < FIRST_YEAR:
        return None
    time = instant.time().replace(microsecond=0)
    return ParsedDate(day=instant.date(), time=time, seconds=True, zone=instant.tzinfo, raw=raw)


def is_date_line(text: str) -> bool:
    """Whether a line has nothing but dates and their labels."""
    return len(text) <= MAX_LINE_CHARS and _is_short_date_line(text)


@lru_cache(maxsize=1024)
def _is_short_date_line(text: str) -> bool:
    """The same for a short line: several rules ask for it in turn."""
    return bool(find_dates(text)) and count_other_letters(text) <= MAX_LETTERS


def count_other_letters(text: str) -> int:
    """Count the letters of a line beside its dates and their labels."""
    return len(_LETTERS.findall(blank_dates(text)))


def blank_dates(text: str) -> str:
    """A line without its dates and their labels."""
    rest = text
    for pattern in _PATTERNS:
        parts, end = [], 0
        for written in _search_dates(pattern, rest):
            parts.append(rest[end : written.start])
            end = written.end
        rest = " ".join([*parts, rest[end:]])
    return _LABELS.sub(" ", rest)


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
