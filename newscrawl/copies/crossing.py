"""Whether two texts in different languages tell of one event: their names, figures and dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log

import numpy as np

from newscrawl.copies.names import FIGURE, Names

HOURS = 48
SECONDS = HOURS * 3600
"Two texts further apart than this tell of two events."
LEAST_NAMES, LEAST_FIGURES = 3, 2
"Shared ones. Without figures a story cannot be told from the next one of the same people."
NAME_SHARE, FIGURE_SHARE = 0.3, 0.5
"Of the names and figures of the text that has fewer, by weight."
RAREST, LEAST_SHARED = 12, 3
"Names by which texts are looked up, those that few others have; so many must be shared."
_LANGUAGES = frozenset({"mixed", "other", "und"})


def language_of(lang: str | None) -> str | None:
    """The language without its region; None when a text has no one language."""
    base = (lang or "").partition("-")[0]
    return None if not base or base in _LANGUAGES else base


def can_cross(lang: str | None, names: Names) -> bool:
    """Whether a text says enough to be looked for in other languages."""
    figures = int(np.count_nonzero(names & FIGURE))
    return bool(language_of(lang)) and figures >= LEAST_FIGURES and len(names) - figures >= LEAST_NAMES


def may_be_one(lang: str | None, published: int, other_lang: str | None, other_published: int) -> bool:
    """Whether languages differ and dates do not."""
    one, other = language_of(lang), language_of(other_lang)
    return bool(one and other and one != other) and abs(published - other_published) <= SECONDS


def rarest(names: Iterable[int], spread: Mapping[int, int]) -> list[int]:
    """The names that the fewest texts have."""
    return sorted(names, key=lambda name: (spread.get(name, 0), name))[:RAREST]


def story_score(mine: Names, yours: Names, spread: Mapping[int, int], texts: int) -> float:
    """0 when the texts do not tell of one event, else how much of the shorter's names and figures is shared.

    `spread` says how many of so many texts have a name: what everybody writes of says little.
    """
    shared = np.intersect1d(mine, yours, assume_unique=True)
    figures = int(np.count_nonzero(shared & FIGURE))
    if figures < LEAST_FIGURES or len(shared) - figures < LEAST_NAMES:
        return 0.0
    weights = {
        int(name): log((texts + 1) / max(1, spread.get(int(name), 1))) for name in np.union1d(mine, yours)
    }
    shares = [_share(weights, mine, yours, kind) for kind in (0, FIGURE)]
    if shares[0] < NAME_SHARE or shares[1] < FIGURE_SHARE:
        return 0.0
    return round(sum(shares) / 2, 3)


def _share(weights: Mapping[int, float], mine: Names, yours: Names, kind: int) -> float:
    """The weight of what is shared of one kind, in that of the text that has less of the kind."""
    one, other = ({int(name) for name in names if name & FIGURE == kind} for names in (mine, yours))
    whole = min(sum(weights[name] for name in names) for names in (one, other))
    return sum(weights[name] for name in one & other) / max(whole, 1e-9)
