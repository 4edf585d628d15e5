"""Alarms about the ways to an outlet: answers, robots.txt, feeds, and runs that fail."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import pairwise, takewhile
from statistics import median, pstdev

from newscrawl.monitoring.alarm import Alarm
from newscrawl.monitoring.figures import FIELDS, Figures, added
from newscrawl.monitoring.history import (
    CHANCES,
    DAY,
    LEAST_PORTIONS,
    LEAST_SPAN,
    LONGEST_PORTION,
    ODD_RUNS,
    PORTION,
    SPREADS,
    Count,
    Past,
    Shift,
    portions,
    share,
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


REFUSED = frozenset({401, 403, 407, 418, 429, 451})
OF_ANSWERS, MOST = 0.4, 0.6
"By how much refusals rise to be alarming, and from what share on they are whatever is usual."
ROBOTS, OF_ROBOTS = "robots_txt", 0.5
ANSWERED = ("ok", "empty", "not_modified")
GAPS, LONGEST_GAP = 3, 2 * DAY
"How many of the longest gaps between news, and how long at least, make a feed frozen."
OF_ENTRIES, OF_SPAM, OF_STRANGE = 0.5, 0.3, 0.5
STRANGE = 0.01
"A language with a smaller share of all articles was never the outlet's."
UNTOLD = "und"
FAILURES = 3


def blocked(runs: Sequence[Past]) -> Alarm | None:
    """Servers refuse us, or do not answer."""
    found, newest = shift("blocked", runs, refusals, attempts), portions(runs, attempts)[:1]
    now = share(newest[0], refusals, attempts) if newest else 0.0
    if not (found.rose(OF_ANSWERS) if found else now >= MOST):
        return None
    usual = f", usually {found.usual:.0%}" if found else ""
    statuses = "".join(f", {count} x {status}" for status, count in _worst(newest[0]))
    return Alarm("blocked", "error", f"{now:.0%} of requests are refused or fail{usual}{statuses}")


def refusals(one: Figures) -> int:
    return one.lost + sum(count for status, count in one.statuses.items() if _is_refusal(status))


def attempts(one: Figures) -> int:
    return one.lost + sum(one.statuses.values())


def _is_refusal(status: str) -> bool:
    return status.isdigit() and (int(status) in REFUSED or int(status) >= 500)


def _worst(several: Sequence[Figures]) -> list[tuple[str, int]]:
    counts = added(one.statuses for one in several)
    return [(status, count) for status, count in sorted(counts.items()) if _is_refusal(status)]


def robots_closed(runs: Sequence[Past]) -> Alarm | None:
    """robots.txt forbids sources or most pages, as it did not before."""
    if _forbids_sources(runs):
        count = runs[-1].figures.sources[ROBOTS]
        return Alarm("robots_closed", "error", f"robots.txt forbids {count} sources, and no other answers")
    found = shift("robots_closed", runs, lambda one: one.rejected.get(ROBOTS, 0), lambda one: one.pages)
    if found is None or not found.rose(OF_ROBOTS):
        return None
    return Alarm(
        "robots_closed", "error", f"robots.txt forbids {found.now:.0%} of pages, usually {found.usual:.0%}"
    )


def feed_frozen(runs: Sequence[Past]) -> Alarm | None:
    """Sources answer and have had nothing new for far longer than they ever had."""
    news = [run.started for run in runs if run.figures.offered]
    if len(news) <= LEAST_PORTIONS or news[-1] - news[0] < LEAST_SPAN or not _answers(runs[-1].figures):
        return None
    longest = max(later - earlier for earlier, later in pairwise(news))
    silent = runs[-1].started - news[-1]
    if silent <= max(GAPS * longest, LONGEST_GAP):
        return None
    text = f"nothing new for {silent / 3600:.0f} hours, at most {longest / 3600:.0f} before"
    return Alarm("feed_frozen", "warning", text)


def _forbids_sources(runs: Sequence[Past]) -> bool:
    """Whether all that was asked for is forbidden, and that is new.

    A source that always was may be due alone: then it is more than are forbidden beside some that answer, or
    there has been no answer for long.
    """
    last, answered = runs[-1], [run for run in runs[:-1] if _answers(run.figures)]
    now = last.figures.sources.get(ROBOTS, 0)
    if not now or not answered or _answers(last.figures):
        return False
    always = max(run.figures.sources.get(ROBOTS, 0) for run in answered)
    is_long = last.started - answered[-1].started >= LONGEST_GAP
    return now > always or is_long or stood("robots_closed", runs)


def _answers(one: Figures) -> bool:
    return any(one.sources.get(outcome) for outcome in ANSWERED)


def feed_hijacked(runs: Sequence[Past]) -> Alarm | None:
    """What the sources lead to is not the outlet's any more: other hosts, spam, a language it never had."""
    said = []
    found = shift("feed_hijacked", runs, lambda one: one.own, lambda one: one.listed)
    if found and found.fell(OF_ENTRIES):
        said.append(f"{found.now:.0%} of entries are the outlet's own, usually {found.usual:.0%}")
    found = shift(
        "feed_hijacked", runs, lambda one: one.rejected.get("redirected_away", 0), lambda one: one.pages
    )
    if found and found.rose(OF_ENTRIES):
        said.append(f"{found.now:.0%} of pages lead elsewhere")
    found = shift("feed_hijacked", runs, lambda one: one.spam, articles)
    if found and found.rose(OF_SPAM):
        said.append(f"{found.now:.0%} of titles speak as spam does")
    if strange := _strange(runs):
        said.append(strange)
    return Alarm("feed_hijacked", "error", "; ".join(said)) if said else None


