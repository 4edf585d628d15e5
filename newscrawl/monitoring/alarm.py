"""An alarm: what is wrong with an outlet, by a name that does not change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal, NamedTuple

Level = Literal["warning", "error"]
NAMES = (
    "no_articles",
    "articles_low",
    "text_short",
    "fields_missing",
    "chrome_rising",
    "languages_shifted",
    "layout_broken",
    "walls",
    "blocked",
    "robots_closed",
    "feed_frozen",
    "feed_hijacked",
    "source_retired",
    "run_failing",
)


class Alarm(NamedTuple):
    """`error`: news is being lost, someone must act. `warning`: someone should look."""

    name: str
    level: Level
    detail: str
    "A sentence for people, with figures."


def merged(alarms: Iterable[Alarm]) -> list[Alarm]:
    """One alarm a name, in the order of NAMES: the graver level, and all that was said."""
    found: dict[str, Alarm] = {}
    for alarm in alarms:
        other = found.get(alarm.name)
        if other:
            grave: Level = "error" if "error" in (alarm.level, other.level) else "warning"
            alarm = Alarm(alarm.name, grave, f"{other.detail}; {alarm.detail}")  # noqa: PLW2901
        found[alarm.name] = alarm
    return sorted(found.values(), key=lambda alarm: NAMES.index(alarm.name))


class Kept(NamedTuple):
    """What is kept of a run's alarms for the next run."""

    standing: list[Alarm]
    told: list[str]
    "Names that the webhook was told of last."


def kept_text(kept: Kept) -> str:
    return json.dumps({"standing": [alarm._asdict() for alarm in kept.standing], "told": kept.told})


def kept_from(text: str | None) -> Kept:
    """The text read back; nothing where nothing was kept."""
    data = json.loads(text) if text else {}
    return Kept([Alarm(**alarm) for alarm in data.get("standing", ())], data.get("told", []))
