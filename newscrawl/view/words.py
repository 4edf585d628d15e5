"""The words of the pages in French and English."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal

from newscrawl.package_data import read_package_toml
from newscrawl.view.search import parse_day

LANGUAGES = ("en", "fr")
"The first is used where a browser asks for none of them."


@cache
def _read_words() -> dict[str, dict[str, str]]:
    return {key: dict(words) for key, words in read_package_toml("newscrawl.view", "words.toml").items()}


def translate(language: str, key: str, **values: object) -> str:
    """A text of `words.toml`, its places in braces filled; KeyError for an unknown key."""
    return _read_words()[key][language].format(**values)


def has_word(key: str) -> bool:
    return key in _read_words()


def choose_language(wanted: str | None, accepted: str | None) -> str:
    """The language that is asked for by name, else the first that the browser accepts."""
    if wanted in LANGUAGES:
        return wanted
    for tag in _order_accepted(accepted or ""):
        base = tag.partition("-")[0].lower()
        if base in LANGUAGES:
            return base
    return LANGUAGES[0]


def _order_accepted(header: str) -> Iterable[str]:
    """The languages of an Accept-Language header (RFC 9110, 12.5.4), the most wanted first."""
    ranges: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.partition("=")[2]) if parameter else 1.0
        except ValueError:
            continue
        if quality > 0:
            ranges.append((quality, tag.strip()))
    return [tag for _, tag in sorted(ranges, key=lambda pair: -pair[0])]


def name_language(language: str, code: str) -> str:
    """The name of a text's language in the language of the pages; the code where it has none."""
    if has_word(f"language_{code}"):
        return translate(language, f"language_{code}")
    try:
        return Locale.parse(code.replace("-", "_")).get_display_name(language) or code
    except (ValueError, UnknownLocaleError):
        return code


def format_number(language: str, value: float) -> str:
    return str(format_decimal(value, locale=language))


def format_day(language: str, day: str) -> str:
    parsed = parse_day(day[:10])
    return format_date(parsed, "medium", locale=language) if parsed else day


def format_moment(language: str, text: str | None) -> str:
    """A time of a line in UTC, to the minute; a day without a time as a day."""
    if not text:
        return "–"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if len(text) == len("2026-03-01"):
        return format_day(language, text)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{format_date(moment.date(), 'medium', locale=language)}, {moment:%H:%M} UTC"
