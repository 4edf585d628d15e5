"""How sure a block's language is, from what its words say for it and how well they fit it."""

from __future__ import annotations

import math

from newscrawl.text.language.evidence import EN, FR, OTHER, WORDS, lane
from newscrawl.text.language.profiles import UNIT, unpacked
from newscrawl.text.language.scripts import SHARED

_SLOPE, _SHIFT = 0.7, 2.2
"""Of the logistic curve over the margin, fitted to how often blocks were right. Without a margin many are,
for neighbours speak too."""
_STEEPEST = 30.0
_HOME_FIT, _GUEST_FIT = (90, 170), (60, 140)
"What words cost on average in a language that fits, and in one that does not."
_STRANGE_EACH = 130
"From this cost of a word on, as much as words of no known language cost, a guest has no name."
_MISFIT = 0.3
"Left of the confidence where words do not fit."
_FEW_WORDS = 4
"Fewer say nothing of an average."
UNNAMED = 0.5
"At most, for a language that no profile fits."
WITHOUT_PROFILE = 0.7
"At most, for one that function words alone name."
SCRIPT = 0.95
SHARED_SCRIPT = 0.8
"For the language most written in a script that others share."


def by_words(total: int, state: int, *, named: bool) -> float:
    """Of a language chosen by the words summed up; `named`, if it has a code."""
    costs = list(unpacked(total))
    own = costs.pop(state)
    sure = _logistic(_SHIFT + _SLOPE * (min(costs) - own) / UNIT)
    if state == OTHER:
        return round(min(max(sure, _MISFIT), WITHOUT_PROFILE if named else UNNAMED), 3)
    return round(sure * _fit(total, state, own), 3)


def _fit(total: int, state: int, own: int) -> float:
    """What is left of the confidence for how well the words fit the language."""
    words = lane(total, WORDS)
    if words < _FEW_WORDS:
        return 1.0
    good, bad = _HOME_FIT if state in {FR, EN} else _GUEST_FIT
    return 1 - (1 - _MISFIT) * min(max((own / words - good) / (bad - good), 0.0), 1.0)


def is_strange(total: int, state: int) -> bool:
    """Whether words fit their language so badly that it is likely another, or are in one without a name."""
    return state == OTHER or (
        lane(total, WORDS) >= _FEW_WORDS and lane(total, state) > _STRANGE_EACH * lane(total, WORDS)
    )


def by_script(code: str) -> float:
    """Of a language its script gave away."""
    return SHARED_SCRIPT if code in SHARED else SCRIPT


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(min(value, _STEEPEST), -_STEEPEST)))
