"""A model of a thousand newsrooms: who publishes, edits, fails and dies when, told by dice."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

HOUR, DAY = 3600, 86_400
LISTED = 20
"Stories in a feed."
MORNING, NIGHT = 6, 22
"Hours between which newsrooms publish."
EDITED = 0.2
"Share of stories that are edited once, within half a day."


@dataclass(kw_only=True)
class Paper:
    """One newsroom: when it publishes what, and when its server answers."""

    id: str
    kind: str
    host: str
    least: int | None = None
    "Seconds its feed asks to be left alone."
    stories: list[int] = field(default_factory=list)
    "When each was published, in order."
    edits: dict[int, int] = field(default_factory=dict)
    "When a story was edited, by its number."
    silent: list[tuple[int, int]] = field(default_factory=list)
    "When its server does not answer."

    @property
    def feed(self) -> str:
        return f"https://{self.host}/{self.id}/feed"

    def answers(self, now: int) -> bool:
        return not any(begin <= now < end for begin, end in self.silent)

    def listed(self, now: int) -> range:
        """Numbers of the stories in the feed."""
        count = bisect_right(self.stories, now)
        return range(max(0, count - LISTED), count)

    def version(self, story: int, now: int) -> int:
        return 2 if self.edits.get(story, now + 1) <= now else 1

    def url(self, story: int) -> str:
        return f"https://{self.host}/{self.id}/story/{story}"

    def story_at(self, url: str) -> int:
        return int(url.rpartition("/")[2])


SHARES = {
    "busy": 5,
    "daily": 20,
    "slow": 30,
    "weekly": 25,
    "asks an hour": 5,
    "dies": 5,
    "wakes up": 5,
    "fails for days": 5,
}
"Of a hundred newsrooms."
RATES = {
    "busy": 24.0,
    "daily": 4.0,
    "slow": 1.0,
    "weekly": 1 / 7,
    "asks an hour": 12.0,
    "fails for days": 4.0,
}
"Stories a day."


def papers(count: int, begin: int, days: int, seed: int) -> list[Paper]:
    """So many newsrooms, two of a hundred on another's host; `begin` is a midnight."""
    dice = Random(seed)
    made: list[Paper] = []
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    for number in range(count):
        kind = kinds[number * 37 % 100]
        host = f"{made[-1].host}" if number % 50 == 49 else f"paper{number}.example"
        made.append(_paper(Paper(id=f"paper_{number}", kind=kind, host=host), begin, days, dice))
    return made


def _paper(paper: Paper, begin: int, days: int, dice: Random) -> Paper:
    kind, end = paper.kind, begin + days * DAY
    paper.least = HOUR if kind == "asks an hour" else None
    if kind == "dies":
        paper.silent = [(begin + days * DAY // 4, end + DAY)]
        paper.stories = list(_stories(per_second(4.0), begin - 5 * DAY, paper.silent[0][0], dice))
    elif kind == "wakes up":
        middle = begin + days * DAY // 2
        paper.stories = [
            *_stories(per_second(0.2), begin - 5 * DAY, middle, dice),
            *_stories(per_second(12.0), middle, end, dice),
        ]
    else:
        paper.stories = list(_stories(per_second(RATES[kind]), begin - 5 * DAY, end, dice))
    if kind == "fails for days":
        paper.silent = [(begin + n * DAY, begin + n * DAY + 2 * DAY) for n in range(2, days, 8)]
    for number, moment in enumerate(paper.stories):
        if dice.random() < EDITED:
            paper.edits[number] = moment + dice.randrange(600, 12 * HOUR)
    return paper


def per_second(a_day: float) -> float:
    """Stories a second in the hours in which there are any."""
    return a_day / ((NIGHT - MORNING) * HOUR)


def _stories(rate: float, begin: int, end: int, dice: Random) -> Iterator[int]:
    """Moments of a Poisson process that sleeps at night."""
    moment = float(begin)
    while (moment := _awake(moment, dice.expovariate(rate), begin)) < end:
        yield int(moment)


def _awake(moment: float, seconds: float, begin: int) -> float:
    """The moment so many waking seconds later."""
    while True:
        day = begin + (moment - begin) // DAY * DAY
        opens, closes = day + MORNING * HOUR, day + NIGHT * HOUR
        moment = max(moment, opens)
        if moment + seconds < closes:
            return moment + seconds
        seconds -= max(0.0, closes - moment)
        moment = day + DAY
