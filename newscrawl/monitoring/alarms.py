"""What is wrong with an outlet: by every rule, the bounds of its outlet file, and its retired sources."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Literal, NamedTuple

from newscrawl.monitoring.alarm_rules import MIN_PAGES, RULES, Level
from newscrawl.monitoring.history import PORTION, Count, RunRecord
from newscrawl.monitoring.metrics import RunMetrics, pool_metrics
from newscrawl.outlet import Expect

HOUR = 3600
NAMES = tuple(RULES)


class Alarm(NamedTuple):
    """What is wrong, under a name that does not change."""

    name: str
    level: Level
    detail: str
    "A sentence for people, with figures."


Channel = Literal["webhook", "mail"]
WEBHOOK: Channel = "webhook"
MAIL: Channel = "mail"
Told = dict[Channel, list[str]]
"Names of the alarms in the last message that each channel took."


class AlarmState(NamedTuple):
    """What the next run has to know about the alarms of this run."""

    standing: list[Alarm]
    told: Told


def dump_alarm_state(state: AlarmState) -> str:
    return json.dumps({"standing": [alarm._asdict() for alarm in state.standing], "told": state.told})


def load_alarm_state(text: str | None) -> AlarmState:
    """Read what `dump_alarm_state` wrote; without a text there are no alarms."""
    data = json.loads(text) if text else {}
    told: Told | list[str] = data.get("told", {})
    if isinstance(told, list):
        told = {WEBHOOK: told}  # of version 0.1, which had no other channel
    return AlarmState([Alarm(**alarm) for alarm in data.get("standing", ())], told)


def evaluate_alarms(
    runs: Sequence[RunRecord], expect: Expect, *, retired: Iterable[str] = (), is_first_run: bool = False
) -> list[Alarm]:
    """What is wrong after the last of `runs`, which are in their order.

    `retired`: sources that were given up as dead.
    `is_first_run`: the last run is the outlet's first, so it should have found every article.
    """
    alarms = [
        Alarm(name, level, detail) for name, (level, rule) in RULES.items() if rule and (detail := rule(runs))
    ]
    alarms += find_broken_bounds(runs, expect, is_first_run=is_first_run)
    alarms += [
        Alarm("source_retired", "warning", f"{url} has failed for so long that it is given up")
        for url in sorted(retired)
    ]
    return merge_alarms(alarms)


def merge_alarms(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Merge alarms of the same name, with the graver level and all details, in the order of NAMES."""
    by_name: dict[str, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        by_name[alarm.name].append(alarm)
    return [
        Alarm(
            name,
            "error" if any(alarm.level == "error" for alarm in by_name[name]) else "warning",
            "; ".join(alarm.detail for alarm in by_name[name]),
        )
        for name in NAMES
        if name in by_name
    ]


def find_broken_bounds(runs: Sequence[RunRecord], expect: Expect, *, is_first_run: bool) -> list[Alarm]:
    """Expectations of the outlet file that the newest runs do not meet, an alarm each.

    Shares are judged over the newest runs that have PORTION pages together, because a photo gallery among
    three pages is normal. Only a run that starts from nothing finds all articles.
    """
    return [Alarm(name, "error", detail) for name, detail in _iter_broken_bounds(runs, expect, is_first_run)]


def _iter_broken_bounds(
    runs: Sequence[RunRecord], expect: Expect, is_first_run: bool
) -> Iterator[tuple[str, str]]:
    last, newest = runs[-1], pool_newest(runs)
    articles = last.metrics.articles
    if is_first_run and expect.articles_min is not None and articles < expect.articles_min:
        yield "articles_low", f"{articles} articles, at least {expect.articles_min} expected"
    filled = newest.articles / newest.pages if newest.pages else 1
    if expect.body_filled is not None and filled < expect.body_filled:
        yield "layout_broken", f"{filled:.0%} of pages are articles, {expect.body_filled:.0%} expected"
    middle, shortest = median(newest.lengths or [0]), expect.text_chars_min
    if shortest is not None and newest.lengths and middle < shortest:
        detail = f"half of the texts have up to {middle:.0f} characters, at least {shortest} expected"
        yield "text_short", detail
    agreement, least = pool_newest(runs, lambda metrics: metrics.witness_whole).agreement, expect.agreement
    if least is not None and agreement.whole >= MIN_PAGES and (agreed := agreement.f1 or 0) < least:
        detail = f"classifier and witness agree on {agreed:.0%} of the text, at least {least:.0%} expected"
        yield "witness_differs", f"{detail}; {agreement.describe_differences()}"
    total = sum(newest.letters.values())
    for name, (least, most) in sorted(expect.languages.items()) if total else ():
        share = newest.letters.get(name, 0) / total
        if not least <= share <= most:
            detail = f"{share:.0%} of the text is {name}, {least:.0%} to {most:.0%} expected"
            yield "languages_shifted", detail
    # The newest entry of any run, since a response with status 304 has no entries.
    dates = [run.metrics.newest for run in runs if run.metrics.newest is not None]
    age = (last.started - max(dates)) / HOUR if dates else 0
    if expect.stale_hours is not None and dates and age > expect.stale_hours:
        yield "feed_frozen", f"the newest entry is {age:.0f} hours old, {expect.stale_hours} at most expected"


def pool_newest(runs: Sequence[RunRecord], size: Count = lambda metrics: metrics.pages) -> RunMetrics:
    """The newest runs that have PORTION pages together; all runs if there are not so many.

    `size`: how many pages of a run count.
    """
    newest: list[RunMetrics] = []
    for run in reversed(runs):
        newest.append(run.metrics)
        if sum(map(size, newest)) >= PORTION:
            break
    return pool_metrics(newest)
