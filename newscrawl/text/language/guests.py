"""Names for runs in languages we have no profile of, by their function words."""

from __future__ import annotations

from collections import Counter

from newscrawl.text.language.evidence import WORD
from newscrawl.text.language.lexicon import lexicon
from newscrawl.text.language.profiles import STATES

ENOUGH = 2
"Function words that name a language."
PORTION = 12
"Percent of the words they must be."
UNNAMED = "other"


def named(text: str) -> str:
    """The code of a run that no profile fits, or `other`."""
    function = lexicon().function
    words = [word.lower() for word in WORD.findall(text)]
    counts = Counter(code for word in words if (code := function.get(word)) and code not in STATES)
    ranked = counts.most_common(2)
    if not ranked:
        return UNNAMED
    (code, most), second = ranked[0], ranked[1][1] if len(ranked) > 1 else 0
    sure = most >= ENOUGH and most * 100 >= PORTION * len(words) and most > second
    return code if sure else UNNAMED
