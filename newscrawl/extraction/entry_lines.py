"""Lines above the entries of a live page: a time, how long ago it was, and who writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from newscrawl.extraction.phrases import is_name

MAX_CHARS = 80
_NAME_CHARS, _NAME_WORDS, _SIGNED_WORDS = 40, range(1, 5), range(2, 4)
_N = r"(?:\d{1,2}|an?|une?|eine[rn]?|un|una|um|uma|en|ett|één|een)"
_AGO = re.compile(
    rf"\b{_N}\s?(?:secs?|seconds?|mins?|minutes?|hrs?|hours?|h|m)\s?(?:and \d+ (?:mins?|"
    rf"minutes?) )?ago(?![a-z])|"
    rf"\bil y a {_N} ?(?:secondes?|min|minutes?|heures?|h)\b|"
    rf"\bvor {_N} (?:sekunden?|min\.?|minuten?|std\.?|stunden?)(?!\w)|"
    rf"\bhace {_N} (?:segundos?|min|minutos?|horas?)\b|\bhá {_N} (?:minutos?|horas?|min)\b|"
    rf"\b{_N} (?:minut[oi]|or[ae]) fa\b|\b{_N} (?:minuten|minuut|uur|uren) geleden\b|"
    rf"\b(?:for )?{_N} (?:minut(?:ter|t)?|timer?) siden\b|\bför {_N} (?:minut(?:er)?|timm(?:e|ar)) sedan\b|"
    rf"\b{_N} (?:minut(?:a|y|ę)?|godzin[ayę]?|min\.?|godz\.?) temu\b|\b{_N} (?:мин(?:ут[ыу]?)?|час(?:а|"
    rf"ов)?) назад\b|"
    rf"\b{_N} (?:minuuttia|tuntia|min) sitten\b|\b{_N} (?:dakika|saat) önce\b",
    re.I,
)
_CLOCK = re.compile(
    r"(?<!\d)(?:kl\.?\s?|um\s)?(?:[01]?\d|2[0-4])\s?(?:[:.]\s?[0-5]\d(?::[0-5]\d)?(?:\s?h\b)?|"
    r"[hH]\s?(?:[0-5]\d)?|(?=\s?[ap]\.?m\b))"
    r"(?:\s?[ap]\.?m\b\.?)?(?:\s?(?:uhr|gmt|utc|bst|cest|cet|e[ds]?t|p[ds]?t|ist|heures?|klo)\b)?(?!\d)",
    re.I,
)
_LABEL = re.compile(
    r"\b(?:posted|published|updated|post[ée]e?|publi[ée]e?|mis(?:e)? à jour|actualis[ée]e?|"
    r"aktualisiert|gepostet|"
    r"publicad[oa]|actualizad[oa]|atualizad[oa]|pubblicato|aggiornato|geplaatst|bijgewerkt|oppdatert|"
    r"publisert|"
    r"uppdaterad|publicerad|opdateret|today|aujourd['’]hui|heute|hoy|oggi|vandaag|at|à|um|a las|às|"
    r"alle|om|kl|le|le)(?!\w)",
    re.I,
)
_FIGURES = re.compile(r"\d+")
_MIN_SIGNED = 3
_POSTED = re.compile(
    r"^\W*(?:posted|published|updated|post[ée]|publi|mis|actuali|aktual|gepost|atuali|pubbl|aggior)", re.I
)


class EntryLine(NamedTuple):
    """A line with nothing but a time and a name."""

    is_posted: bool
    "Whether it says how long ago it was, or that something was posted; else it is a bare clock."
    name: str
    "Of the author; empty if there is none."
    clock: tuple[int, ...]
    "Its figures, hours first; empty if it has no clock."


def read_entry_line(text: str) -> EntryLine | None:
    """The time and the name that are all of a line; None for any other line."""
    if len(text) > MAX_CHARS or not any(map(str.isdigit, text)):
        return None
    rest, ago = _AGO.subn(" ", text)
    rest, clocks = _CLOCK.subn(" ", rest)
    if not ago and not clocks:
        return None
    name = " ".join(_LABEL.sub(" ", rest).split()).strip(" -–—|•·,:;()[]")
    if name and not _is_author(name):
        return None
    clock = _CLOCK.search(_AGO.sub(" ", text))
    figures = tuple(map(int, _FIGURES.findall(clock.group()))) if clock else ()
    return EntryLine(bool(ago) or _POSTED.match(text) is not None, name, figures)


def are_newest_first(lines: Sequence[EntryLine]) -> bool:
    """Whether signed lines with clocks go back in time, as on a live page, and not on as in a transcript."""
    clocks = [line.clock for line in lines if line.name and line.clock]
    return len(clocks) >= _MIN_SIGNED and sorted(clocks, reverse=True) == clocks and clocks[0] > clocks[-1]


def is_signature(text: str) -> bool:
    """Whether a line may be the name of a person and nothing else."""
    return _is_author(text) and len(text.split()) in _SIGNED_WORDS and text.replace(" ", "").isalpha()


def _is_author(name: str) -> bool:
    is_short = len(name) <= _NAME_CHARS and len(name.split()) in _NAME_WORDS
    return is_short and is_name(name) and not any(map(str.isdigit, name)) and name[-1:] not in ".!?…"
