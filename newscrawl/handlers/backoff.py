"""How long a host is left alone: what it asks for, else longer with every refusal in a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

LONGEST_WAIT = 120
"Seconds a run waits for a host; longer, and it goes on without it."
PAUSE = 30 * 60
"Seconds a host is left alone that goes on refusing without saying for how long, or answers nothing."
STRIKES = 3
"Refusals in a row that are answered with a wait; then comes a pause."
FAILURES = 5
"Attempts in a row on which nobody answered, after which a run leaves a host alone."
_MAX_DIGITS = 9


class Rest(NamedTuple):
    """How long to leave a host alone."""

    seconds: float
    is_pause: bool
    "Longer than a run waits."


@dataclass(slots=True)
class Patience:
    """What a host did last, as far as it bears on when it is asked next."""

    strikes: int = 0
    failures: int = 0
    until: float = 0
    "Second until which it is paused."
    why: str = ""

    def is_paused(self, now: float) -> bool:
        return now < self.until

    def pause(self, until: float, why: str) -> None:
        self.until, self.why = until, why
        self.strikes = self.failures = 0

    def answered(self) -> None:
        self.strikes = self.failures = 0

    def refused(self, asked: int | None, first: float, dice: Callable[[], float]) -> Rest:
        """After 429 or 503: `asked` is its Retry-After, `first` the first wait where there is none.

        `dice` gives 0 to 1; where `first` is 0 nothing is waited for that was not asked for.
        """
        self.failures = 0
        if asked is None and not first:
            return Rest(0, is_pause=False)
        self.strikes += 1
        # A tenth to either side, so that hosts which began to refuse together are not asked together.
        own = first * 2 ** min(self.strikes - 1, STRIKES) * (0.9 + 0.2 * dice())
        seconds = own if asked is None else asked
        if self.strikes > STRIKES:
            return Rest(max(PAUSE, seconds), is_pause=True)
        return Rest(seconds, is_pause=asked is not None and asked > LONGEST_WAIT)

    def failed(self) -> bool:
        """After an attempt nobody answered: whether that was one too many."""
        self.failures += 1
        return self.failures >= FAILURES


def retry_after(value: str | None, now: float) -> int | None:
    """Seconds a Retry-After header asks for (RFC 9110, 10.2.3); None when it says nothing."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:_MAX_DIGITS])
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is one in GMT, as HTTP knows no other.
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, round(zoned.timestamp() - now))
    except (ValueError, TypeError, OverflowError):
        return None