def _strange(runs: Sequence[Past]) -> str | None:
    """Languages that the outlet never had and that most articles are in now."""
    before = [run for run in runs if run.started <= runs[-1].started - LONGEST_PORTION]
    if not before or spanned(before) < LEAST_SPAN:
        return None
    known = added(run.figures.languages for run in before)
    total = sum(known.values())
    everything = added(run.figures.languages for run in runs)
    unknown = [name for name in everything if known.get(name, 0) < STRANGE * total and name != UNTOLD]
    found = articles_in("feed_hijacked", runs, unknown) if unknown else None
    if found is None or not found.rose(OF_STRANGE):
        return None
    return f"{found.now:.0%} of articles are in a language it never had: {', '.join(sorted(unknown))}"


def run_failing(runs: Sequence[Past]) -> Alarm | None:
    """This run failed as those before it did."""
    failed = 0
    for run in reversed(runs):
        if not run.failed:
            break
        failed += 1
    return Alarm("run_failing", "error", f"{failed} runs in a row failed") if failed >= FAILURES else None


FEW_PAGES = 8
UNKNOWN_PAGES = 20
"Pages without an article that are alarming where nothing is known of the outlet."
UNLIKELY, UNLIKELY_DAY = 1e-7, 1e-4
"Chance at which pages, or a day, are told of: pages are looked at with every run."
SCARCE, MOST_OF_YIELDS = 0.05, 0.98
"Outlets of which fewer pages are articles are not judged by it; of none it is sure that all are."
LEAST_DAYS, LOW_DAYS = 7, 2
LEAST_A_DAY = 12.0
"With fewer articles a day a day without any is nothing out of the ordinary."
LOW, LOWEST = 0.25, 0.5
"Of the median day, and of one of the poorest days."
POOR = 0.1
WHOLE_DAY = 20 * 3600
LONGEST_GAP_OF_YIELDS = 36 * 3600


def no_articles(runs: Sequence[Past]) -> Alarm | None:
    """There were pages to read, again and again, and none became an article."""
    barren = list(takewhile(lambda run: not run.figures.articles, reversed(runs)))
    pages = sum(run.figures.pages for run in barren)
    usual = _usual_share(runs[: len(runs) - len(barren)])
    if pages < (UNKNOWN_PAGES if usual is None else FEW_PAGES):
        return None
    if usual is not None and (usual < SCARCE or (1 - min(usual, MOST_OF_YIELDS)) ** pages > UNLIKELY):
        return None
    reasons = added(run.figures.rejected for run in barren)
    worst = ", ".join(sorted(reasons, key=lambda name: (-reasons[name], name))[:3])
    return Alarm("no_articles", "error", f"none of {pages} pages became an article: {worst}")


def _usual_share(runs: Sequence[Past]) -> float | None:
    """Which part of pages became articles; None where too few are known."""
    pages = sum(run.figures.pages for run in runs)
    return sum(run.figures.articles for run in runs) / pages if pages >= UNKNOWN_PAGES else None


def articles_low(runs: Sequence[Past]) -> Alarm | None:
    """Two days in a row have far fewer new articles than days before, the poorest weekday included."""
    days = rates(runs)
    newest, before = days[:LOW_DAYS], sorted(day for day in days[LOW_DAYS:] if day is not None)
    if None in newest or len(before) < LEAST_DAYS:
        return None
    now = max(day for day in newest if day is not None)
    usual, poor = median(before), before[int(len(before) * POOR)]
    if usual < LEAST_A_DAY or now >= min(LOW * usual, LOWEST * poor) or at_most(now, poor) > UNLIKELY_DAY:
        return None
    return Alarm("articles_low", "warning", f"{now:.0f} new articles a day at most, usually {usual:.0f}")


def rates(runs: Sequence[Past]) -> list[float | None]:
    """New articles a day, over successive spans of about a day, the newest first.

    None for a span in which nobody looked for long, or links waited: it tells of us, not of the outlet.
    """
    found: list[float | None] = []
    new, seconds, is_whole = 0, 0, True
    good = [run for run in runs if not run.failed]
    for earlier, run in reversed(list(pairwise(good))):
        gap = run.started - earlier.started
        new, seconds = new + run.figures.new, seconds + gap
        is_whole = is_whole and gap <= LONGEST_GAP_OF_YIELDS and not run.figures.left
        # What the run before left behind came with this one.
        is_whole = is_whole and not earlier.figures.left
        if seconds >= WHOLE_DAY:
            found.append(new * DAY / seconds if is_whole else None)
            new, seconds, is_whole = 0, 0, True
    return found


def at_most(count: float, mean: float) -> float:
    """Chance of at most so many events where `mean` are expected, by the Poisson distribution."""
    term = total = math.exp(-mean)
    for number in range(1, int(count) + 1):
        term *= mean / number
        total += term
    return total
