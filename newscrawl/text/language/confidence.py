"""How sure a block's language is, from what its words say for it and how well they fit it."""

from __future__ import annotations

import math

from newscrawl.text.language.evidence import CAPITALISED, EN, FR, KNOWN, OTHER, WORDS, lane
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
_SMALL_KNOWN, _ALL_KNOWN = (2, 0.5), (6, 0.4)
"""Of so many words in small letters, or in any, French and English have at least this part in their lists,
save three lines in a thousand; a line with half of it is hardly theirs."""
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
    most = _most_by_lists(total) if state in {FR, EN} else 1.0
    return round(min(sure * _fit(total, state, own), most), 3)


def _fit(total: int, state: int, own: int) -> float:
    """What is left of the confidence for how well the words fit the language."""
    words = lane(total, WORDS)
    if words < _FEW_WORDS:
        return 1.0
    good, bad = _HOME_FIT if state in {FR, EN} else _GUEST_FIT
    return 1 - (1 - _MISFIT) * min(max((own / words - good) / (bad - good), 0.0), 1.0)


def _most_by_lists(total: int) -> float:
    """The most that can be said for French or English of words of which so many are in their lists.

    A language without a profile that shares a function word and some letters with them fits well otherwise.
    """
    words, known = lane(total, WORDS), lane(total, KNOWN)
    small = words - lane(total, CAPITALISED)
    part = min(_of_usual(known, small, *_SMALL_KNOWN), _of_usual(known, words, *_ALL_KNOWN))
    return 1 - (1 - _MISFIT) * min(2 - 2 * part, 1.0)


def _of_usual(known: int, words: int, least: int, usual: float) -> float:
    """The known part of the words against the usual one, 1 at most; also where too few words tell."""
    return min(known / (words * usual), 1.0) if words >= least else 1.0


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
