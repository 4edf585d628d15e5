"""Rules that compare an outlet's newest runs with what is usual for it, an alarm each.

Each rule gets the outlet's runs in their order and returns the detail of its alarm, or None. The first rules
watch the volume of news, the next ones the articles, and the last ones how sources and servers respond.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise, takewhile
from statistics import median, pstdev
from typing import Literal

from newscrawl.monitoring.history import (
    DAY,
    MAX_PORTION_SPAN,
    MAX_SAMPLING_ERROR,
    MAX_SCATTER,
    MIN_PORTIONS,
    MIN_REST,
    MIN_SPAN,
    ODD_RUNS,
    PORTION,
    Count,
    RunRecord,
    Shift,
    measure_shift,
    pooled_share,
    robust_deviation,
    split_portions,
    time_span,
    was_standing,
)
from newscrawl.monitoring.metrics import FIELDS, RunMetrics, pool_metrics, sum_counts

MIN_PAGES = 8
MIN_PAGES_OF_NEW_OUTLET = 20
"Pages without an article that raise an alarm; an outlet with fewer past pages counts as new."
MAX_CHANCE_OF_PAGES, MAX_CHANCE_OF_DAY = 1e-7, 1e-4
"Chance below which pages, or a day, raise an alarm. Pages are judged at every run, so the bound is lower."
MIN_ARTICLE_SHARE, MAX_ARTICLE_SHARE = 0.05, 0.98
"Outlets with a lower share of articles are not judged by it, and no outlet is certain to have only articles."
MIN_DAYS, LOW_DAYS = 7, 2
MIN_DAILY_ARTICLES = 12.0
"An outlet with fewer articles a day has days without any."
LOW_SHARE_OF_MEDIAN, LOW_SHARE_OF_POOR_DAY = 0.25, 0.5
POOR_DAY_QUANTILE = 0.1
MIN_DAY_SECONDS = 20 * 3600
MAX_GAP_BETWEEN_RUNS = 36 * 3600

HALF = math.log(2)
MEDIAN_ERROR = 1.2533
"Standard error of a median as a multiple of that of a mean: the square root of half pi."
FIELD_SHIFT, CHROME_SHIFT, REPEATED_SHIFT, LANGUAGE_SHIFT = 0.3, 0.25, 0.1, 0.3
WALL_SHIFT, ARTICLE_SHIFT, REFUSAL_SHIFT, ROBOTS_SHIFT = 0.3, 0.4, 0.4, 0.5
ENTRY_SHIFT, SPAM_SHIFT, NEW_LANGUAGE_SHIFT = 0.5, 0.3, 0.5
"How far a share has to move before it raises an alarm."
AGREEMENT_SHIFT, PARTIAL_SHIFT = 0.4, 0.4
"The same for articles on which classifier and witness agree, and for witnesses that are partial."
MIN_AGREEMENT = 0.6
"F1 by characters below which an alarm is raised where nothing is usual yet."
WALL_REASONS = ("bot_wall",)
"Reasons of rejected pages that consist of a wall."

REFUSALS = frozenset({401, 403, 407, 418, 429, 451})
MAX_REFUSED = 0.6
"Share of refusals that raises an alarm where nothing is usual yet."
ROBOTS = "robots_txt"
SOURCE_RESPONDED = ("ok", "mended", "empty", "not_modified")
FROZEN_GAPS, MIN_FROZEN = 3, 2 * DAY
"A feed is frozen once it has been silent for so many of its longest gaps, and for so long at least."
NEW_LANGUAGE = 0.01
"An outlet never had a language that a smaller share of its articles was in."
UNDETERMINED = "und"
MIN_FAILURES = 3


def no_articles(runs: Sequence[RunRecord]) -> str | None:
    """Run after run, pages were found and none became an article."""
    barren = list(takewhile(lambda run: not run.metrics.articles, reversed(runs)))
    pages = sum(run.metrics.pages for run in barren)
    usual = _usual_article_share(runs[: len(runs) - len(barren)])
    if pages < (MIN_PAGES_OF_NEW_OUTLET if usual is None else MIN_PAGES):
        return None
    if usual is not None:
        chance = (1 - min(usual, MAX_ARTICLE_SHARE)) ** pages
        if usual < MIN_ARTICLE_SHARE or chance > MAX_CHANCE_OF_PAGES:
            return None
    reasons = sum_counts(run.metrics.rejected for run in barren)
    worst = ", ".join(sorted(reasons, key=lambda name: (-reasons[name], name))[:3])
    return f"none of {pages} pages became an article: {worst}"


def _usual_article_share(runs: Sequence[RunRecord]) -> float | None:
    """Share of pages that became articles; None if there were too few pages."""
    pages = sum(run.metrics.pages for run in runs)
    if pages < MIN_PAGES_OF_NEW_OUTLET:
        return None
    return sum(run.metrics.articles for run in runs) / pages


def articles_low(runs: Sequence[RunRecord]) -> str | None:
    """Two days in a row have far fewer new articles than past days, including the poorest weekday."""
    days = daily_articles(runs)
    newest, past = days[:LOW_DAYS], sorted(day for day in days[LOW_DAYS:] if day is not None)
    if None in newest or len(past) < MIN_DAYS:
        return None
    now = max(day for day in newest if day is not None)
    usual, poor = median(past), past[int(len(past) * POOR_DAY_QUANTILE)]
    is_low = now < min(LOW_SHARE_OF_MEDIAN * usual, LOW_SHARE_OF_POOR_DAY * poor)
    if usual < MIN_DAILY_ARTICLES or not is_low or poisson_at_most(now, poor) > MAX_CHANCE_OF_DAY:
        return None
    return f"{now:.0f} new articles a day at most, usually {usual:.0f}"


def daily_articles(runs: Sequence[RunRecord]) -> list[float | None]:
    """New articles a day, over successive spans of about a day, the newest first.

    None for a span with a long gap between runs, or with links left waiting: that is our doing, not the
    outlet's.
    """
    days: list[float | None] = []
    new, seconds, is_complete = 0, 0, True
    successful = [run for run in runs if not run.failed]
    for earlier, run in reversed(list(pairwise(successful))):
        gap = run.started - earlier.started
        new, seconds = new + run.metrics.new, seconds + gap
        is_complete = is_complete and gap <= MAX_GAP_BETWEEN_RUNS and not run.metrics.left
        # Links that the earlier run left waiting came with this run.
        is_complete = is_complete and not earlier.metrics.left
        if seconds >= MIN_DAY_SECONDS:
            days.append(new * DAY / seconds if is_complete else None)
            new, seconds, is_complete = 0, 0, True
    return days


def poisson_at_most(count: float, mean: float) -> float:
    """Probability of at most so many events where `mean` are expected, by the Poisson distribution."""
    term = total = math.exp(-mean)
    for number in range(1, int(count) + 1):
        term *= mean / number
        total += term
    return total


def text_short(runs: Sequence[RunRecord]) -> str | None:
    """The median text is less than half as long as usual."""
    portions = split_portions(runs, lambda run: len(run.lengths))
    if len(portions) <= MIN_PORTIONS or time_span(runs) < MIN_SPAN:
        return None
    now, past = portions[0], [_log_median_length(portion) for portion in portions[1:]]
    usual = median(past)
    texts = [math.log(length) for run in portions[1] for length in run.lengths]
    error = MEDIAN_ERROR * pstdev(texts) / math.sqrt(sum(len(run.lengths) for run in now))
    fall = usual - _log_median_length(now)
    # As with shares, a few runs of short news items must not raise the alarm alone.
    rest = sorted(now, key=lambda run: median(run.lengths))[ODD_RUNS:]
    needed = max(HALF, MAX_SCATTER * robust_deviation(past), MAX_SAMPLING_ERROR * error)
    fell = fall > needed and usual - _log_median_length(rest) > HALF / 2
    if not (fell or (was_standing("text_short", runs) and fall > HALF / 2)):
        return None
    detail = f"half of the texts have up to {math.exp(_log_median_length(now)):.0f} characters"
    return f"{detail}, usually {math.exp(usual):.0f}"


def _log_median_length(runs: Sequence[RunMetrics]) -> float:
    return math.log(median(length for run in runs for length in run.lengths))


def fields_missing(runs: Sequence[RunRecord]) -> str | None:
    """A field that most articles had is empty now."""
    missing = []
    for name in FIELDS:
        whole = _articles_and_untitled if name == "title" else _articles
        shift = measure_shift("fields_missing", runs, _counter("filled", name), whole)
        if shift and shift.fell(FIELD_SHIFT):
            missing.append(f"{name} in {_describe_shift(shift)}")
    return "articles have " + ", ".join(missing) if missing else None


def _counter(field: str, name: str) -> Count:
    return lambda run: getattr(run, field).get(name, 0)


def _articles(run: RunMetrics) -> int:
    return run.articles


def _articles_and_untitled(run: RunMetrics) -> int:
    """Articles, and pages that are rejected just because they have no title."""
    return run.articles + run.rejected.get("no_title", 0)


def chrome_rising(runs: Sequence[RunRecord]) -> str | None:
    """More of the pages is removed as boilerplate, or the same paragraphs are in many texts."""
    details = []
    shift = measure_shift(
        "chrome_rising", runs, lambda run: run.removed, lambda run: run.removed + run.kept, size=_articles
    )
    if shift and shift.rose(CHROME_SHIFT):
        details.append(f"taken for chrome: {_describe_shift(shift)}")
    shift = measure_shift(
        "chrome_rising",
        runs,
        lambda run: run.repeated,
        lambda run: run.compared,
        size=lambda run: run.articles if run.compared else 0,
    )
    if shift and shift.rose(REPEATED_SHIFT):
        details.append(f"paragraphs that several articles share: {_describe_shift(shift)}")
    return "; ".join(details) or None


def witness_differs(runs: Sequence[RunRecord]) -> str | None:
    """The classifier no longer chooses the text that the outlet's own feed or API has as the story."""
    details = []
    shift = measure_shift("witness_differs", runs, lambda run: run.witness_close, _whole_witnesses)
    newest = next(iter(split_portions(runs, _whole_witnesses)), [])
    now, rest = (pool_metrics(pool).agreement for pool in (newest, _drop_least_agreeing(newest)))
    if shift and shift.fell(AGREEMENT_SHIFT):
        details.append(f"classifier and witness agree on {_describe_shift(shift)}, of the articles")
    elif not shift and rest.whole >= MIN_REST and (rest.f1 or 0) < MIN_AGREEMENT:
        details.append(f"classifier and witness agree on {now.f1 or 0:.0%} of the text")
    if details and (differences := now.describe_differences()):
        details.append(differences)
    shift = measure_shift("witness_differs", runs, lambda run: run.witness_partial, _all_witnesses)
    if shift and shift.rose(PARTIAL_SHIFT):
        details.append(f"feed or API seems to have only a part of the story: {_describe_shift(shift)}")
    return "; ".join(details) or None


