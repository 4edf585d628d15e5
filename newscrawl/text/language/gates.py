"""Which lines have no language: names, addresses, numbers, acronyms."""

from __future__ import annotations

from newscrawl.text.language.evidence import CAPITALISED, CAPITALS, EN, FR, KNOWN, WORDS, lane
from newscrawl.text.language.profiles import unpacked
from newscrawl.text.language.reading import Line

LONGEST_NAMES = 8
"Words; a longer line of capitalised words is a headline."
LONGEST_SHOUTED_NAMES = 4
LONGEST_ACRONYM = 6
SHORT_ACRONYM = 3
"Letters: WHO and UN are no words where everything is in capitals."
MARGIN = 110
"By which the n-grams of a word must prefer one language for unknown words to have one."


def has_language(line: Line) -> bool:
    """Whether anything in the line tells one."""
    if line.decided:
        return True
    words = lane(line.total, WORDS)
    if words == 0 or words > LONGEST_NAMES:
        return words > 0
    spelt = [word for word in line.words if not word[0].isdigit()]
    if all(map(_is_acronym, spelt)):
        return any(len(word) > SHORT_ACRONYM and lane(CAPITALS[word], KNOWN) for word in spelt)
    shouted = line.table is CAPITALS and words > LONGEST_SHOUTED_NAMES
    named = not lane(line.total, KNOWN) and lane(line.total, CAPITALISED) == words
    return shouted or not named or _tell_by_letters(spelt, MARGIN * words)


def _tell_by_letters(words: list[str], margin: int) -> bool:
    """Whether the n-grams of the words, read as any others, prefer French or English to all else."""
    costs = unpacked(sum(map(CAPITALS.__getitem__, words)))
    least, second = sorted(costs)[:2]
    return second - least >= margin and least in {costs[FR], costs[EN]}


def _is_acronym(word: str) -> bool:
    return word.isupper() and len(word) <= LONGEST_ACRONYM
