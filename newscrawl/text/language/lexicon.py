"""Words that tell a language: function words of our own, and frequent words made by a script."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

HOME = ("fr", "en")
"What these outlets write; anything else is a guest."


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What is known of words, lower-cased."""

    function: dict[str, str]
    "Function word to its language."
    chrome: dict[str, str]
    "Word of menus and forms to its language."
    proper: dict[str, str]
    "Day, month, country or people to the language that writes it so."
    endonyms: dict[str, str]
    "What a language calls itself, to its code."
    brands: frozenset[str]
    "Names that are everywhere and of no language."
    listed: dict[tuple[str, int], frozenset[str]]
    "By language, and how surely they tell it (2 or 1), the frequent words."
    both: frozenset[str]
    names: frozenset[str]
    persons: frozenset[str]
    "Words that are names of persons when written with a capital."

    def frequent(self, word: str) -> tuple[str, int] | None:
        """The language a frequent word tells, and how surely."""
        for tells, words in self.listed.items():
            if word in words:
                return tells
        return None


@cache
def lexicon() -> Lexicon:
    """The shipped lists."""
    sections = dict(_sections(_text("words.txt")))
    own = {name: _inverted(lists) for name, lists in tomllib.loads(_text("own.toml")).items()}
    return Lexicon(
        function=own["function"],
        chrome=own["chrome"],
        proper=own["proper"],
        endonyms=own["endonyms"],
        brands=frozenset(own["names"]),
        listed={
            (code, int(step)): frozenset(words)
            for code, _, step, words in ((*name.partition(" "), words) for name, words in sections.items())
            if step
        },
        both=frozenset(sections["both"]),
        names=frozenset(sections["names"]),
        persons=frozenset(sections["persons"]),
    )


def _inverted(lists: dict[str, str]) -> dict[str, str]:
    return {word: code for code, words in lists.items() for word in words.split()}


def _text(name: str) -> str:
    return files("newscrawl.text.language").joinpath(name).read_text(encoding="utf-8")


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Names in brackets, each with the words below it."""
    for part in text.split("\n[")[1:]:
        name, _, words = part.partition("]")
        yield name, words.split()