def _drop_least_agreeing(runs: Sequence[RunMetrics]) -> Sequence[RunMetrics]:
    """The runs without the two that lower the agreement most: one long page raises no alarm."""

    def surplus(run: RunMetrics) -> float:
        return 2 * run.witness_common - MIN_AGREEMENT * (run.agreement.chosen + run.agreement.expected)

    return sorted(runs, key=surplus)[ODD_RUNS:]


def _whole_witnesses(run: RunMetrics) -> int:
    return run.witness_whole


def _all_witnesses(run: RunMetrics) -> int:
    return run.witness_whole + run.witness_partial


def languages_shifted(runs: Sequence[RunRecord]) -> str | None:
    """Far more or fewer articles than usual are in a language."""
    shifted = []
    for language in sorted({name for run in runs for name in run.metrics.languages}):
        shift = language_shift("languages_shifted", runs, (language,))
        if shift and (shift.rose(LANGUAGE_SHIFT) or shift.fell(LANGUAGE_SHIFT)):
            shifted.append(f"{language} {_describe_shift(shift)}")
    return ", ".join(shifted) or None


def language_shift(alarm: str, runs: Sequence[RunRecord], languages: Collection[str]) -> Shift | None:
    """The share of articles in these languages; portions are larger, because shares near a half vary most."""
    return measure_shift(
        alarm,
        runs,
        lambda run: sum(run.languages.get(name, 0) for name in languages),
        lambda run: sum(run.languages.values()),
        enough=2 * PORTION,
    )


