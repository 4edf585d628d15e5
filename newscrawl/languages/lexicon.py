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
    frequent: dict[str, tuple[str, int]]
    "Frequent word to the language it tells, and how surely (2 or 1)."
    both: frozenset[str]
    names: frozenset[str]
    persons: frozenset[str]
    "Words that are names of persons when written with a capital."


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
        frequent=_telling(sections),
        both=frozenset(sections["both"]),
        names=frozenset(sections["names"]),
        persons=frozenset(sections["persons"]),
    )


def _telling(sections: dict[str, list[str]]) -> dict[str, tuple[str, int]]:
    """Of a word in several sections the first counts: those of French and English come before guests'."""
    telling: dict[str, tuple[str, int]] = {}
    for name, words in reversed(sections.items()):
        code, _, step = name.partition(" ")
        if step:
            telling.update(dict.fromkeys(words, (code, int(step))))
    return telling


def _inverted(lists: dict[str, str]) -> dict[str, str]:
    return {word: code for code, words in lists.items() for word in words.split()}


def _text(name: str) -> str:
    return files("newscrawl.languages").joinpath(name).read_text(encoding="utf-8")


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Names in brackets, each with the words below it."""
    for part in text.split("\n[")[1:]:
        name, _, words = part.partition("]")
        yield name, words.split()
