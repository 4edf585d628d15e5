"""Alarms about what pages are made of: texts, fields, chrome, languages, and whether they are read."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from statistics import median, pstdev

from newscrawl.health.alarm import Alarm
from newscrawl.health.collected import FIELDS
from newscrawl.health.figures import Figures
from newscrawl.health.history import (
    CHANCES,
    LEAST_PORTIONS,
    LEAST_SPAN,
    ODD_RUNS,
    PORTION,
    SPREADS,
    Count,
    Past,
    Shift,
    portions,
    shift,
    spanned,
    spread,
    stood,
)

HALF = math.log(2)
OF_FIELDS, OF_CHROME, OF_REPEATED, OF_LANGUAGES, OF_WALLS, OF_STORIES = 0.3, 0.25, 0.1, 0.3, 0.3, 0.4
"By how much a share has to change to be worth a word."
MEDIAN_NOISE = 1.2533
"Standard error of a median, as a multiple of that of a mean (the square root of half pi)."
NOT_STORIES = ("bot_wall",)
"Reasons of pages on which a wall is all there is."


def text_short(runs: Sequence[Past]) -> Alarm | None:
    """The median text is less than half as long as usual."""
    found = portions(runs, lambda one: len(one.lengths))
    if len(found) <= LEAST_PORTIONS or spanned(runs) < LEAST_SPAN:
        return None
    now, before = found[0], [_middle(each) for each in found[1:]]
    usual = median(before)
    texts = [math.log(length) for one in found[1] for length in one.lengths]
    error = MEDIAN_NOISE * pstdev(texts) / math.sqrt(sum(len(one.lengths) for one in now))
    fall = usual - _middle(now)
    # As with shares: not by a few runs of briefs alone.
    others = sorted(now, key=lambda one: median(one.lengths))[ODD_RUNS:]
    fell = fall > max(HALF, SPREADS * spread(before), CHANCES * error) and usual - _middle(others) > HALF / 2
    if not (fell or (stood("text_short", runs) and fall > HALF / 2)):
        return None
    detail = f"half of the texts have up to {math.exp(_middle(now)):.0f} characters"
    return Alarm("text_short", "warning", f"{detail}, usually {math.exp(usual):.0f}")


def _middle(several: Sequence[Figures]) -> float:
    """Logarithm of the median length."""
    return math.log(median(length for one in several for length in one.lengths))


def fields_missing(runs: Sequence[Past]) -> Alarm | None:
    """A field that most articles had is empty now."""
    missing = []
    for name in FIELDS:
        found = shift("fields_missing", runs, _filled(name), _untitled if name == "title" else articles)
        if found and found.fell(OF_FIELDS):
            missing.append(f"{name} in {_of(found)}")
    return Alarm("fields_missing", "warning", "articles have " + ", ".join(missing)) if missing else None


def _filled(name: str) -> Count:
    return lambda one: one.filled.get(name, 0)


def _untitled(one: Figures) -> int:
    """Articles and pages that would be: one without a title is refused."""
    return one.articles + one.rejected.get("no_title", 0)


def articles(one: Figures) -> int:
    return one.articles


def chrome_rising(runs: Sequence[Past]) -> Alarm | None:
    """More of the pages is taken for chrome, or the same paragraphs stand in many texts."""
    said = []
    found = shift(
        "chrome_rising", runs, lambda one: one.removed, lambda one: one.removed + one.kept, size=articles
    )
    if found and found.rose(OF_CHROME):
        said.append(f"taken for chrome: {_of(found)}")
    found = shift("chrome_rising", runs, lambda one: one.repeated, lambda one: one.compared, size=_compared)
    if found and found.rose(OF_REPEATED):
        said.append(f"paragraphs that several articles share: {_of(found)}")
    return Alarm("chrome_rising", "warning", "; ".join(said)) if said else None


def _compared(one: Figures) -> int:
    return one.articles if one.compared else 0


def languages_shifted(runs: Sequence[Past]) -> Alarm | None:
    """Far more or fewer articles than usual are in a language."""
    shifted = []
    for language in sorted({name for run in runs for name in run.figures.languages}):
        found = articles_in("languages_shifted", runs, (language,))
        if found and (found.rose(OF_LANGUAGES) or found.fell(OF_LANGUAGES)):
            shifted.append(f"{language} {_of(found)}")
    return Alarm("languages_shifted", "warning", ", ".join(shifted)) if shifted else None


def articles_in(alarm: str, runs: Sequence[Past], languages: Collection[str]) -> Shift | None:
    """What share of articles is in these languages; of half and half chance makes much among few."""
    return shift(
        alarm,
        runs,
        lambda one: sum(one.languages.get(name, 0) for name in languages),
        lambda one: sum(one.languages.values()),
        enough=2 * PORTION,
    )


def layout_broken(runs: Sequence[Past]) -> Alarm | None:
    """Pages come as before, and are no articles any more: rules or extraction do not fit them."""
    found = shift("layout_broken", runs, articles, lambda one: one.read)
    if found is None or not found.fell(OF_STORIES):
        return None
    return Alarm("layout_broken", "error", f"of the pages that were read, articles are {_of(found)}")


def walls(runs: Sequence[Past]) -> Alarm | None:
    """More pages than usual stand behind a wall: payment, consent, log-in, a check for robots."""
    found = shift("walls", runs, _walled, lambda one: max(one.read, one.articles))
    return (
        Alarm("walls", "warning", f"pages behind a wall: {_of(found)}")
        if found and found.rose(OF_WALLS)
        else None
    )


def _walled(one: Figures) -> int:
    return sum(one.walls.values()) + sum(one.rejected.get(name, 0) for name in NOT_STORIES)


def _of(found: Shift) -> str:
    return f"{found.now:.0%}, usually {found.usual:.0%}"