def layout_broken(runs: Sequence[RunRecord]) -> str | None:
    """Pages arrive as before but are no longer articles: rules or extraction do not fit them."""
    shift = measure_shift("layout_broken", runs, _articles, lambda run: run.read)
    if shift is None or not shift.fell(ARTICLE_SHIFT):
        return None
    return f"of the pages that were read, articles are {_describe_shift(shift)}"


def walls(runs: Sequence[RunRecord]) -> str | None:
    """More pages than usual are behind a wall: payment, consent, log-in, a check for robots."""
    shift = measure_shift("walls", runs, _walled_pages, lambda run: max(run.read, run.articles))
    if shift is None or not shift.rose(WALL_SHIFT):
        return None
    return f"pages behind a wall: {_describe_shift(shift)}"


def _walled_pages(run: RunMetrics) -> int:
    return sum(run.walls.values()) + sum(run.rejected.get(name, 0) for name in WALL_REASONS)


def _describe_shift(shift: Shift) -> str:
    return f"{shift.now:.0%}, usually {shift.usual:.0%}"


def blocked(runs: Sequence[RunRecord]) -> str | None:
    """Servers refuse our requests, or do not respond."""
    shift = measure_shift("blocked", runs, _refusals, _requests)
    newest = split_portions(runs, _requests)[:1]
    now = pooled_share(newest[0], _refusals, _requests) if newest else 0.0
    if not (shift.rose(REFUSAL_SHIFT) if shift else now >= MAX_REFUSED):
        return None
    usual = f", usually {shift.usual:.0%}" if shift else ""
    counts = sum_counts(run.statuses for run in newest[0])
    statuses = "".join(
        f", {count} x {status}" for status, count in sorted(counts.items()) if _is_refusal(status)
    )
    return f"{now:.0%} of requests are refused or fail{usual}{statuses}"


