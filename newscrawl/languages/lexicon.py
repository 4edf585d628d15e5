"""Words that identify a language: hand-collected function words, and generated lists of frequent words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from newscrawl.package_data import read_package_text, read_package_toml

HOME = ("fr", "en")
"The languages the outlets publish in; any other is a guest language."


@dataclass(frozen=True, slots=True)
class LanguageLexicon:
    """Word lists, all in lower case."""

    function: dict[str, str]
    "Function word to its language."
    particles: dict[str, frozenset[str]]
    "By language without a profile, words that identify it only together, as they are words of others too."
    chrome: dict[str, str]
    "Word of menus and forms to its language."
    proper: dict[str, str]
    "Name of a day, month, country or people to the language that spells it so."
    endonyms: dict[str, str]
    "A language's own name to its code."
    brands: frozenset[str]
    "International names, which identify no language."
    frequent: dict[str, tuple[str, int]]
    "Frequent word to its language and the strength of the evidence: 2 strong, 1 weak."
    both: frozenset[str]
    names: frozenset[str]
    persons: frozenset[str]
    "Words that are also personal names when capitalised."


@cache
def load_lexicon() -> LanguageLexicon:
    """Load the word lists that come with the package."""
    parts = read_package_text("newscrawl.languages", "words.txt").split("\n[")[1:]
    sections = {name: words.split() for name, _, words in (part.partition("]") for part in parts)}
    lists_by_name = read_package_toml("newscrawl.languages", "own.toml")
    own = {
        name: {word: code for code, words in lists.items() for word in words.split()}
        for name, lists in lists_by_name.items()
    }
    return LanguageLexicon(
        function=own["function"],
        particles={code: frozenset(words.split()) for code, words in lists_by_name["particles"].items()},
        chrome=own["chrome"],
        proper=own["proper"],
        endonyms=own["endonyms"],
        brands=frozenset(own["names"]),
        frequent=_frequent_words(sections),
        both=frozenset(sections["both"]),
        names=frozenset(sections["names"]),
        persons=frozenset(sections["persons"]),
    )


def _frequent_words(sections: dict[str, list[str]]) -> dict[str, tuple[str, int]]:
    """Map frequent words to language and strength; the first section wins: French and English come first."""
    frequent: dict[str, tuple[str, int]] = {}
    for name, words in reversed(sections.items()):
        code, _, step = name.partition(" ")
        if step:
            frequent.update(dict.fromkeys(words, (code, int(step))))
    return frequent