def _refusals(run: RunMetrics) -> int:
    return run.lost + sum(count for status, count in run.statuses.items() if _is_refusal(status))


def _requests(run: RunMetrics) -> int:
    return run.lost + sum(run.statuses.values())


def _is_refusal(status: str) -> bool:
    return status.isdigit() and (int(status) in REFUSALS or int(status) >= 500)


def robots_closed(runs: Sequence[RunRecord]) -> str | None:
    """robots.txt forbids all sources or most pages, which it did not before."""
    if _are_sources_forbidden(runs):
        return f"robots.txt forbids {runs[-1].metrics.sources[ROBOTS]} sources, and no other answers"
    shift = measure_shift("robots_closed", runs, _counter("rejected", ROBOTS), lambda run: run.pages)
    if shift is None or not shift.rose(ROBOTS_SHIFT):
        return None
    return f"robots.txt forbids {shift.now:.0%} of pages, usually {shift.usual:.0%}"


def _are_sources_forbidden(runs: Sequence[RunRecord]) -> bool:
    """Whether every requested source is forbidden, and that is new.

    A run may request just a source that was always forbidden. So more sources must be forbidden than in
    runs where others responded, or none may have responded for long.
    """
    last, responsive = runs[-1], [run for run in runs[:-1] if _has_responses(run.metrics)]
    now = last.metrics.sources.get(ROBOTS, 0)
    if not now or not responsive or _has_responses(last.metrics):
        return False
    usual = max(run.metrics.sources.get(ROBOTS, 0) for run in responsive)
    is_long = last.started - responsive[-1].started >= MIN_FROZEN
    return now > usual or is_long or was_standing("robots_closed", runs)


def _has_responses(run: RunMetrics) -> bool:
    return any(run.sources.get(outcome) for outcome in SOURCE_RESPONDED)


def feed_frozen(runs: Sequence[RunRecord]) -> str | None:
    """Sources respond, but have had nothing new for far longer than ever before."""
    news = [run.started for run in runs if run.metrics.offered]
    if len(news) <= MIN_PORTIONS or news[-1] - news[0] < MIN_SPAN or not _has_responses(runs[-1].metrics):
        return None
    longest = max(later - earlier for earlier, later in pairwise(news))
    silent = runs[-1].started - news[-1]
    if silent <= max(FROZEN_GAPS * longest, MIN_FROZEN):
        return None
    return f"nothing new for {silent / 3600:.0f} hours, at most {longest / 3600:.0f} before"


def feed_hijacked(runs: Sequence[RunRecord]) -> str | None:
    """The sources no longer lead to the outlet's news: other hosts, spam, a language it never had."""
    details = []
    shift = measure_shift("feed_hijacked", runs, lambda run: run.own, lambda run: run.listed)
    if shift and shift.fell(ENTRY_SHIFT):
        details.append(f"{shift.now:.0%} of entries are the outlet's own, usually {shift.usual:.0%}")
    shift = measure_shift(
        "feed_hijacked", runs, _counter("rejected", "redirected_away"), lambda run: run.pages
    )
    if shift and shift.rose(ENTRY_SHIFT):
        details.append(f"{shift.now:.0%} of pages lead elsewhere")
    shift = measure_shift("feed_hijacked", runs, lambda run: run.spam, _articles)
    if shift and shift.rose(SPAM_SHIFT):
        details.append(f"{shift.now:.0%} of titles speak as spam does")
    if detail := _describe_new_languages(runs):
        details.append(detail)
    return "; ".join(details) or None


def _describe_new_languages(runs: Sequence[RunRecord]) -> str | None:
    """Languages of most articles that the outlet never had before; None if there are none."""
    past = [run for run in runs if run.started <= runs[-1].started - MAX_PORTION_SPAN]
    if not past or time_span(past) < MIN_SPAN:
        return None
    usual = sum_counts(run.metrics.languages for run in past)
    total = sum(usual.values())
    languages = sum_counts(run.metrics.languages for run in runs)
    new = [name for name in languages if usual.get(name, 0) < NEW_LANGUAGE * total and name != UNDETERMINED]
    shift = language_shift("feed_hijacked", runs, new) if new else None
    if shift is None or not shift.rose(NEW_LANGUAGE_SHIFT):
        return None
    return f"{shift.now:.0%} of articles are in a language it never had: {', '.join(sorted(new))}"


def run_failing(runs: Sequence[RunRecord]) -> str | None:
    """This run and those before it failed."""
    failed = len(list(takewhile(lambda run: run.failed, reversed(runs))))
    return f"{failed} runs in a row failed" if failed >= MIN_FAILURES else None


Level = Literal["warning", "error"]
"`error`: news is being lost and someone must act. `warning`: someone should look."
RULES: dict[str, tuple[Level, Callable[[Sequence[RunRecord]], str | None] | None]] = {
    "no_articles": ("error", no_articles),
    "articles_low": ("warning", articles_low),
    "text_short": ("warning", text_short),
    "fields_missing": ("warning", fields_missing),
    "chrome_rising": ("warning", chrome_rising),
    "witness_differs": ("warning", witness_differs),
    "languages_shifted": ("warning", languages_shifted),
    "layout_broken": ("error", layout_broken),
    "walls": ("warning", walls),
    "blocked": ("error", blocked),
    "robots_closed": ("error", robots_closed),
    "feed_frozen": ("warning", feed_frozen),
    "feed_hijacked": ("error", feed_hijacked),
    "source_retired": ("warning", None),
    "files_waiting": ("warning", None),
    "run_failing": ("error", run_failing),
}
"Every alarm by its name, which does not change. State knows of retired sources, and the spool what waits."
